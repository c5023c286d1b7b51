#include "sim/kernels.h"

#include <map>
#include <memory>
#include <mutex>

#include "sim/symbols.h"

namespace aerie::sim {
namespace {

std::mutex mutex;

std::map<const void*, std::unique_ptr<Kernel>>& kernels() {
    static auto* all = new std::map<const void*, std::unique_ptr<Kernel>>;
    return *all;
}

}  // namespace

Kernel& kernel_at(const void* address) {
    const std::lock_guard lock(mutex);
    auto& kernel = kernels()[address];
    if (!kernel) kernel.reset(new Kernel{address, nullptr, {}, function_name(address)});
    return *kernel;
}

Kernel* find_kernel(const void* address) {
    const std::lock_guard lock(mutex);
    const auto found = kernels().find(address);
    return found != kernels().end() && found->second->call ? found->second.get() : nullptr;
}

void know(const void* address, Call call, const size_t* sizes, size_t num_arguments) {
    if (find_kernel(address)) return;
    Kernel& kernel = kernel_at(address);
    const std::lock_guard lock(mutex);
    kernel.sizes.assign(sizes, sizes + num_arguments);
    kernel.call = call;
}

}  // namespace aerie::sim
