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

// What is told of the brands on the ways of a customer.
enum Told { COUNTED, WITH_FIRST, WHOLE_WAY, AGAIN, SWITCHED, OWN_FIRST, OWN_LOST, WAYS };

// Brands as they are asked about, room for them, and what is told of them.
struct Brands {
    const uint8_t* kind_of_stage;  // for every stage a row may lie in: one of consider, evaluate, buy
    const void* brand_of_row;      // a number from 0; -1 is none that is known
    int64_t bytes;
    int64_t own;        // the own brand, -1 for none
    int64_t purchases;  // whose ways count: 0 all, 1 to first ones, 2 to repeated ones
    int64_t* flags;     // by brand, all 0: the number of the way it was met on last, and its flags there,
    int64_t* held;      // and the way to the purchase that had it last
    int32_t* met;       // the brands of this way
    int64_t n_customers;
    int32_t* entries;  // a line for each kind of entry, a column for each customer
    int32_t* ways;     // a line for each thing told
    int64_t* brands;   // by brand, a column for each kind of entry
};

constexpr int FLAG_BITS = 3;

// The way a customer is on. Ways have numbers, so that what was on others need not be wiped away.
struct Met {
    int64_t way, brands = 0;
    int64_t before = -1;  // the way to the purchase of a known brand before, -1 for none
    bool evaluated = false, repeat = false, known = false, first = false, looked = false, kept = false;
    bool own = false;  // whether that purchase had the own brand
};

void finish(const Brands& of, Met& on, int32_t* entries, int32_t* ways) {
    if (!on.known) return;
    const int64_t own = of.own >= 0 && of.flags[of.own] >> FLAG_BITS == on.way ? of.flags[of.own] : 0;
    const bool has_own = (own & BOUGHT) != 0;
    const bool again = on.before >= 0 && (of.own < 0 || on.own);
    ways[AGAIN] += again;
    ways[SWITCHED] += again && (of.own < 0 ? !on.kept : !has_own);
    on.own = has_own;
    on.before = on.way;
    if (of.purchases && on.repeat != (of.purchases == 2)) return;
    const bool whole = on.first && on.evaluated;
    ways[COUNTED]++;
    ways[WITH_FIRST] += on.first;
    ways[WHOLE_WAY] += whole;
    ways[OWN_FIRST] += (own & FIRST) != 0;
    ways[OWN_LOST] += (own & FIRST) && !has_own;
    // Of a way without a brand looked at all brands are bought ones: they are entries of their own.
    const int behind = whole ? WHOLE : 0, told = on.looked ? FIRST | LATER | BOUGHT : 0;
    for (int64_t i = 0; i < on.brands; i++) {
        const int entry = ((int)of.flags[of.met[i]] & told) + behind;
        entries[entry]++;
        of.brands[(int64_t)of.met[i] * ENTRIES + entry]++;
    }
}

template <class Code, class Tick>
void brands(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, const Brands& of) {
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, room.row};
    const Touch brand = {of.brand_of_row, of.bytes};
    int64_t way = 1;
    for (int64_t c = begin; c < end; c++) {
        const int64_t n = read_customer(log, c, has_ties, one, room);
        int32_t entries[ENTRIES] = {0}, ways[WAYS] = {0};
        Met on{.way = way};
        bool bought = false, buying = false;
        Tick last = 0;
        for (int64_t i = 0; i < n; i++) {
            const uint8_t kind = of.kind_of_stage[one.stage[i]];
            const Tick now = one.tick[i];
            // All rows of a purchase have one time, and what else stands behind it at that time is on no way.
            if (buying && now != last) {
                finish(of, on, entries, ways);
                on = {.way = on.way + 1, .before = on.before, .own = on.own};
                buying = false;
            }
            const bool buys = kind == BUY;
            if (!buys && buying) continue;
            on.repeat = buys && !buying ? bought : on.repeat;
            last = buys ? now : last;
            bought |= buys;
            buying = buys;
            on.evaluated |= kind == EVALUATE;
            const int32_t number = brand.at(one.row[i], 0);
            if (number < 0) continue;
            const int64_t flags = of.flags[number];
            const bool fresh = flags >> FLAG_BITS != on.way;
            of.met[on.brands] = number;
            on.brands += fresh;
            of.flags[number] = (fresh ? on.way << FLAG_BITS : flags) | (buys ? BOUGHT : on.evaluated ? LATER : FIRST);
            on.known |= buys;
            on.looked |= !buys;
            on.first |= !buys && !on.evaluated;
            on.kept |= buys && of.held[number] == on.before;
            of.held[number] = buys ? on.way : of.held[number];
        }
        if (buying) finish(of, on, entries, ways);
        way = on.way + 1;
        for (int k = 0; k < ENTRIES; k++) of.entries[k * of.n_customers + c] = entries[k];
        for (int k = 0; k < WAYS; k++) of.ways[k * of.n_customers + c] = ways[k];
    }
}

// What stages are asked about: the side they weigh on, and whether time spent on them is compared.
enum Side : uint8_t { NEITHER, AFTER, BEFORE };
enum Stay : uint8_t { ELSEWHERE, ONE, ANOTHER };

// Ways as they are asked about, room for them, and what is told of them by customer.
struct Ways {
    const uint8_t* buying;  // by stage, as the next two
    const uint8_t* side;
    const uint8_t* stay;
    const void* touch_of_row;
    int64_t bytes;
    uint64_t* times;   // by touch, all 0: the number of the way it was met on last, and how often there
    int32_t* touched;  // purchases with a touch on the way,
    int32_t* led;      // those whose last touch is there more often than any other,
    double* after;     // and of repeated ones the sum of the shares that visits to stages of one side,
    double* both;      // and of both sides have of the way;
    int64_t weighed;   // how many of all have a visit to either side;
    int64_t moved;     // customers who go from one stage to another,
    int64_t bent;      // who at least once leave one out or go back,
    int64_t longer;    // and of those with an ended visit to both kinds of stages compared who stayed longer
    int64_t shorter;   // on the one, or on the other
};

constexpr int TIMES_BITS = 32;

// The way a customer is on: its touches, how often the most frequent is there, and how many are there so often; and its
// visits, also by side.
struct Way {
    uint64_t number;
    uint32_t most = 0, top = 0, latest_times = 0;
    int32_t latest = -1;
    uint32_t visits = 0, after = 0, before = 0;
    uint8_t stage = 0;
};

// The visits of a customer so far, whether on a way or behind the last.
template <class Tick>
struct Stays {
    uint8_t stage;
    Tick since;
    bool moved = false, bent = false, seen_one = false, seen_another = false;
    int64_t longer = 0;  // by how much on the one kind than on the other

    void go(uint8_t to, Tick now, const uint8_t* stay) {
        const bool moves = to != stage;
        const uint8_t kind = stay[stage];
        moved |= moves;
        bent |= to < stage || to > stage + 1;
        const int64_t took = moves ? (int64_t)now - (int64_t)since : 0;
        seen_one |= moves && kind == ONE;
        seen_another |= moves && kind == ANOTHER;
        longer += kind == ONE ? took : kind == ANOTHER ? -took : 0;
        since = moves ? now : since;
        stage = to;
    }
};

template <class Code, class Tick>
void ways(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, Ways& of) {
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, room.row};
    const Touch touch = {of.touch_of_row, of.bytes};
    int64_t weighed = 0, moved = 0, bent = 0, longer = 0, shorter = 0;
    uint64_t number = 1;
    for (int64_t c = begin; c < end; c++) {
        const int64_t n = read_customer(log, c, has_ties, one, room);
        bool bought = false;
        Tick last = 0;
        Way on{.number = number};
        Stays<Tick> stays{.stage = n ? one.stage[0] : (uint8_t)0, .since = n ? one.tick[0] : 0};
        int32_t with_touch = 0, led = 0;
        double after = 0, both = 0;
        for (int64_t i = 0; i < n; i++) {
            const Tick now = one.tick[i];
            const uint8_t stage = one.stage[i];
            stays.go(stage, now, of.stay);
            const bool again = bought && now == last;
            if (!of.buying[stage]) {
                // Counted without branches: what is no new touch, or no new visit, changes nothing.
                const bool visit = !again && stage != on.stage;
                const uint8_t side = of.side[stage];
                on.visits += visit;
                on.after += visit && side == AFTER;
                on.before += visit && side == BEFORE;
                on.stage = again ? on.stage : stage;
                const int32_t touched = touch.at(one.row[i], stage);
                const bool known = touched >= 0 && !again, is = known && touched != on.latest;
                const int32_t at = touched < 0 ? 0 : touched;
                const uint64_t before = of.times[at];
                const uint32_t times = (before >> TIMES_BITS == on.number ? (uint32_t)before : 0) + is;
                of.times[at] = is ? on.number << TIMES_BITS | times : before;
                const bool more = is && times > on.most;
                on.top = more ? 1 : on.top + (is && times == on.most);
                on.most = more ? times : on.most;
                on.latest = known ? touched : on.latest;
                on.latest_times = is ? times : on.latest_times;
                continue;
            }
            if (again) continue;
            with_touch += on.most > 0;
            led += on.latest_times == on.most && on.top == 1;
            if (bought && on.visits) {
                const double service = (double)on.after / (double)on.visits;
                const double other = (double)on.before / (double)on.visits;
                after += service;
                both += service + other;
                weighed += on.after + on.before > 0;
            }
            on = {.number = on.number + 1};
            bought = true;
            last = now;
        }
        number = on.number + 1;
        of.touched[c] = with_touch;
        of.led[c] = led;
        of.after[c] = after;
        of.both[c] = both;
        moved += stays.moved;
        bent += stays.bent;
        const bool compared = stays.seen_one && stays.seen_another;
        longer += compared && stays.longer > 0;
        shorter += compared && stays.longer < 0;
    }
    of.weighed = weighed;
    of.moved = moved;
    of.bent = bent;
    of.longer = longer;
    of.shorter = shorter;
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

// What leads and weighs on the ways of the customers from begin to end, and how they move between visits; consecutive
// touches of a way that are alike are one, and so are rows in one stage. `times` comes as zeros.
EXPORT void cx_ways(const AnyLog* log, int64_t begin, int64_t end, const Room* room, Ways* of) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> rows) {
        ways(rows, begin, end, log->has_ties, *room, *of);
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
