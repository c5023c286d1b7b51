// What the symbol tables of the running program say: names of kernels, variables in shared memory, lines of code.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace aerie::sim {

struct Variable {
    std::string name;
    size_t offset, bytes;
};

// A loaded file of code: the program or a library.
struct Module {
    std::string path;
    size_t base = 0;
    std::vector<Variable> functions;  // by offset from base
    std::vector<Variable> shared;     // variables of a thread, which shared memory is, by offset in its block of them
    std::vector<Variable> constants;  // __constant__ variables, by offset from base
    size_t thread_bytes = 0, thread_module = 0;

    // The calling thread's block of variables of a thread.
    char* thread_memory() const;
};

// Null for addresses that no file holds.
const Module* module_of(const void* address);
// The function's name and parameters, or its address in hexadecimal digits.
std::string function_name(const void* address);
// "file.cu:12" for a return address, or "" where the file says nothing.
std::string place_of(const void* return_address);

}  // namespace aerie::sim
