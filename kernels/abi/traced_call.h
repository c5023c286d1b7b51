// Calling an entry and writing it down.
#pragma once
#include "abi/context.h"
#include "abi/trace.h"

namespace aerie::trace {

template <class T>
std::shared_ptr<T> find(uint32_t context, uint32_t handle) {
    const std::shared_ptr<Context> found = find_context(context);
    return found ? std::dynamic_pointer_cast<T>(found->objects.get(handle)) : nullptr;
}

template <class T>
void clear(const T&) {}
template <class T>
void clear(const Out<T>& out) {
    if (out.data) memset(out.data, 0, out.bytes());
}

// Calls an entry; traced, its outputs begin as zeros, and it is written down once it succeeded.
template <class Call, class... Each>
int32_t call(Entry name, Call* entry, Each... arguments) {
    Trace* const trace = Trace::instance();
    if (!trace) return entry(arguments.argument()...);
    Turn turn(*trace);
    (clear(arguments), ...);
    const int32_t status = entry(arguments.argument()...);
    if (status == AERIE_OK) trace->write(name, Arguments(arguments...));
    return status;
}

}  // namespace aerie::trace
