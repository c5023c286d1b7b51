// Prints the free and the total bytes that the files under a folder tell: free_memory ROOT.
#include "cpu/free_memory.h"

#include <cstdio>

int main(int, char** argv) {
    const aerie::cpu::FreeMemory memory = aerie::cpu::read_free_memory(argv[1]);
    printf("%.0f %.0f\n", memory.free, memory.total);
}
