// Launching a kernel: CUDA's own function that knows the types of a kernel's arguments.
#pragma once
#include <type_traits>
#include <utility>

#include "sim/host.h"

namespace aerie::sim {

// Calls a kernel, once a thread.
using Call = void (*)(const void* kernel, void* const* arguments);

// Tells the simulator how a kernel is called; sizes are those of its arguments, in bytes. Later calls change nothing.
void know(const void* kernel, Call call, const size_t* sizes, size_t num_arguments);

template <class... Parameters>
struct Signature {
    static constexpr size_t kSizes[] = {sizeof(Parameters)..., 0};

    // Arguments lie in the host's memory, as a GPU's do in its constant bank: reading them is no access of the kernel.
    template <size_t... I>
    __attribute__((no_sanitize("thread"))) static void expand(const void* kernel, void* const* arguments,
                                                              std::index_sequence<I...>) {
        (void)arguments;
        reinterpret_cast<void (*)(Parameters...)>(const_cast<void*>(kernel))(
            *static_cast<std::remove_cv_t<Parameters>*>(arguments[I])...);
    }
    __attribute__((no_sanitize("thread"))) static void call(const void* kernel, void* const* arguments) {
        expand(kernel, arguments, std::index_sequence_for<Parameters...>());
    }
};

}  // namespace aerie::sim

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
    using Signature = aerie::sim::Signature<Parameters...>;
    const void* address = reinterpret_cast<const void*>(kernel);
    aerie::sim::know(address, Signature::call, Signature::kSizes, sizeof...(Parameters));
    return [&](Parameters... values) {
        void* pointers[] = {const_cast<void*>(static_cast<const void*>(&values))..., nullptr};
        return cudaLaunchKernelExC(config, address, pointers);
    }(std::forward<Arguments>(arguments)...);
}
