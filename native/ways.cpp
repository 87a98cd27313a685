// The ways to purchases: what customers touch since the purchase before, up to a purchase, told by customer.
#include "kernels.h"
#include "touch.h"

namespace {

// What a stage is on a way.
enum Kind : uint8_t { NOTHING, CONSIDER, EVALUATE, BUY };

// What a brand was on a way, as bits.
enum Flag : uint8_t { FIRST = 1, LATER = 2, BOUGHT = 4 };

// Entries of a way with a first set and a row of an evaluate stage stand WHOLE places behind the others.
constexpr int WHOLE = 8, ENTRIES = 16;

// What is told of the ways of a customer.
enum Way { COUNTED, WITH_FIRST, WHOLE_WAY, AGAIN, SWITCHED, OWN_FIRST, OWN_LOST, WAYS };

// Brands as they are asked about, room for them, and what is told of them.
struct Brands {
    const uint8_t* kind_of_stage;
    const void* brand_of_row;  // a number from 0; -1 is none that is known
    int64_t bytes;
    int64_t own;        // the own brand, -1 for none
    int64_t purchases;  // whose ways count: 0 all, 1 to first ones, 2 to repeated ones
    uint8_t* flags;     // by brand, all 0 between two ways,
    uint8_t* held;      // and whether the purchase before had it
    int32_t* met;       // the brands of this way,
    int32_t* before;    // and those of the purchase before
    int64_t n_customers;
    int32_t* entries;  // a line for each kind of entry, a column for each customer
    int32_t* ways;     // a line for each thing told
    int64_t* brands;   // by brand, a column for each kind of entry
};

// The way a customer is on.
struct Met {
    int64_t brands = 0, before = -1;  // -1: no purchase of a known brand so far
    bool evaluated = false, repeat = false;
};

void finish(const Brands& of, Met& on, int32_t* entries, int32_t* ways) {
    bool known = false, first = false, looked = false;
    for (int64_t i = 0; i < on.brands; i++) {
        const uint8_t flags = of.flags[of.met[i]];
        known |= (flags & BOUGHT) != 0;
        first |= (flags & FIRST) != 0;
        looked |= (flags & (FIRST | LATER)) != 0;
    }
    if (known) {
        if (on.before >= 0) {
            bool kept = false;
            for (int64_t i = 0; i < on.brands; i++)
                kept |= (of.flags[of.met[i]] & BOUGHT) && of.held[of.met[i]];
            if (of.own < 0) {
                ways[AGAIN]++;
                ways[SWITCHED] += !kept;
            } else if (of.held[of.own]) {
                ways[AGAIN]++;
                ways[SWITCHED] += !(of.flags[of.own] & BOUGHT);
            }
            for (int64_t i = 0; i < on.before; i++) of.held[of.before[i]] = 0;
        }
        on.before = 0;
        for (int64_t i = 0; i < on.brands; i++) {
            if (!(of.flags[of.met[i]] & BOUGHT)) continue;
            of.held[of.met[i]] = 1;
            of.before[on.before++] = of.met[i];
        }
    }
    if (known && (!of.purchases || on.repeat == (of.purchases == 2))) {
        const bool whole = first && on.evaluated;
        ways[COUNTED]++;
        ways[WITH_FIRST] += first;
        ways[WHOLE_WAY] += whole;
        if (of.own >= 0 && of.flags[of.own] & FIRST) {
            ways[OWN_FIRST]++;
            ways[OWN_LOST] += !(of.flags[of.own] & BOUGHT);
        }
        for (int64_t i = 0; i < on.brands; i++) {
            // Of a way without a brand looked at all brands are bought ones: they are entries of their own.
            const int entry = looked ? of.flags[of.met[i]] + (whole ? WHOLE : 0) : 0;
            entries[entry]++;
            of.brands[(int64_t)of.met[i] * ENTRIES + entry]++;
        }
    }
}

void clear(const Brands& of, Met& on) {
    for (int64_t i = 0; i < on.brands; i++) of.flags[of.met[i]] = 0;
    on.brands = 0;
    on.evaluated = false;
}

template <class Code, class Tick>
void brands(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, const Brands& of) {
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, room.row};
    const Touch brand = {of.brand_of_row, of.bytes};
    for (int64_t c = begin; c < end; c++) {
        const int64_t n = read_customer(log, c, has_ties, one, room);
        int32_t entries[ENTRIES] = {0}, ways[WAYS] = {0};
        Met on;
        bool bought = false, buying = false;
        Tick last = 0;
        for (int64_t i = 0; i < n; i++) {
            const uint8_t kind = of.kind_of_stage[one.stage[i]];
            if (kind == NOTHING) continue;
            const Tick now = one.tick[i];
            // All rows of a purchase have one time, and what else stands behind it at that time is on no way.
            if (buying && now != last) {
                finish(of, on, entries, ways);
                clear(of, on);
                buying = false;
            }
            if (kind == BUY && !buying) {
                on.repeat = bought;
                bought = buying = true;
                last = now;
            }
            if (kind != BUY && buying) continue;
            if (kind == EVALUATE) on.evaluated = true;
            const int32_t number = brand.at(one.row[i], 0);
            if (number < 0) continue;
            if (!of.flags[number]) of.met[on.brands++] = number;
            of.flags[number] |= kind == BUY ? BOUGHT : on.evaluated ? LATER : FIRST;
        }
        if (buying) finish(of, on, entries, ways);
        clear(of, on);
        for (int64_t i = 0; i < on.before; i++) of.held[of.before[i]] = 0;
        for (int k = 0; k < ENTRIES; k++) of.entries[k * of.n_customers + c] = entries[k];
        for (int k = 0; k < WAYS; k++) of.ways[k * of.n_customers + c] = ways[k];
    }
}

// What a touch weighs, where it is asked.
enum Side : uint8_t { NEITHER, AFTER, BEFORE };

// Touches on ways as they are asked about, room for them, and what is told of them by customer.
struct Leads {
    const uint8_t* buying;  // by stage
    const void* touch_of_row;
    int64_t bytes;
    const uint8_t* side_of_touch;  // or null
    int32_t* times;                // by touch, all 0 between two ways
    int32_t* met;
    int32_t* ways;  // purchases with a touch on the way,
    int32_t* led;   // those whose last touch is there more often than any other,
    double* after;  // and of repeated ones the sum of the shares that touches of one side,
    double* both;   // and of both sides have of the way;
    int64_t weighed;  // how many of all have a touch of either side
};

template <class Code, class Tick>
void leads(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, Leads& of) {
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, room.row};
    const Touch touch = {of.touch_of_row, of.bytes};
    int64_t weighed = 0;
    for (int64_t c = begin; c < end; c++) {
        const int64_t n = read_customer(log, c, has_ties, one, room);
        bool bought = false;
        Tick last = 0;
        int64_t touches = 0, distinct = 0, sides[3] = {0};
        int32_t latest = -1, ways = 0, led = 0;
        double after = 0, both = 0;
        for (int64_t i = 0; i < n; i++) {
            const Tick now = one.tick[i];
            const bool again = bought && now == last;
            if (!of.buying[one.stage[i]]) {
                const int32_t touched = touch.at(one.row[i], one.stage[i]);
                if (touched < 0 || again || touched == latest) continue;
                if (!of.times[touched]++) of.met[distinct++] = touched;
                if (of.side_of_touch) sides[of.side_of_touch[touched]]++;
                touches++;
                latest = touched;
                continue;
            }
            if (again) continue;
            if (touches) {
                int32_t most = 0;
                int64_t top = 0;
                for (int64_t m = 0; m < distinct; m++) {
                    const int32_t times = of.times[of.met[m]];
                    top = times > most ? 1 : top + (times == most);
                    most = times > most ? times : most;
                }
                ways++;
                led += of.times[latest] == most && top == 1;
                if (bought && of.side_of_touch) {
                    const double service = (double)sides[AFTER] / (double)touches;
                    const double other = (double)sides[BEFORE] / (double)touches;
                    after += service;
                    both += service + other;
                    weighed += sides[AFTER] + sides[BEFORE] > 0;
                }
            }
            for (int64_t m = 0; m < distinct; m++) of.times[of.met[m]] = 0;
            touches = distinct = sides[NEITHER] = sides[AFTER] = sides[BEFORE] = 0;
            latest = -1;
            bought = true;
            last = now;
        }
        for (int64_t m = 0; m < distinct; m++) of.times[of.met[m]] = 0;
        of.ways[c] = ways;
        of.led[c] = led;
        of.after[c] = after;
        of.both[c] = both;
    }
    of.weighed = weighed;
}

// Customers by their steps and by how long they stay.
struct Paces {
    int64_t moved, bent, longer, shorter;
};

template <class Code, class Tick>
void paces(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, const uint8_t* role,
           Paces& to) {
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, nullptr};
    for (int64_t c = begin; c < end; c++) {
        const int64_t n = keep_visits(one, read_customer(log, c, has_ties, one, room));
        bool bent = false, seen[3] = {false};
        int64_t took[3] = {0};
        for (int64_t i = 0; i + 1 < n; i++) {
            const int step = (int)one.stage[i + 1] - (int)one.stage[i];
            const uint8_t of = role[one.stage[i]];
            bent |= step > 1 || step < 0;
            seen[of] = true;
            took[of] += (int64_t)one.tick[i + 1] - (int64_t)one.tick[i];
        }
        to.moved += n > 1;
        to.bent += bent;
        to.longer += seen[1] && seen[2] && took[1] > took[2];
        to.shorter += seen[1] && seen[2] && took[1] < took[2];
    }
}

}  // namespace

// What customers from begin to end consider, evaluate and buy on the ways to their purchases: the rows in stages of
// these kinds, those of purchases at one time taken together. `flags` and `held` come and go as zeros.
EXPORT void cx_brands(const AnyLog* log, int64_t begin, int64_t end, const Room* room, const Brands* of) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> rows) {
        brands(rows, begin, end, log->has_ties, *room, *of);
        return 0;
    });
}

// What leads on the ways of the customers from begin to end, and what the two sides weigh; consecutive touches that are
// alike are one. `times` comes and goes as zeros.
EXPORT void cx_leads(const AnyLog* log, int64_t begin, int64_t end, const Room* room, Leads* of) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> rows) {
        leads(rows, begin, end, log->has_ties, *room, *of);
        return 0;
    });
}

// How many of the customers from begin to end go from one stage to another; at least once leave one out or go back; and
// spend longer, or shorter, on visits to stages of role 1 than on those of role 2, visits that ended to both.
EXPORT void cx_paces(const AnyLog* log, int64_t begin, int64_t end, const Room* room, const uint8_t* role_of_stage,
                     Paces* to) {
    *to = {};
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> rows) {
        paces(rows, begin, end, log->has_ties, *room, role_of_stage, *to);
        return 0;
    });
}

// The tick of the last row of each customer from begin to end that lies in one of some stages; -1 for none.
EXPORT void cx_last_in(const AnyLog* log, const uint8_t* chosen, int64_t begin, int64_t end, int64_t* last) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> rows) {
        for (int64_t c = begin; c < end; c++) {
            int64_t i = rows.offsets[c + 1];
            while (i > rows.offsets[c] && !chosen[rows.stage_of_code[rows.codes[i - 1]]]) i--;
            last[c] = i > rows.offsets[c] ? (int64_t)rows.ticks[i - 1] : -1;
        }
        return 0;
    });
}
