// The funnel in totals: how many customers reach each level, who of them may still convert, and all times between.
//
// The rule is that of funnel.cpp. Customers lie side by side in vector lanes where ticks are narrow and stages few
// (cx_totals_of_lanes), and are walked one by one otherwise (cx_totals_of_customers).
#include "lanes.h"

namespace {

struct Asked {
    int64_t n_stages;
    int64_t window;    // ticks
    int64_t patience;  // whoever's last start is less than so many ticks old at the end is open; 0: nobody is
    int64_t end_tick;
};

// Times of one step stand one after another in no particular order; those of step k begin at (k - 2) * room.
template <class Tick>
struct Told {
    int64_t* reached;      // by level, from 1
    int64_t* open;         // by deepest level, from 1
    uint8_t* deepest;      // by customer
    Tick* took;            // by customer: from entry to the last level, -1 where it was not reached
    Tick* since_entry;     // of each who reached level k >= 2, from entry
    Tick* since_previous;  // of each who reached level k >= 3, from the level before; the second's is since_entry
    int64_t* listed;       // by level, how many of these times there are
    int64_t room;
};

template <class Tick>
struct Level {
    Tick start, earliest, since_entry, since_previous;
    bool reached;
};

template <class Tick>
void tell(const Asked& asked, const Told<Tick>& told, int64_t customer, const Level<Tick>* at, Tick last_start) {
    const int n = (int)asked.n_stages;
    int deepest = 0;
    while (deepest < n && at[deepest + 1].reached) {
        deepest++;
        told.reached[deepest]++;
        if (deepest == 1) continue;
        const int64_t place = (deepest - 2) * told.room + told.listed[deepest]++;
        told.since_entry[place] = at[deepest].since_entry;
        if (deepest > 2) told.since_previous[place] = at[deepest].since_previous;
    }
    told.deepest[customer] = (uint8_t)deepest;
    told.took[customer] = deepest == n ? at[n].since_entry : -1;
    if (deepest > 0 && deepest < n) told.open[deepest] += asked.end_tick - last_start < asked.patience;
}

template <class Code, class Tick>
int64_t walk(Log<Code, Tick> log, const int32_t* customers, int64_t begin, int64_t end, bool has_ties, const Room& room,
             const Asked& asked, const Told<Tick>& told) {
    Level<Tick> at[MOST_STAGES + 1];
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, nullptr};
    for (int64_t i = begin; i < end; i++) {
        const int64_t customer = customers ? customers[i] : i;
        const int64_t n = read_customer(log, customer, has_ties, one, room);
        for (int k = 1; k <= asked.n_stages; k++) at[k].reached = false;
        for (int64_t j = 0; j < n; j++) {
            const int k = one.stage[j];
            const Tick now = one.tick[j];
            if (k > 1 && !(at[k - 1].reached && (int64_t)now - (int64_t)at[k - 1].start <= asked.window)) continue;
            const Tick start = k == 1 ? now : at[k - 1].start;
            if (!at[k].reached || at[k].start != start) at[k].earliest = now;
            at[k].start = start;
            if (at[k].reached) continue;
            at[k].reached = true;
            at[k].since_entry = now - start;
            at[k].since_previous = k == 1 ? 0 : now - at[k - 1].earliest;
        }
        tell(asked, told, customer, at, at[1].start);
    }
    return 0;
}

// Before every start: further back than any window reaches, and not so far that a difference leaves 32 bits.
constexpr int32_t NEVER = -(1 << 30);

// What the lanes know about one level.
struct LaneLevel {
    Ticks start;           // latest start of a chain that reached the level, or NEVER
    Ticks earliest;        // tick of the earliest arrival with that start
    Ticks since_entry;     // -1 before the level is reached
    Ticks since_previous;
};

// Extend level k - 1 to level k by the rows `here` (of tick `now`).
template <int K>
static inline void extend(LaneLevel* at, Ticks here, Ticks now, Ticks window) {
    const Ticks start = K == 1 ? now : at[K - 1].start;
    const Ticks waited = now - start;
    const Ticks arrives = here & (waited <= window);
    const Ticks first_time = arrives & (at[K].since_entry < 0);
    at[K].since_entry = first_time ? waited : at[K].since_entry;
    if constexpr (K > 2) at[K].since_previous = first_time ? now - at[K - 1].earliest : at[K].since_previous;
    if constexpr (K > 1) {
        const Ticks later_start = arrives & (start > at[K].start);
        at[K].earliest = later_start ? now : at[K].earliest;
    }
    at[K].start = arrives ? start : at[K].start;
}

// Where rows stand in the order of time alone, deeper levels come first: a row extends what was there before it.
template <int K>
static inline void extend_down(LaneLevel* at, Ticks stage, Ticks now, Ticks window) {
    if constexpr (K > 0) {
        extend<K>(at, stage == K, now, window);
        extend_down<K - 1>(at, stage, now, window);
    }
}

// All rows of one tick at once, in the order of their stages: `seen` has a bit for each stage there.
template <int K, int N>
static inline void extend_up(LaneLevel* at, Ticks seen, Ticks now, Ticks window) {
    if constexpr (K <= N) {
        extend<K>(at, (seen & (1 << K)) != 0, now, window);
        extend_up<K + 1, N>(at, seen, now, window);
    }
}

template <int N, bool TIES>
void walk_lanes(const Lanes& lanes, const uint8_t* stage, int64_t group, int half, const Asked& asked,
                const Told<int32_t>& told) {
    const Ticks window = (int32_t)asked.window;
    LaneLevel at[N + 1];
    for (int k = 0; k <= N; k++) at[k] = {NEVER, 0, -1, -1};
    const int64_t rows = lanes.first_row[group + 1] - lanes.first_row[group];
    const int32_t* tick = lanes.ticks + lanes.first_row[group] * GROUP + half;
    stage += half;
    Ticks seen = 0, before = 0;
    for (int64_t j = 0; j < rows; j++) {
        const Ticks now = load_ticks(tick + j * GROUP), here = load_stages(stage + j * GROUP);
        if constexpr (TIES) {
            // A row of a new tick closes the tick before it.
            const Ticks next = now != before;
            extend_up<1, N>(at, next ? seen : 0, before, window);
            seen = (next ? 0 : seen) | ((Ticks)1 << here);
            before = now;
        } else {
            extend_down<N>(at, here, now, window);
        }
    }
    if constexpr (TIES) extend_up<1, N>(at, seen, before, window);

    Ticks deepest = 0;
    for (int k = 1; k <= N; k++) {
        const Ticks reached = at[k].since_entry >= 0;
        deepest -= reached;
        uint32_t who = bits(reached);
        told.reached[k] += __builtin_popcount(who);
        if (k == 1 || !who) continue;
        int32_t since_entry[WIDTH], since_previous[WIDTH];
        memcpy(since_entry, &at[k].since_entry, sizeof since_entry);
        memcpy(since_previous, &at[k].since_previous, sizeof since_previous);
        int64_t place = (k - 2) * told.room + told.listed[k];
        told.listed[k] += __builtin_popcount(who);
        for (; who; who &= who - 1, place++) {
            told.since_entry[place] = since_entry[__builtin_ctz(who)];
            if (k > 2) told.since_previous[place] = since_previous[__builtin_ctz(who)];
        }
    }
    if (asked.patience > 0) {
        const Ticks waiting = (int32_t)asked.end_tick - at[1].start < (int32_t)asked.patience;
        for (int k = 1; k < N; k++) told.open[k] += __builtin_popcount(bits(waiting & (deepest == k)));
    }
    int32_t depth[WIDTH], took[WIDTH];
    memcpy(depth, &deepest, sizeof depth);
    memcpy(took, &at[N].since_entry, sizeof took);
    for (int place = 0; place < WIDTH; place++) {
        const int32_t customer = lanes.customer[group * GROUP + half + place];
        if (customer < 0) break;
        told.deepest[customer] = (uint8_t)depth[place];
        told.took[customer] = took[place];
    }
}

template <class Code>
void put_into_stages(const Lanes& lanes, int64_t group, uint8_t* stage) {
    const Code* codes = (const Code*)lanes.codes + lanes.first_row[group] * GROUP;
    const int64_t n = (lanes.first_row[group + 1] - lanes.first_row[group]) * GROUP;
    for (int64_t i = 0; i < n; i++) stage[i] = lanes.stage_of_code[codes[i]];
}

template <int N, bool TIES>
void walk_groups(const Lanes& lanes, int64_t begin, int64_t end, const Asked& asked, const Told<int32_t>& told) {
    uint8_t stage[LONGEST_GROUP * GROUP];
    for (int64_t group = begin; group < end; group++) {
        if (lanes.code_bytes == 1)
            put_into_stages<uint8_t>(lanes, group, stage);
        else
            put_into_stages<uint16_t>(lanes, group, stage);
        for (int half = 0; half < GROUP; half += WIDTH) walk_lanes<N, TIES>(lanes, stage, group, half, asked, told);
    }
}

constexpr int MOST_LANE_STAGES = 8;

// Choose the walk for the number of stages: levels are unrolled.
template <int N>
int choose(const Lanes& lanes, int64_t begin, int64_t end, const Asked& asked, const Told<int32_t>& told) {
    if constexpr (N > MOST_LANE_STAGES) {
        return -1;
    } else {
        if (asked.n_stages != N) return choose<N + 1>(lanes, begin, end, asked, told);
        if (lanes.has_ties)
            walk_groups<N, true>(lanes, begin, end, asked, told);
        else
            walk_groups<N, false>(lanes, begin, end, asked, told);
        return 0;
    }
}

}  // namespace

// Groups from begin to end. Ticks, the window and `patience` lie below 2^30. -1: too many stages.
EXPORT int cx_totals_of_lanes(const Lanes* lanes, int64_t begin, int64_t end, const Asked* asked,
                              const Told<int32_t>* told) {
    return choose<1>(*lanes, begin, end, *asked, *told);
}

// The customers in the places from begin to end of `customers`, or those numbers themselves where that is null.
EXPORT void cx_totals_of_customers(const AnyLog* log, const int32_t* customers, int64_t begin, int64_t end,
                                   const Room* room, const Asked* asked, const void* told) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return walk(of, customers, begin, end, log->has_ties, *room, *asked, *(const Told<Tick>*)told);
    });
}
