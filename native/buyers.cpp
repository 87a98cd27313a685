// Who bought, how often, how soon again, without looking around or after it, and in which periods.
//
// A purchase is a tick at which a customer has rows in a buying stage. It was researched if a row in a researching
// stage stands before it in the order of coded rows, at a later tick than the purchase before.
#include "lanes.h"

namespace {

// What to count: stages by number, the end, and periods of since * times / over ticks since the first purchase.
struct Wanted {
    const uint8_t* buying;
    const uint8_t* researching;
    int64_t end_tick;
    int64_t times, over;
    int64_t longest;  // periods of `retained`
};

// One entry for each customer who bought, but for `retained`.
template <class Tick>
struct Buyers {
    int32_t* customer;
    Tick* first;
    Tick* until_second;  // from the first purchase, or to the end
    int32_t* bought;
    int32_t* looped;     // later purchases that were not researched
    uint8_t* returned;   // bought in period 1, which was over at the end
    int64_t* retained;   // by period: buyers who bought in it, of those for whom it was over
};

// For each code whether its stage is one of some.
template <class Code>
struct Chosen {
    static constexpr int64_t CODES = (int64_t)1 << 8 * sizeof(Code);
    uint8_t of_code[CODES];

    Chosen(const uint8_t* stage_of_code, const uint8_t* of_stage) {
        for (int64_t code = 0; code < CODES; code++) of_code[code] = of_stage[stage_of_code[code]];
    }

    // Whether any of the rows from begin to end has one.
    bool any(const Code* codes, int64_t begin, int64_t end) const {
        uint8_t there = 0;
        for (int64_t i = begin; i < end; i++) there |= of_code[codes[i]];
        return there;
    }

    // Which of the rows from begin to end have one, and how many do; `rows` has room for one more.
    int64_t list(const Code* codes, int64_t begin, int64_t end, int32_t* rows) const {
        int64_t n = 0;
        for (int64_t i = begin; i < end; i++) {
            rows[n] = (int32_t)i;
            n += of_code[codes[i]];
        }
        return n;
    }
};

// The rows of one tick of a customer, from begin to end.
struct Run {
    int64_t begin, end;
};

template <class Code, class Tick>
Run run_around(const Log<Code, Tick>& log, int64_t row, int64_t first, int64_t last) {
    Run run = {row, row + 1};
    while (run.begin > first && log.ticks[run.begin - 1] == log.ticks[row]) run.begin--;
    while (run.end < last && log.ticks[run.end] == log.ticks[row]) run.end++;
    return run;
}

// Whether inside a run a researching row stands before all buying ones, by stage, or, where rows keep their order, by
// place.
template <class Code, class Tick>
bool research_first(const Log<Code, Tick>& log, Run run, bool by_stage, const Wanted& wanted) {
    int64_t looks = INT64_MAX, buys = INT64_MAX;
    for (int64_t i = run.begin; i < run.end; i++) {
        const uint8_t stage = log.stage_of_code[log.codes[i]];
        const int64_t place = by_stage ? stage : i;
        if (wanted.researching[stage] && place < looks) looks = place;
        if (wanted.buying[stage] && place < buys) buys = place;
    }
    return looks < buys;
}

template <class Code, class Tick>
int64_t buyers(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, const Wanted& wanted,
               const Buyers<Tick>& to) {
    const Chosen<Code> buys(log.stage_of_code, wanted.buying), looks(log.stage_of_code, wanted.researching);
    const auto period_of = [&](int64_t since) { return since * wanted.times / wanted.over; };
    int32_t* rows = room.row;
    int64_t made = 0;
    for (int64_t c = begin; c < end; c++) {
        const int64_t from = log.offsets[c], until = log.offsets[c + 1];
        const int64_t n = buys.list(log.codes, from, until, rows);
        if (!n) continue;
        const Tick first = log.ticks[rows[0]];
        const int64_t periods = period_of(wanted.end_tick - first);
        int32_t bought = 0, looped = 0;
        bool returned = false;
        Tick second = (Tick)wanted.end_tick;
        int64_t behind = from, period = -1;  // behind the purchase before
        for (int64_t i = 0; i < n; i++) {
            if (bought && rows[i] < behind) continue;  // of the same tick
            const Tick now = log.ticks[rows[i]];
            const Run run = run_around(log, rows[i], behind, until);
            if (bought) {
                bool researched = false;
                for (int64_t j = behind; j < run.begin && !researched; j++) researched = looks.of_code[log.codes[j]];
                looped += !researched && !research_first(log, run, has_ties, wanted);
            }
            if (bought == 1) second = now;
            bought++;
            behind = run.end;
            const int64_t here = period_of(now - first);
            if (here != period && here < periods) {
                if (here < wanted.longest) to.retained[here]++;
                returned |= here == 1;
            }
            period = here;
        }
        to.customer[made] = (int32_t)c;
        to.first[made] = first;
        to.until_second[made] = second - first;
        to.bought[made] = bought;
        to.looped[made] = looped;
        to.returned[made] = returned;
        made++;
    }
    return made;
}

template <class Code>
void who(const int64_t* offsets, const Code* codes, const uint8_t* stage_of_code, const uint8_t* stages, int64_t begin,
         int64_t end, uint8_t* there) {
    const Chosen<Code> chosen(stage_of_code, stages);
    for (int64_t c = begin; c < end; c++) there[c] = chosen.any(codes, offsets[c], offsets[c + 1]);
}

}  // namespace

// The buyers among the customers from begin to end; how many there are.
EXPORT int64_t cx_buyers(const AnyLog* log, int64_t begin, int64_t end, const Room* room, const Wanted* wanted,
                         const void* to) {
    return with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return buyers(of, begin, end, log->has_ties, *room, *wanted, *(const Buyers<Tick>*)to);
    });
}

// What one customer bought; nothing where `bought` is 0.
struct Bought {
    int32_t first;
    int32_t until_second;
    int32_t bought;
    int32_t looped;
    int32_t returned;
};

// The same for the customers of the groups from begin to end, each in its own place; stages, at most 31, are bits.
EXPORT void cx_buyers_in_lanes(const Lanes* lanes, int64_t begin, int64_t end, int64_t buying, int64_t researching,
                               const Wanted* wanted, Bought* of_customer, int64_t* retained) {
    const auto one_of = [](int64_t stages, Ticks stage) { return -((Ticks)(int32_t)stages >> stage & 1); };
    const auto period_of = [&](int64_t since) { return since * wanted->times / wanted->over; };
    // Ticks after which a period has begun; a period longer than all ticks never ends.
    const auto until = [&](int64_t period) { return (period * wanted->over + wanted->times - 1) / wanted->times; };
    const int32_t one = until(1) < -NEVER ? (int32_t)until(1) : -NEVER;
    for (int64_t group = begin; group < end; group++) {
        const int64_t rows = lanes->first_row[group + 1] - lanes->first_row[group];
        for (int half = 0; half < GROUP; half += WIDTH) {
            const int32_t* tick = lanes->ticks + lanes->first_row[group] * GROUP + half;
            const uint8_t* stage = lanes->stage + lanes->first_row[group] * GROUP + half;
            const int32_t* customers = lanes->customer + group * GROUP + half;
            Ticks first = 0, second = (int32_t)wanted->end_tick, latest = -1, bought = 0, looped = 0, researched = 0;
            // From when on a purchase lies in a period that has not been counted yet.
            Ticks due = INT32_MAX;
            bool returned[WIDTH] = {};
            for (int64_t j = 0; j < rows; j++) {
                const Ticks here = load_stages(stage + j * GROUP), now = load_ticks(tick + j * GROUP);
                const Ticks fresh = one_of(buying, here) & (now != latest);
                looped -= fresh & (bought > 0) & ~researched;
                first = (fresh & (bought == 0)) ? now : first;
                second = (fresh & (bought == 1)) ? now : second;
                bought -= fresh;
                researched = fresh ? 0 : researched | (one_of(researching, here) & (now > latest));
                latest = fresh ? now : latest;
                due = (fresh & (bought == 1)) ? now + one : due;
                for (uint32_t who = bits(fresh & (now >= due)); who; who &= who - 1) {
                    const int place = __builtin_ctz(who);
                    const int32_t start = first[place];
                    const int64_t period = period_of(now[place] - start), next = start + until(period + 1);
                    due[place] = next < INT32_MAX ? (int32_t)next : INT32_MAX;
                    if (period >= period_of(wanted->end_tick - start)) continue;
                    if (period < wanted->longest) retained[period]++;
                    returned[place] |= period == 1;
                }
            }
            // The first purchase is in the first period.
            const Ticks over = (int32_t)wanted->end_tick - first >= one;
            retained[0] += __builtin_popcount(bits((bought > 0) & over));
            int32_t firsts[WIDTH], seconds[WIDTH], times[WIDTH], loops[WIDTH];
            memcpy(firsts, &first, sizeof firsts);
            memcpy(seconds, &second, sizeof seconds);
            memcpy(times, &bought, sizeof times);
            memcpy(loops, &looped, sizeof loops);
            for (int place = 0; place < WIDTH && customers[place] >= 0; place++)
                of_customer[customers[place]] = {firsts[place], seconds[place] - firsts[place], times[place],
                                                 loops[place], returned[place]};
        }
    }
}

// The buyers among the customers from begin to end, each of whom has a place; how many there are.
EXPORT int64_t cx_list_buyers(const Bought* of_customer, int64_t begin, int64_t end, const Buyers<int32_t>* to) {
    int64_t made = 0;
    for (int64_t c = begin; c < end; c++) {
        // Written in any case and kept only for buyers: no branch to guess wrong.
        to->customer[made] = (int32_t)c;
        to->first[made] = of_customer[c].first;
        to->until_second[made] = of_customer[c].until_second;
        to->bought[made] = of_customer[c].bought;
        to->looped[made] = of_customer[c].looped;
        to->returned[made] = (uint8_t)of_customer[c].returned;
        made += of_customer[c].bought > 0;
    }
    return made;
}

// Which of the customers from begin to end have a row in one of some stages; `stages` is by number, 0 or 1.
EXPORT void cx_who(const AnyLog* log, const uint8_t* stages, int64_t begin, int64_t end, uint8_t* there) {
    if (log->code_bytes == 1)
        who(log->offsets, (const uint8_t*)log->codes, log->stage_of_code, stages, begin, end, there);
    else
        who(log->offsets, (const uint16_t*)log->codes, log->stage_of_code, stages, begin, end, there);
}
