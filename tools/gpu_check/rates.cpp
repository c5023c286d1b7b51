// How fast a library is at a model's shapes, with random weights.
//   rates LIBRARY DEVICE kernels|forward llama-3.1-8b|tiny THREADS
// Prints objects of JSON, one a line: bytes are what an op must at least move, rates these bytes by the median time.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "rates_session.h"

int main(int count, char** arguments) {
    if (count != 6) {
        fprintf(stderr, "rates LIBRARY DEVICE kernels|forward llama-3.1-8b|tiny THREADS\n");
        return 2;
    }
    const std::string what = arguments[3];
    const bool is_tiny = arguments[4] == std::string("tiny");
    rates::Session session(arguments[1], atoi(arguments[2]), uint32_t(atoi(arguments[5])));
    const rates::Shape& shape = is_tiny ? rates::kTiny : rates::kLlama8B;
    const std::vector<uint32_t> rows = is_tiny ? std::vector<uint32_t>{1, 8} : std::vector<uint32_t>{1, 8, 32, 64};
    if (what == "kernels") {
        const std::vector<uint32_t> contexts = is_tiny ? std::vector<uint32_t>{70} : std::vector<uint32_t>{1024, 8192};
        rates::measure_kernels(session, shape, rows, contexts, is_tiny ? 1 : uint64_t(512) << 20, is_tiny ? 1 : 7);
    } else {
        rates::measure_forwards(session, shape, rows, is_tiny ? 70 : 1024, is_tiny ? 1 : 21);
    }
}
