// Funnels under special rules: how far each unit, or each of its attempts, got, when, and by which rows.
#include "attempts.h"

namespace {

// Lines of the answer: units, or attempts. Times and positions by line; level by level `room` entries.
struct Answer {
    int64_t room;
    int64_t* unit;
    uint8_t* depth;
    int64_t* began;
    int64_t* waiting;  // lines whose attempt nothing has ended, with the last such start
    int64_t* waiting_tick;
    int64_t* waiting_clock;
    int64_t* reach;  // lines that got to a level, and when
    int64_t* reached;
    int64_t* entered;
    int64_t* previous;
    int64_t* chain;  // lines, stages from 1 and positions of matched rows
    int64_t* chain_stage;
    int64_t* chain_position;
    int64_t* left;      // units that are left to Python
    int64_t* at_level;  // of each level how many lines got there
    int64_t lines;
    int64_t waits;
    int64_t matches;
    int64_t lefts;
};

// The best attempt of a unit at a level.
struct Best {
    int64_t reached;
    int64_t entered;
    int64_t previous;
    int32_t track;
    int32_t start;
    int32_t first;
    bool came;  // whether `previous` is an arrival
};

class Funnel : public Unit {
   public:
    Funnel(const UnitRows& rows, const Rules& rules, const Space& space, Answer& answer)
        : Unit(rows, rules, space), to(answer) {}

    template <class Code, class Tick>
    void unit(int64_t of) {
        if (!read<Code, Tick>(of)) return;
        if (!all_built()) {
            to.left[to.lefts++] = of;
            return;
        }
        const int64_t lines = to.lines, waits = to.waits, matches = to.matches;
        int64_t at_level[MOST_LEVELS];
        for (int level = 0; level < n_levels; level++) at_level[level] = to.at_level[level];
        if (rules.one_by_one ? every_attempt() : best_attempt()) return;
        // An exclusion took the unit out of the funnel.
        to.lines = lines;
        to.waits = waits;
        to.matches = matches;
        for (int level = 0; level < n_levels; level++) to.at_level[level] = at_level[level];
    }

   private:
    Answer& to;

    // A unit that counts once. At each level the attempt that gets there first counts; of these that which began at
    // the lowest level; of these that which began last.
    bool best_attempt() {
        find_entry();
        Best best[MOST_LEVELS];
        int deepest = 0;
        bool removed = false, waits = false;
        int64_t waiting_tick = 0, waiting_clock = 0;
        for (int level = 0; level < n_levels; level++) best[level].track = NONE;
        eligible([&](const Attempt& made) {
            removed |= made.effect == REMOVE;
            if (made.effect == RESET) return;
            const int depth = better(best, made);
            deepest = depth > deepest ? depth : deepest;
            if (made.met != NONE) return;
            const int64_t tick = space.slot_tick[made.start], clock = space.slot_clock[made.start];
            if (!waits || tick > waiting_tick || (tick == waiting_tick && clock > waiting_clock)) {
                waiting_tick = tick;
                waiting_clock = clock;
            }
            waits = true;
        });
        if (removed || deepest == 0) return false;
        for (int level = 0; level < deepest; level++)
            if (best[level].track != NONE) add_level(level, best[level]);
        const Best& carried = best[deepest - 1];
        build(carried.track);
        add_line(attempt(carried.start, carried.first), deepest, waits, waiting_tick, waiting_clock);
        return true;
    }

    // Let an attempt be the best at the levels where it is, and return how deep it got.
    int better(Best* best, const Attempt& made) const {
        const int depth = made.depth(n_levels);
        const int64_t entered = space.slot_tick[made.start];
        for (int level = 0; level < depth; level++) {
            if (made.arrivals[level] == NONE) continue;
            Best& held = best[level];
            const int64_t reached = space.slot_tick[made.arrivals[level]];
            const int32_t before = level ? made.arrivals[rules.prior[level]] : NONE;
            const int64_t previous = before == NONE ? reached : space.slot_tick[before];
            const bool first_one = held.track == NONE;
            const bool same =
                !first_one && reached == held.reached && made.first == held.first && entered == held.entered;
            if (same) {
                if (before != NONE && (!held.came || previous < held.previous)) {
                    held.previous = previous;
                    held.came = true;
                }
                continue;
            }
            const bool wins = first_one || reached < held.reached ||
                              (reached == held.reached &&
                               (made.first < held.first || (made.first == held.first && entered > held.entered)));
            if (wins) held = {reached, entered, previous, built, made.start, made.first, before != NONE};
        }
        return depth;
    }

    bool every_attempt() {
        for (int32_t track = 0; track < n_tracks; track++) {
            build(track);
            if (!one_by_one([&](const Attempt& made, int32_t) { return add_attempt(made); })) return false;
        }
        return true;
    }

    bool add_attempt(const Attempt& made) {
        if (made.effect == REMOVE) return false;
        if (made.effect == RESET) return true;
        Best best[MOST_LEVELS];
        for (int level = 0; level < n_levels; level++) best[level].track = NONE;
        const int depth = better(best, made);
        for (int level = 0; level < depth; level++)
            if (best[level].track != NONE) add_level(level, best[level]);
        const bool waits = made.met == NONE && !made.replaced;
        add_line(made, depth, waits, space.slot_tick[made.start], space.slot_clock[made.start]);
        return true;
    }

    void add_level(int level, const Best& best) {
        const int64_t place = level * to.room + to.at_level[level]++;
        to.reach[place] = to.lines;
        to.reached[place] = best.reached;
        to.entered[place] = best.entered;
        to.previous[place] = best.previous;
    }

    void add_line(const Attempt& made, int depth, bool waits, int64_t tick, int64_t clock) {
        if (waits) {
            to.waiting[to.waits] = to.lines;
            to.waiting_tick[to.waits] = tick;
            to.waiting_clock[to.waits++] = clock;
        }
        add_chain(made, depth);
        to.unit[to.lines] = number;
        to.began[to.lines] = space.slot_tick[made.start];
        to.depth[to.lines++] = (uint8_t)depth;
    }

    // The rows of the chain that got so deep, by level.
    void add_chain(const Attempt& made, int depth) {
        int32_t slot_of[MOST_LEVELS];
        for (int level = 0; level < n_levels; level++) slot_of[level] = NONE;
        if (rules.order == ANY) {
            for (int i = 0; i < depth; i++) slot_of[made.how[i]] = made.arrivals[i];
        } else if (earliest) {
            for (int level = depth - 1; level != NONE; level = made.how[level]) slot_of[level] = made.slots[level];
        } else {
            int level = depth - 1;
            for (int32_t state = made.how[level]; state != NONE; state = space.parent[state]) {
                while (state < at_begins[level]) level--;
                slot_of[level] = space.at[state];
            }
        }
        for (int level = 0; level < n_levels; level++) {
            if (slot_of[level] == NONE) continue;
            int32_t i = space.slot_rows[slot_of[level]];
            while (!(space.bits[space.ordered[i]] >> level & 1)) i++;
            to.chain[to.matches] = to.lines;
            to.chain_stage[to.matches] = level + 1;
            to.chain_position[to.matches++] = position(space.row[space.ordered[i]]);
        }
    }
};

template <class Code, class Tick>
void walk_units(Funnel& walk, int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; unit++) walk.unit<Code, Tick>(unit);
}

}  // namespace

// The units from begin to end, at most 64 levels and 64 exclusions. Units whose rows of one time must be matched with
// stages stand in `left`, and nowhere else in the answer.
EXPORT void cx_attempts(const UnitRows* rows, const Rules* rules, int64_t begin, int64_t end, const Space* space,
                        Answer* answer) {
    Funnel walk(*rows, *rules, *space, *answer);
    if (rows->code_bytes == 1)
        rows->tick_bytes == 4 ? walk_units<uint8_t, int32_t>(walk, begin, end)
                              : walk_units<uint8_t, int64_t>(walk, begin, end);
    else
        rows->tick_bytes == 4 ? walk_units<uint16_t, int32_t>(walk, begin, end)
                              : walk_units<uint16_t, int64_t>(walk, begin, end);
}
