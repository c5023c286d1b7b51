// What a device must offer: one entry per op of aerie.h, on checked objects. An instance belongs to one context.
#pragma once
#include <memory>
#include <string>

#include "core/sampler.h"

namespace aerie {

class Backend {
  public:
    virtual ~Backend() = default;
    virtual std::string describe() const = 0;
    virtual void set_threads(uint32_t num_threads) = 0;
    // Bytes of the device that can still be had, and all it has.
    virtual void memory(double& free_bytes, double& total_bytes) const = 0;

    // Lays out weight.parts for this device, sets packed_format, units and data, and frees the sources.
    virtual void pack(Weight& weight, aerie_dtype float_dtype) = 0;

    virtual void kv_move(KvPool& kv, const int32_t* from, const int32_t* to, uint32_t num_slots) = 0;

    virtual std::shared_ptr<Sampler> make_sampler() = 0;
    // Sets the parameters of the launches from now on.
    virtual void sampler_write(Sampler& sampler, const SamplerInputs& inputs) = 0;
    // Copies what a launch drew, or the last one (0); throws AERIE_BAD_HANDLE if four others drew since.
    virtual void sampler_read(Sampler& sampler, const SamplerOutputs& outputs, uint64_t launch, uint32_t num_rows) = 0;

    virtual void graph_begin() = 0;
    virtual std::shared_ptr<Graph> graph_end() = 0;
    virtual void graph_replay(Graph& graph) = 0;

    virtual void embedding(Tensor& out, const Batch& batch, const Weight& weight) = 0;
    virtual void rms_norm(Tensor& out, const Tensor& x, const Tensor& weight, float eps) = 0;
    virtual void linear(Tensor& out, const Tensor& x, const Weight& weight, const Tensor* residual) = 0;
    virtual void rope_angles(Tensor& out, const Batch& batch, const Tensor& inv_freq) = 0;
    virtual void rope(Tensor& x, const Tensor& angles, uint32_t num_heads, uint32_t head_dim) = 0;
    virtual void kv_store(KvPool& kv, const Tensor& qkv, const Batch& batch, uint32_t layer, uint32_t num_heads) = 0;
    virtual void attention(Tensor& out, const Tensor& qkv, const KvPool& kv, const Batch& batch, uint32_t layer,
                           uint32_t num_heads, float scale) = 0;
    virtual void silu_mul(Tensor& out, const Tensor& x) = 0;
    virtual void gather_outputs(Tensor& out, const Tensor& x, const Batch& batch) = 0;
    virtual void gather_rows(Tensor& out, const Tensor& x, const Batch& batch, uint32_t column) = 0;
    virtual void store_rows(Tensor& out, const Tensor& x, const Batch& batch, uint32_t column) = 0;
    virtual void add_bias(Tensor& x, const Tensor& bias) = 0;
    virtual void sample(Sampler& sampler, Tensor& logits) = 0;
};

// Throws AERIE_DEVICE where the device is absent.
std::unique_ptr<Backend> make_cpu_backend(uint32_t num_threads);

}  // namespace aerie
