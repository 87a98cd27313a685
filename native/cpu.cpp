// Which of the instruction sets we compile for this machine has.
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

namespace {

bool has(uint32_t word, int bit) { return word >> bit & 1; }

// The registers the operating system saves when it changes threads: bit 2 AVX, bits 5 to 7 AVX-512.
uint32_t saved_registers() {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

}  // namespace
#endif

// 2, 3 or 4 for x86-64-v2, -v3 or -v4; 1 for an older x86-64; 0 for other machines.
EXPORT int cx_cpu_level() {
#if defined(__x86_64__)
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 1;
    const bool v2 = has(c, 0) && has(c, 9) && has(c, 13) && has(c, 19) && has(c, 20) && has(c, 23);
    if (!v2) return 1;
    const bool v3_of_leaf_1 = has(c, 12) && has(c, 22) && has(c, 27) && has(c, 28) && has(c, 29);
    if (!v3_of_leaf_1) return 2;
    const uint32_t saved = saved_registers();
    if ((saved & 0x6) != 0x6) return 2;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 2;
    const uint32_t leaf_7 = b;
    if (!__get_cpuid(0x80000001u, &a, &b, &c, &d)) return 2;
    if (!(has(leaf_7, 3) && has(leaf_7, 5) && has(leaf_7, 8) && has(c, 5))) return 2;
    const bool v4 = has(leaf_7, 16) && has(leaf_7, 17) && has(leaf_7, 28) && has(leaf_7, 30) && has(leaf_7, 31);
    return v4 && (saved & 0xe0) == 0xe0 ? 4 : 3;
#else
    return 0;
#endif
}

// Raised with every change of a signature: Python refuses a library of another age.
EXPORT int cx_interface() { return 8; }
