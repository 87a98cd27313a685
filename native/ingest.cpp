// Reading a table: times become ticks, and rows are brought into the order of a log: by customer, then time, then as
// given. What its values are called is in numbering.cpp.
//
// Python hands the rows in by pieces, so that between two of them an interrupt is heard.
#include "widths.h"

namespace {

// Modulo 2^64 a multiple of an odd number is divided by it by multiplying: with its inverse, found by Newton's steps.
constexpr uint64_t inverse_of(uint64_t odd) {
    uint64_t inverse = odd;
    for (int step = 0; step < 5; step++) inverse *= 2 - odd * inverse;
    return inverse;
}

// Whether all are exact. Of what is no multiple the quotient is larger than that of any multiple.
template <uint64_t PER_TICK, class Tick>
int ticks_of(const int64_t* times, int64_t origin, int64_t factor, int64_t begin, int64_t end, Tick* ticks) {
    constexpr int TWOS = __builtin_ctzll(PER_TICK);
    constexpr uint64_t ODD = PER_TICK >> TWOS, INVERSE = inverse_of(ODD), MOST = ~0ull / ODD;
    static_assert(ODD * INVERSE == 1);
    uint64_t rest = 0;
    for (int64_t i = begin; i < end; i++) {
        const uint64_t since = (uint64_t)times[i] - (uint64_t)origin;
        const uint64_t quotient = (since >> TWOS) * INVERSE;
        ticks[i] = (Tick)(quotient * (uint64_t)factor);
        rest |= (since & ((1ull << TWOS) - 1)) | (uint64_t)(quotient > MOST);
    }
    return rest == 0;
}

}  // namespace

// Ticks since the origin, the first of the times: (time - origin) / per_tick * factor, where per_tick is 1, 10^3, 10^6
// or 10^9. Returns whether no time lies between two ticks; otherwise the ticks are nothing.
EXPORT int cx_ticks(const int64_t* times, int64_t origin, int64_t per_tick, int64_t factor, int64_t begin, int64_t end,
                    int64_t tick_bytes, void* ticks) {
    const auto made = [&]<class Tick>(Tick* to) {
        switch (per_tick) {
            case 1: return ticks_of<1>(times, origin, factor, begin, end, to);
            case 1'000: return ticks_of<1'000>(times, origin, factor, begin, end, to);
            case 1'000'000: return ticks_of<1'000'000>(times, origin, factor, begin, end, to);
            default: return ticks_of<1'000'000'000>(times, origin, factor, begin, end, to);
        }
    };
    return tick_bytes == 4 ? made((int32_t*)ticks) : made((int64_t*)ticks);
}

namespace {

// Rows are looked at in blocks: without branches inside, and not again for an order they are known not to have.
template <class Tick>
int orders(const int32_t* customers, const Tick* ticks, int64_t begin, int64_t end) {
    constexpr int64_t BLOCK = 1024;
    int by_time = 1, by_customer = 1;
    for (int64_t start = begin > 0 ? begin : 1; start < end && (by_time || by_customer); start += BLOCK) {
        const int64_t stop = start + BLOCK < end ? start + BLOCK : end;
        for (int64_t i = start; by_time && i < stop; i++) by_time &= ticks[i] >= ticks[i - 1];
        for (int64_t i = start; by_customer && i < stop; i++)
            by_customer &= (customers[i] > customers[i - 1]) |
                           ((customers[i] == customers[i - 1]) & (ticks[i] >= ticks[i - 1]));
    }
    return by_time | by_customer << 1;
}

}  // namespace

// In which orders the rows from begin to end stand (and the one before them): 1 by time, 2 by customer and time.
EXPORT int cx_orders(const int32_t* customers, int64_t tick_bytes, const void* ticks, int64_t begin, int64_t end) {
    return tick_bytes == 4 ? orders(customers, (const int32_t*)ticks, begin, end)
                           : orders(customers, (const int64_t*)ticks, begin, end);
}

// How many of the rows from begin to end each customer has, added to what `counts` holds.
EXPORT void cx_count(const int32_t* customers, int64_t begin, int64_t end, int32_t* counts) {
    for (int64_t i = begin; i < end; i++) counts[customers[i]]++;
}

// Where each customer's rows begin, n customers, and the last one's end; and over the counts of each part of the table,
// one behind the other, where the rows of that part begin.
EXPORT void cx_begins(int64_t parts, int64_t n, int32_t* counts, int64_t* offsets) {
    int32_t place = 0;
    for (int64_t c = 0; c < n; c++) {
        offsets[c] = place;
        for (int64_t part = 0; part < parts; part++) {
            const int32_t count = counts[part * n + c];
            counts[part * n + c] = place;
            place += count;
        }
    }
    offsets[n] = place;
}

// Each row's place in the order of customers, written over the customers; `next` is the next free place of each.
EXPORT void cx_places(int32_t* customers, int64_t begin, int64_t end, int32_t* next) {
    for (int64_t i = begin; i < end; i++) customers[i] = next[customers[i]]++;
}

namespace {

template <class Word, class From>
void move(const int32_t* places, int64_t begin, int64_t end, Word* to, From from) {
    constexpr int64_t AHEAD = 48;  // places lie anywhere: they are asked for before they are needed
    int64_t i = begin;
    for (; i + AHEAD < end; i++) {
        __builtin_prefetch(&to[places[i + AHEAD]], 1);
        to[places[i]] = from(i);
    }
    for (; i < end; i++) to[places[i]] = from(i);
}

}  // namespace

// to[places[i]] = from[i], values of 1, 2, 4 or 8 bytes; without `from`, the row itself, of 4 bytes. One column at a
// time: of several, places would push each other out of what is near.
EXPORT void cx_move(const int32_t* places, int64_t begin, int64_t end, int64_t bytes, const void* from, void* to) {
    if (!from) return move(places, begin, end, (int32_t*)to, [](int64_t i) { return (int32_t)i; });
    with_width(bytes, [&]<class Word>(Word) {
        move(places, begin, end, (Word*)to, [&](int64_t i) { return ((const Word*)from)[i]; });
        return 0;
    });
}

namespace {

template <class Tick>
struct Timed {
    Tick tick;
    int32_t at;  // the row, counted from the customer's first
};

// Merge sorted runs of one, two, four, ... rows until all are one; equal ticks keep their order. Where they end up.
template <class Tick>
Timed<Tick>* merged(Timed<Tick>* from, Timed<Tick>* to, int64_t n) {
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            const int64_t middle = start + width < n ? start + width : n;
            const int64_t end = start + 2 * width < n ? start + 2 * width : n;
            int64_t left = start, right = middle;
            for (int64_t i = start; i < end; i++)
                to[i] = left < middle && (right == end || from[left].tick <= from[right].tick) ? from[left++]
                                                                                               : from[right++];
        }
        Timed<Tick>* other = from;
        from = to;
        to = other;
    }
    return from;
}

template <class Word, class Tick>
void take(Word* values, const Timed<Tick>* order, int64_t n, Word* spare) {
    for (int64_t i = 0; i < n; i++) spare[i] = values[order[i].at];
    memcpy(values, spare, n * sizeof(Word));
}

template <class Code, class Tick>
void insert_by_time(Code* code, Tick* tick, int32_t* row, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const Tick now = tick[i];
        if (tick[i - 1] <= now) continue;
        const Code what = code[i];
        const int32_t where = row[i];
        int64_t j = i;
        for (; j > 0 && tick[j - 1] > now; j--) {
            tick[j] = tick[j - 1];
            code[j] = code[j - 1];
            row[j] = row[j - 1];
        }
        tick[j] = now;
        code[j] = what;
        row[j] = where;
    }
}

template <class Code, class Tick>
void by_time(const int64_t* offsets, int64_t begin, int64_t end, Code* codes, Tick* ticks, int32_t* rows,
             uint8_t* spare) {
    for (int64_t c = begin; c < end; c++) {
        const int64_t first = offsets[c], n = offsets[c + 1] - first;
        Code* code = codes + first;
        Tick* tick = ticks + first;
        int32_t* row = rows + first;
        if (n <= 32) {
            insert_by_time(code, tick, row, n);
            continue;
        }
        bool sorted = true;
        for (int64_t i = 1; i < n && sorted; i++) sorted = tick[i - 1] <= tick[i];
        if (sorted) continue;
        Timed<Tick>* one = (Timed<Tick>*)spare;
        for (int64_t i = 0; i < n; i++) one[i] = {tick[i], (int32_t)i};
        const Timed<Tick>* order = merged(one, one + n, n);
        uint8_t* free = spare + (order == one ? n * sizeof(Timed<Tick>) : 0);
        take(code, order, n, (Code*)free);
        take(row, order, n, (int32_t*)free);
        for (int64_t i = 0; i < n; i++) tick[i] = order[i].tick;
    }
}

// Call act(start, stop) for the rows from start to stop that share customer and time, where there is more than one:
// neighbours, so that most rows are passed many at a time.
template <class Tick, class Act>
void with_ties(const int64_t* offsets, int64_t begin, int64_t end, const Tick* ticks, Act act) {
    constexpr int64_t BLOCK = 64;
    const int64_t last = offsets[end];
    int64_t c = begin, i = offsets[begin] + 1;
    while (i < last) {
        const int64_t stop = i + BLOCK < last ? i + BLOCK : last;
        int32_t any = 0;
        for (int64_t j = i; j < stop; j++) any |= ticks[j] == ticks[j - 1];
        if (!any) i = stop;
        for (; i < stop; i++) {
            if (ticks[i] != ticks[i - 1]) continue;
            while (offsets[c + 1] <= i) c++;
            if (i == offsets[c]) continue;
            const int64_t start = i - 1;
            while (i < offsets[c + 1] && ticks[i] == ticks[start]) i++;
            act(start, i);
        }
    }
}

template <class Code, class Tick>
int64_t repeats(const int64_t* offsets, int64_t begin, int64_t end, const Code* codes, const Tick* ticks,
                int64_t* seen, uint8_t* flags) {
    int64_t tied = 0;
    with_ties(offsets, begin, end, ticks, [&](int64_t start, int64_t stop) {
        tied += stop - start;
        for (int64_t i = start; flags && i < stop; i++) {
            int64_t& before = seen[codes[i]];
            if (before >= start) {
                flags[before] = 1;
                flags[i] = 2;
            } else {
                before = i;
            }
        }
    });
    return tied;
}

template <class Code>
void customers_of_codes(const int64_t* offsets, int64_t begin, int64_t end, const Code* codes, int64_t* seen,
                        int64_t* counts) {
    for (int64_t c = begin; c < end; c++) {
        for (int64_t i = offsets[c]; i < offsets[c + 1]; i++) {
            int64_t& last = seen[codes[i]];
            counts[codes[i]] += last != c;
            last = c;
        }
    }
}

}  // namespace

// Put the rows of the customers from begin to end in the order of their times; equal times keep their order. `spare`
// has 32 bytes for each row of the longest customer.
EXPORT void cx_by_time(const int64_t* offsets, int64_t begin, int64_t end, int64_t code_bytes, void* codes,
                       int64_t tick_bytes, void* ticks, int32_t* rows, uint8_t* spare) {
    with_width(code_bytes, [&]<class Code>(Code) {
        if (tick_bytes == 4)
            by_time(offsets, begin, end, (Code*)codes, (int32_t*)ticks, rows, spare);
        else
            by_time(offsets, begin, end, (Code*)codes, (int64_t*)ticks, rows, spare);
        return 0;
    });
}

// How many rows share customer and time with another. With `flags`: 2 where an earlier row has the same event as well,
// 1 at the first of these. `seen` has -1 for each code.
EXPORT int64_t cx_repeats(const int64_t* offsets, int64_t begin, int64_t end, int64_t code_bytes, const void* codes,
                          int64_t tick_bytes, const void* ticks, int64_t* seen, uint8_t* flags) {
    return with_width(code_bytes, [&]<class Code>(Code) {
        const Code* code = (const Code*)codes;
        return tick_bytes == 4 ? repeats(offsets, begin, end, code, (const int32_t*)ticks, seen, flags)
                               : repeats(offsets, begin, end, code, (const int64_t*)ticks, seen, flags);
    });
}

// How many of the customers from begin to end have a row of each code, added to `counts`; `seen` has -1 for each.
EXPORT void cx_customers_of_codes(const int64_t* offsets, int64_t begin, int64_t end, int64_t code_bytes,
                                  const void* codes, int64_t* seen, int64_t* counts) {
    with_width(code_bytes, [&]<class Code>(Code) {
        customers_of_codes(offsets, begin, end, (const Code*)codes, seen, counts);
        return 0;
    });
}
