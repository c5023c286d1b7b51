// A library of aerie.h that is opened by its path, and calls of its functions with the arguments of a record.
#pragma once
#include <aerie.h>
#include <dlfcn.h>

#include <map>
#include <string_view>
#include <utility>

#include "replay_trace.h"

namespace replay {

// The numbers behind a buffer, for texts.
enum class Numbers { f32, f64, i32, other };

// One function: calls it with a record's arguments, which get what it wrote.
struct Function {
    int32_t (*call)(void* symbol, std::vector<Argument>& arguments);
    std::vector<Numbers> numbers;  // by argument
};

template <class T>
constexpr Numbers numbers_of() {
    if constexpr (std::is_same_v<T, float*>) return Numbers::f32;
    if constexpr (std::is_same_v<T, double*>) return Numbers::f64;
    if constexpr (std::is_same_v<T, int32_t*>) return Numbers::i32;
    return Numbers::other;
}

template <class T>
T argument_of(Argument& argument) {
    if constexpr (std::is_pointer_v<T>) {
        if (argument.kind == 'm' || argument.kind == 't') return reinterpret_cast<T>(&argument.value);
        return argument.is_null ? nullptr : reinterpret_cast<T>(argument.buffer.data());
    } else if constexpr (std::is_same_v<T, float>) {
        const uint32_t bits = uint32_t(argument.value);
        return __builtin_bit_cast(float, bits);
    } else {
        return T(argument.value);
    }
}

template <class T>
struct Signature;
template <class... Parameters>
struct Signature<int32_t(Parameters...)> {
    static int32_t call(void* symbol, std::vector<Argument>& arguments) {
        if (arguments.size() != sizeof...(Parameters)) give_up("A record has the arguments of another version");
        return call(reinterpret_cast<int32_t (*)(Parameters...)>(symbol), arguments,
                    std::index_sequence_for<Parameters...>());
    }
    template <size_t... kIndex>
    static int32_t call(int32_t (*symbol)(Parameters...), std::vector<Argument>& arguments,
                        std::index_sequence<kIndex...>) {
        return symbol(argument_of<Parameters>(arguments[kIndex])...);
    }
    static Function function() { return {&call, {numbers_of<Parameters>()...}}; }
};

// Every function that a record may name.
const std::map<std::string, Function>& functions();

class Library {
  public:
    Library(const std::string& path, int32_t device) : path(path), device(device) {
        handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle_) give_up(std::string("Cannot open ") + dlerror());
        if (int32_t version = symbol<decltype(aerie_abi_version)>("aerie_abi_version")(); version != AERIE_ABI_VERSION)
            give_up(path + " has version " + std::to_string(version) + " of the interface, expected " +
                    std::to_string(AERIE_ABI_VERSION));
    }

    template <class T>
    T* symbol(const std::string& name) const {
        return reinterpret_cast<T*>(address(name));
    }
    void* address(const std::string& name) const {
        void* const found = dlsym(handle_, name.c_str());
        if (!found) give_up(path + " has no " + name);
        return found;
    }
    std::string error(uint32_t context) const {
        char text[512] = "";
        symbol<decltype(aerie_context_error)>("aerie_context_error")(context, text, sizeof text);
        return text;
    }

    const std::string path;
    const int32_t device;

  private:
    void* handle_;
};

// Plays records on one library, whose handles may be others than the recorded ones.
class Player {
  public:
    explicit Player(const Library& library) : library(library) {}

    // Calls the recorded function; `arguments` are then what it left. The status.
    int32_t play(const std::string& name, const Record& record, std::vector<Argument>& arguments) {
        arguments = record.arguments;
        const bool makes_context = name == "aerie_context_create";
        const uint32_t context = makes_context ? 0 : record.handle(0);
        for (size_t i = 0; i < arguments.size(); ++i) {
            Argument& argument = arguments[i];
            if (argument.kind == 'h') argument.value = here(i == 0 ? 0 : context, 'm', uint32_t(argument.value));
            if (argument.kind == 'k') argument.value = here(context, 't', uint32_t(argument.value));
            if (argument.kind == 'm' || argument.kind == 't') argument.value = 0;
            if (argument.kind == 'o') std::fill(argument.buffer.begin(), argument.buffer.end(), 0);
        }
        if (makes_context) arguments.at(1).value = uint64_t(library.device);
        const int32_t status = functions().at(name).call(library.address(name), arguments);
        for (size_t i = 0; i < arguments.size(); ++i)
            if (const char kind = arguments[i].kind; kind == 'm' || kind == 't')
                handles_[{context, kind, uint32_t(record.arguments[i].value)}] = uint32_t(arguments[i].value);
        return status;
    }

    // The library's own handle or ticket for a recorded one; 0 stays 0.
    uint32_t here(uint32_t context, char kind, uint32_t recorded) const {
        const auto found = handles_.find({context, kind, recorded});
        return found == handles_.end() ? 0 : found->second;
    }

    const Library& library;

  private:
    struct Key {
        uint32_t context;
        char kind;
        uint32_t value;
        auto operator<=>(const Key&) const = default;
    };
    std::map<Key, uint32_t> handles_;
};

// The first number of a buffer that differs, as text with both values and its place; "" if there is none.
std::string first_difference(Numbers numbers, const std::vector<char>& found, const std::vector<char>& expected,
                             size_t cols);

}  // namespace replay
