// Customers side by side: 16 of nearly equal length form a group, and row j of a group holds the j-th event of each.
//
// One vector instruction then advances 4, 8 or 16 customers by one event each, without a branch. Customers with
// fewer events than the first of their group are padded with a code that lies in no stage.
#pragma once

#include "kernels.h"

constexpr int GROUP = 16;

// How many customers one vector holds.
#if defined(__AVX512F__)
constexpr int WIDTH = 16;
typedef uint16_t Bits;
#elif defined(__AVX2__)
constexpr int WIDTH = 8;
typedef uint8_t Bits;
#else
constexpr int WIDTH = 4;
typedef uint8_t Bits;  // the upper half is empty
#endif

// The longest group, in rows; longer customers are counted alone.
constexpr int64_t LONGEST_GROUP = 4096;

typedef int32_t Ticks __attribute__((ext_vector_type(WIDTH)));
typedef uint8_t Stages __attribute__((ext_vector_type(WIDTH)));

struct Lanes {
    const int64_t* first_row;  // of each group, and behind the last: group g has the rows first_row[g] to [g + 1] - 1
    const int32_t* customer;   // of each place in the groups; -1 where nobody is
    const void* codes;         // of each row 16
    const int32_t* ticks;      // of each row 16
    int64_t code_bytes;
    const uint8_t* stage_of_code;
    int64_t has_ties;
};

static inline Ticks load_ticks(const int32_t* from) {
    Ticks loaded;
    memcpy(&loaded, from, sizeof loaded);
    return loaded;
}

static inline Ticks load_stages(const uint8_t* from) {
    Stages loaded;
    memcpy(&loaded, from, sizeof loaded);
    return __builtin_convertvector(loaded, Ticks);
}

// One bit for each place where a comparison holds.
static inline uint32_t bits(Ticks comparison) {
    typedef bool Mask __attribute__((ext_vector_type(WIDTH)));
    const Mask mask = __builtin_convertvector(comparison, Mask);
    return __builtin_bit_cast(Bits, mask) & ((1u << WIDTH) - 1);
}
