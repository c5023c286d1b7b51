// The model ops and sampling of aerie.h: each calls what it does in aerie::entry.
#include "abi/traced_call.h"

using namespace aerie;
using namespace aerie::trace;

int32_t aerie_embedding(uint32_t context, uint32_t out, uint32_t batch, uint32_t weight) {
    return call(Entry::embedding, entry::aerie_embedding, Handle{context}, Handle{out}, Handle{batch}, Handle{weight});
}
int32_t aerie_rms_norm(uint32_t context, uint32_t out, uint32_t x, uint32_t weight, float eps) {
    return call(Entry::rms_norm, entry::aerie_rms_norm, Handle{context}, Handle{out}, Handle{x}, Handle{weight},
                Scalar{eps});
}
int32_t aerie_group_norm(uint32_t context, uint32_t x, uint32_t weight, uint32_t column, uint32_t num_groups,
                         float eps) {
    return call(Entry::group_norm, entry::aerie_group_norm, Handle{context}, Handle{x}, Handle{weight}, Scalar{column},
                Scalar{num_groups}, Scalar{eps});
}
int32_t aerie_linear(uint32_t context, uint32_t out, uint32_t x, uint32_t weight, uint32_t residual) {
    return call(Entry::linear, entry::aerie_linear, Handle{context}, Handle{out}, Handle{x}, Handle{weight},
                Handle{residual});
}
int32_t aerie_rope_angles(uint32_t context, uint32_t out, uint32_t batch, uint32_t inv_freq, float scale) {
    return call(Entry::rope_angles, entry::aerie_rope_angles, Handle{context}, Handle{out}, Handle{batch},
                Handle{inv_freq}, Scalar{scale});
}
int32_t aerie_rope(uint32_t context, uint32_t x, uint32_t angles, uint32_t num_heads, uint32_t head_dim) {
    return call(Entry::rope, entry::aerie_rope, Handle{context}, Handle{x}, Handle{angles}, Scalar{num_heads},
                Scalar{head_dim});
}
int32_t aerie_kv_store(uint32_t context, uint32_t kv, uint32_t qkv, uint32_t batch, uint32_t layer,
                       uint32_t num_heads) {
    return call(Entry::kv_store, entry::aerie_kv_store, Handle{context}, Handle{kv}, Handle{qkv}, Handle{batch},
                Scalar{layer}, Scalar{num_heads});
}
int32_t aerie_attention(uint32_t context, uint32_t out, uint32_t qkv, uint32_t kv, uint32_t batch, uint32_t layer,
                        uint32_t num_heads, float scale, float soft_cap, uint32_t window) {
    return call(Entry::attention, entry::aerie_attention, Handle{context}, Handle{out}, Handle{qkv}, Handle{kv},
                Handle{batch}, Scalar{layer}, Scalar{num_heads}, Scalar{scale}, Scalar{soft_cap}, Scalar{window});
}
int32_t aerie_silu_mul(uint32_t context, uint32_t out, uint32_t x) {
    return call(Entry::silu_mul, entry::aerie_silu_mul, Handle{context}, Handle{out}, Handle{x});
}
int32_t aerie_gelu_mul(uint32_t context, uint32_t out, uint32_t x) {
    return call(Entry::gelu_mul, entry::aerie_gelu_mul, Handle{context}, Handle{out}, Handle{x});
}
int32_t aerie_route(uint32_t context, uint32_t out, uint32_t logits, uint32_t top_k, uint32_t normalise) {
    return call(Entry::route, entry::aerie_route, Handle{context}, Handle{out}, Handle{logits}, Scalar{top_k},
                Scalar{normalise});
}
int32_t aerie_expert_linear(uint32_t context, uint32_t out, uint32_t x, uint32_t weight, uint32_t routing,
                            uint32_t num_parts) {
    return call(Entry::expert_linear, entry::aerie_expert_linear, Handle{context}, Handle{out}, Handle{x},
                Handle{weight}, Handle{routing}, Scalar{num_parts});
}
int32_t aerie_expert_sum(uint32_t context, uint32_t out, uint32_t x, uint32_t routing) {
    return call(Entry::expert_sum, entry::aerie_expert_sum, Handle{context}, Handle{out}, Handle{x}, Handle{routing});
}
int32_t aerie_gather_outputs(uint32_t context, uint32_t out, uint32_t x, uint32_t batch) {
    return call(Entry::gather_outputs, entry::aerie_gather_outputs, Handle{context}, Handle{out}, Handle{x},
                Handle{batch});
}
int32_t aerie_gather_rows(uint32_t context, uint32_t out, uint32_t x, uint32_t batch, uint32_t column) {
    return call(Entry::gather_rows, entry::aerie_gather_rows, Handle{context}, Handle{out}, Handle{x}, Handle{batch},
                Scalar{column});
}
int32_t aerie_store_rows(uint32_t context, uint32_t out, uint32_t x, uint32_t batch, uint32_t column) {
    return call(Entry::store_rows, entry::aerie_store_rows, Handle{context}, Handle{out}, Handle{x}, Handle{batch},
                Scalar{column});
}
int32_t aerie_add_bias(uint32_t context, uint32_t x, uint32_t bias) {
    return call(Entry::add_bias, entry::aerie_add_bias, Handle{context}, Handle{x}, Handle{bias});
}
int32_t aerie_add(uint32_t context, uint32_t out, uint32_t x, uint32_t y, float scale) {
    return call(Entry::add, entry::aerie_add, Handle{context}, Handle{out}, Handle{x}, Handle{y}, Scalar{scale});
}
int32_t aerie_scale(uint32_t context, uint32_t x, float factor) {
    return call(Entry::scale, entry::aerie_scale, Handle{context}, Handle{x}, Scalar{factor});
}
int32_t aerie_soft_cap(uint32_t context, uint32_t x, float cap) {
    return call(Entry::soft_cap, entry::aerie_soft_cap, Handle{context}, Handle{x}, Scalar{cap});
}

int32_t aerie_sampler_create(uint32_t context, uint32_t* sampler, uint32_t max_outputs, uint32_t vocab_size,
                             uint32_t max_top) {
    return call(Entry::sampler_create, entry::aerie_sampler_create, Handle{context}, Made{sampler}, Scalar{max_outputs},
                Scalar{vocab_size}, Scalar{max_top});
}
int32_t aerie_sampler_mask(uint32_t context, uint32_t sampler, const uint32_t* words, uint32_t num_masks) {
    const auto found = find<Sampler>(context, sampler);
    return call(Entry::sampler_mask, entry::aerie_sampler_mask, Handle{context}, Handle{sampler},
                In<uint32_t>{words, found ? found->mask_words() * num_masks : 0}, Scalar{num_masks});
}
int32_t aerie_sampler_write(uint32_t context, uint32_t sampler, const aerie_sampling_row* rows, uint32_t num_rows,
                            const aerie_logit_change* changes, uint32_t num_changes, const int32_t* queries,
                            uint32_t num_queries) {
    return call(Entry::sampler_write, entry::aerie_sampler_write, Handle{context}, Handle{sampler},
                In<aerie_sampling_row>{rows, num_rows}, Scalar{num_rows}, In<aerie_logit_change>{changes, num_changes},
                Scalar{num_changes}, In<int32_t>{queries, num_queries}, Scalar{num_queries});
}
int32_t aerie_sample(uint32_t context, uint32_t sampler, uint32_t logits) {
    return call(Entry::sample, entry::aerie_sample, Handle{context}, Handle{sampler}, Handle{logits});
}
int32_t aerie_sampler_read(uint32_t context, int32_t* tokens, float* logprobs, int32_t* top_tokens, float* top_logprobs,
                           int32_t* ranks, float* query_logprobs, uint32_t sampler, uint32_t ticket, uint32_t num_rows,
                           uint32_t num_queries) {
    const auto found = find<Sampler>(context, sampler);
    // None where the call is refused.
    const size_t drawn = found && num_rows <= found->max_outputs ? num_rows : 0;
    const size_t num_tops = drawn ? found->max_top * drawn : 0;
    return call(Entry::sampler_read, entry::aerie_sampler_read, Handle{context}, Out<int32_t>{tokens, drawn},
                Out<float>{logprobs, drawn}, Out<int32_t>{top_tokens, num_tops}, Out<float>{top_logprobs, num_tops},
                Out<int32_t>{ranks, drawn}, Out<float>{query_logprobs, num_queries}, Handle{sampler}, Ticket{ticket},
                Scalar{num_rows}, Scalar{num_queries});
}
int32_t aerie_sampler_release(uint32_t context, uint32_t sampler) {
    return call(Entry::sampler_release, entry::aerie_sampler_release, Handle{context}, Handle{sampler});
}
