// Laying a log out in groups of customers.
#include "lanes.h"

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
void sort_ticks(const int32_t* tick, uint8_t* stage, int64_t rows) {
    for (int64_t j = 1; j < rows; j++) {
        for (int half = 0; half < GROUP; half += WIDTH) {
            const int64_t at = j * GROUP + half, before = at - GROUP;
            uint32_t falls = bits((load_ticks(tick + at) == load_ticks(tick + before)) &
                                  (load_stages(stage + at) < load_stages(stage + before)));
            for (; falls; falls &= falls - 1) {
                const int place = half + __builtin_ctz(falls);
                const int32_t now = tick[j * GROUP + place];
                int64_t begin = j, end = j + 1;
                while (begin > 0 && tick[(begin - 1) * GROUP + place] == now) begin--;
                while (end < rows && tick[end * GROUP + place] == now) end++;
                sort_run(stage + place, begin, end);
            }
        }
    }
}

template <class Code>
void put_into_stages(const Code* codes, const uint8_t* stage_of_code, int64_t n, uint8_t* stage) {
    for (int64_t i = 0; i < n; i++) stage[i] = stage_of_code[codes[i]];
}

}  // namespace

// The stages of the rows of the groups from begin to end; inside a tick in the order of their numbers where they are to
// be `sorted`, else as the rows stand.
EXPORT void cx_stages_of_lanes(const int64_t* first_row, int64_t code_bytes, const void* codes, const int32_t* ticks,
                               const uint8_t* stage_of_code, int64_t sorted, int64_t begin, int64_t end,
                               uint8_t* stage) {
    for (int64_t group = begin; group < end; group++) {
        const int64_t from = first_row[group] * GROUP, rows = first_row[group + 1] - first_row[group];
        if (code_bytes == 1)
            put_into_stages((const uint8_t*)codes + from, stage_of_code, rows * GROUP, stage + from);
        else
            put_into_stages((const uint16_t*)codes + from, stage_of_code, rows * GROUP, stage + from);
        if (sorted) sort_ticks(ticks + from, stage + from, rows);
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
