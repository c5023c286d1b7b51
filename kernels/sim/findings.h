// Findings: what the rest of the simulator reports, and the error that stays with the device after one.
#pragma once
#include <cstdint>
#include <string>

#include "sim/device.h"
#include "sim/report.h"

namespace aerie::sim {

// Keeps a finding, prints it to standard error, and lets the device fail from now on; if it has failed already, does
// nothing.
void add_finding(Fault fault, const std::string& text);

// The error that every call returns once there is one, cudaSuccess before.
cudaError_t sticky_error();
void set_sticky_error(cudaError_t error);
// Names the kernel that the device failed in, if it has failed just now.
void name_failed_kernel(const std::string& name);
// "in kernel ..." behind the text of the device's error; null if there is no such error or nobody knows the kernel.
const char* text_with_kernel(cudaError_t error, const char* text);
void forget_findings();

// " at file.cu:12"
std::string at(Site site);
std::string hexadecimal(uint64_t number);

}  // namespace aerie::sim
