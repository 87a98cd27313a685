// The funnel: ordered stages, one window from entry, best attempt, stages in order at ties.
//
// For each level the latest start of a chain that reached it is enough: a row of stage k at tick t extends the level
// before if t - start[k - 1] <= window, and sets start[k] = start[k - 1]. Starts never move back, so the latest one
// extends whatever any other does.
#include "kernels.h"

namespace {

// What a walk knows about the level k of one customer.
template <class Tick>
struct Level {
    Tick start;     // latest start of a chain that reached the level
    Tick earliest;  // tick of the earliest arrival with that start
    int64_t arrival;  // and its number among the arrivals at this level
    bool reached;
};

// Where the arrivals at one level go. All but `arrival` and `parent` hold one entry for each customer that got there.
template <class Customer, class Tick>
struct Arrivals {
    Customer* customer;
    Tick* reached;
    Tick* entered;
    Tick* previous;
    int64_t* first;
    int64_t* arrival;
    int64_t* parent;
    int64_t customers;
    int64_t arrivals;
};

template <class Customer, class Tick>
void paths(const Customer* customer, const Tick* tick, const uint8_t* stage, int64_t n, int n_stages, int64_t window,
           Arrivals<Customer, Tick>* levels, uint8_t* reach, Tick* last_entry) {
    Level<Tick> at[MOST_STAGES + 1];
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || customer[i] != customer[i - 1])
            for (int k = 0; k <= n_stages; k++) at[k].reached = false;
        const int k = stage[i];
        const Tick now = tick[i];
        Level<Tick>& here = at[k];
        const Level<Tick>& before = at[k - 1];
        Arrivals<Customer, Tick>& level = levels[k];
        if (k > 1 && !(before.reached && (int64_t)now - (int64_t)before.start <= window)) continue;
        const Tick start = k == 1 ? now : before.start;
        if (k > 1) level.parent[level.arrivals] = before.arrival;
        if (!here.reached || here.start != start) {
            here.arrival = level.arrivals;
            here.earliest = now;
            here.start = start;
        }
        if (!here.reached) {
            here.reached = true;
            level.customer[level.customers] = customer[i];
            level.reached[level.customers] = now;
            level.entered[level.customers] = start;
            level.previous[level.customers] = k == 1 ? now : before.earliest;
            level.first[level.customers] = level.arrivals;
            level.customers++;
            reach[customer[i]] = (uint8_t)k;
        }
        if (k == 1) last_entry[level.customers - 1] = now;
        level.arrival[level.arrivals++] = i;
    }
}

}  // namespace

// All arrivals at all levels; levels[0] is not used. `reach` is by customer and filled with 0, `last_entry` by
// customer of the first level.
EXPORT void cx_paths(int64_t customer_bytes, int64_t tick_bytes, const void* customer, const void* tick,
                     const uint8_t* stage, int64_t n, int64_t n_stages, int64_t window, void* levels, uint8_t* reach,
                     void* last_entry) {
    const auto walk = [&]<class Customer, class Tick>(Customer*, Tick*) {
        paths((const Customer*)customer, (const Tick*)tick, stage, n, (int)n_stages, window,
              (Arrivals<Customer, Tick>*)levels, reach, (Tick*)last_entry);
    };
    int32_t* narrow = nullptr;
    int64_t* wide = nullptr;
    if (customer_bytes == 4) return tick_bytes == 4 ? walk(narrow, narrow) : walk(narrow, wide);
    return tick_bytes == 4 ? walk(wide, narrow) : walk(wide, wide);
}
