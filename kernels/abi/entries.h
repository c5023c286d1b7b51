// The functions of aerie.h that a trace records. aerie::entry has what they do, kernels/abi/entries.cpp and
// op_entries.cpp the functions themselves.
#pragma once
#include "aerie.h"
#include "core/op_list.h"

#define AERIE_ENTRIES(X)    \
    X(context_create)       \
    X(context_set_threads)  \
    X(context_destroy)      \
    X(file_open)            \
    X(file_create)          \
    X(file_close)           \
    X(weight_create)        \
    X(weight_append)        \
    X(weight_append_groups) \
    X(weight_pack)          \
    X(weight_bytes)         \
    X(weight_release)       \
    X(tensor_create)        \
    X(tensor_load)          \
    X(tensor_write)         \
    X(tensor_read)          \
    X(tensor_copy)          \
    X(tensor_release)       \
    X(batch_create)         \
    X(batch_tensor)         \
    X(batch_temporary)      \
    X(batch_write)          \
    X(batch_release)        \
    X(kv_create)            \
    X(kv_copy)              \
    X(kv_release)           \
    X(graph_begin)          \
    X(graph_end)            \
    X(graph_prepare)        \
    X(graph_launch)         \
    X(wait)                 \
    X(graph_release)        \
    AERIE_OPS(X)            \
    X(sampler_create)       \
    X(sampler_mask)         \
    X(sampler_write)        \
    X(sampler_read)         \
    X(sampler_release)

namespace aerie {

enum class Entry : uint32_t {
#define AERIE_ENTRY(name) name,
    AERIE_ENTRIES(AERIE_ENTRY)
#undef AERIE_ENTRY
};

namespace entry {
#define AERIE_ENTRY(name) decltype(::aerie_##name) aerie_##name;
AERIE_ENTRIES(AERIE_ENTRY)
#undef AERIE_ENTRY
}  // namespace entry

}  // namespace aerie
