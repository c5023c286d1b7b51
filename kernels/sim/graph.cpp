// Functions of the runtime that capture streams into graphs and launch them.
#include <algorithm>

#include "sim/counters.h"
#include "sim/host.h"
#include "sim/runtime.h"

using namespace aerie::sim;

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaStreamBeginCapture"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = find_stream(handle);
    if (!stream) return end_call(cudaErrorInvalidResourceHandle);
    if (is_default(*stream)) return end_call(cudaErrorStreamCaptureUnsupported);
    if (stream->capture) return end_call(cudaErrorIllegalState);
    stream->capture = std::make_shared<Capture>(Capture{stream, mode});
    stream->captured.clear();
    return end_call(cudaSuccess);
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaStreamEndCapture"); error != cudaSuccess) return end_call(error);
    *graph = nullptr;
    CUstream_st* stream = find_stream(handle);
    if (!stream) return end_call(cudaErrorInvalidResourceHandle);
    if (!stream->capture) return end_call(cudaErrorIllegalState);
    const CapturePointer capture = stream->capture;
    if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
        return end_call(cudaErrorStreamCaptureWrongThread);
    if (capture->origin != stream) return end_call(invalidate(*stream, cudaErrorStreamCaptureUnmatched));
    // What other streams did must be before the last of this one.
    auto& nodes = capture->graph->nodes;
    std::vector<bool> is_joined(nodes.size());
    for (const size_t node : stream->captured) is_joined[node] = true;
    for (size_t i = nodes.size(); i-- > 0;) {
        for (const size_t before : nodes[i]->after) {
            if (is_joined[i]) is_joined[before] = true;
        }
    }
    if (std::find(is_joined.begin(), is_joined.end(), false) != is_joined.end() && capture->invalid == cudaSuccess) {
        capture->invalid = cudaErrorStreamCaptureUnjoined;
    }
    for (CUstream_st* other : all_streams()) {
        if (other->capture != capture) continue;
        other->capture = nullptr;
        other->captured.clear();
    }
    if (capture->invalid != cudaSuccess) {
        return end_call(capture->invalid == cudaErrorStreamCaptureUnjoined ? capture->invalid
                                                                           : cudaErrorStreamCaptureInvalidated);
    }
    *graph = capture->graph.release();
    return end_call(cudaSuccess);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaStreamIsCapturing"); error != cudaSuccess) return end_call(error);
    const CUstream_st* stream = find_stream(handle);
    if (!stream) return end_call(cudaErrorInvalidResourceHandle);
    *status = !stream->capture                          ? cudaStreamCaptureStatusNone
              : stream->capture->invalid == cudaSuccess ? cudaStreamCaptureStatusActive
                                                        : cudaStreamCaptureStatusInvalidated;
    return cudaSuccess;
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned flags) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphCreate"); error != cudaSuccess) return end_call(error);
    if (flags != 0) return end_call(cudaErrorInvalidValue);
    *graph = new CUgraph_st;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphDestroy"); error != cudaSuccess) return end_call(error);
    if (!graph) return end_call(cudaErrorInvalidValue);
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* num_nodes) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphGetNodes"); error != cudaSuccess) return end_call(error);
    if (!graph || !num_nodes) return end_call(cudaErrorInvalidValue);
    if (!nodes) {
        *num_nodes = graph->nodes.size();
        return cudaSuccess;
    }
    for (size_t i = 0; i < *num_nodes; ++i) nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
    *num_nodes = std::min(*num_nodes, graph->nodes.size());
    return cudaSuccess;
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphNodeGetType"); error != cudaSuccess) return end_call(error);
    if (!node) return end_call(cudaErrorInvalidValue);
    switch (node->task.kind) {
        case Kind::kernel:
            *type = cudaGraphNodeTypeKernel;
            break;
        case Kind::copy:
            *type = cudaGraphNodeTypeMemcpy;
            break;
        case Kind::fill:
            *type = cudaGraphNodeTypeMemset;
            break;
        case Kind::host_function:
            *type = cudaGraphNodeTypeHost;
            break;
        case Kind::nothing:
            *type = cudaGraphNodeTypeEmpty;
            break;
    }
    return cudaSuccess;
}

cudaError_t cudaGraphKernelNodeGetParams(cudaGraphNode_t node, cudaKernelNodeParams* parameters) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphKernelNodeGetParams"); error != cudaSuccess)
        return end_call(error);
    if (!node || node->task.kind != Kind::kernel) return end_call(cudaErrorInvalidValue);
    Task& task = node->task;
    // Pointers to the node's own arguments, which live as long as it.
    node->pointers.clear();
    for (auto& argument : task.arguments) node->pointers.push_back(argument.data());
    *parameters = {const_cast<void*>(task.kernel->address),
                   task.grid,
                   task.block,
                   unsigned(task.shared_bytes),
                   node->pointers.data(),
                   nullptr};
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphInstantiate"); error != cudaSuccess) return end_call(error);
    if (!graph || !executable) return end_call(cudaErrorInvalidValue);
    auto made = std::make_unique<CUgraphExec_st>();
    for (const auto& node : graph->nodes) {
        // A driver may ask for a kernel's attributes when its launch is captured and when the graph is made.
        const Task& task = node->task;
        if (task.kind == Kind::kernel && task.shared_bytes > size_t(task.kernel->max_dynamic_shared))
            return end_call(cudaErrorInvalidValue);
        made->nodes.push_back(*node);
        made->originals.push_back(node.get());
    }
    *executable = made.release();
    return cudaSuccess;
}

cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t executable, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* parameters) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphExecKernelNodeSetParams"); error != cudaSuccess) {
        return end_call(error);
    }
    if (!executable) return end_call(cudaErrorInvalidValue);
    const auto& originals = executable->originals;
    const size_t place = size_t(std::find(originals.begin(), originals.end(), node) - originals.begin());
    if (place == originals.size() || executable->nodes[place].task.kind != Kind::kernel) {
        return end_call(cudaErrorInvalidValue);
    }
    return end_call(make_kernel_task(parameters->func, parameters->gridDim, parameters->blockDim,
                                     parameters->sharedMemBytes, parameters->kernelParams,
                                     executable->nodes[place].task));
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphUpload"); error != cudaSuccess) return end_call(error);
    return end_call(executable && find_stream(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphLaunch"); error != cudaSuccess) return end_call(error);
    CUstream_st* stream = find_stream(handle);
    if (!executable || !stream) return end_call(cudaErrorInvalidResourceHandle);
    if (stream->capture) return end_call(invalidate(*stream, cudaErrorStreamCaptureUnsupported));
    count_graph_launch();
    // An executable graph does not run beside itself. Each branch that the first node does not continue is a chain.
    WorkPointer begin;
    if (executable->last) stream->last.push_back(executable->last);
    if (const cudaError_t error = submit(*stream, Task(), &begin); error != cudaSuccess) return end_call(error);
    std::vector<WorkPointer> work, leaves;
    std::vector<WorkPointer> ends{begin};  // of the chains in use
    size_t num_branches = 0;
    for (const CUgraphNode_st& node : executable->nodes) {
        std::vector<WorkPointer> after;
        for (const size_t before : node.after) after.push_back(work[before]);
        if (after.empty()) after.push_back(begin);
        auto end = std::find_if(ends.begin(), ends.end(),
                                [&](auto& last) { return std::find(after.begin(), after.end(), last) != after.end(); });
        uint32_t chain;
        if (end == ends.end()) {
            if (num_branches == executable->branches.size()) executable->branches.push_back(Queue::get().new_chain());
            chain = executable->branches[num_branches++];
            end = ends.emplace(ends.end(), nullptr);
        } else {
            chain = (*end)->chain;
        }
        count_task(node.task, true);
        work.push_back(Queue::get().submit(node.task, chain, std::move(after)));
        *end = work.back();
    }
    stream->last = ends;
    if (ends.size() > 1) {
        if (const cudaError_t error = submit(*stream, Task()); error != cudaSuccess) return end_call(error);
    }
    executable->last = stream->last.front();
    return end_call(cudaSuccess);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    const RuntimeLock lock;
    if (const cudaError_t error = begin_call("cudaGraphExecDestroy"); error != cudaSuccess) return end_call(error);
    if (!executable) return end_call(cudaErrorInvalidValue);
    delete executable;
    return cudaSuccess;
}
