// The funnel in totals: how many customers reach each level, who of them may still convert, and all times between.
//
// The rule is that of funnel.cpp. Customers lie side by side in vector lanes where ticks are narrow and stages few
// (cx_totals_of_lanes), and are walked one by one otherwise (cx_totals_of_customers).
#include "lanes.h"

namespace {

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

template <int N>
struct LaneTotals {
    const Ticks window;
    Ticks start[N + 1];           // latest start of a chain that reached the level, or NEVER
    Ticks earliest[N + 1];        // tick of the earliest arrival with that start
    Ticks since_entry[N + 1];     // -1 before the level is reached
    Ticks since_previous[N + 1];

    explicit LaneTotals(const Asked& asked) : window((int32_t)asked.window) {
        for (int k = 1; k <= N; k++) {
            start[k] = NEVER;
            earliest[k] = 0;
            since_entry[k] = since_previous[k] = -1;
        }
    }

    // Extend level K - 1 to level K by the rows `here` (of tick `now`).
    template <int K>
    void extend(Ticks here, Ticks now) {
        const Ticks from = K == 1 ? now : start[K - 1];
        const Ticks waited = now - from;
        const Ticks arrives = here & (waited <= window);
        const Ticks first_time = arrives & (since_entry[K] < 0);
        since_entry[K] = first_time ? waited : since_entry[K];
        if constexpr (K > 2) since_previous[K] = first_time ? now - earliest[K - 1] : since_previous[K];
        if constexpr (K > 1) {
            const Ticks later_start = arrives & (from > start[K]);
            earliest[K] = later_start ? now : earliest[K];
        }
        start[K] = arrives ? from : start[K];
    }

    void tell(const Asked& asked, const Told<int32_t>& told, const int32_t* customers) const {
        Ticks deepest = 0;
        for (int k = 1; k <= N; k++) {
            const Ticks reached = since_entry[k] >= 0;
            deepest -= reached;
            uint32_t who = bits(reached);
            told.reached[k] += __builtin_popcount(who);
            if (k == 1 || !who) continue;
            int32_t entry[WIDTH], previous[WIDTH];
            memcpy(entry, &since_entry[k], sizeof entry);
            memcpy(previous, &since_previous[k], sizeof previous);
            int64_t place = (k - 2) * told.room + told.listed[k];
            told.listed[k] += __builtin_popcount(who);
            for (; who; who &= who - 1, place++) {
                told.since_entry[place] = entry[__builtin_ctz(who)];
                if (k > 2) told.since_previous[place] = previous[__builtin_ctz(who)];
            }
        }
        if (asked.patience > 0) {
            const Ticks waiting = (int32_t)asked.end_tick - start[1] < (int32_t)asked.patience;
            for (int k = 1; k < N; k++) told.open[k] += __builtin_popcount(bits(waiting & (deepest == k)));
        }
        int32_t depth[WIDTH], took[WIDTH];
        memcpy(depth, &deepest, sizeof depth);
        memcpy(took, &since_entry[N], sizeof took);
        for (int place = 0; place < WIDTH && customers[place] >= 0; place++) {
            told.deepest[customers[place]] = (uint8_t)depth[place];
            told.took[customers[place]] = took[place];
        }
    }
};

}  // namespace

// Groups from begin to end. Ticks, the window and `patience` lie below 2^30. -1: too many stages.
EXPORT int cx_totals_of_lanes(const Lanes* lanes, int64_t begin, int64_t end, const Asked* asked,
                              const Told<int32_t>* told) {
    return walk_stages<LaneTotals>(*lanes, begin, end, *asked, *told);
}

// The customers in the places from begin to end of `customers`, or those numbers themselves where that is null.
EXPORT void cx_totals_of_customers(const AnyLog* log, const int32_t* customers, int64_t begin, int64_t end,
                                   const Room* room, const Asked* asked, const void* told) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return walk(of, customers, begin, end, log->has_ties, *room, *asked, *(const Told<Tick>*)told);
    });
}
