// route and expert_sum: which experts a row goes to, and what they make of it (Shazeer et al. 2017).
#include "cuda/device/math.h"
#include "cuda/device/op_rows.h"
#include "cuda/device/reduce.h"
#include "cuda/launch.h"

namespace aerie::cuda {
namespace {

constexpr uint32_t kThreads = 256, kRowsPerBlock = kThreads / 32;
constexpr uint32_t kNobody = 0xffffffff;

// An expert of a row. Larger logits come before smaller ones, numbers before NaN, lower experts before higher ones.
struct Choice {
    float logit;
    uint32_t expert;

    __device__ bool comes_before(const Choice& other) const {
        if (expert == kNobody || other.expert == kNobody) return other.expert == kNobody;
        const bool is_number = logit == logit, is_other = other.logit == other.logit;
        if (is_number != is_other) return is_number;
        if (is_number && logit != other.logit) return logit > other.logit;
        return expert < other.expert;
    }
};

// A warp a row; its lanes have every 32nd expert each.
__global__ void __launch_bounds__(kThreads)
    route_rows(float* out, const float* logits, OpRows rows, uint32_t num_experts, uint32_t top_k, bool normalise) {
    const uint32_t row = blockIdx.x * kRowsPerBlock + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows.count()) return;
    logits += size_t(row) * num_experts;
    out += size_t(row) * 2 * top_k;
    static_assert(kMostExperts <= 32 * 32);
    uint32_t chosen = 0;  // bit i: expert lane + 32 i
    float top = 0.0f, sum = 0.0f;
    for (uint32_t place = 0; place < top_k; ++place) {
        Choice best{0.0f, kNobody};
        for (uint32_t i = 0; lane + 32 * i < num_experts; ++i) {
            if (chosen >> i & 1) continue;
            const Choice next{logits[lane + 32 * i], lane + 32 * i};
            if (next.comes_before(best)) best = next;
        }
        for (int distance = 16; distance; distance /= 2) {
            const Choice other{__shfl_xor_sync(kAllLanes, best.logit, distance),
                               __shfl_xor_sync(kAllLanes, best.expert, distance)};
            if (other.comes_before(best)) best = other;
        }
        if (best.expert % 32 == lane) chosen |= 1u << best.expert / 32;
        if (place == 0) top = best.logit;
        const float weight = exp_of(best.logit - top);
        sum += weight;
        if (lane == 0) {
            out[place] = float(best.expert);
            out[top_k + place] = weight;
        }
    }
    if (!normalise) {
        sum = 0.0f;
        for (uint32_t i = lane; i < num_experts; i += 32) sum += exp_of(logits[i] - top);
        sum = warp_sum(sum);
    }
    if (lane == 0)
        for (uint32_t place = 0; place < top_k; ++place) out[top_k + place] /= sum;
}

__global__ void __launch_bounds__(kColumnThreads)
    sum_experts(float* out, const float* x, const float* routing, OpRows rows, uint32_t cols, uint32_t top_k) {
    const uint32_t row = blockIdx.x, col = column_of_thread();
    if (row >= rows.count() || col >= cols) return;
    x += size_t(row) * top_k * cols + col;
    routing += size_t(row) * 2 * top_k + top_k;
    float sum = 0.0f;
    for (uint32_t place = 0; place < top_k; ++place) sum += x[size_t(place) * cols] * routing[place];
    out[size_t(row) * cols + col] = sum;
}

}  // namespace

void route(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(route_rows, {(rows.most + kRowsPerBlock - 1) / kRowsPerBlock, kThreads}, on.stream,
                          floats(*op.out, on), floats(*op.x, on), rows, op.x->cols, op.out->cols / 2, op.normalise),
                   "route");
}

void expert_sum(const Op& op, const Launch& on) {
    const OpRows rows = rows_of(op, *op.out, on);
    if (!rows.most) return;
    expect_success(launch(sum_experts, {row_grid(rows.most, op.out->cols), kColumnThreads}, on.stream,
                          floats(*op.out, on), floats(*op.x, on), floats(*op.y, on), rows, op.out->cols, top_k_of(op)),
                   "expert_sum");
}

}  // namespace aerie::cuda
