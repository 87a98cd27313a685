// What every kernel shares.
//
// The library allocates nothing, keeps nothing and throws nothing: Python hands in arrays of the right size, each
// kernel fills some of them and returns. So kernels may run side by side in any number of threads.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

constexpr int MOST_STAGES = 255;

// A packed log and, for each code of its rows, the number of the stage (from 1; 0 is none).
template <class Code, class Tick>
struct Log {
    const int64_t* offsets;  // customer c owns the rows offsets[c] to offsets[c + 1] - 1
    const Code* codes;
    const Tick* ticks;  // ascending inside a customer
    const uint8_t* stage_of_code;
};

// The same as Python hands it in: the widths of codes (1 or 2 bytes) and ticks (4 or 8) are data.
struct AnyLog {
    int64_t code_bytes;
    int64_t tick_bytes;
    int64_t has_ties;  // whether any customer has two rows at one tick
    const int64_t* offsets;
    const void* codes;
    const void* ticks;
    const uint8_t* stage_of_code;

    template <class Code, class Tick>
    Log<Code, Tick> as() const {
        return {offsets, (const Code*)codes, (const Tick*)ticks, stage_of_code};
    }
};

// Call act(Log<Code, Tick>) with the types of the log.
template <class Act>
static auto with_types(const AnyLog& log, Act act) {
    if (log.code_bytes == 1)
        return log.tick_bytes == 4 ? act(log.as<uint8_t, int32_t>()) : act(log.as<uint8_t, int64_t>());
    return log.tick_bytes == 4 ? act(log.as<uint16_t, int32_t>()) : act(log.as<uint16_t, int64_t>());
}

// What a funnel counts by.
struct Asked {
    int64_t n_stages;
    int64_t window;    // ticks
    int64_t patience;  // whoever's last start is less than so many ticks old at the end is open; 0: nobody is
    int64_t end_tick;
};

// Room for the rows of the longest customer and one more.
struct Room {
    uint8_t* stage;
    void* tick;
    int32_t* row;
    uint8_t* spare_stage;
    int32_t* spare_row;
};

// Rows of one customer that lie in a stage, by tick, then stage, then position.
template <class Tick>
struct Coded {
    uint8_t* stage;
    Tick* tick;
    int32_t* row;  // null where nobody asks
};

// Put the rows from `begin` to `end`, all of one tick, in the order of their stages; equal stages keep their order.
template <class Tick>
static void sort_stages(Coded<Tick> rows, int64_t begin, int64_t end, uint8_t* spare_stage, int32_t* spare_row) {
    if (end - begin <= 24) {
        for (int64_t i = begin + 1; i < end; i++) {
            const uint8_t stage = rows.stage[i];
            const int32_t row = rows.row ? rows.row[i] : 0;
            int64_t j = i;
            for (; j > begin && rows.stage[j - 1] > stage; j--) {
                rows.stage[j] = rows.stage[j - 1];
                if (rows.row) rows.row[j] = rows.row[j - 1];
            }
            rows.stage[j] = stage;
            if (rows.row) rows.row[j] = row;
        }
        return;
    }
    int64_t place[MOST_STAGES + 2] = {0};
    for (int64_t i = begin; i < end; i++) place[rows.stage[i] + 1]++;
    for (int s = 0; s <= MOST_STAGES; s++) place[s + 1] += place[s];
    for (int64_t i = begin; i < end; i++) {
        const int64_t to = place[rows.stage[i]]++;
        spare_stage[to] = rows.stage[i];
        if (rows.row) spare_row[to] = rows.row[i];
    }
    memcpy(rows.stage + begin, spare_stage, end - begin);
    if (rows.row) memcpy(rows.row + begin, spare_row, (end - begin) * sizeof(int32_t));
}

// Read the rows of a customer that lie in a stage into `to` and return how many there are.
template <class Code, class Tick>
static int64_t read_customer(const Log<Code, Tick>& log, int64_t customer, bool has_ties, Coded<Tick> to,
                             const Room& room) {
    int64_t n = 0;
    for (int64_t i = log.offsets[customer]; i < log.offsets[customer + 1]; i++) {
        // Written in any case and kept only inside a stage: no branch to guess wrong.
        const uint8_t stage = log.stage_of_code[log.codes[i]];
        to.stage[n] = stage;
        to.tick[n] = log.ticks[i];
        if (to.row) to.row[n] = (int32_t)i;
        n += stage != 0;
    }
    if (!has_ties) return n;
    for (int64_t i = 1; i < n; i++) {
        if (to.tick[i] != to.tick[i - 1] || to.stage[i] >= to.stage[i - 1]) continue;
        int64_t begin = i - 1, end = i + 1;
        while (begin > 0 && to.tick[begin - 1] == to.tick[i]) begin--;
        while (end < n && to.tick[end] == to.tick[i]) end++;
        sort_stages(to, begin, end, room.spare_stage, room.spare_row);
        i = end - 1;
    }
    return n;
}

// Keep of coded rows those that begin a visit: whose stage is not that of the row before. How many there are.
template <class Tick>
static int64_t keep_visits(Coded<Tick> rows, int64_t n) {
    int64_t visits = 0;
    uint8_t before = 0;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t stage = rows.stage[i];
        rows.stage[visits] = stage;
        rows.tick[visits] = rows.tick[i];
        visits += stage != before;
        before = stage;
    }
    return visits;
}
