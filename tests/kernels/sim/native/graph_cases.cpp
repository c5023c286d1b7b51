// Graphs: what is captured, what launches of them do, what a capture refuses.
#include <algorithm>
#include <cstring>
#include <thread>

#include "buffers.h"
#include "sim/report.h"
#include "streams.h"

namespace {

constexpr int kCount = 500;
constexpr size_t kBytes = kCount * sizeof(int);

cudaStream_t stream(unsigned flags = cudaStreamNonBlocking) {
    cudaStream_t made;
    OK(cudaStreamCreateWithFlags(&made, flags));
    return made;
}

cudaEvent_t event() {
    cudaEvent_t made;
    OK(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
    return made;
}

}  // namespace

CASE(graph_runs_what_was_captured) {
    const cudaStream_t compute = stream();
    const Device<int> values(kCount), count(std::vector<int>{0}), sums(std::vector<int>{0});
    int *in = nullptr, *out = nullptr;
    OK(cudaMallocHost(&in, kBytes));
    OK(cudaMallocHost(&out, sizeof(int)));
    std::fill(in, in + kCount, 0);
    OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeThreadLocal));
    OK(cudaMemcpyAsync(values.data, in, kBytes, cudaMemcpyHostToDevice, compute));
    OK(cudaMemsetAsync(sums.data, 0, sizeof(int), compute));
    OK(launch_change(values.data, kCount, 2, 1, compute));
    OK(launch_sum(values.data, count.data, sums.data, compute));
    OK(cudaMemcpyAsync(out, sums.data, sizeof(int), cudaMemcpyDeviceToHost, compute));
    cudaStreamCaptureStatus status;
    OK(cudaStreamIsCapturing(compute, &status));
    EXPECT(status == cudaStreamCaptureStatusActive);
    cudaGraph_t graph;
    OK(cudaStreamEndCapture(compute, &graph));
    OK(cudaStreamIsCapturing(compute, &status));
    EXPECT(status == cudaStreamCaptureStatusNone);
    size_t num_nodes = 0;
    OK(cudaGraphGetNodes(graph, nullptr, &num_nodes));
    EXPECT(num_nodes == 5);
    cudaGraphExec_t executable;
    OK(cudaGraphInstantiate(&executable, graph));
    OK(cudaGraphDestroy(graph));
    // Nothing ran yet; every launch reads what the memory holds then.
    for (const int rows : {3, 0, kCount}) {
        std::fill(in, in + kCount, rows);
        OK(cudaMemcpy(count.data, &rows, sizeof rows, cudaMemcpyHostToDevice));
        OK(cudaGraphUpload(executable, compute));
        OK(cudaGraphLaunch(executable, compute));
        OK(cudaStreamSynchronize(compute));
        EXPECT(*out == rows * (2 * rows + 1));
    }
    const auto counters = aerie::sim::counters();
    EXPECT(counters.graph_launches == 3 && counters.graph_kernels == 6 && counters.launches == 0);
    OK(cudaGraphExecDestroy(executable));
}

CASE(graph_forks_and_joins) {
    const cudaStream_t compute = stream(), side = stream();
    const Device<int> left(std::vector<int>(kCount, 1)), right(std::vector<int>(kCount, 1));
    const Device<int> count(std::vector<int>{kCount}), sums(std::vector<int>{0});
    const cudaEvent_t fork = event(), join = event();
    OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeGlobal));
    OK(launch_change(left.data, kCount, 2, 0, compute));
    OK(cudaEventRecord(fork, compute));
    OK(cudaStreamWaitEvent(side, fork));
    OK(launch_change(right.data, kCount, 3, 0, side));
    OK(launch_change(left.data, kCount, 1, 5, compute));
    OK(cudaEventRecord(join, side));
    OK(cudaStreamWaitEvent(compute, join));
    OK(launch_sum(left.data, count.data, sums.data, compute));
    OK(launch_sum(right.data, count.data, sums.data, compute));
    cudaGraph_t graph;
    OK(cudaStreamEndCapture(compute, &graph));
    cudaGraphExec_t executable;
    OK(cudaGraphInstantiate(&executable, graph));
    for (int i = 0; i < 2; ++i) OK(cudaGraphLaunch(executable, compute));
    // Ordered behind the graph.
    OK(launch_change(left.data, kCount, 1, 1, compute));
    OK(cudaStreamSynchronize(compute));
    EXPECT(left.read()[0] == (1 * 2 + 5) * 2 + 5 + 1 && right.read()[0] == 9);
    EXPECT(sums.read()[0] == kCount * ((7 + 3) + (19 + 9)));
}

// Branches that use the same memory: no schedule may be lucky.
CASE(graph_branches_race) {
    const cudaStream_t compute = stream(), side = stream();
    const Device<int> values(std::vector<int>(kCount, 1)), first(std::vector<int>(kCount, 0));
    const cudaEvent_t fork = event(), join = event();
    OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeGlobal));
    OK(launch_change(first.data, kCount, 1, 0, compute));
    OK(cudaEventRecord(fork, compute));
    OK(cudaStreamWaitEvent(side, fork));
    OK(launch_change(values.data, kCount, 3, 0, side));
    OK(launch_change(values.data, kCount, 1, 5, compute));
    OK(cudaEventRecord(join, side));
    OK(cudaStreamWaitEvent(compute, join));
    OK(launch_change(first.data, kCount, 1, 0, compute));
    cudaGraph_t graph;
    OK(cudaStreamEndCapture(compute, &graph));
    cudaGraphExec_t executable;
    OK(cudaGraphInstantiate(&executable, graph));
    cudaGraphLaunch(executable, compute);
    printf("error %d\n", int(cudaStreamSynchronize(compute)));
}

CASE(graph_takes_attributes_when_it_is_made) {
    const cudaStream_t compute = stream();
    const Device<int> values(std::vector<int>(kCount, 0));
    OK(launch_change(values.data, kCount, 1, 1, compute));
    const auto allow = [](int bytes) {
        OK(cudaFuncSetAttribute(change_kernel(), cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    };
    int* data = values.data;
    int rows = kCount, factor = 1, added = 7;
    void* arguments[] = {&data, &rows, &factor, &added};
    const auto capture = [&](cudaGraph_t& graph) {
        OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeRelaxed));
        OK(cudaLaunchKernel(change_kernel(), dim3(8), dim3(64), arguments, 60 << 10, compute));
        OK(cudaStreamEndCapture(compute, &graph));
    };
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    allow(60 << 10);
    capture(graph);
    allow(59 << 10);
    EXPECT(cudaGraphInstantiate(&executable, graph) == cudaErrorInvalidValue);
    allow(60 << 10);
    OK(cudaGraphInstantiate(&executable, graph));
    OK(cudaGraphLaunch(executable, compute));
    OK(cudaStreamSynchronize(compute));
    EXPECT(values.read() == std::vector<int>(kCount, 8));
}

CASE(graph_parameters_are_replaced) {
    const cudaStream_t compute = stream();
    const Device<int> values(std::vector<int>(kCount, 0)), others(std::vector<int>(kCount, 0));
    OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeRelaxed));
    OK(launch_change(values.data, kCount, 1, 7, compute));
    cudaGraph_t graph;
    OK(cudaStreamEndCapture(compute, &graph));
    cudaGraphNode_t node;
    size_t count = 1;
    OK(cudaGraphGetNodes(graph, &node, &count));
    cudaGraphNodeType type;
    OK(cudaGraphNodeGetType(node, &type));
    EXPECT(count == 1 && type == cudaGraphNodeTypeKernel);
    cudaKernelNodeParams parameters;
    OK(cudaGraphKernelNodeGetParams(node, &parameters));
    EXPECT(parameters.func == change_kernel() && parameters.blockDim.x == 64 && parameters.gridDim.x == 8);
    EXPECT(*static_cast<int*>(parameters.kernelParams[3]) == 7);
    cudaGraphExec_t executable;
    OK(cudaGraphInstantiate(&executable, graph));
    int* data = others.data;
    int rows = 64, factor = 1, added = 9;
    void* arguments[] = {&data, &rows, &factor, &added};
    parameters.kernelParams = arguments;
    parameters.gridDim = dim3(1);
    OK(cudaGraphExecKernelNodeSetParams(executable, node, &parameters));
    OK(cudaGraphLaunch(executable, compute));
    OK(cudaStreamSynchronize(compute));
    EXPECT(values.read() == std::vector<int>(kCount));
    EXPECT(others.read()[63] == 9 && others.read()[64] == 0);
    // The graph itself, and what else is made of it, is as it was.
    cudaGraphExec_t another;
    OK(cudaGraphInstantiate(&another, graph));
    OK(cudaGraphLaunch(another, compute));
    OK(cudaStreamSynchronize(compute));
    EXPECT(values.read() == std::vector<int>(kCount, 7));
}

CASE(capture_refuses) {
    const cudaStream_t compute = stream(), other = stream(), blocking = stream(cudaStreamDefault);
    const Device<int> values(std::vector<int>(kCount, 0));
    const cudaEvent_t inside = event(), outside = event();
    cudaGraph_t graph;
    void* memory = nullptr;
    const auto begin = [&](cudaStream_t at, cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal) {
        OK(cudaStreamBeginCapture(at, mode));
        OK(launch_change(values.data, kCount, 1, 1, at));
    };
    const auto ends_with = [&](cudaStream_t at, cudaError_t error) {
        EXPECT(cudaStreamEndCapture(at, &graph) == error);
        EXPECT(graph == nullptr);
    };
    EXPECT(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal) == cudaErrorStreamCaptureUnsupported);
    EXPECT(cudaStreamEndCapture(compute, &graph) == cudaErrorIllegalState);
    // What waits, and what allocates unless the mode is relaxed.
    begin(compute);
    EXPECT(cudaStreamSynchronize(compute) == cudaErrorStreamCaptureUnsupported);
    EXPECT(launch_change(values.data, kCount, 1, 1, compute) == cudaErrorStreamCaptureInvalidated);
    ends_with(compute, cudaErrorStreamCaptureInvalidated);
    begin(compute);
    EXPECT(cudaMalloc(&memory, 64) == cudaErrorStreamCaptureUnsupported);
    ends_with(compute, cudaErrorStreamCaptureInvalidated);
    begin(compute);
    EXPECT(cudaMemcpy(values.data, values.data, 4, cudaMemcpyDeviceToDevice) == cudaErrorStreamCaptureUnsupported);
    ends_with(compute, cudaErrorStreamCaptureInvalidated);
    begin(compute, cudaStreamCaptureModeRelaxed);
    OK(cudaMalloc(&memory, 64));
    OK(cudaStreamEndCapture(compute, &graph));
    OK(cudaGraphDestroy(graph));
    // The default stream would have to wait for a blocking one.
    begin(blocking);
    EXPECT(launch_change(values.data, kCount, 1, 1, nullptr) == cudaErrorStreamCaptureImplicit);
    ends_with(blocking, cudaErrorStreamCaptureInvalidated);
    // Events on the other side of the capture.
    OK(launch_change(values.data, kCount, 1, 1, other));
    OK(cudaEventRecord(outside, other));
    begin(compute);
    EXPECT(cudaStreamWaitEvent(compute, outside) == cudaErrorStreamCaptureIsolation);
    ends_with(compute, cudaErrorStreamCaptureInvalidated);
    begin(compute);
    OK(cudaEventRecord(inside, compute));
    EXPECT(cudaEventSynchronize(inside) == cudaErrorCapturedEvent);
    OK(cudaStreamEndCapture(compute, &graph));
    // A stream that joined must come back, and may not end the capture.
    begin(compute);
    OK(cudaEventRecord(inside, compute));
    OK(cudaStreamWaitEvent(other, inside));
    OK(launch_change(values.data, kCount, 1, 1, other));
    ends_with(compute, cudaErrorStreamCaptureUnjoined);
    begin(compute);
    OK(cudaEventRecord(inside, compute));
    OK(cudaStreamWaitEvent(other, inside));
    ends_with(other, cudaErrorStreamCaptureUnmatched);
    ends_with(compute, cudaErrorStreamCaptureInvalidated);
    // Streams are as before.
    OK(cudaDeviceSynchronize());
    OK(launch_change(values.data, kCount, 1, 1, compute));
    OK(cudaDeviceSynchronize());
}

// A capture of one thread does not end what others do, and is ended by nobody else.
CASE(capture_of_a_thread) {
    const cudaStream_t compute = stream();
    const Device<int> values(std::vector<int>(kCount, 0));
    const cudaEvent_t done = event();
    cudaGraph_t graph;
    const auto elsewhere = [](auto&& body) { std::thread(body).join(); };
    OK(cudaEventRecord(done, compute));
    OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeThreadLocal));
    OK(launch_change(values.data, kCount, 1, 1, compute));
    elsewhere([&] {
        void* memory = nullptr;
        OK(cudaEventQuery(done));
        OK(cudaMalloc(&memory, 64));
        OK(cudaFree(memory));
        EXPECT(cudaStreamEndCapture(compute, &graph) == cudaErrorStreamCaptureWrongThread);
    });
    OK(cudaStreamEndCapture(compute, &graph));
    OK(cudaGraphDestroy(graph));
    // Its own calls do, and those of other threads where the mode is global.
    OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeThreadLocal));
    EXPECT(cudaEventQuery(done) == cudaErrorStreamCaptureUnsupported);
    EXPECT(cudaStreamEndCapture(compute, &graph) == cudaErrorStreamCaptureInvalidated);
    OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeGlobal));
    elsewhere([&] { EXPECT(cudaEventQuery(done) == cudaErrorStreamCaptureUnsupported); });
    EXPECT(cudaStreamEndCapture(compute, &graph) == cudaErrorStreamCaptureInvalidated);
    OK(cudaStreamBeginCapture(compute, cudaStreamCaptureModeRelaxed));
    elsewhere([&] { OK(cudaStreamEndCapture(compute, &graph)); });
    OK(cudaGraphDestroy(graph));
}
