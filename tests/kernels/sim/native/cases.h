// Cases of a native test program: `program name` runs one and prints what it found out; `program` lists their names.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace cases {

struct Case {
    const char* name;
    void (*run)();
    Case* next;
};
inline Case* first = nullptr;

struct Registered {
    explicit Registered(Case& each) {
        each.next = first;
        first = &each;
    }
};

}  // namespace cases

#define CASE(name)                                                 \
    static void name();                                            \
    static cases::Case case_##name = {#name, name, nullptr};       \
    static const cases::Registered registered_##name(case_##name); \
    static void name()

// Ends the program where something does not hold.
#define EXPECT(condition)                                                           \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

// Ends the program where a call of the runtime fails.
#define OK(call) EXPECT((call) == cudaSuccess)
