/**
 * The symbol table of `kernels/include/aerie.h`, name by name in its order; a test compares the two. Argument comments
 * repeat the C declaration.
 *
 * @module
 */

const i32 = "i32", u32 = "u32", f32 = "f32", u64 = "u64", buffer = "buffer";

/** Every function of the native library; all return an `aerie_status`. */
export const symbols = {
  aerie_abi_version: { parameters: [], result: i32 },
  // context: u32* context, i32 device, u32 device_index, u32 num_threads
  aerie_context_create: { parameters: [buffer, i32, u32, u32], result: i32 },
  // u32 context, u32 num_threads
  aerie_context_set_threads: { parameters: [u32, u32], result: i32 },
  // u32 context
  aerie_context_destroy: { parameters: [u32], result: i32 },
  // u32 context, char* text, u32 capacity
  aerie_context_error: { parameters: [u32, buffer, u32], result: i32 },
  // u32 context, char* text, u32 capacity
  aerie_context_describe: { parameters: [u32, buffer, u32], result: i32 },
  // u32 context, double* free_bytes, double* total_bytes
  aerie_context_memory: { parameters: [u32, buffer, buffer], result: i32 },

  // files: u32 context, u32* file, const char* path, u32 path_bytes
  aerie_file_open: { parameters: [u32, buffer, buffer, u32], result: i32 },
  // u32 context, u32* file, u8* data, u64 bytes
  aerie_file_create: { parameters: [u32, buffer, buffer, u64], result: i32 },
  // u32 context, u32 file
  aerie_file_close: { parameters: [u32, u32], result: i32 },

  // weights: u32 context, u32* weight, u32 rows, u32 cols
  aerie_weight_create: { parameters: [u32, buffer, u32, u32], result: i32 },
  // u32 context, u32 weight, u32 file, u64 offset, u64 row_bytes, i32 format, u32 num_rows,
  // u32 interleaved_head_dim
  aerie_weight_append: { parameters: [u32, u32, u32, u64, u64, i32, u32, u32], result: i32 },
  // u32 context, u32 weight, i32 layout, u32 numbers, u64 numbers_offset, u32 scales, u64 scales_offset,
  // i32 scale_format, u32 zeros, u64 zeros_offset, u32 groups, u64 groups_offset, u32 num_rows, u32 group_rows,
  // u32 group_cols
  aerie_weight_append_groups: {
    parameters: [u32, u32, i32, u32, u64, u32, u64, i32, u32, u64, u32, u64, u32, u32, u32],
    result: i32,
  },
  // u32 context, u32 weight, i32 float_dtype
  aerie_weight_pack: { parameters: [u32, u32, i32], result: i32 },
  // u32 context, double* bytes, u32 weight
  aerie_weight_bytes: { parameters: [u32, buffer, u32], result: i32 },
  // u32 context, u32 weight
  aerie_weight_release: { parameters: [u32, u32], result: i32 },

  // tensors: u32 context, u32* tensor, u32 rows, u32 cols, i32 dtype
  aerie_tensor_create: { parameters: [u32, buffer, u32, u32, i32], result: i32 },
  // u32 context, u32* tensor, u32 file, u64 offset, i32 format, u32 rows, u32 cols
  aerie_tensor_load: { parameters: [u32, buffer, u32, u64, i32, u32, u32], result: i32 },
  // u32 context, u32 tensor, const float* data, u32 first_row, u32 num_rows
  aerie_tensor_write: { parameters: [u32, u32, buffer, u32, u32], result: i32 },
  // u32 context, float* data, u32 tensor, u32 first_row, u32 num_rows
  aerie_tensor_read: { parameters: [u32, buffer, u32, u32, u32], result: i32 },
  // u32 context, u32 tensor, i32* from, i32* to, u32 num_rows
  aerie_tensor_copy: { parameters: [u32, u32, buffer, buffer, u32], result: i32 },
  // u32 context, u32 tensor
  aerie_tensor_release: { parameters: [u32, u32], result: i32 },

  // batch: u32 context, u32* batch, u32 max_rows, u32 max_segments, u32 max_pages, u32 max_outputs
  aerie_batch_create: { parameters: [u32, buffer, u32, u32, u32, u32], result: i32 },
  // u32 context, u32* tensor, u32 batch, i32 scope, u32 cols, i32 dtype
  aerie_batch_tensor: { parameters: [u32, buffer, u32, i32, u32, i32], result: i32 },
  // u32 context, u32* tensor, u32 batch, i32 scope, u32 cols
  aerie_batch_temporary: { parameters: [u32, buffer, u32, i32, u32], result: i32 },
  // u32 context, u32 batch, i32* tokens, i32* positions, i32* slots, i32* visible, u64* tree_masks,
  // i32* segment_starts, i32* page_table, i32* outputs, i32* sources, u32 num_rows, u32 num_segments,
  // u32 pages_per_segment, u32 num_outputs
  aerie_batch_write: {
    parameters: [
      u32,
      u32,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      buffer,
      u32,
      u32,
      u32,
      u32,
    ],
    result: i32,
  },
  // u32 context, u32 batch
  aerie_batch_release: { parameters: [u32, u32], result: i32 },

  // kv: u32 context, u32* kv, u32 num_layers, u32 num_pages, u32 page_size, u32 num_kv_heads, u32 head_dim, i32 dtype
  aerie_kv_create: { parameters: [u32, buffer, u32, u32, u32, u32, u32, i32], result: i32 },
  // u32 context, u32 kv, i32* from, i32* to, u32 num_slots
  aerie_kv_copy: { parameters: [u32, u32, buffer, buffer, u32], result: i32 },
  // u32 context, u32 kv
  aerie_kv_release: { parameters: [u32, u32], result: i32 },

  // graph: u32 context
  aerie_graph_begin: { parameters: [u32], result: i32 },
  // u32 context, u32* graph
  aerie_graph_end: { parameters: [u32, buffer], result: i32 },
  // u32 context, u32 graph, u32 num_rows, u32 num_segments, u32 num_outputs
  aerie_graph_prepare: { parameters: [u32, u32, u32, u32, u32], result: i32 },
  // u32 context, u32* ticket, u32 graph
  aerie_graph_launch: { parameters: [u32, buffer, u32], result: i32 },
  // u32 context, u32 ticket
  aerie_wait: { parameters: [u32, u32], result: i32 },
  // u32 context, i32* done, u32 ticket
  aerie_poll: { parameters: [u32, buffer, u32], result: i32 },
  // u32 context, u32 graph
  aerie_graph_release: { parameters: [u32, u32], result: i32 },

  // model ops: u32 context, u32 out, u32 batch, u32 weight
  aerie_embedding: { parameters: [u32, u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 x, u32 weight, float eps
  aerie_rms_norm: { parameters: [u32, u32, u32, u32, f32], result: i32 },
  // u32 context, u32 x, u32 weight, u32 column, u32 num_groups, float eps
  aerie_group_norm: { parameters: [u32, u32, u32, u32, u32, f32], result: i32 },
  // u32 context, u32 out, u32 x, u32 weight, u32 residual
  aerie_linear: { parameters: [u32, u32, u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 batch, u32 inv_freq, float scale
  aerie_rope_angles: { parameters: [u32, u32, u32, u32, f32], result: i32 },
  // u32 context, u32 x, u32 angles, u32 num_heads, u32 head_dim
  aerie_rope: { parameters: [u32, u32, u32, u32, u32], result: i32 },
  // u32 context, u32 kv, u32 qkv, u32 batch, u32 layer, u32 num_heads
  aerie_kv_store: { parameters: [u32, u32, u32, u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 qkv, u32 kv, u32 batch, u32 layer, u32 num_heads, float scale, float soft_cap,
  // u32 window
  aerie_attention: { parameters: [u32, u32, u32, u32, u32, u32, u32, f32, f32, u32], result: i32 },
  // u32 context, u32 out, u32 x
  aerie_silu_mul: { parameters: [u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 x
  aerie_gelu_mul: { parameters: [u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 logits, u32 top_k, u32 normalise
  aerie_route: { parameters: [u32, u32, u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 x, u32 weight, u32 routing, u32 num_parts
  aerie_expert_linear: { parameters: [u32, u32, u32, u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 x, u32 routing
  aerie_expert_sum: { parameters: [u32, u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 x, u32 batch
  aerie_gather_outputs: { parameters: [u32, u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 x, u32 batch, u32 column
  aerie_gather_rows: { parameters: [u32, u32, u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 x, u32 batch, u32 column
  aerie_store_rows: { parameters: [u32, u32, u32, u32, u32], result: i32 },
  // u32 context, u32 x, u32 bias
  aerie_add_bias: { parameters: [u32, u32, u32], result: i32 },
  // u32 context, u32 out, u32 x, u32 y, float scale
  aerie_add: { parameters: [u32, u32, u32, u32, f32], result: i32 },
  // u32 context, u32 x, float factor
  aerie_scale: { parameters: [u32, u32, f32], result: i32 },
  // u32 context, u32 x, float cap
  aerie_soft_cap: { parameters: [u32, u32, f32], result: i32 },

  // sampling: u32 context, u32* sampler, u32 max_outputs, u32 vocab_size, u32 max_top
  aerie_sampler_create: { parameters: [u32, buffer, u32, u32, u32], result: i32 },
  // u32 context, u32 sampler, u32* words, u32 num_masks
  aerie_sampler_mask: { parameters: [u32, u32, buffer, u32], result: i32 },
  // u32 context, u32 sampler, sampling_row* rows, u32 num_rows, logit_change* changes, u32 num_changes, i32* queries,
  // u32 num_queries
  aerie_sampler_write: { parameters: [u32, u32, buffer, u32, buffer, u32, buffer, u32], result: i32 },
  // u32 context, u32 sampler, u32 logits
  aerie_sample: { parameters: [u32, u32, u32], result: i32 },
  // u32 context, i32* tokens, float* logprobs, i32* top_tokens, float* top_logprobs, i32* ranks, float* query_logprobs,
  // u32 sampler, u32 ticket, u32 num_rows, u32 num_queries
  aerie_sampler_read: {
    parameters: [u32, buffer, buffer, buffer, buffer, buffer, buffer, u32, u32, u32, u32],
    result: i32,
  },
  // u32 context, u32 sampler
  aerie_sampler_release: { parameters: [u32, u32], result: i32 },
} as const satisfies Deno.ForeignLibraryInterface;
