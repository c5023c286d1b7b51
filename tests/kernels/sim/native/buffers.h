// Arrays of a device, for cases.
#pragma once
#include <cuda_runtime.h>

#include <vector>

#include "cases.h"

template <class T>
struct Device {
    explicit Device(size_t count) : count(count) { OK(cudaMalloc(&data, count * sizeof(T))); }
    explicit Device(const std::vector<T>& values) : Device(values.size()) {
        OK(cudaMemcpy(data, values.data(), count * sizeof(T), cudaMemcpyHostToDevice));
    }
    Device(const Device&) = delete;
    std::vector<T> read() const {
        std::vector<T> values(count);
        OK(cudaMemcpy(values.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost));
        return values;
    }
    T* data = nullptr;
    size_t count;
};

inline std::vector<int> ascending(size_t count) {
    std::vector<int> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = int(i);
    return values;
}
