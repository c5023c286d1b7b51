#include "replay_library.h"

#include "abi/entries.h"

namespace replay {
namespace {

std::string text_of(Numbers numbers, const char* at) {
    char text[64];
    uint64_t bits = 0;
    memcpy(&bits, at, numbers == Numbers::f64 ? 8 : 4);
    if (numbers == Numbers::f32) {
        float value;
        memcpy(&value, at, sizeof value);
        snprintf(text, sizeof text, "%.9g (0x%08llx)", double(value), (unsigned long long)bits);
    } else if (numbers == Numbers::f64) {
        double value;
        memcpy(&value, at, sizeof value);
        snprintf(text, sizeof text, "%.17g", value);
    } else {
        snprintf(text, sizeof text, "%d", int32_t(bits));
    }
    return text;
}

}  // namespace

const std::map<std::string, Function>& functions() {
    static const std::map<std::string, Function> table = {
#define FUNCTION(name) {"aerie_" #name, Signature<decltype(aerie_##name)>::function()},

        AERIE_ENTRIES(FUNCTION)
#undef FUNCTION
    };
    return table;
}

std::string first_difference(Numbers numbers, const std::vector<char>& found, const std::vector<char>& expected,
                             size_t cols) {
    const size_t size = numbers == Numbers::f64 ? 8 : 4;
    size_t first = SIZE_MAX, count = 0;
    for (size_t at = 0; at + size <= expected.size(); at += size) {
        if (!memcmp(&found[at], &expected[at], size)) continue;
        if (!count++) first = at;
    }
    if (!count) return "";
    const size_t index = first / size;
    const std::string place = cols ? "[" + std::to_string(index / cols) + ", " + std::to_string(index % cols) + "]"
                                   : "[" + std::to_string(index) + "]";
    return place + " is " + text_of(numbers, &found[first]) + ", expected " + text_of(numbers, &expected[first]) +
           "; " + std::to_string(count) + " of " + std::to_string(expected.size() / size) + " numbers differ";
}

}  // namespace replay
