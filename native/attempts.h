// The attempts of a unit under special rules.
//
// What the words mean stands in docs/counting.md; engine/_general.py gives the same answers in Python and is asked to
// agree. The rows of a unit (and of one set of held values: a track) are laid into slots: the rows of one time, or
// single rows where the order of the frame decides ties. What may follow what is a condition between two slots, so an
// attempt, all chains from one start, is told by the slots at which each level can be reached.
//
// For any state, the slots that may follow it at a level are neighbours in the list of that level's slots, and both
// ends of that range never move back from a state to a later one. So one sweep over the list finds all that follow.
#pragma once

#include "kernels.h"

namespace {

constexpr int MOST_LEVELS = 64, MOST_EXCLUSIONS = 64;
constexpr int32_t NONE = -1;

// As the rules are numbered in Python.
constexpr int64_t STRICT = 1, UNBROKEN = 2, ANY = 3;  // 0: ordered
constexpr int64_t BEST = 0, LATEST = 2;
constexpr int64_t DISTINCT = 1, SHARED = 2;
constexpr int64_t BY_STAGE = 0, BY_ROW = 1;
constexpr int32_t RESET = 2, REMOVE = 3;

// The rows of units: unit u owns the rows first_row[u] to first_row[u + 1] - 1, by time.
struct UnitRows {
    int64_t code_bytes;
    int64_t tick_bytes;
    const int64_t* first_row;
    const int64_t* position;           // of each row in the packed log; null: rows stand as there
    const void* codes;                 // by position
    const void* ticks;                 // by position
    const uint64_t* stages_of_code;    // the stages a row may serve, a bit for each
    const uint64_t* excluded_of_code;  // the exclusions it meets, a bit for each
    const int32_t* held;               // by position the number of its values held constant, -1 where one is missing;
                                       // null: none are
    const int64_t* clock;              // by row what the window is measured on; null: the time
};

// The rules in numbers, windows in ticks and -1 for none; the last nine by level and by exclusion.
struct Rules {
    int64_t n_levels;
    int64_t n_exclusions;
    int64_t n_blocks;
    int64_t order;
    int64_t entry;
    int64_t open;  // chains begin at any level
    int64_t ties;
    int64_t grace;
    int64_t reuse;
    int64_t one_by_one;  // every attempt counts
    int64_t window;
    const int64_t* own_window;
    const int64_t* optional;
    const int64_t* directly;
    const int64_t* prior;   // the last level before it that is not optional
    const uint64_t* block;  // the levels that may come in any order, run by run
    const int64_t* after;
    const int64_t* before;
    const int64_t* effect;
};

// Room for the longest unit. L: its rows, S and X: the most stages and exclusions a row has, N: levels, V: values held.
struct Space {
    int32_t* row;  // L each: of every row with a role its place in the unit,
    int64_t* tick;
    uint64_t* bits;
    uint64_t* excluded;
    int32_t* track;    // its track,
    int32_t* ordered;  // and these rows track by track;
    int32_t* begins;   // L + 1: where each track begins among them
    int32_t* of_value;  // V each: the track of a value, and the unit it is of
    int64_t* unit_of_value;
    uint8_t* lowest;      // L each: of every row the lowest level it may serve,
    int32_t* run_begin;   // and where the rows of its time begin and end
    int32_t* run_end;
    int32_t* foreign;     // N (L + 1): of every level and row the first row from there on that serves no level up to it
    int64_t* slot_tick;   // L each
    int64_t* slot_clock;
    uint64_t* slot_bits;
    uint64_t* slot_excluded;
    int32_t* slot_rows;  // L + 1: where the rows of each slot begin among the ordered ones
    int32_t* at;         // L S each: level by level the slots that serve it,
    int64_t* reached;    // the attempt that reached them last,
    int32_t* parent;     // from where,
    int32_t* states;     // and those the attempt reached
    int32_t* met;        // L X: exclusion by exclusion the slots that meet it
    int32_t* start;      // L each: the starts of a track,
    int32_t* done;       // where the attempt of each converts,
    int32_t* soonest;    // and of those from a start on the first to convert, the latest of equals
};

// The first number from `begin` on, below `end`, for which something holds that goes on holding; else `end`.
template <class Holds>
int32_t first_where(int32_t begin, int32_t end, Holds holds) {
    while (begin < end) {
        const int32_t middle = begin + (end - begin) / 2;
        if (holds(middle))
            end = middle;
        else
            begin = middle + 1;
    }
    return begin;
}

struct Attempt {
    int32_t start;
    int32_t first;  // level
    int32_t met;    // slot of the exclusion that ended it
    int32_t effect;
    int32_t by;  // its number
    bool replaced;  // another attempt came in its place
    int32_t arrivals[MOST_LEVELS];
    // How it got there: in any order the level served; else the state, or where only the earliest arrival counts the
    // level before, with the slots as they were before anything was cut.
    int32_t how[MOST_LEVELS];
    int32_t slots[MOST_LEVELS];

    int depth(int n_levels) const {
        int level = n_levels;
        while (level > 0 && arrivals[level - 1] == NONE) level--;
        return level;
    }
};

class Unit {
   public:
    Unit(const UnitRows& rows, const Rules& rules, const Space& space)
        : rows(rows), rules(rules), space(space), n_levels((int)rules.n_levels) {
        bool directly = false;
        for (int level = 0; level < n_levels; level++) {
            directly |= rules.directly[level] != 0;
            if (rules.directly[level] || rules.own_window[level] >= 0) bound = level;
        }
        adjacent = rules.order == STRICT || rules.order == UNBROKEN || directly;
        if (rules.order == STRICT || rules.order == UNBROKEN) bound = n_levels;
        earliest = bound == 0;
        const uint64_t every = n_levels == 64 ? ~0ull : (1ull << n_levels) - 1;
        starting = rules.order == ANY ? rules.block[0] : rules.open ? every : 1;
        // Without one of these a unit has no start.
        needed = rules.order == ANY ? every : starting;
    }

   protected:
    const UnitRows& rows;
    const Rules& rules;
    const Space& space;
    const int n_levels;
    bool adjacent;
    // The last level about which more is said than ties. From there on the earliest arrival is the best one to go on
    // from; where there is none, everywhere.
    int bound = 0;
    bool earliest;
    uint64_t starting, needed;
    int64_t attempts = 0;  // so far, over all units: what tells the states of one from another's

    struct Moment {
        int64_t tick, position;
    };

    // The unit.
    int64_t number = 0, begin = 0;
    int32_t n_tracks = 0, n_rows = 0;  // rows with a role
    int32_t width = 0;                 // of a line of `foreign`

    // Where the entry rule wants attempts to begin.
    Moment entry = {0, 0};
    int lowest = 0;

    // The track.
    int32_t n_slots = 0, built = NONE;
    int32_t at_begins[MOST_LEVELS + 1], met_begins[MOST_EXCLUSIONS + 1];
    int32_t n_states[MOST_LEVELS];

    int64_t position(int32_t row) const { return rows.position ? rows.position[begin + row] : begin + row; }

    // Read the rows of a unit; whether there can be a start.
    template <class Code, class Tick>
    bool read(int64_t of) {
        const Code* codes = (const Code*)rows.codes;
        const Tick* ticks = (const Tick*)rows.ticks;
        number = of;
        begin = rows.first_row[of];
        const int32_t n = (int32_t)(rows.first_row[of + 1] - begin);
        uint64_t seen = 0;
        n_rows = 0;
        for (int32_t i = 0; i < n; i++) {
            const int64_t here = position(i);
            const uint64_t stages = rows.stages_of_code[codes[here]], excluded = rows.excluded_of_code[codes[here]];
            // Written in any case and kept only where it has a role.
            space.row[n_rows] = i;
            space.tick[n_rows] = ticks[here];
            space.bits[n_rows] = stages;
            space.excluded[n_rows] = excluded;
            const bool role = (stages | excluded) != 0 && (!rows.held || rows.held[here] >= 0);
            seen |= role ? stages : 0;
            n_rows += role;
        }
        if (!(seen & needed)) return false;
        if (adjacent) read_between<Code, Tick>(n);
        part_tracks();
        built = NONE;
        return true;
    }

    // What lies between two slots: every row of the unit, whatever its role.
    template <class Code, class Tick>
    void read_between(int32_t n) {
        const Code* codes = (const Code*)rows.codes;
        const Tick* ticks = (const Tick*)rows.ticks;
        const bool by_row = rules.ties == BY_ROW;
        for (int32_t i = 0; i < n; i++) {
            const uint64_t stages = rows.stages_of_code[codes[position(i)]];
            space.lowest[i] = stages ? (uint8_t)__builtin_ctzll(stages) : (uint8_t)n_levels;
            const bool same = i > 0 && !by_row && ticks[position(i)] == ticks[position(i - 1)];
            space.run_begin[i] = same ? space.run_begin[i - 1] : i;
        }
        for (int32_t i = n - 1; i >= 0; i--) {
            const bool same = i + 1 < n && space.run_begin[i + 1] == space.run_begin[i];
            space.run_end[i] = same ? space.run_end[i + 1] : i + 1;
        }
        if (rules.order != UNBROKEN) return;
        width = n + 1;
        for (int level = 0; level < n_levels; level++) {
            int32_t* first = space.foreign + (int64_t)level * width;
            first[n] = n;
            for (int32_t i = n - 1; i >= 0; i--) first[i] = space.lowest[i] > level ? i : first[i + 1];
        }
    }

    // Part the rows with a role by their held values, in the order in which these come first.
    void part_tracks() {
        n_tracks = 1;
        space.begins[0] = 0;
        space.begins[1] = n_rows;
        if (!rows.held) {
            for (int32_t i = 0; i < n_rows; i++) space.ordered[i] = i;
            return;
        }
        n_tracks = 0;
        for (int32_t i = 0; i < n_rows; i++) {
            const int32_t value = rows.held[position(space.row[i])];
            if (space.unit_of_value[value] != number) {
                space.unit_of_value[value] = number;
                space.of_value[value] = n_tracks;
                space.begins[++n_tracks] = 0;
            }
            space.track[i] = space.of_value[value];
            space.begins[space.track[i] + 1]++;
        }
        for (int32_t track = 0; track < n_tracks; track++) space.begins[track + 1] += space.begins[track];
        for (int32_t i = n_rows - 1; i >= 0; i--) space.ordered[--space.begins[space.track[i] + 1]] = i;
        // Filled from behind, each track now begins where the one before it ended up: move them back into place.
        for (int32_t track = 0; track < n_tracks; track++) space.begins[track] = space.begins[track + 1];
        space.begins[n_tracks] = n_rows;
    }

    // Lay the rows of a track into slots. False where rows of one time must be matched with stages: which of them
    // serves which is then no matter of order, and left to Python.
    bool build(int32_t track) {
        if (built == track) return true;
        built = track;
        n_slots = 0;
        const int32_t end = space.begins[track + 1];
        bool tied = false, several = false;
        int32_t serving[MOST_LEVELS] = {0}, meeting[MOST_EXCLUSIONS] = {0};
        for (int32_t i = space.begins[track]; i < end; i++) {
            const int32_t row = space.ordered[i];
            if (i > space.begins[track] && rules.ties != BY_ROW && space.slot_tick[n_slots - 1] == space.tick[row]) {
                tied = true;
                space.slot_bits[n_slots - 1] |= space.bits[row];
                space.slot_excluded[n_slots - 1] |= space.excluded[row];
            } else {
                space.slot_tick[n_slots] = space.tick[row];
                space.slot_clock[n_slots] = rows.clock ? rows.clock[begin + space.row[row]] : space.tick[row];
                space.slot_bits[n_slots] = space.bits[row];
                space.slot_excluded[n_slots] = space.excluded[row];
                space.slot_rows[n_slots++] = i;
            }
            several |= (space.bits[row] & (space.bits[row] - 1)) != 0;
        }
        space.slot_rows[n_slots] = end;
        if (rules.reuse == DISTINCT && several) {
            if (rules.order == ANY) return false;
            if (tied && rules.ties == BY_STAGE && matched_in_a_slot()) return false;
        }
        for (int32_t slot = 0; slot < n_slots; slot++) {
            for (uint64_t bits = space.slot_bits[slot]; bits; bits &= bits - 1) serving[__builtin_ctzll(bits)]++;
            for (uint64_t bits = space.slot_excluded[slot]; bits; bits &= bits - 1) meeting[__builtin_ctzll(bits)]++;
        }
        at_begins[0] = met_begins[0] = 0;
        for (int level = 0; level < n_levels; level++) at_begins[level + 1] = at_begins[level] + serving[level];
        for (int i = 0; i < rules.n_exclusions; i++) met_begins[i + 1] = met_begins[i] + meeting[i];
        for (int32_t slot = n_slots - 1; slot >= 0; slot--) {
            for (uint64_t bits = space.slot_bits[slot]; bits; bits &= bits - 1) {
                const int level = __builtin_ctzll(bits);
                const int32_t place = at_begins[level] + --serving[level];
                space.at[place] = slot;
                space.reached[place] = 0;
            }
            for (uint64_t bits = space.slot_excluded[slot]; bits; bits &= bits - 1) {
                const int exclusion = __builtin_ctzll(bits);
                space.met[met_begins[exclusion] + --meeting[exclusion]] = slot;
            }
        }
        return true;
    }

    // Whether a slot has several rows, one of which may serve several levels.
    bool matched_in_a_slot() const {
        for (int32_t slot = 0; slot < n_slots; slot++) {
            if (space.slot_rows[slot + 1] - space.slot_rows[slot] < 2) continue;
            for (int32_t i = space.slot_rows[slot]; i < space.slot_rows[slot + 1]; i++) {
                const uint64_t bits = space.bits[space.ordered[i]];
                if (bits & (bits - 1)) return true;
            }
        }
        return false;
    }

    // The last slot inside the window from a start: so much later on the clock at most.
    int32_t until(int32_t start) const {
        if (rules.window < 0) return n_slots - 1;
        const int64_t* clock = space.slot_clock;
        return first_where(start, n_slots, [&](int32_t slot) { return clock[slot] - clock[start] > rules.window; }) - 1;
    }

    // Whether a chain may go on in the slot it is in: with the same row, or with another one of that time.
    bool stays(int32_t slot) const {
        return rules.reuse == SHARED ||
               (rules.ties == BY_STAGE && space.slot_rows[slot + 1] - space.slot_rows[slot] > 1);
    }

    // The first place in the list of a level, from a place on, whose slot may come next after another one, as far as
    // ties say: later, at the same time where rows of it are in order, or earlier by the grace at most.
    int32_t next_place(int level, int32_t from, int32_t slot) const {
        const int32_t* at = space.at;
        int32_t least = slot;
        if (rules.grace > 0) {
            const int64_t* tick = space.slot_tick;
            least = first_where(0, slot, [&](int32_t other) { return tick[slot] - tick[other] <= rules.grace; });
        } else if (!stays(slot)) {
            least = slot + 1;
        }
        const int32_t end = at_begins[level + 1];
        int32_t place = first_where(from, end, [&](int32_t other) { return at[other] >= least; });
        if (place < end && at[place] == slot && !stays(slot)) place++;
        return place;
    }

    // The slot of the first arrival at each level where the earliest one is always the best to go on from: the first
    // that may come next after the arrival at the level before, or at those that were left out.
    void first_arrivals(Attempt& made, int32_t last) const {
        for (int level = 0; level < n_levels; level++) made.arrivals[level] = made.slots[level] = NONE;
        made.arrivals[made.first] = made.slots[made.first] = made.start;
        made.how[made.first] = NONE;
        for (int level = made.first + 1; level < n_levels; level++) {
            int32_t best = NONE;
            for (int before = level - 1; before >= made.first; before--) {
                if (made.arrivals[before] != NONE) {
                    const int32_t place = next_place(level, at_begins[level], made.arrivals[before]);
                    const int32_t slot = place < at_begins[level + 1] ? space.at[place] : n_slots;
                    if (slot <= last && (best == NONE || slot < best)) {
                        best = slot;
                        made.how[level] = before;
                    }
                }
                if (!rules.optional[before]) break;
            }
            made.arrivals[level] = made.slots[level] = best;
            if (best == NONE && !rules.optional[level]) break;
        }
    }

    // The same where an early arrival may be a dead end and a later one go on: every slot at which a level can be
    // reached is a state.
    void every_arrival(Attempt& made, int32_t last) {
        const int32_t* at = space.at;
        attempts++;
        for (int level = 0; level < n_levels; level++) {
            made.arrivals[level] = NONE;
            n_states[level] = 0;
        }
        const int first = made.first;
        const int32_t origin =
            first_where(at_begins[first], at_begins[first + 1], [&](int32_t place) { return at[place] >= made.start; });
        space.reached[origin] = attempts;
        space.parent[origin] = NONE;
        space.states[at_begins[first]] = origin;
        n_states[first] = 1;
        made.arrivals[first] = made.start;
        made.how[first] = origin;
        for (int level = first + 1; level < n_levels; level++) {
            int32_t from = at_begins[level + 1], to_place = at_begins[level];
            for (int before = level - 1; before >= first; before--) {
                follow(before, level, last, from, to_place);
                if (!rules.optional[before]) break;
            }
            for (int32_t place = from; place < to_place; place++)
                if (space.reached[place] == attempts) space.states[at_begins[level] + n_states[level]++] = place;
            if (level >= bound && n_states[level] > 1) n_states[level] = 1;
            if (n_states[level] > 0) {
                made.how[level] = space.states[at_begins[level]];
                made.arrivals[level] = at[made.how[level]];
            } else if (!rules.optional[level]) {
                break;
            }
        }
    }

    // Find what may follow the states of a level at a later one. A row may come next
    // - as ties say,
    // - at most its own window later,
    // - where the order is strict, or the stage comes directly: if nothing lies between,
    // - where it is unbroken: if only rows that serve a level up to that of the state lie between.
    void follow(int before, int level, int32_t last, int32_t& from, int32_t& to_place) {
        const int32_t end = at_begins[level + 1];
        const int64_t own = rules.own_window[level];
        const bool strict = rules.order == STRICT || rules.directly[level];
        const bool unbroken = !strict && rules.order == UNBROKEN;
        int32_t place = at_begins[level];
        for (int32_t i = 0; i < n_states[before]; i++) {
            const int32_t state = space.states[at_begins[before] + i], slot = space.at[state];
            place = next_place(level, place, slot);
            for (; place < end && space.at[place] <= last; place++) {
                const int32_t other = space.at[place];
                if (own >= 0 && space.slot_tick[other] - space.slot_tick[slot] > own) break;
                if ((strict || unbroken) && other != slot) {
                    const int32_t behind = space.run_end[first_row(slot)];
                    const int32_t stop = strict ? behind : space.foreign[(int64_t)before * width + behind];
                    if (space.run_begin[first_row(other)] > stop) break;
                }
                if (space.reached[place] == attempts) continue;
                space.reached[place] = attempts;
                space.parent[place] = state;
                from = place < from ? place : from;
                to_place = place + 1 > to_place ? place + 1 : to_place;
                // Later states lead no earlier.
                if (level >= bound) return;
            }
        }
    }

    // The place in the unit of the first row of a slot.
    int32_t first_row(int32_t slot) const { return space.row[space.ordered[space.slot_rows[slot]]]; }

    // In any order: each level of a block is served by its first row from where the block before was complete. The
    // k-th arrival is that of the k-th different level.
    void any_order(Attempt& made, int32_t last) const {
        int count = 0;
        int32_t from = made.start;
        for (int64_t i = 0; i < rules.n_blocks; i++) {
            bool complete = true;
            const int begins = count;
            for (uint64_t bits = rules.block[i]; bits; bits &= bits - 1) {
                const int level = __builtin_ctzll(bits);
                const int32_t place = first_where(at_begins[level], at_begins[level + 1],
                                                  [&](int32_t other) { return space.at[other] >= from; });
                const int32_t slot = place < at_begins[level + 1] ? space.at[place] : n_slots;
                if (slot > last) {
                    complete = false;
                    continue;
                }
                int at = count++;
                for (; at > begins && made.arrivals[at - 1] > slot; at--) {
                    made.arrivals[at] = made.arrivals[at - 1];
                    made.how[at] = made.how[at - 1];
                }
                made.arrivals[at] = slot;
                made.how[at] = level;
            }
            if (!complete) break;
            from = made.arrivals[count - 1];
        }
        for (; count < n_levels; count++) made.arrivals[count] = NONE;
    }

    // The attempt from a start, cut where it meets an exclusion.
    Attempt attempt(int32_t start, int first) {
        Attempt made;
        made.start = start;
        made.first = first;
        made.met = NONE;
        made.effect = 0;
        made.by = NONE;
        made.replaced = false;
        const int32_t last = until(start);
        if (rules.order == ANY)
            any_order(made, last);
        else if (earliest)
            first_arrivals(made, last);
        else
            every_arrival(made, last);
        if (rules.n_exclusions) exclude(made, last);
        return made;
    }

    // An exclusion is met at its first row later than the arrival at one level and earlier than that at another or one
    // behind it, or inside the window. The first decides, of several in one slot the hardest.
    void exclude(Attempt& made, int32_t last) const {
        for (int64_t i = 0; i < rules.n_exclusions; i++) {
            const int32_t from = made.arrivals[rules.after[i]];
            if (from == NONE) continue;
            int32_t end = NONE;
            for (int64_t level = rules.before[i]; level < n_levels; level++) {
                const int32_t there = made.arrivals[level];
                if (there != NONE && (end == NONE || there < end)) end = there;
            }
            const int32_t place =
                first_where(met_begins[i], met_begins[i + 1], [&](int32_t other) { return space.met[other] > from; });
            if (place == met_begins[i + 1]) continue;
            const int32_t slot = space.met[place];
            if (end == NONE ? slot > last : slot >= end) continue;
            const int32_t effect = (int32_t)rules.effect[i];
            if (made.met == NONE || slot < made.met || (slot == made.met && effect > made.effect)) {
                made.met = slot;
                made.effect = effect;
                made.by = (int32_t)i;
            }
        }
        if (made.met != NONE) cut(made, made.met);
    }

    // Take from an attempt what it reached behind a slot, and what that led to. What was left out stops nobody.
    void cut(Attempt& made, int32_t upto) const {
        if (rules.order == ANY) {
            const int32_t last = until(made.start);
            any_order(made, upto < last ? upto : last);
            return;
        }
        bool over = false;
        for (int level = 0; level < n_levels; level++) {
            if (!over && made.arrivals[level] <= upto) continue;
            made.arrivals[level] = NONE;
            over = over || !rules.optional[level];
        }
    }

    // When a start is: its time, and where rows stand one by one its position.
    Moment moment(int32_t slot) const {
        return {space.slot_tick[slot], rules.ties == BY_ROW ? position(first_row(slot)) : 0};
    }

    // Call act(slot, level) for each start of the track, by time.
    template <class Act>
    void starts(Act act) const {
        for (int32_t slot = 0; slot < n_slots; slot++) {
            uint64_t bits = space.slot_bits[slot] & starting;
            if (bits && rules.order == ANY) bits = 1;
            for (; bits; bits &= bits - 1) act(slot, __builtin_ctzll(bits));
        }
    }

    // Lay out every track once. False where one of them is left to Python.
    bool all_built() {
        for (int32_t track = 0; track < n_tracks; track++)
            if (!build(track)) return false;
        return true;
    }

    // Find the one moment and the lowest level there at which attempts begin; whether the entry rule asks for it.
    bool find_entry() {
        lowest = n_levels;
        if (rules.entry == BEST) return false;
        for (int32_t track = 0; track < n_tracks; track++) {
            build(track);
            starts([&](int32_t slot, int level) {
                const Moment here = moment(slot);
                const bool same = here.tick == entry.tick && here.position == entry.position;
                const bool before =
                    here.tick < entry.tick || (here.tick == entry.tick && here.position < entry.position);
                if (lowest == n_levels || (!same && before != (rules.entry == LATEST))) {
                    entry = here;
                    lowest = level;
                } else if (same && level < lowest) {
                    lowest = level;
                }
            });
        }
        return true;
    }

    // Call act(attempt) for each attempt that counts for a unit that counts once, track by track. The track is built.
    template <class Act>
    void eligible(Act act) {
        const bool one_start = rules.entry != BEST;
        for (int32_t track = 0; track < n_tracks; track++) {
            build(track);
            starts([&](int32_t slot, int level) {
                if (one_start) {
                    const Moment here = moment(slot);
                    if (level != lowest || here.tick != entry.tick || here.position != entry.position) return;
                }
                act(attempt(slot, level));
            });
        }
    }

    // Call act(attempt, end) for each attempt of the track that is counted for itself, in order, with the slot of the
    // one that comes in its place or none; for as long as it says so.
    template <class Act>
    bool one_by_one(Act act) {
        int32_t n = 0;
        starts([&](int32_t slot, int) { space.start[n++] = slot; });
        return rules.entry == BEST ? converting_first(n, act) : one_after_another(0, n, NONE, act);
    }

    // The attempt from a start, up to the start of the one that comes in its place, if there is one.
    Attempt attempt_before(int32_t start, int32_t end) {
        Attempt made = attempt(start, 0);
        if (end == NONE) return made;
        made.replaced = true;
        cut(made, end - 1);
        if (made.met >= end) {
            made.met = NONE;
            made.effect = 0;
        }
        return made;
    }

   private:
    // Attempts that convert are found first: of those that convert earliest the latest, then the next behind it. What
    // lies between two of them is counted one after another.
    template <class Act>
    bool converting_first(int32_t n, Act act) {
        for (int32_t i = n - 1; i >= 0; i--) {
            space.done[i] = attempt(space.start[i], 0).arrivals[n_levels - 1];
            space.soonest[i] = i;
            if (i + 1 == n) continue;
            const int32_t behind = space.soonest[i + 1];
            const int32_t there = space.done[behind];
            if (space.done[i] == NONE || (there != NONE && there <= space.done[i])) space.soonest[i] = behind;
        }
        for (int32_t place = 0; place < n;) {
            const int32_t best = space.soonest[place], end = space.done[best];
            if (end == NONE) return one_after_another(place, n, NONE, act);
            if (!one_after_another(place, best, space.start[best], act)) return false;
            if (!act(attempt(space.start[best], 0), NONE)) return false;
            place = first_where(best, n, [&](int32_t i) { return space.start[i] > end; });
        }
        return true;
    }

    // Attempts from some starts, each beginning after the one before is over, up to a slot.
    template <class Act>
    bool one_after_another(int32_t place, int32_t places, int32_t end, Act act) {
        int32_t over = NONE;
        for (; place < places; place++) {
            const int32_t start = space.start[place];
            if (start <= over) continue;
            const Attempt made = attempt_before(start, end);
            if (!act(made, end)) return false;
            if (made.met != NONE)
                over = made.met;
            else if (made.arrivals[n_levels - 1] != NONE)
                over = made.arrivals[n_levels - 1];
            else if (rules.window < 0)
                break;
            else
                over = until(start);
        }
        return true;
    }
};

}  // namespace
