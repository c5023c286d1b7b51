#include "sim/inject.h"

#include <cstdlib>
#include <vector>

#include "sim/report.h"

namespace aerie::sim {
namespace {

struct Order {
    std::string call;
    uint64_t nth;  // calls until it is carried out
    cudaError_t error;
};

// "cudaMalloc:3=2,kernel:linear:1=719"
std::vector<Order> parse(const std::string& text) {
    std::vector<Order> orders;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        const std::string part = text.substr(at, end - at);
        const size_t equals = part.rfind('='), colon = part.rfind(':', equals);
        if (equals != std::string::npos && colon != std::string::npos) {
            orders.push_back(
                {part.substr(0, colon), strtoull(&part[colon + 1], nullptr, 10), cudaError_t(atoi(&part[equals + 1]))});
        }
        at = end + 1;
    }
    return orders;
}

std::vector<Order>& orders() {
    static auto* all = new std::vector<Order>(parse(getenv("AERIE_SIM_FAIL") ? getenv("AERIE_SIM_FAIL") : ""));
    return *all;
}

// Counts an event that matches; the error of an order whose turn it is.
template <class Matches>
cudaError_t next_error(Matches matches) {
    auto& all = orders();
    for (size_t i = 0; i < all.size(); ++i) {
        if (!matches(all[i].call) || --all[i].nth > 0) continue;
        const cudaError_t error = all[i].error;
        all.erase(all.begin() + ptrdiff_t(i));
        return error;
    }
    return cudaSuccess;
}

}  // namespace

void inject(const char* call, uint64_t nth, cudaError_t error) { orders().push_back({call, nth, error}); }

cudaError_t injected(const char* call) {
    return next_error([&](const std::string& ordered) { return ordered == call; });
}

cudaError_t injected_in_kernel(const std::string& kernel) {
    return next_error([&](const std::string& ordered) {
        return ordered.rfind("kernel:", 0) == 0 && kernel.find(ordered.substr(7)) != std::string::npos;
    });
}

void forget_injections() { orders().clear(); }

}  // namespace aerie::sim
