// Laying a log out in groups of customers.
#include "lanes.h"

#if defined(__SSSE3__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

template <class Code>
void lay_out(const int64_t* offsets, const Code* codes, const int32_t* customer, const int64_t* first_row, int64_t begin,
             int64_t end, Code padding, Code* laid) {
    for (int64_t g = begin; g < end; g++) {
        const int64_t rows = first_row[g + 1] - first_row[g];
        for (int place = 0; place < GROUP; place++) {
            const int32_t c = customer[g * GROUP + place];
            const int64_t from = c < 0 ? 0 : offsets[c], n = c < 0 ? 0 : offsets[c + 1] - from;
            Code* to = laid + first_row[g] * GROUP + place;
            for (int64_t j = 0; j < n; j++) to[j * GROUP] = codes[from + j];
            for (int64_t j = n; j < rows; j++) to[j * GROUP] = padding;
        }
    }
}

}  // namespace

// The codes of the groups from begin to end; padding has the highest code, which no event may have.
EXPORT void cx_lay_out_codes(int64_t code_bytes, const int64_t* offsets, const void* codes, const int32_t* customer,
                             const int64_t* first_row, int64_t begin, int64_t end, void* laid) {
    if (code_bytes == 1)
        lay_out<uint8_t>(offsets, (const uint8_t*)codes, customer, first_row, begin, end, 0xff, (uint8_t*)laid);
    else
        lay_out<uint16_t>(offsets, (const uint16_t*)codes, customer, first_row, begin, end, 0xffff, (uint16_t*)laid);
}

// The ticks of the groups from begin to end; padding is at tick 0.
EXPORT void cx_lay_out_ticks(const int64_t* offsets, const int32_t* ticks, const int32_t* customer,
                             const int64_t* first_row, int64_t begin, int64_t end, int32_t* laid) {
    lay_out<int32_t>(offsets, ticks, customer, first_row, begin, end, 0, laid);
}

namespace {

// One bit for each place of a row, the first place the lowest.
typedef uint16_t RowBits;
// The stages of a row.
typedef uint8_t RowStages __attribute__((ext_vector_type(GROUP)));

inline RowStages load_row(const uint8_t* from) {
    RowStages loaded;
    memcpy(&loaded, from, sizeof loaded);
    return loaded;
}

// Which places have a lower stage than in another row.
inline RowBits lower(RowStages here, RowStages there) {
    typedef bool Mask __attribute__((ext_vector_type(GROUP)));
    return __builtin_bit_cast(RowBits, __builtin_convertvector(here < there, Mask));
}

constexpr int SHORT_RUN = 24;

// Put the stages of the rows from begin to end of one place, all of one tick, in ascending order.
void sort_run(uint8_t* stage, int64_t begin, int64_t end) {
    if (end - begin <= SHORT_RUN) {
        for (int64_t i = begin + 1; i < end; i++) {
            const uint8_t one = stage[i * GROUP];
            int64_t j = i;
            for (; j > begin && stage[(j - 1) * GROUP] > one; j--) stage[j * GROUP] = stage[(j - 1) * GROUP];
            stage[j * GROUP] = one;
        }
        return;
    }
    int32_t times[256] = {0};
    for (int64_t i = begin; i < end; i++) times[stage[i * GROUP]]++;
    for (int s = 0; s < 256; s++)
        for (; times[s]; times[s]--) stage[begin++ * GROUP] = (uint8_t)s;
}

// Put the stages of every tick in ascending order. Rows in no stage may stand anywhere inside theirs.
void sort_ticks(const RowBits* tied, uint8_t* stage, int64_t rows) {
    for (int64_t j = 1; j < rows; j++) {
        if (!tied[j]) continue;
        const uint8_t* row = stage + j * GROUP;
        uint32_t falls = tied[j] & lower(load_row(row), load_row(row - GROUP));
        for (; falls; falls &= falls - 1) {
            const int place = __builtin_ctz(falls);
            int64_t begin = j - 1, end = j + 1;
            while (tied[begin] >> place & 1) begin--;
            while (end < rows && tied[end] >> place & 1) end++;
            sort_run(stage + place, begin, end);
        }
    }
}

// Looking up bytes in a table of 256, many at once where there is an instruction for tables of 16: the table is cut into
// pieces of 16, and each adds its part, pieces that are all zero nothing.
#if defined(__AVX512BW__)
#define LOOKS_UP
typedef uint8_t Many __attribute__((ext_vector_type(64)));
inline Many in_sixteen(Many piece, Many index) {
    return (Many)_mm512_shuffle_epi8((__m512i)piece, (__m512i)__builtin_elementwise_add_sat(index, (Many)0x70));
}
#elif defined(__AVX2__)
#define LOOKS_UP
typedef uint8_t Many __attribute__((ext_vector_type(32)));
inline Many in_sixteen(Many piece, Many index) {
    return (Many)_mm256_shuffle_epi8((__m256i)piece, (__m256i)__builtin_elementwise_add_sat(index, (Many)0x70));
}
#elif defined(__SSSE3__)
#define LOOKS_UP
typedef uint8_t Many __attribute__((ext_vector_type(16)));
inline Many in_sixteen(Many piece, Many index) {
    return (Many)_mm_shuffle_epi8((__m128i)piece, (__m128i)__builtin_elementwise_add_sat(index, (Many)0x70));
}
#elif defined(__aarch64__)
#define LOOKS_UP
typedef uint8_t Many __attribute__((ext_vector_type(16)));
inline Many in_sixteen(Many piece, Many index) {
    return (Many)vqtbl1q_u8((uint8x16_t)piece, (uint8x16_t)index);
}
#endif

struct Table {
    const uint8_t* of_code;
#if defined(LOOKS_UP)
    // More pieces than this take longer than one code after another.
    static constexpr int MOST_PIECES = 8;
    Many piece[MOST_PIECES];
    uint8_t first[MOST_PIECES];
    int pieces = 0;

    explicit Table(const uint8_t* given) : of_code(given) {
        for (int from = 0; from < 256; from += 16) {
            uint8_t any = 0;
            for (int i = 0; i < 16; i++) any |= of_code[from + i];
            if (!any) continue;
            if (pieces < MOST_PIECES) {
                for (int i = 0; i < (int)sizeof(Many); i++) piece[pieces][i] = of_code[from + i % 16];
                first[pieces] = (uint8_t)from;
            }
            pieces++;
        }
    }

    void look_up(const uint8_t* codes, int64_t n, uint8_t* found) const {
        int64_t i = 0;
        if (pieces <= MOST_PIECES) {
            for (; i + (int64_t)sizeof(Many) <= n; i += sizeof(Many)) {
                Many here, all = 0;
                memcpy(&here, codes + i, sizeof here);
                for (int p = 0; p < pieces; p++) all |= in_sixteen(piece[p], here - first[p]);
                memcpy(found + i, &all, sizeof all);
            }
        }
        for (; i < n; i++) found[i] = of_code[codes[i]];
    }
#else
    explicit Table(const uint8_t* given) : of_code(given) {}

    void look_up(const uint8_t* codes, int64_t n, uint8_t* found) const {
        for (int64_t i = 0; i < n; i++) found[i] = of_code[codes[i]];
    }
#endif
};

}  // namespace

// Of each row of the groups from begin to end which places have the tick of the row before.
EXPORT void cx_ties_in_lanes(const int64_t* first_row, const int32_t* ticks, int64_t begin, int64_t end,
                             RowBits* tied) {
    for (int64_t group = begin; group < end; group++) {
        if (first_row[group] < first_row[group + 1]) tied[first_row[group]] = 0;
        for (int64_t row = first_row[group] + 1; row < first_row[group + 1]; row++) {
            uint32_t same = 0;
            for (int half = 0; half < GROUP; half += WIDTH) {
                const int32_t* now = ticks + row * GROUP + half;
                same |= bits(load_ticks(now) == load_ticks(now - GROUP)) << half;
            }
            tied[row] = (RowBits)same;
        }
    }
}

// The stages of the rows of the groups from begin to end; inside a tick in the order of their numbers, or, where `tied`
// is null, as the rows stand.
EXPORT void cx_stages_of_lanes(const int64_t* first_row, int64_t code_bytes, const void* codes, const RowBits* tied,
                               const uint8_t* stage_of_code, int64_t begin, int64_t end, uint8_t* stage) {
    const Table table(stage_of_code);
    // Some groups at a time, whose stages are still at hand when they are put in order.
    constexpr int64_t AT_ONCE = 64;
    for (int64_t some = begin; some < end; some += AT_ONCE) {
        const int64_t behind = some + AT_ONCE < end ? some + AT_ONCE : end;
        const int64_t from = first_row[some] * GROUP, until = first_row[behind] * GROUP;
        if (code_bytes == 1)
            table.look_up((const uint8_t*)codes + from, until - from, stage + from);
        else
            for (int64_t i = from; i < until; i++) stage[i] = stage_of_code[((const uint16_t*)codes)[i]];
        if (!tied) continue;
        for (int64_t group = some; group < behind; group++)
            sort_ticks(tied + first_row[group], stage + first_row[group] * GROUP, first_row[group + 1] - first_row[group]);
    }
}

// Which stages each customer of the groups from begin to end has a row in: bit k for stage k, and bit 0 for rows in
// none. Stages are at most 31.
EXPORT void cx_seen_in_lanes(const Lanes* lanes, const int64_t* offsets, int64_t begin, int64_t end, uint32_t* seen) {
    for (int64_t group = begin; group < end; group++) {
        const int64_t rows = lanes->first_row[group + 1] - lanes->first_row[group];
        for (int half = 0; half < GROUP; half += WIDTH) {
            const uint8_t* stage = lanes->stage + lanes->first_row[group] * GROUP + half;
            Ticks stages = 0, inside = 0;
            for (int64_t j = 0; j < rows; j++) {
                const Ticks here = load_stages(stage + j * GROUP);
                stages |= (Ticks)1 << here;
                inside -= here != 0;
            }
            for (int place = 0; place < WIDTH; place++) {
                const int32_t customer = lanes->customer[group * GROUP + half + place];
                if (customer < 0) break;
                // Padding lies in no stage either, so what lies outside is what is left of the customer's rows.
                const bool outside = inside[place] < offsets[customer + 1] - offsets[customer];
                seen[customer] = ((uint32_t)stages[place] & ~1u) | outside;
            }
        }
    }
}
