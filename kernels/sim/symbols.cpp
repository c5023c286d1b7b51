#include "sim/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

// The C library's.
extern "C" void* __tls_get_addr(void*);

namespace aerie::sim {
namespace {

struct Unmap {
    size_t bytes = 0;
    void operator()(const char* memory) const { munmap(const_cast<char*>(memory), bytes); }
};
using Mapping = std::unique_ptr<const char, Unmap>;

Mapping map_file(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status = {};
    if (file < 0 || fstat(file, &status) != 0) return {};
    void* memory = mmap(nullptr, size_t(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (memory == MAP_FAILED) return {};
    return {static_cast<const char*>(memory), Unmap{size_t(status.st_size)}};
}

std::string demangled(const char* name) {
    int status = 0;
    std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status), free);
    std::string result = status == 0 ? text.get() : name;
    for (const char* noise : {"(anonymous namespace)::", "aerie::cuda::", "void "}) {
        for (size_t at; (at = result.find(noise)) != std::string::npos;) result.erase(at, std::string(noise).size());
    }
    return result;
}

// Without a function's parameters.
std::string without_parameters(const std::string& name) {
    int depth = 0;
    for (size_t i = 0; i < name.size(); ++i) {
        depth += (name[i] == '<') - (name[i] == '>');
        if (name[i] == '(' && depth == 0) return name.substr(0, i);
    }
    return name;
}

// Reads the table of symbols; a file without one leaves all names unknown.
void read_symbols(Module& module) {
    const Mapping mapping = map_file(module.path);
    if (!mapping || mapping.get_deleter().bytes < sizeof(ElfW(Ehdr))) return;
    const char* file = mapping.get();
    const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(file);
    const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file + header->e_shoff);
    const char* section_names = file + sections[header->e_shstrndx].sh_offset;
    for (int i = 0; i < header->e_shnum; ++i) {
        if (sections[i].sh_type != SHT_SYMTAB) continue;
        const char* names = file + sections[sections[i].sh_link].sh_offset;
        const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(file + sections[i].sh_offset);
        for (size_t j = 0; j < sections[i].sh_size / sizeof(ElfW(Sym)); ++j) {
            const ElfW(Sym)& symbol = symbols[j];
            const int type = symbol.st_info & 15;
            if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= header->e_shnum || symbol.st_size == 0) continue;
            const Variable variable{names + symbol.st_name, symbol.st_value, symbol.st_size};
            const std::string section = section_names + sections[symbol.st_shndx].sh_name;
            if (type == STT_FUNC) module.functions.push_back(variable);
            if (type == STT_TLS) module.shared.push_back(variable);
            if (type == STT_OBJECT && section == "aerie_constant") module.constants.push_back(variable);
        }
    }
    for (auto* list : {&module.functions, &module.shared, &module.constants}) {
        std::sort(list->begin(), list->end(), [](auto& a, auto& b) { return a.offset < b.offset; });
    }
    for (auto* list : {&module.shared, &module.constants}) {
        for (Variable& variable : *list) {
            const std::string name = demangled(variable.name.c_str());
            const size_t scope = name.rfind("::");
            variable.name = scope == std::string::npos ? name : name.substr(scope + 2);
        }
    }
}

struct Search {
    size_t address;
    Module module;
    bool found = false;
};

int find_module(dl_phdr_info* file, size_t, void* argument) {
    auto& search = *static_cast<Search*>(argument);
    for (int i = 0; i < file->dlpi_phnum; ++i) {
        const auto& segment = file->dlpi_phdr[i];
        const size_t begin = file->dlpi_addr + segment.p_vaddr;
        if (segment.p_type == PT_LOAD && search.address - begin < segment.p_memsz) search.found = true;
        if (segment.p_type == PT_TLS) search.module.thread_bytes = segment.p_memsz;
    }
    search.module.path = *file->dlpi_name ? file->dlpi_name : "/proc/self/exe";
    search.module.base = file->dlpi_addr;
    search.module.thread_module = file->dlpi_tls_modid;
    if (!search.found) search.module = {};
    return search.found;
}

}  // namespace

char* Module::thread_memory() const {
    if (thread_bytes == 0) return nullptr;
    size_t index[2] = {thread_module, 0};
    // Makes the block if this thread has none yet.
    return static_cast<char*>(__tls_get_addr(index));
}

const Module* module_of(const void* address) {
    static std::mutex mutex;
    static auto* modules = new std::map<size_t, std::unique_ptr<Module>>;
    Search search{reinterpret_cast<size_t>(address), {}};
    if (!dl_iterate_phdr(find_module, &search)) return nullptr;
    const std::lock_guard lock(mutex);
    auto& module = (*modules)[search.module.base];
    if (!module) {
        read_symbols(search.module);
        module = std::make_unique<Module>(std::move(search.module));
    }
    return module.get();
}

std::string function_name(const void* address) {
    const auto number = reinterpret_cast<size_t>(address);
    if (const Module* module = module_of(address)) {
        for (const Variable& function : module->functions) {
            if (number - module->base == function.offset) {
                return without_parameters(demangled(function.name.c_str()));
            }
        }
    }
    char digits[20];
    snprintf(digits, sizeof digits, "0x%zx", number);
    return digits;
}

std::string place_of(const void* return_address) {
    const Module* module = module_of(return_address);
    if (!module) return "";
    const std::string path =
        module->path == "/proc/self/exe" ? "/proc/" + std::to_string(getpid()) + "/exe" : module->path;
    char command[512], line[512];
    snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%zx 2>/dev/null", path.c_str(),
             reinterpret_cast<size_t>(return_address) - 1 - module->base);
    FILE* pipe = popen(command, "r");
    if (!pipe) return "";
    // Where the innermost function stands that is not the simulator's own.
    std::string text;
    while (fgets(line, sizeof line, pipe)) {
        const std::string place = std::string(line).substr(0, std::string(line).find_first_of(" \n"));
        if (text.empty() && place[0] != '?' && place.find("/sim/types.h") == std::string::npos) text = place;
    }
    pclose(pipe);
    return text.substr(text.rfind('/') + 1);
}

}  // namespace aerie::sim
