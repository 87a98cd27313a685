// Reasons under special rules: what became of each attempt, and why a unit, or an attempt, got no further.
//
// The reason is about the last step, as in docs/counting.md and engine/_outcomes.py: rules are taken away at it from the
// narrowest to the widest, exclusions, then what lies between, then windows, until the stage missed comes next.
#include "attempts.h"

namespace {

// As reasons are numbered in Python.
constexpr int64_t NOTHING = 0, NO_ROW = 1, ROW_BEFORE = 2, TOO_LATE = 3, EXCLUDED = 4, BROKEN = 5;
constexpr int64_t NO_TIME = INT64_MIN, FOREVER = INT64_MAX;

// Windows in nanoseconds, which ticks may not divide; -1 for none, and for one that is no time.
struct Lengths {
    int64_t tick;
    int64_t window;
    int64_t counted;  // whether the window is no time
    const int64_t* own;
};

// What became of the lines of a funnel and of their attempts; `room` of each.
struct Outcomes {
    int64_t room;
    int64_t* unit;  // of each line
    int64_t* began;
    int64_t* reason;
    int64_t* missed;     // the stage, from 1
    int64_t* by;         // the exclusion,
    int64_t* cause;      // and the position of the row in the way; -1 for none
    int64_t* overshoot;  // by how much windows were missed
    int64_t* whose;      // of each attempt the unit, and the line, -1 where it counts for nothing
    int64_t* line;
    int64_t* at;     // place of the first row of its start among the rows of the units
    int64_t* entry;  // position of the row at which it began
    int64_t* start;
    int64_t* level;
    int64_t* over;      // when it ended otherwise than by its window
    int64_t* arrivals;  // level by level
    int64_t* gone;      // of those out of the funnel the unit, when the attempt began,
    int64_t* gone_began;
    int64_t* gone_by;  // the exclusion and its row
    int64_t* gone_cause;
    int64_t* left;     // units that are left to Python
    int64_t* cost;     // room for the states of the longest unit
    int64_t lines;
    int64_t tries;
    int64_t departures;
    int64_t lefts;
};

// An attempt, and the slots between the attempts before and after it.
struct Tried {
    Attempt made;
    int32_t first;
    int32_t last;
};

struct Verdict {
    int64_t reason, missed, by, cause, overshoot;
};

class Reasons : public Unit {
   public:
    Reasons(const UnitRows& rows, const Rules& rules, const Space& space, const Lengths& lengths, Outcomes& outcomes)
        : Unit(rows, rules, space), lengths(lengths), to(outcomes) {}

    template <class Code, class Tick>
    void unit(int64_t of) {
        if (!read<Code, Tick>(of)) return;
        if (!all_built())
            to.left[to.lefts++] = of;
        else if (rules.one_by_one)
            each_for_itself();
        else
            together();
    }

   private:
    const Lengths& lengths;
    Outcomes& to;

    // What exclusions made of the attempts of a unit.
    struct Fate {
        bool removed = false, counted = false, any = false;
        int64_t began = 0, by = 0, cause = 0;  // of the first attempt: that was removed, if one was

        void add(const Reasons& of, const Attempt& made) {
            const int64_t tick = of.space.slot_tick[made.start];
            const bool removes = made.effect == REMOVE;
            counted |= made.effect != REMOVE && made.effect != RESET;
            if (made.met != NONE && (!any || (removes && !removed) || (removes == removed && tick < began))) {
                began = tick;
                by = made.by;
                cause = of.excluded_row(made);
                any = true;
            }
            removed |= removes;
        }
    };

    // A unit that counts once is judged by all of its attempts.
    void together() {
        find_entry();
        Fate fate;
        int depth = 0;
        eligible([&](const Attempt& made) {
            const bool first_one = !fate.any;
            // Attempts of a unit that counts once stand in the order of their tracks.
            if (first_one || (made.effect == REMOVE && !fate.removed)) fate.add(*this, made);
            fate.counted |= made.effect != REMOVE && made.effect != RESET;
            fate.removed |= made.effect == REMOVE;
            const int reached = made.effect == RESET ? 0 : made.depth(n_levels);
            depth = reached > depth ? reached : depth;
        });
        const bool counts = fate.counted && !fate.removed;
        if (!counts && fate.any) add_departure(fate.began, fate.by, fate.cause);
        eligible([&](const Attempt& made) {
            const bool kept = counts && made.effect != RESET;
            add_attempt({made, 0, n_slots - 1}, kept ? to.lines : NONE);
        });
        if (!counts) return;
        add_line(0, judge(depth, [&](auto act) {
                     eligible([&](const Attempt& made) { act(Tried{made, 0, n_slots - 1}); });
                 }));
    }

    // Attempts that count for themselves, each with the rows up to its neighbours.
    void each_for_itself() {
        Fate fate;
        every_tried([&](const Tried& tried, int32_t) { fate.add(*this, tried.made); });
        const bool counts = fate.counted && !fate.removed;
        if (!counts && fate.any) add_departure(fate.began, fate.by, fate.cause);
        every_tried([&](const Tried& tried, int32_t end) {
            const Attempt& made = tried.made;
            const bool kept = !fate.removed && made.effect != RESET;
            if (counts && made.effect == RESET)
                add_departure(space.slot_tick[made.start], made.by, excluded_row(made));
            add_attempt(tried, kept ? to.lines : NONE);
            if (!kept) return;
            const Attempt& same = made;
            add_line(space.slot_tick[made.start], judge(made.depth(n_levels), [&](auto act) {
                         act(Tried{attempt_before(same.start, end), tried.first, tried.last});
                     }));
        });
    }

    // Call act(tried, end) for every attempt of every track.
    template <class Act>
    void every_tried(Act act) {
        for (int32_t track = 0; track < n_tracks; track++) {
            build(track);
            Tried pending;
            int32_t pending_end = NONE, from = 0;
            bool waiting = false;
            const auto over = [&](int32_t last) {
                pending.first = from;
                pending.last = last;
                const int32_t end = last_slot(pending.made);
                from = (end < last ? end : last) + 1;
                act(pending, pending_end);
            };
            one_by_one([&](const Attempt& made, int32_t end) {
                if (waiting) over(made.start - 1);
                pending.made = made;
                pending_end = end;
                waiting = true;
                return true;
            });
            if (waiting) over(n_slots - 1);
        }
    }

    // The slot with which an attempt is over.
    int32_t last_slot(const Attempt& made) const {
        if (made.met != NONE) return made.met;
        if (made.arrivals[n_levels - 1] != NONE) return made.arrivals[n_levels - 1];
        return until(made.start);
    }

    // The position of the row by which an attempt met its exclusion.
    int64_t excluded_row(const Attempt& made) const {
        int32_t i = space.slot_rows[made.met];
        while (!(space.excluded[space.ordered[i]] >> made.by & 1)) i++;
        return position(space.row[space.ordered[i]]);
    }

    void add_departure(int64_t began, int64_t by, int64_t cause) {
        to.gone[to.departures] = number;
        to.gone_began[to.departures] = began;
        to.gone_by[to.departures] = by;
        to.gone_cause[to.departures++] = cause;
    }

    void add_attempt(const Tried& tried, int64_t line) {
        const Attempt& made = tried.made;
        const uint64_t wanted = rules.order == ANY ? starting : 1ull << made.first;
        int32_t i = space.slot_rows[made.start + 1] - 1;
        while (!(space.bits[space.ordered[i]] & wanted)) i--;
        const int64_t place = to.tries++;
        to.whose[place] = number;
        to.line[place] = line;
        to.at[place] = begin + first_row(made.start);
        to.entry[place] = position(space.row[space.ordered[i]]);
        to.start[place] = space.slot_tick[made.start];
        to.level[place] = made.first;
        to.over[place] = made.met != NONE  ? space.slot_tick[made.met]
                         : made.replaced   ? space.slot_tick[tried.last + 1]
                                           : FOREVER;
        for (int level = 0; level < n_levels; level++)
            to.arrivals[level * to.room + place] =
                made.arrivals[level] == NONE ? NONE : space.slot_tick[made.arrivals[level]];
    }

    void add_line(int64_t began, const Verdict& verdict) {
        to.unit[to.lines] = number;
        to.began[to.lines] = began;
        to.reason[to.lines] = verdict.reason;
        to.missed[to.lines] = verdict.missed;
        to.by[to.lines] = verdict.by;
        to.cause[to.lines] = verdict.cause;
        to.overshoot[to.lines++] = verdict.overshoot;
    }

    // Why attempts of which the best got so deep got no deeper. each(act) calls act(tried) for each of them while its
    // track is built and its states are those walked last.
    template <class Each>
    Verdict judge(int depth, Each each) {
        if (depth == n_levels) return {NOTHING, 0, NONE, NONE, NO_TIME};
        return rules.order == ANY ? judge_any_order(depth, each) : judge_in_order(depth, each);
    }

    template <class Each>
    Verdict judge_in_order(int depth, Each each) {
        int level = depth;
        while (level < n_levels - 1 && rules.optional[level]) level++;
        const int lowest_level = (int)rules.prior[level];
        Verdict excluded = {NOTHING, level + 1, NONE, NONE, NO_TIME}, broken = excluded;
        int64_t soonest = 0;
        int32_t latest_start = 0;
        Step nearest = {};
        bool late = false, there = false;
        const bool between = rules.order == STRICT || rules.order == UNBROKEN || rules.directly[level];
        each([&](const Tried& tried) {
            const int32_t start = tried.made.start;
            if (tried.made.met != NONE) {
                const int32_t slot = first_state(tried, level);
                if (slot != NONE) {
                    // The attempt that would have got there earliest, of several the latest.
                    const int64_t when = space.slot_tick[slot];
                    if (!excluded.reason || when < soonest || (when == soonest && start > latest_start)) {
                        soonest = when;
                        latest_start = start;
                        excluded = {EXCLUDED, level + 1, tried.made.by, excluded_row(tried.made), NO_TIME};
                    }
                }
            }
            if (excluded.reason) return;
            bool some = false;
            for (int before = lowest_level; before < level; before++) {
                const int32_t slot = first_state(tried, before);
                if (slot == NONE) continue;
                some = true;
                late |= next_slot(level, slot, tried.last) != NONE;
                if (between) find_breaker(tried, before, level, nearest, broken);
            }
            if (!some) return;
            const int32_t place = first_where(at_begins[level], at_begins[level + 1],
                                              [&](int32_t i) { return space.at[i] >= tried.first; });
            there |= place < at_begins[level + 1] && space.at[place] <= tried.last;
        });
        if (excluded.reason) return excluded;
        if (broken.reason) return broken;
        if (late) return {TOO_LATE, level + 1, NONE, NONE, overshoot(level, lowest_level, each)};
        return {there ? ROW_BEFORE : NO_ROW, level + 1, NONE, NONE, NO_TIME};
    }

    // The first slot at which an attempt reached a level, whatever cut it later, up to the attempt behind it.
    int32_t first_state(const Tried& tried, int level) const {
        int32_t slot = NONE;
        if (earliest) {
            if (level >= tried.made.first) slot = tried.made.slots[level];
        } else if (n_states[level] > 0) {
            slot = space.at[space.states[at_begins[level]]];
        }
        return slot != NONE && slot <= tried.last ? slot : NONE;
    }

    // The first slot that may follow another one at a level as far as ties say, up to a slot.
    int32_t next_slot(int level, int32_t slot, int32_t last) const {
        const int32_t place = next_place(level, at_begins[level], slot);
        return place < at_begins[level + 1] && space.at[place] <= last ? space.at[place] : NONE;
    }

    // A step that only what lies between forbids: to the earliest row, from the latest it could have followed.
    struct Step {
        int64_t tick;
        int32_t to, from;  // places in the unit
    };

    void find_breaker(const Tried& tried, int before, int level, Step& nearest, Verdict& broken) {
        const int32_t window = until(tried.made.start), last = window < tried.last ? window : tried.last;
        for (int32_t i = 0; i < n_states[before]; i++) {
            const int32_t here = space.at[space.states[at_begins[before] + i]];
            if (here > tried.last) break;
            const int32_t there = next_slot(level, here, last);
            if (there == NONE) continue;
            const int64_t own = rules.own_window[level];
            if (own >= 0 && space.slot_tick[there] - space.slot_tick[here] > own) continue;
            const Step step = {space.slot_tick[there], first_row(there), first_row(here)};
            const bool nearer = step.tick < nearest.tick || (step.tick == nearest.tick && step.to < nearest.to) ||
                                (step.tick == nearest.tick && step.to == nearest.to && step.from > nearest.from);
            if (broken.reason && !nearer) continue;
            nearest = step;
            // The first row between that may not lie there.
            const bool any = rules.order == STRICT || rules.directly[level];
            const int32_t behind = space.run_end[first_row(here)];
            const int32_t row = any ? behind : space.foreign[(int64_t)before * width + behind];
            broken = {BROKEN, level + 1, NONE, position(row), NO_TIME};
        }
    }

    // By how much longer the windows had to be, all by as much, for the window not to be the reason.
    template <class Each>
    int64_t overshoot(int goal, int lowest_level, Each each) {
        if (lengths.counted) return NO_TIME;
        int64_t least = FOREVER;
        each([&](const Tried& tried) {
            const int64_t excess = least_excess(tried, goal, lowest_level);
            if (excess < least) least = excess;
        });
        return least;
    }

    // The least by which a chain of an attempt to a level exceeds its windows: chains keep all other rules, at the last
    // step only what ties say.
    int64_t least_excess(const Tried& tried, int goal, int lowest_level) {
        const int first = tried.made.first;
        const int32_t start = tried.made.start;
        attempts++;
        for (int level = 0; level < n_levels; level++) n_states[level] = 0;
        const int32_t origin = first_where(at_begins[first], at_begins[first + 1],
                                           [&](int32_t place) { return space.at[place] >= start; });
        to.cost[origin] = 0;
        space.states[at_begins[first]] = origin;
        n_states[first] = 1;
        for (int level = first + 1; level <= goal; level++) {
            int32_t from = at_begins[level + 1], behind = at_begins[level];
            for (int before = level - 1; before >= first; before--) {
                if (level < goal || before >= lowest_level) exceed(tried, before, level, goal, from, behind);
                if (!rules.optional[before]) break;
            }
            for (int32_t place = from; place < behind; place++)
                if (space.reached[place] == attempts) space.states[at_begins[level] + n_states[level]++] = place;
            if (earliest && !rules.optional[level] && n_states[level] > 1) n_states[level] = 1;
        }
        int64_t least = FOREVER;
        for (int32_t i = 0; i < n_states[goal]; i++) {
            const int64_t cost = to.cost[space.states[at_begins[goal] + i]];
            if (cost < least) least = cost;
        }
        return least;
    }

    void exceed(const Tried& tried, int before, int level, int goal, int32_t& from, int32_t& behind) {
        const int64_t own = lengths.own[level];
        const bool strict = level < goal && (rules.order == STRICT || rules.directly[level]);
        const bool unbroken = level < goal && !strict && rules.order == UNBROKEN;
        for (int32_t i = 0; i < n_states[before]; i++) {
            const int32_t state = space.states[at_begins[before] + i], slot = space.at[state];
            int32_t place = next_place(level, at_begins[level], slot);
            for (; place < at_begins[level + 1] && space.at[place] <= tried.last; place++) {
                const int32_t other = space.at[place];
                if ((strict || unbroken) && other != slot) {
                    const int32_t end = space.run_end[first_row(slot)];
                    const int32_t stop = strict ? end : space.foreign[(int64_t)before * width + end];
                    if (space.run_begin[first_row(other)] > stop) break;
                }
                int64_t excess = to.cost[state];
                if (lengths.window >= 0) {
                    const int64_t since = space.slot_tick[other] - space.slot_tick[tried.made.start];
                    const int64_t more = since * lengths.tick - lengths.window;
                    excess = more > excess ? more : excess;
                }
                if (own >= 0) {
                    const int64_t more = (space.slot_tick[other] - space.slot_tick[slot]) * lengths.tick - own;
                    excess = more > excess ? more : excess;
                }
                if (space.reached[place] != attempts || excess < to.cost[place]) to.cost[place] = excess;
                space.reached[place] = attempts;
                from = place < from ? place : from;
                behind = place + 1 > behind ? place + 1 : behind;
                if (earliest) break;
            }
        }
    }

    // Line k of the funnel is the k-th different level: never, where all rows are not of so many; before, where only
    // rows before the start make them so many.
    template <class Each>
    Verdict judge_any_order(int depth, Each each) {
        Verdict excluded = {NOTHING, depth + 1, NONE, NONE, NO_TIME};
        int64_t soonest = 0, least = FOREVER;
        int32_t latest_start = 0;
        bool late = false, there = false;
        each([&](const Tried& tried) {
            const int32_t start = tried.made.start, last = tried.last;
            Attempt other = tried.made;
            if (other.met != NONE) any_order(other, until(start));
            const bool missed = other.arrivals[depth] == NONE || other.arrivals[depth] > last;
            if (!missed) {
                const int64_t when = space.slot_tick[other.arrivals[depth]];
                if (!excluded.reason || when < soonest || (when == soonest && start > latest_start)) {
                    soonest = when;
                    latest_start = start;
                    excluded = {EXCLUDED, depth + 1, tried.made.by, excluded_row(tried.made), NO_TIME};
                }
            }
            const bool free = missed && other.arrivals[depth - 1] != NONE && other.arrivals[depth - 1] <= last;
            any_order(other, n_slots - 1);
            const int32_t slot = other.arrivals[depth];
            if (slot != NONE && slot <= last) {
                const int64_t took = (space.slot_tick[slot] - space.slot_tick[start]) * lengths.tick;
                least = took < least ? took : least;
                late |= free;
            }
            if (!free) return;
            other.start = tried.first;
            any_order(other, n_slots - 1);
            there |= other.arrivals[depth] != NONE && other.arrivals[depth] <= last;
        });
        if (excluded.reason) return excluded;
        if (late) {
            const int64_t window = lengths.window < 0 ? 0 : lengths.window;
            return {TOO_LATE, depth + 1, NONE, NONE, lengths.counted ? NO_TIME : least - window};
        }
        return {there ? ROW_BEFORE : NO_ROW, depth + 1, NONE, NONE, NO_TIME};
    }
};

template <class Code, class Tick>
void judge_units(Reasons& reasons, int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; unit++) reasons.unit<Code, Tick>(unit);
}

}  // namespace

// The units from begin to end, as for `cx_attempts`. Units without an attempt stand nowhere.
EXPORT void cx_reasons(const UnitRows* rows, const Rules* rules, int64_t begin, int64_t end, const Space* space,
                       const Lengths* lengths, Outcomes* outcomes) {
    Reasons reasons(*rows, *rules, *space, *lengths, *outcomes);
    if (rows->code_bytes == 1)
        rows->tick_bytes == 4 ? judge_units<uint8_t, int32_t>(reasons, begin, end)
                              : judge_units<uint8_t, int64_t>(reasons, begin, end);
    else
        rows->tick_bytes == 4 ? judge_units<uint16_t, int32_t>(reasons, begin, end)
                              : judge_units<uint16_t, int64_t>(reasons, begin, end);
}
