/* aerie.h: the native border of Aerie.
 *
 * Every function returns a status; 0 is success. The text of the last failure is kept in the context and copied
 * out by aerie_context_error. Objects are u32 handles (slot and generation); 0 is "none". Argument order: context,
 * outputs, inputs, scalars. Shapes are written [rows, cols]. Numbers cross the border as float32, however a
 * tensor keeps them. Ops act on as many leading rows as their batch has when they are called. Work is done in the order
 * of the calls, perhaps after they return; what reads waits for what it reads. Between aerie_graph_begin and
 * aerie_graph_end ops are recorded, not run. Threads may share a context: one call runs at a time, but for aerie_wait
 * and aerie_poll, and a recording thread keeps the others out until its graph ends, or it does.
 */
#ifndef AERIE_H
#define AERIE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AERIE_API __attribute__((visibility("default")))
#define AERIE_ABI_VERSION 5

enum aerie_status {
    AERIE_OK = 0,
    AERIE_BAD_ARGUMENT = 1,
    AERIE_BAD_SHAPE = 2,
    AERIE_BAD_HANDLE = 3,
    AERIE_OUT_OF_MEMORY = 4,
    AERIE_UNSUPPORTED = 5,
    AERIE_DEVICE = 6,
    AERIE_INTERNAL = 7,
};

enum aerie_device { AERIE_CPU = 0, AERIE_CUDA = 1, AERIE_CUDA_SIM = 2 };

/* How numbers lie in a file: ggml's block layouts, or plain floats. */
enum aerie_format {
    AERIE_FORMAT_F32 = 0,
    AERIE_FORMAT_F16 = 1,
    AERIE_FORMAT_BF16 = 2,
    AERIE_FORMAT_Q4_0 = 3,
    AERIE_FORMAT_Q4_1 = 4,
    AERIE_FORMAT_Q5_0 = 5,
    AERIE_FORMAT_Q5_1 = 6,
    AERIE_FORMAT_Q8_0 = 7,
    AERIE_FORMAT_Q4_K = 8,
    AERIE_FORMAT_Q5_K = 9,
    AERIE_FORMAT_Q6_K = 10,
    AERIE_FORMAT_Q2_K = 11,
    AERIE_FORMAT_Q3_K = 12,
    AERIE_FORMAT_IQ4_NL = 13,
    AERIE_FORMAT_IQ4_XS = 14,
    AERIE_FORMAT_MXFP4 = 15,
};

/* How the tensors of a quantised matrix [rows, cols] lie, g groups of inputs: little-endian words of 32 bits hold eight
 * numbers of 4 bits, the first in the lowest bits.
 *
 *                    numbers                 scales                  zeros                 groups
 *   FP8_E4M3         u8 [rows, cols]         [rows / group_rows, g]  -                     -
 *   INT8             i8 [rows, cols]         [rows / group_rows, g]  -                     -
 *   GPTQ, GPTQ_V2    u32 [cols / 8, rows]    [g, rows]               u32 [g, rows / 8]     i32 [cols], or none
 *   AWQ              u32 [cols, rows / 8]    [g, rows]               u32 [g, rows / 8]     -
 *   PACKED_INT4      u32 [rows, cols / 8]    [rows, g]               u32 [rows / 8, g]     i32 [cols], or none
 *   PACKED_INT8      u32 [rows, cols / 4]    [rows, g]               -                     i32 [cols], or none
 *
 * GPTQ stores zero points less one. AWQ's words hold columns 0, 2, 4, 6, 1, 3, 5, 7. Without zeros the zero point is
 * the middle of the range: 8 of 4 bits, 128 of 8 bits, 0 of INT8. */
enum aerie_quant_layout {
    AERIE_QUANT_FP8_E4M3 = 0,
    AERIE_QUANT_INT8 = 1,
    AERIE_QUANT_GPTQ = 2,
    AERIE_QUANT_GPTQ_V2 = 3,
    AERIE_QUANT_AWQ = 4,
    AERIE_QUANT_PACKED_INT4 = 5,
    AERIE_QUANT_PACKED_INT8 = 6,
};

/* Element types of floating weights, KV pools and tensors. AERIE_INT8, of weights only: 8 bits with a scale per 32
 * inputs where a row is whole blocks of them, else bfloat16. */
enum aerie_dtype { AERIE_F32 = 0, AERIE_F16 = 1, AERIE_BF16 = 2, AERIE_INT8 = 3 };

/* Rows of an output slice at most: the outputs whose logits exist at a time. */
#define AERIE_SLICE_OUTPUTS 256

/* Which rows of a batch a tensor follows: all, the outputs, or the slice of outputs at hand. Recorded ops that follow
 * each other and have an operand of AERIE_OUTPUT_SLICE run together, once per slice; their operands of AERIE_OUTPUTS
 * are then those outputs' rows. Afterwards such a tensor has the rows of the last slice. */
enum aerie_scope { AERIE_ROWS = 0, AERIE_OUTPUTS = 1, AERIE_OUTPUT_SLICE = 2 };

/* ---- context ---------------------------------------------------------------------------------------------- */
AERIE_API int32_t aerie_abi_version(void);
/* device_index: which device of its kind; the CPU is 0. num_threads: of the host, the calling thread included. The
 * CPU's instruction set is the best it has, or AERIE_CPU_ISA. */
AERIE_API int32_t aerie_context_create(uint32_t* context, int32_t device, uint32_t device_index, uint32_t num_threads);
/* Sets how many threads are used from now on: 1 .. the num_threads of aerie_context_create. */
AERIE_API int32_t aerie_context_set_threads(uint32_t context, uint32_t num_threads);
/* Ends the threads and releases every object of the context. */
AERIE_API int32_t aerie_context_destroy(uint32_t context);
/* Copies the last error text, zero-terminated; context 0: of the last failed aerie_context_create. */
AERIE_API int32_t aerie_context_error(uint32_t context, char* text, uint32_t capacity);
/* Copies a description such as "cpu avx512vnni, 2 threads". */
AERIE_API int32_t aerie_context_describe(uint32_t context, char* text, uint32_t capacity);
/* Free and total memory of the device in bytes; on the CPU at most what its control group leaves. */
AERIE_API int32_t aerie_context_memory(uint32_t context, double* free_bytes, double* total_bytes);

/* ---- files and weights ------------------------------------------------------------------------------------ */
/* Maps a file read-only. path is UTF-8, not zero-terminated. */
AERIE_API int32_t aerie_file_open(uint32_t context, uint32_t* file, const char* path, uint32_t path_bytes);
/* Creates a file in memory: a copy of data [bytes]. */
AERIE_API int32_t aerie_file_create(uint32_t context, uint32_t* file, const uint8_t* data, uint64_t bytes);
AERIE_API int32_t aerie_file_close(uint32_t context, uint32_t file);

/* Creates a matrix [rows, cols] that aerie_weight_append fills from top to bottom; then it is packed. */
AERIE_API int32_t aerie_weight_create(uint32_t context, uint32_t* weight, uint32_t rows, uint32_t cols);
/* Appends num_rows rows that lie at offset in file, row_bytes from one to the next, so that they may be columns of a
 * wider matrix; 0: close together. interleaved_head_dim: 0, or the head width when the rows of each
 * head lie in the file as pairs (i, i + head_dim / 2) that must be set apart. */
AERIE_API int32_t aerie_weight_append(uint32_t context, uint32_t weight, uint32_t file, uint64_t offset,
                                      uint64_t row_bytes, int32_t format, uint32_t num_rows,
                                      uint32_t interleaved_head_dim);
/* Appends num_rows rows of a matrix as quantisers' safetensors checkpoints have it: numbers, scales and perhaps zero
 * points and groups lie at offsets of files (0: no file). One scale is for group_rows x group_cols values; layouts
 * without a grid of scales have group_rows 1. cols and, but for grids, group_cols are whole blocks of 32. */
AERIE_API int32_t aerie_weight_append_groups(uint32_t context, uint32_t weight, int32_t layout, uint32_t numbers,
                                             uint64_t numbers_offset, uint32_t scales, uint64_t scales_offset,
                                             int32_t scale_format, uint32_t zeros, uint64_t zeros_offset,
                                             uint32_t groups, uint64_t groups_offset, uint32_t num_rows,
                                             uint32_t group_rows, uint32_t group_cols);
/* Packs the appended rows into the backend's layout, on all threads. Floating sources are kept as float_dtype. */
AERIE_API int32_t aerie_weight_pack(uint32_t context, uint32_t weight, int32_t float_dtype);
AERIE_API int32_t aerie_weight_bytes(uint32_t context, double* bytes, uint32_t weight);
AERIE_API int32_t aerie_weight_release(uint32_t context, uint32_t weight);

/* ---- tensors ---------------------------------------------------------------------------------------------- */
/* Zeroed [rows, cols], not tied to a batch, kept as AERIE_F32, AERIE_F16 or AERIE_BF16. Only aerie_gather_rows reads
 * and only aerie_store_rows writes one that is not float32. */
AERIE_API int32_t aerie_tensor_create(uint32_t context, uint32_t* tensor, uint32_t rows, uint32_t cols, int32_t dtype);
/* Reads [rows, cols] from a mapped file, converted to float32. */
AERIE_API int32_t aerie_tensor_load(uint32_t context, uint32_t* tensor, uint32_t file, uint64_t offset, int32_t format,
                                    uint32_t rows, uint32_t cols);
AERIE_API int32_t aerie_tensor_write(uint32_t context, uint32_t tensor, const float* data, uint32_t first_row,
                                     uint32_t num_rows);
AERIE_API int32_t aerie_tensor_read(uint32_t context, float* data, uint32_t tensor, uint32_t first_row,
                                    uint32_t num_rows);
/* Copies row from[i] over row to[i], one after another: increasing rows with to[i] <= from[i] close up in place.
 * Never recorded. */
AERIE_API int32_t aerie_tensor_copy(uint32_t context, uint32_t tensor, const int32_t* from, const int32_t* to,
                                    uint32_t num_rows);
AERIE_API int32_t aerie_tensor_release(uint32_t context, uint32_t tensor);

/* ---- batch: the rows of one forward ----------------------------------------------------------------------- */
AERIE_API int32_t aerie_batch_create(uint32_t context, uint32_t* batch, uint32_t max_rows, uint32_t max_segments,
                                     uint32_t max_pages, uint32_t max_outputs);
/* A tensor with one row per row or output of the batch; dtype as in aerie_tensor_create, but the device may keep more
 * precision, and all ops take it. */
AERIE_API int32_t aerie_batch_tensor(uint32_t context, uint32_t* tensor, uint32_t batch, int32_t scope, uint32_t cols,
                                     int32_t dtype);
/* The same in float32, for what exists only while a graph runs: from the op that writes it to the last that reads it,
 * so that such tensors may share memory. A graph writes one before it reads it (else aerie_graph_end is
 * AERIE_UNSUPPORTED), and so do ops that are run, not recorded, whose tensor is another one. It is neither read,
 * written nor copied. */
AERIE_API int32_t aerie_batch_temporary(uint32_t context, uint32_t* tensor, uint32_t batch, int32_t scope,
                                        uint32_t cols);
/* Writes the rows of the next forward; allowed while the last one runs. Numbers that recorded ops index by are checked:
 * one past the vocabulary, the pool or the tensor is AERIE_BAD_ARGUMENT, and the batch then has no rows.
 *
 *   tokens, positions, slots  [num_rows]          token id or -1 for none, rotary position, KV slot (page * page_size +
 *                                                 offset)
 *   visible                   [num_rows]          KV entries 0 .. visible-1 of its sequence are seen by the row
 *   tree_masks                [num_rows]          bit i: entry visible + i is seen too (tree ancestors and itself)
 *   segment_starts            [num_segments + 1]  rows of segment s: starts[s] .. starts[s + 1] - 1
 *   page_table                [num_segments, pages_per_segment]
 *   outputs                   [num_outputs]       rows whose logits are wanted
 *   sources                   [num_rows], or null the row of another tensor that aerie_gather_rows takes */
AERIE_API int32_t aerie_batch_write(uint32_t context, uint32_t batch, const int32_t* tokens, const int32_t* positions,
                                    const int32_t* slots, const int32_t* visible, const uint64_t* tree_masks,
                                    const int32_t* segment_starts, const int32_t* page_table, const int32_t* outputs,
                                    const int32_t* sources, uint32_t num_rows, uint32_t num_segments,
                                    uint32_t pages_per_segment, uint32_t num_outputs);
AERIE_API int32_t aerie_batch_release(uint32_t context, uint32_t batch);

/* ---- KV pool ---------------------------------------------------------------------------------------------- */
/* page_size is a multiple of 16; dtype is AERIE_F32, AERIE_F16 or AERIE_BF16. */
AERIE_API int32_t aerie_kv_create(uint32_t context, uint32_t* kv, uint32_t num_layers, uint32_t num_pages,
                                  uint32_t page_size, uint32_t num_kv_heads, uint32_t head_dim, int32_t dtype);
/* Copies keys and values of all layers from slot from[i] to slot to[i]; order as in aerie_tensor_copy. */
AERIE_API int32_t aerie_kv_copy(uint32_t context, uint32_t kv, const int32_t* from, const int32_t* to,
                                uint32_t num_slots);
AERIE_API int32_t aerie_kv_release(uint32_t context, uint32_t kv);

/* ---- graph ------------------------------------------------------------------------------------------------ */
AERIE_API int32_t aerie_graph_begin(uint32_t context);
AERIE_API int32_t aerie_graph_end(uint32_t context, uint32_t* graph);
/* Prepares a graph for batches of at most this many rows, segments and outputs. A launch takes the smallest preparation
 * that its batch fits; without one, as behind AERIE_OUT_OF_MEMORY, it may be slower. */
AERIE_API int32_t aerie_graph_prepare(uint32_t context, uint32_t graph, uint32_t num_rows, uint32_t num_segments,
                                      uint32_t num_outputs);
/* Launches a graph on its batches as last written; may return before the work is done. */
AERIE_API int32_t aerie_graph_launch(uint32_t context, uint32_t* ticket, uint32_t graph);
/* Blocks until a launch is done. Tickets of the last 256 launches of the context are valid, others are
 * AERIE_BAD_HANDLE. */
AERIE_API int32_t aerie_wait(uint32_t context, uint32_t ticket);
/* done = 1 if a launch is done, else 0. */
AERIE_API int32_t aerie_poll(uint32_t context, int32_t* done, uint32_t ticket);
AERIE_API int32_t aerie_graph_release(uint32_t context, uint32_t graph);

/* ---- model ops -------------------------------------------------------------------------------------------- */
/* out [rows, cols] = weight[tokens], zeros where there is no token */
AERIE_API int32_t aerie_embedding(uint32_t context, uint32_t out, uint32_t batch, uint32_t weight);
/* out [rows, cols] = x / sqrt(mean(x^2) + eps) * weight [1, cols] (RMSNorm, Zhang & Sennrich 2019) */
AERIE_API int32_t aerie_rms_norm(uint32_t context, uint32_t out, uint32_t x, uint32_t weight, float eps);
/* In place: columns column .. column + num_groups * n - 1 of x [rows, cols] are groups of n, each normed as
 * aerie_rms_norm does, by weight [1, n] (query and key norm, Dehghani et al. 2023) */
AERIE_API int32_t aerie_group_norm(uint32_t context, uint32_t x, uint32_t weight, uint32_t column, uint32_t num_groups,
                                   float eps);
/* out [rows, n] = x [rows, cols] * weight [n, cols]^T (+ residual [rows, n], if not 0; may be out itself) */
AERIE_API int32_t aerie_linear(uint32_t context, uint32_t out, uint32_t x, uint32_t weight, uint32_t residual);
/* out [rows, 2 * n] = cos and sin of position * inv_freq, inv_freq [1, n], times scale (the attention factor of YaRN,
 * Peng et al. 2023) */
AERIE_API int32_t aerie_rope_angles(uint32_t context, uint32_t out, uint32_t batch, uint32_t inv_freq, float scale);
/* Rotary embedding (Su et al. 2021), in place: rotates the first num_heads heads of x [rows, cols]. angles [rows,
 * width] of aerie_rope_angles are for the first width numbers of a head, in pairs (i, i + width / 2); the others stay.
 * width and head_dim are multiples of 16. */
AERIE_API int32_t aerie_rope(uint32_t context, uint32_t x, uint32_t angles, uint32_t num_heads, uint32_t head_dim);
/* Stores keys and values of qkv [rows, (num_heads + 2 * num_kv_heads) * head_dim] at the batch's slots. */
AERIE_API int32_t aerie_kv_store(uint32_t context, uint32_t kv, uint32_t qkv, uint32_t batch, uint32_t layer,
                                 uint32_t num_heads);
/* out [rows, num_heads * head_dim] = softmax(q k^T * scale) v over the KV entries that each row sees; q is the first
 * num_heads heads of qkv. soft_cap: scores become soft_cap * tanh(score / soft_cap), behind scale; 0: they do not.
 * window: of the entries that a row would see, those before `visible` and those of its tree mask in this order, it sees
 * the last `window`, itself included; 0: all. */
AERIE_API int32_t aerie_attention(uint32_t context, uint32_t out, uint32_t qkv, uint32_t kv, uint32_t batch,
                                  uint32_t layer, uint32_t num_heads, float scale, float soft_cap, uint32_t window);
/* out [rows, n] = silu(x[:, :n]) * x[:, n:] */
AERIE_API int32_t aerie_silu_mul(uint32_t context, uint32_t out, uint32_t x);
/* out [rows, n] = gelu(x[:, :n]) * x[:, n:], gelu by its tanh approximation (GEGLU, Shazeer 2020) */
AERIE_API int32_t aerie_gelu_mul(uint32_t context, uint32_t out, uint32_t x);
/* Chooses the top_k most probable experts of each row (Shazeer et al. 2017), ties to the lower one: out [rows, 2 *
 * top_k] = their numbers, most probable first, then their weights: softmax of logits [rows, num_experts], with
 * normalise not 0 divided by the sum of the chosen ones. top_k is at most 64, num_experts 1024. */
AERIE_API int32_t aerie_route(uint32_t context, uint32_t out, uint32_t logits, uint32_t top_k, uint32_t normalise);
/* Products with the experts that routing [rows, 2 * top_k] of aerie_route names. weight [num_parts * num_experts * n,
 * cols]: of each part all experts, n rows each. x [rows, cols], or [rows, top_k * cols] with a row of its own for every
 * expert of a row. out [rows, num_parts * top_k * n]: part by part, and in it expert by expert as routing has them; of
 * a number that no expert has nothing is written. */
AERIE_API int32_t aerie_expert_linear(uint32_t context, uint32_t out, uint32_t x, uint32_t weight, uint32_t routing,
                                      uint32_t num_parts);
/* out [rows, n] = the sum of x [rows, top_k * n] over a row's experts times their weights, in the order of routing */
AERIE_API int32_t aerie_expert_sum(uint32_t context, uint32_t out, uint32_t x, uint32_t routing);
/* out [outputs, cols] = x[batch outputs] */
AERIE_API int32_t aerie_gather_outputs(uint32_t context, uint32_t out, uint32_t x, uint32_t batch);
/* out [rows, cols] = x[batch sources, column .. column + cols - 1] */
AERIE_API int32_t aerie_gather_rows(uint32_t context, uint32_t out, uint32_t x, uint32_t batch, uint32_t column);
/* out[batch slots, column .. column + cols - 1] = x [rows, cols]; out has a row per KV slot */
AERIE_API int32_t aerie_store_rows(uint32_t context, uint32_t out, uint32_t x, uint32_t batch, uint32_t column);
/* x += bias, bias [1, cols] */
AERIE_API int32_t aerie_add_bias(uint32_t context, uint32_t x, uint32_t bias);
/* out = x + y * scale, all [rows, cols]; out may be x or y */
AERIE_API int32_t aerie_add(uint32_t context, uint32_t out, uint32_t x, uint32_t y, float scale);
/* x *= factor */
AERIE_API int32_t aerie_scale(uint32_t context, uint32_t x, float factor);
/* x = cap * tanh(x / cap), cap above 0 */
AERIE_API int32_t aerie_soft_cap(uint32_t context, uint32_t x, float cap);

/* ---- sampling --------------------------------------------------------------------------------------------- */
/* What a row reports besides its token; see aerie_sampling_row.flags. */
enum aerie_sampling_flag { AERIE_REPORT_RANK = 1 };

/* How one output row is drawn. The draw is a function of (logits, seed, position) alone (Philox 4x32-10). */
struct aerie_sampling_row {
    float temperature;     /* 0: the largest logit */
    float top_p;           /* (0, 1] */
    float min_p;           /* [0, 1] */
    float repetition;      /* above 0: divides a positive logit and multiplies a negative one, if seen */
    float frequency;       /* subtracted times count */
    float presence;        /* subtracted if count > 0 */
    int32_t top_k;         /* 0: all */
    int32_t position;      /* of the token to draw */
    int32_t target;        /* a token to report instead of drawing, or less than 0 */
    int32_t num_top;       /* most probable tokens to report, at most max_top; -1: no logprob, not even the token's */
    uint32_t seed_low;     /* lower half of the 64-bit seed */
    uint32_t seed_high;    /* its upper half */
    uint32_t first_change; /* the row's changes */
    uint32_t num_changes;
    uint32_t first_query; /* tokens whose logprobs it reports */
    uint32_t num_queries;
    uint32_t flags; /* aerie_sampling_flag */
    int32_t mask;   /* which of the masks of aerie_sampler_mask says what may be drawn, or -1; not of a target */
};

/* A change to one logit, applied before anything else: first the penalties of its row, then the bias. */
struct aerie_logit_change {
    int32_t token;
    int32_t count; /* occurrences in the output */
    int32_t seen;  /* not 0: occurs in the prompt or the output */
    float bias;
};

/* Creates a sampler of up to max_outputs rows, each of which reports up to max_top most probable tokens. */
AERIE_API int32_t aerie_sampler_create(uint32_t context, uint32_t* sampler, uint32_t max_outputs, uint32_t vocab_size,
                                       uint32_t max_top);
/* Gives masks to the next aerie_sampler_write, whose rows name them by their index. That write uses them up, be it
 * refused or not: where none are given before a write, it has none. Like a write, it is allowed while a launch runs.
 * words [num_masks, ceil(vocab_size / 32)]: token t may be drawn if bit t % 32 of word t / 32 is set; bits past the
 * vocabulary are ignored. There are at most max_outputs masks.
 *
 * A mask is applied behind its row's changes and before all else: the logits of tokens that may not be drawn become
 * -infinity. So temperature, softmax, top_k, top_p, min_p, ranks and all logprobs are those of the masked distribution,
 * and only tokens that may be drawn are among the most probable ones. One of them is drawn even where none has a finite
 * logit. A mask without any draws nothing: token -1, rank 0, logprobs of -infinity. */
AERIE_API int32_t aerie_sampler_mask(uint32_t context, uint32_t sampler, const uint32_t* words, uint32_t num_masks);
/* Sets the parameters of the draws from now on, one row per output. If refused, nothing is drawn; so is a row with a
 * mask that was not given. */
AERIE_API int32_t aerie_sampler_write(uint32_t context, uint32_t sampler, const struct aerie_sampling_row* rows,
                                      uint32_t num_rows, const struct aerie_logit_change* changes, uint32_t num_changes,
                                      const int32_t* queries, uint32_t num_queries);
/* Draws from logits [outputs, vocab_size] (changed in place), one row per row of parameters, as far as there are. */
AERIE_API int32_t aerie_sample(uint32_t context, uint32_t sampler, uint32_t logits);
/* Copies what a launch drew, one of the last four that used the sampler; ticket 0: the last one.
 *   tokens, logprobs          [num_rows]
 *   top_tokens, top_logprobs  [num_rows, max_top]  most probable first, ties to the lower token; -1 and -infinity in
 *                                                  place of those that a row asks for beyond all there are
 *   ranks                     [num_rows]           1 + tokens of a larger logit; 0 where not asked for
 *   query_logprobs            [num_queries]        of all queries of that draw, which must have room
 * Arrays that are not wanted may be null. */
AERIE_API int32_t aerie_sampler_read(uint32_t context, int32_t* tokens, float* logprobs, int32_t* top_tokens,
                                     float* top_logprobs, int32_t* ranks, float* query_logprobs, uint32_t sampler,
                                     uint32_t ticket, uint32_t num_rows, uint32_t num_queries);
AERIE_API int32_t aerie_sampler_release(uint32_t context, uint32_t sampler);

#ifdef __cplusplus
}
#endif
#endif
