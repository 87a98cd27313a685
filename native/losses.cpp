// Why customers who entered a funnel got no further: what became of the stage after the deepest they reached.
//
// The rule of the funnel is that of funnel.cpp. A row of the next stage came too late where an arrival at the deepest
// level lies before it, since else it would have been an arrival itself. How much too late is asked of chains under no
// window: at each level the latest start leads to the quickest of them.
#include "lanes.h"

namespace {

// As reasons are numbered in Python.
constexpr int32_t NOT_LOST = 0, NO_ROW = 1, ROW_BEFORE = 2, TOO_LATE = 3, STILL_OPEN = 6;

// By customer.
template <class Tick>
struct Lost {
    uint8_t* deepest;
    uint8_t* why;
    Tick* took;  // where it is too late, the ticks of the quickest chain to the next stage under no window; else -1
};

template <class Tick>
struct Level {
    Tick start;  // latest start of a chain inside the window that reached the level
    Tick free;   // the same under no window
    Tick quickest;
    bool reached, reached_free;
    int32_t why;
};

template <class Code, class Tick>
void walk(Log<Code, Tick> log, const int32_t* customers, int64_t begin, int64_t end, bool has_ties, const Room& room,
          const Asked& asked, const Lost<Tick>& lost) {
    Level<Tick> at[MOST_STAGES + 1];
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, nullptr};
    const int n_stages = (int)asked.n_stages;
    for (int64_t i = begin; i < end; i++) {
        const int64_t customer = customers ? customers[i] : i;
        const int64_t n = read_customer(log, customer, has_ties, one, room);
        for (int k = 1; k <= n_stages; k++) at[k] = {0, 0, -1, false, false, NO_ROW};
        for (int64_t j = 0; j < n; j++) {
            const int k = one.stage[j];
            const Tick now = one.tick[j];
            if (k == 1) {
                at[1] = {now, now, -1, true, true, NO_ROW};
                continue;
            }
            const Level<Tick>& before = at[k - 1];
            if (before.reached_free) {
                const Tick took = now - before.free;
                if (!at[k].reached_free || took < at[k].quickest) at[k].quickest = took;
                at[k].free = before.free;
                at[k].reached_free = true;
            }
            if (before.reached)
                at[k].why = TOO_LATE;
            else if (at[k].why == NO_ROW)
                at[k].why = ROW_BEFORE;
            if (before.reached && (int64_t)now - (int64_t)before.start <= asked.window) {
                at[k].start = before.start;
                at[k].reached = true;
            }
        }
        int deepest = 0;
        while (deepest < n_stages && at[deepest + 1].reached) deepest++;
        int32_t why = deepest == 0 || deepest == n_stages ? NOT_LOST : at[deepest + 1].why;
        if (why != NOT_LOST && asked.end_tick - at[1].start < asked.patience) why = STILL_OPEN;
        lost.deepest[customer] = (uint8_t)deepest;
        lost.why[customer] = (uint8_t)why;
        lost.took[customer] = why == TOO_LATE ? at[deepest + 1].quickest : -1;
    }
}

template <int N>
struct LaneLosses {
    const Ticks window;
    Ticks start[N + 1], free[N + 1];  // NEVER before the level is reached
    Ticks quickest[N + 1];
    Ticks why[N + 1];

    explicit LaneLosses(const Asked& asked) : window((int32_t)asked.window) {
        for (int k = 1; k <= N; k++) {
            start[k] = free[k] = NEVER;
            quickest[k] = INT32_MAX;
            why[k] = NO_ROW;
        }
    }

    template <int K>
    void extend(Ticks here, Ticks now) {
        if constexpr (K == 1) {
            start[1] = free[1] = here ? now : start[1];
        } else {
            const Ticks behind = here & (start[K - 1] >= 0);
            const Ticks unseen = here & (why[K] == NO_ROW);
            why[K] = unseen ? (Ticks)ROW_BEFORE : why[K];
            why[K] = behind ? (Ticks)TOO_LATE : why[K];
            const Ticks arrives = behind & (now - start[K - 1] <= window);
            start[K] = arrives ? start[K - 1] : start[K];
            const Ticks arrives_free = here & (free[K - 1] >= 0);
            const Ticks took = now - free[K - 1];
            const Ticks quicker = arrives_free & (took < quickest[K]);
            quickest[K] = quicker ? took : quickest[K];
            free[K] = arrives_free ? free[K - 1] : free[K];
        }
    }

    void tell(const Asked& asked, const Lost<int32_t>& lost, const int32_t* customers) const {
        Ticks deepest = 0, reason = NOT_LOST, took = -1;
        for (int k = 1; k <= N; k++) deepest -= start[k] >= 0;
        for (int k = 1; k < N; k++) {
            const Ticks here = deepest == k;
            reason = here ? why[k + 1] : reason;
            const Ticks late = here & (why[k + 1] == TOO_LATE);
            took = late ? quickest[k + 1] : took;
        }
        if (asked.patience > 0) {
            const Ticks waiting = (int32_t)asked.end_tick - start[1] < (int32_t)asked.patience;
            const Ticks open = (reason != NOT_LOST) & waiting;
            reason = open ? (Ticks)STILL_OPEN : reason;
            took = open ? (Ticks)-1 : took;
        }
        int32_t depth[WIDTH], because[WIDTH], ticks[WIDTH];
        memcpy(depth, &deepest, sizeof depth);
        memcpy(because, &reason, sizeof because);
        memcpy(ticks, &took, sizeof ticks);
        for (int place = 0; place < WIDTH && customers[place] >= 0; place++) {
            const int32_t customer = customers[place];
            lost.deepest[customer] = (uint8_t)depth[place];
            lost.why[customer] = (uint8_t)because[place];
            lost.took[customer] = ticks[place];
        }
    }
};

}  // namespace

// Groups from begin to end. Ticks, the window and `patience` lie below 2^30. -1: too many stages.
EXPORT int cx_losses_of_lanes(const Lanes* lanes, int64_t begin, int64_t end, const Asked* asked, const void* lost) {
    return walk_stages<LaneLosses>(*lanes, begin, end, *asked, *(const Lost<int32_t>*)lost);
}

// The customers in the places from begin to end of `customers`, or those numbers themselves where that is null.
EXPORT void cx_losses_of_customers(const AnyLog* log, const int32_t* customers, int64_t begin, int64_t end,
                                   const Room* room, const Asked* asked, const void* lost) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        walk(of, customers, begin, end, log->has_ties, *room, *asked, *(const Lost<Tick>*)lost);
        return 0;
    });
}
