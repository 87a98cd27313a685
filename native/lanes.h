// Customers side by side: 16 of nearly equal length form a group, and row j of a group holds the j-th event of each.
//
// One vector instruction then advances 4, 8 or 16 customers by one event each, without a branch. Customers with
// fewer events than the first of their group are padded with a code that lies in no stage.
#pragma once

#include "kernels.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

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
    const int32_t* ticks;      // of each row 16
    const uint8_t* stage;      // of each row 16; inside a tick of a customer in the order the rules ask for
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

// Write the values where a comparison holds, one behind another; how many. There must be room for WIDTH of them.
static inline int pack(Ticks comparison, Ticks values, int32_t* to) {
    uint32_t chosen = bits(comparison);
    const int n = __builtin_popcount(chosen);
#if defined(__AVX512F__)
    const __m512i packed = _mm512_maskz_compress_epi32((__mmask16)chosen, (__m512i)values);
    memcpy(to, &packed, sizeof packed);
#else
    int32_t all[WIDTH];
    memcpy(all, &values, sizeof all);
    for (; chosen; chosen &= chosen - 1) *to++ = all[__builtin_ctz(chosen)];
#endif
    return n;
}

constexpr int MOST_LANE_STAGES = 8;

// Before every start: further back than any window reaches, and not so far that a difference leaves 32 bits.
constexpr int32_t NEVER = -(1 << 30);

// Hand a row to all levels, the deepest first: a row extends what was there before it.
template <int K, class Walk>
static inline void extend_down(Walk& walk, Ticks stage, Ticks now) {
    if constexpr (K > 0) {
        walk.template extend<K>(stage == K, now);
        extend_down<K - 1>(walk, stage, now);
    }
}

template <template <int> class Walk, int N, class Asked, class Told>
static void walk_groups(const Lanes& lanes, int64_t begin, int64_t end, const Asked& asked, const Told& told) {
    for (int64_t group = begin; group < end; group++) {
        const int64_t rows = lanes.first_row[group + 1] - lanes.first_row[group];
        for (int half = 0; half < GROUP; half += WIDTH) {
            const int32_t* tick = lanes.ticks + lanes.first_row[group] * GROUP + half;
            const uint8_t* stage = lanes.stage + lanes.first_row[group] * GROUP + half;
            Walk<N> walk(asked);
            for (int64_t j = 0; j < rows; j++)
                extend_down<N>(walk, load_stages(stage + j * GROUP), load_ticks(tick + j * GROUP));
            walk.tell(asked, told, lanes.customer + group * GROUP + half);
        }
    }
}

// Walk the groups from begin to end: Walk<N> extends its levels by the rows, and then tells what came of the customers
// of one vector. Levels are unrolled, so there is a walk for each number of stages. -1: too many of them.
template <template <int> class Walk, int N = 1, class Asked, class Told>
static int walk_stages(const Lanes& lanes, int64_t begin, int64_t end, const Asked& asked, const Told& told) {
    if constexpr (N > MOST_LANE_STAGES) {
        return -1;
    } else {
        if (asked.n_stages != N) return walk_stages<Walk, N + 1>(lanes, begin, end, asked, told);
        walk_groups<Walk, N>(lanes, begin, end, asked, told);
        return 0;
    }
}
