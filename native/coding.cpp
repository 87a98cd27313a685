// Coded rows: those that lie in a stage, by customer, tick, stage and position. Runs of them: visits, purchases.
#include "kernels.h"

namespace {

template <class Code>
int64_t count_in_stage(const Code* codes, const uint8_t* stage_of_code, int64_t begin, int64_t end) {
    int64_t n = 0;
    for (int64_t i = begin; i < end; i++) n += stage_of_code[codes[i]] != 0;
    return n;
}

template <class Code, class Tick>
int64_t code(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, int32_t* customer,
             Tick* tick, uint8_t* stage, int32_t* row) {
    int64_t n = 0;
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, room.row};
    for (int64_t c = begin; c < end; c++) {
        const int64_t here = read_customer(log, c, has_ties, one, room);
        memcpy(tick + n, one.tick, here * sizeof(Tick));
        memcpy(stage + n, one.stage, here);
        memcpy(row + n, one.row, here * sizeof(int32_t));
        for (int64_t i = 0; i < here; i++) customer[n + i] = (int32_t)c;
        n += here;
    }
    return n;
}

// A visit is a run of coded rows of one customer in one stage.
template <class Customer, class Tick>
int64_t visits(const Customer* customer, const Tick* tick, const uint8_t* stage, int64_t n, Customer* whose,
               uint8_t* where, Tick* start, uint8_t* first, uint8_t* last) {
    int64_t made = 0;
    for (int64_t i = 0; i < n; i++) {
        const bool new_customer = i == 0 || customer[i] != customer[i - 1];
        if (!new_customer && stage[i] == stage[i - 1]) continue;
        if (made) last[made - 1] = new_customer;
        whose[made] = customer[i];
        where[made] = stage[i];
        start[made] = tick[i];
        first[made] = new_customer;
        made++;
    }
    if (made) last[made - 1] = 1;
    return made;
}

// A purchase is the first row in a buying stage at each tick of a customer. It was researched if a row in a
// researching stage stands before it and after the tick of the purchase before, or, for a first one, anywhere before.
template <class Code, class Tick>
int64_t purchases(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room,
                  const uint8_t* buying, const uint8_t* researching, int32_t* customer, Tick* tick, uint8_t* repeat,
                  uint8_t* researched) {
    int64_t made = 0;
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, nullptr};
    for (int64_t c = begin; c < end; c++) {
        bool buys = false;
        for (int64_t i = log.offsets[c]; i < log.offsets[c + 1]; i++)
            buys |= buying[log.stage_of_code[log.codes[i]]];
        if (!buys) continue;
        const int64_t n = read_customer(log, c, has_ties, one, room);
        bool bought = false, looked = false;
        Tick last_bought = 0, last_looked = 0;
        for (int64_t i = 0; i < n; i++) {
            const Tick now = one.tick[i];
            if (buying[one.stage[i]] && !(bought && last_bought == now)) {
                customer[made] = (int32_t)c;
                tick[made] = now;
                repeat[made] = bought;
                researched[made] = looked && (!bought || last_looked > last_bought);
                made++;
                bought = true;
                last_bought = now;
            }
            if (researching[one.stage[i]]) {
                looked = true;
                last_looked = now;
            }
        }
    }
    return made;
}

}  // namespace

// How many of the rows from begin to end lie in a stage.
EXPORT int64_t cx_count_in_stage(const AnyLog* log, int64_t begin, int64_t end) {
    return log->code_bytes == 1
               ? count_in_stage((const uint8_t*)log->codes, log->stage_of_code, begin, end)
               : count_in_stage((const uint16_t*)log->codes, log->stage_of_code, begin, end);
}

// The coded rows of the customers from begin to end; how many there are.
EXPORT int64_t cx_code(const AnyLog* log, int64_t begin, int64_t end, const Room* room, int32_t* customer, void* tick,
                       uint8_t* stage, int32_t* row) {
    return with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return code(of, begin, end, log->has_ties, *room, customer, (Tick*)tick, stage, row);
    });
}

// The purchases of the customers from begin to end; how many there are. `buying` and `researching` are by stage.
EXPORT int64_t cx_purchases(const AnyLog* log, int64_t begin, int64_t end, const Room* room, const uint8_t* buying,
                            const uint8_t* researching, int32_t* customer, void* tick, uint8_t* repeat,
                            uint8_t* researched) {
    return with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return purchases(of, begin, end, log->has_ties, *room, buying, researching, customer, (Tick*)tick, repeat,
                         researched);
    });
}

// The visits among n coded rows; how many there are.
EXPORT int64_t cx_visits(int64_t customer_bytes, int64_t tick_bytes, const void* customer, const void* tick,
                         const uint8_t* stage, int64_t n, void* whose, uint8_t* where, void* start, uint8_t* first,
                         uint8_t* last) {
    const auto made = [&]<class Customer, class Tick>(Customer*, Tick*) {
        return visits((const Customer*)customer, (const Tick*)tick, stage, n, (Customer*)whose, where, (Tick*)start,
                      first, last);
    };
    int32_t* narrow = nullptr;
    int64_t* wide = nullptr;
    if (customer_bytes == 4) return tick_bytes == 4 ? made(narrow, narrow) : made(narrow, wide);
    return tick_bytes == 4 ? made(wide, narrow) : made(wide, wide);
}

namespace {

template <class Code, class Tick>
void customers(Log<Code, Tick> log, int64_t begin, int64_t end, int64_t* counts) {
    int64_t seen_by[MOST_STAGES + 1];
    for (int64_t& customer : seen_by) customer = -1;
    for (int64_t c = begin; c < end; c++) {
        for (int64_t i = log.offsets[c]; i < log.offsets[c + 1]; i++) {
            const uint8_t stage = log.stage_of_code[log.codes[i]];
            counts[stage] += seen_by[stage] != c;
            seen_by[stage] = c;
        }
    }
}

}  // namespace

// How many of the customers from begin to end have a row in each stage, 0 for none.
EXPORT void cx_customers(const AnyLog* log, int64_t begin, int64_t end, int64_t* counts) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        customers(of, begin, end, counts);
        return 0;
    });
}

namespace {

template <class Code, class Tick>
int64_t rows_in(Log<Code, Tick> log, const uint8_t* chosen, int64_t begin, int64_t end, int32_t* row) {
    int64_t n = 0;
    for (int64_t i = begin; i < end; i++) {
        row[n] = (int32_t)i;
        n += chosen[log.stage_of_code[log.codes[i]]];
    }
    return n;
}

}  // namespace

// The rows from begin to end that lie in a chosen stage (`chosen` is by stage, 0 or 1), in the order of the log; how
// many there are. `row` has room for one more.
EXPORT int64_t cx_rows_in(const AnyLog* log, const uint8_t* chosen, int64_t begin, int64_t end, int32_t* row) {
    return with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return rows_in(of, chosen, begin, end, row);
    });
}

namespace {

constexpr int SIDE_BY_SIDE = 4, FEW_PAIRS = 256;

template <class One, class Other>
void cross(const One* one, const Other* other, int64_t width, int64_t cells, int64_t begin, int64_t end,
           int64_t* counts) {
    int64_t i = begin;
    if (cells <= FEW_PAIRS) {
        // Neighbours often have the same pair: counted apart they do not wait for each other.
        int64_t apart[SIDE_BY_SIDE][FEW_PAIRS] = {};
        for (; i + SIDE_BY_SIDE <= end; i += SIDE_BY_SIDE)
            for (int k = 0; k < SIDE_BY_SIDE; k++) apart[k][one[i + k] * width + other[i + k]]++;
        for (const auto& part : apart)
            for (int64_t cell = 0; cell < cells; cell++) counts[cell] += part[cell];
    }
    for (; i < end; i++) counts[one[i] * width + other[i]]++;
}

}  // namespace

// How often each pair of numbers stands side by side in two arrays, from begin to end: those of `one`, times `width`, and
// those of `other` are below `cells`. Both have one or two bytes.
EXPORT void cx_cross(int64_t one_bytes, const void* one, int64_t other_bytes, const void* other, int64_t width,
                     int64_t cells, int64_t begin, int64_t end, int64_t* counts) {
    if (one_bytes == 1 && other_bytes == 1)
        cross((const uint8_t*)one, (const uint8_t*)other, width, cells, begin, end, counts);
    else if (one_bytes == 1)
        cross((const uint8_t*)one, (const uint16_t*)other, width, cells, begin, end, counts);
    else if (other_bytes == 1)
        cross((const uint16_t*)one, (const uint8_t*)other, width, cells, begin, end, counts);
    else
        cross((const uint16_t*)one, (const uint16_t*)other, width, cells, begin, end, counts);
}
