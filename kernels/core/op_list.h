// The name of every op, once: kinds, tables of bodies and names in errors are made from this list.
#define AERIE_OPS(X)  \
    X(embedding)      \
    X(rms_norm)       \
    X(group_norm)     \
    X(linear)         \
    X(rope_angles)    \
    X(rope)           \
    X(kv_store)       \
    X(attention)      \
    X(silu_mul)       \
    X(gelu_mul)       \
    X(route)          \
    X(expert_linear)  \
    X(expert_sum)     \
    X(gather_outputs) \
    X(gather_rows)    \
    X(store_rows)     \
    X(add_bias)       \
    X(add)            \
    X(scale)          \
    X(soft_cap)       \
    X(sample)
