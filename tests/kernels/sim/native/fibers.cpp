// Fibers by themselves, for every processor that has a switch of its own: each keeps its registers and its stack.
#include "sim/fiber.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace aerie::sim;

namespace {

constexpr int kFibers = 40, kRounds = 200;

Fiber caller;
std::vector<Fiber> fibers(kFibers);
int running;
double sums[kFibers];

// Sums in registers across many switches, with a frame of its own to keep.
void body() {
    const int own = running;
    double sum = own, factor = 1.0 + own / 64.0, product = 1;
    volatile int frame[100];
    for (int i = 0; i < 100; ++i) frame[i] = own * 100 + i;
    for (int round = 0; round < kRounds; ++round) {
        sum += factor * round;
        product = -product;
        const int next = (own + 1) % kFibers;
        running = next;
        switch_fiber(fibers[size_t(own)], fibers[size_t(next)]);
        if (frame[round % 100] != own * 100 + round % 100) abort();
    }
    sums[own] = sum * product;
    if (own + 1 < kFibers) {
        running = own + 1;
        switch_fiber(fibers[size_t(own)], fibers[size_t(own + 1)]);
    }
    switch_fiber(fibers[size_t(own)], caller);
}

}  // namespace

int main() {
    Stacks stacks;
    stacks.reserve(kFibers);
    for (int i = 0; i < kFibers; ++i) begin_fiber(fibers[size_t(i)], stacks.at(size_t(i)), Stacks::kBytes, body);
    switch_fiber(caller, fibers[0]);
    for (int i = 0; i < kFibers; ++i) {
        double sum = i;
        for (int round = 0; round < kRounds; ++round) sum += (1.0 + i / 64.0) * round;
        if (sums[i] != sum) return printf("fiber %d: %f is not %f\n", i, sums[i], sum), 1;
    }
    puts("fibers keep what is theirs");
}
