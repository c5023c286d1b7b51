#include "cuda/graph.h"

#include <algorithm>

#include "core/error.h"

namespace aerie::cuda {
namespace {

// Other threads may ask for the end of work meanwhile.
constexpr auto kMode = cudaStreamCaptureModeThreadLocal;

cudaGraphExec_t instantiate(cudaGraph_t graph) {
    cudaGraphExec_t executable = nullptr;
    const cudaError_t error = cudaGraphInstantiate(&executable, graph, 0);
    cudaGraphDestroy(graph);
    if (error == cudaErrorMemoryAllocation) {
        // Nothing of the device is lost: batches of this size run without a graph.
        cudaGetLastError();
        fail(AERIE_OUT_OF_MEMORY, "graph_prepare: out of memory");
    }
    expect_success(error, "graph_prepare");
    return executable;
}

}  // namespace

Graphs::~Graphs() {
    for (const Captured& captured : graphs_) cudaGraphExecDestroy(captured.executable);
}

void Graphs::capture(std::span<const Op> ops, const Launch& launch, const Bucket& bucket) {
    const auto at =
        std::lower_bound(graphs_.begin(), graphs_.end(), bucket,
                         [](const Captured& captured, const Bucket& other) { return captured.bucket < other; });
    if (at != graphs_.end() && at->bucket == bucket) return;
    expect_success(cudaStreamBeginCapture(launch.stream, kMode), "graph_prepare");
    cudaGraph_t graph = nullptr;
    try {
        run_ops(ops, launch, &bucket);
    } catch (const Error&) {
        // The stream takes work again.
        if (cudaStreamEndCapture(launch.stream, &graph) == cudaSuccess) cudaGraphDestroy(graph);
        cudaGetLastError();
        throw;
    }
    expect_success(cudaStreamEndCapture(launch.stream, &graph), "graph_prepare");
    graphs_.insert(at, {bucket, instantiate(graph)});
}

cudaGraphExec_t Graphs::smallest(std::span<Batch* const> batches) const {
    for (const Captured& captured : graphs_) {
        if (std::all_of(batches.begin(), batches.end(),
                        [&](const Batch* batch) { return captured.bucket.holds(batch->block().counts); }))
            return captured.executable;
    }
    return nullptr;
}

}  // namespace aerie::cuda
