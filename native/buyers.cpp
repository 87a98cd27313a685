// Who bought, how often, how soon again, without looking around or after it, and in which periods.
//
// A purchase is a tick at which a customer has rows in a buying stage. It was researched if a row in a researching
// stage stands before it in the order of coded rows, at a later tick than the purchase before.
#include "kernels.h"

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

    // How many of the rows from begin to end have one.
    int64_t count(const Code* codes, int64_t begin, int64_t end) const {
        int64_t n = 0;
        for (int64_t i = begin; i < end; i++) n += of_code[codes[i]];
        return n;
    }
};

template <class Code, class Tick>
int64_t buyers(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, const Wanted& wanted,
               const Buyers<Tick>& to) {
    const Chosen<Code> buys(log.stage_of_code, wanted.buying);
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, nullptr};
    const auto period_of = [&](int64_t since) { return since * wanted.times / wanted.over; };
    int64_t made = 0;
    for (int64_t c = begin; c < end; c++) {
        if (!buys.count(log.codes, log.offsets[c], log.offsets[c + 1])) continue;
        const int64_t n = read_customer(log, c, has_ties, one, room);
        int32_t bought = 0, looped = 0;
        bool returned = false, looked = false;
        Tick first = 0, last = 0, second = (Tick)wanted.end_tick;
        int64_t periods = 0, period = -1;
        for (int64_t i = 0; i < n; i++) {
            const Tick now = one.tick[i];
            if (wanted.buying[one.stage[i]] && !(bought && last == now)) {
                if (!bought) {
                    first = now;
                    periods = period_of(wanted.end_tick - now);
                } else if (bought == 1) {
                    second = now;
                }
                looped += bought && !looked;
                bought++;
                last = now;
                looked = false;
                const int64_t here = period_of(now - first);
                if (here != period && here < periods) {
                    if (here < wanted.longest) to.retained[here]++;
                    returned |= here == 1;
                }
                period = here;
            }
            // A row at the tick of the purchase before it is no research for the next one.
            looked |= wanted.researching[one.stage[i]] && !(bought && last == now);
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
    for (int64_t c = begin; c < end; c++) there[c] = chosen.count(codes, offsets[c], offsets[c + 1]) > 0;
}

}  // namespace

// The buyers among the customers from begin to end; how many there are.
EXPORT int64_t cx_buyers(const AnyLog* log, int64_t begin, int64_t end, const Room* room, const Wanted* wanted,
                         const void* to) {
    return with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return buyers(of, begin, end, log->has_ties, *room, *wanted, *(const Buyers<Tick>*)to);
    });
}

// Which of the customers from begin to end have a row in one of some stages; `stages` is by number, 0 or 1.
EXPORT void cx_who(const AnyLog* log, const uint8_t* stages, int64_t begin, int64_t end, uint8_t* there) {
    if (log->code_bytes == 1)
        who(log->offsets, (const uint8_t*)log->codes, log->stage_of_code, stages, begin, end, there);
    else
        who(log->offsets, (const uint16_t*)log->codes, log->stage_of_code, stages, begin, end, there);
}
