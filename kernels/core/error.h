// Failures inside the library: thrown as Error, turned into a status and a text by abi/context.h.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "aerie.h"

namespace aerie {

class Error : public std::runtime_error {
  public:
    Error(aerie_status status, const std::string& text) : std::runtime_error(text), status(status) {}
    const aerie_status status;
};

[[noreturn, gnu::format(printf, 2, 3)]] inline void fail(aerie_status status, const char* format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    throw Error(status, text);
}

}  // namespace aerie
