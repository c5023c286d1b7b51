// A program that had fault handlers before it loaded libaerie: its own faults still reach them, those of the library
// reach them after the library's line. Prints what its handler saw.
//   handlers         survives faults of both kinds
//   handlers abort   sends SIGABRT, as abort() does, to a thread in the middle of a long call
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "aerie.h"

namespace {
sigjmp_buf back;
volatile int num_seen = 0;

void recover(int, siginfo_t*, void*) {
    num_seen = num_seen + 1;
    siglongjmp(back, 1);
}

void fault(void (*body)()) {
    if (!sigsetjmp(back, 1)) body();
}

void create_context() {
    uint32_t context = 0;
    if (aerie_context_create(&context, AERIE_CPU, 0, 2)) exit(2);
}

void wild_read() {
    volatile const int* wild = reinterpret_cast<const int*>(8);
    (void)*wild;
}

void wild_call() {
    uint32_t context = 0, tensor = 0;
    if (aerie_context_create(&context, AERIE_CPU, 0, 1) || aerie_tensor_create(context, &tensor, 1, 64, AERIE_F32)) exit(2);
    aerie_tensor_write(context, tensor, reinterpret_cast<const float*>(8), 0, 1);
}
// Two thousand products of [1, 4096] and [4096, 1024] in one call.
void call_for_long() {
    constexpr uint32_t kRows = 1024, kCols = 4096;
    const std::vector<uint8_t> zeros(size_t(kRows) * kCols * 4);
    const int32_t zero = 0, starts[] = {0, 1};
    const uint64_t no_tree = 0;
    uint32_t context = 0, batch, x, out, file, weight, graph, ticket;
    if (aerie_context_create(&context, AERIE_CPU, 0, 1)) exit(2);
    aerie_batch_create(context, &batch, 1, 1, 1, 1);
    aerie_batch_tensor(context, &x, batch, AERIE_ROWS, kCols, AERIE_F32);
    aerie_batch_tensor(context, &out, batch, AERIE_ROWS, kRows, AERIE_F32);
    aerie_file_create(context, &file, zeros.data(), zeros.size());
    aerie_weight_create(context, &weight, kRows, kCols);
    aerie_weight_append(context, weight, file, 0, 0, AERIE_FORMAT_F32, kRows, 0);
    aerie_weight_pack(context, weight, AERIE_F32);
    aerie_graph_begin(context);
    for (int i = 0; i < 2000; ++i) aerie_linear(context, out, x, weight, 0);
    aerie_graph_end(context, &graph);
    aerie_batch_write(context, batch, &zero, &zero, &zero, &zero, &no_tree, starts, &zero, &zero, nullptr,
                      1, 1, 1, 1);
    num_seen = 1;
    aerie_graph_launch(context, &ticket, graph);
}

void abort_in_call() {
    std::thread caller(call_for_long);
    while (!num_seen) usleep(1000);
    usleep(50'000);
    pthread_kill(caller.native_handle(), SIGABRT);
    caller.join();
}
}  // namespace

int main(int count, char**) {
    if (count > 1) {
        abort_in_call();
        return 0;
    }
    struct sigaction action = {};
    action.sa_sigaction = recover;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGABRT, &action, nullptr);
    std::thread others[] = {std::thread(create_context), std::thread(create_context)};
    for (auto& other : others) other.join();
    for (int i = 0; i < 2; ++i) fault(wild_read);
    fault([] { raise(SIGABRT); });
    printf("outside: %d\n", num_seen);
    fflush(stdout);
    fault(wild_call);
    printf("inside: %d\n", num_seen);
}
