// Reading a table: values become numbers in the order in which they first appear, times become ticks, and rows are
// brought into the order of a log: by customer, then time, then as given.
//
// Python hands the rows in by pieces, so that between two of them an interrupt is heard.
#include "kernels.h"

namespace {

// A hash table from values to numbers: open addressing, at most half full. The values themselves lie in `entries`.
struct Slot {
    uint32_t tag;   // the upper half of the hash
    int32_t number; // -1: free
};

// A distinct value: a word, or a text. Texts of up to 16 bytes are told apart by their length and two words.
struct Entry {
    uint64_t low, high;
    int64_t length;
    const uint8_t* text;  // where longer ones stand in the table's column
};

// As Python holds it while the pieces of a column go by.
struct Numbering {
    Slot* slots;
    int64_t n_slots;  // a power of two
    Entry* entries;   // room for half as many as there are slots
    int64_t* first;   // of each distinct value, the row of its first appearance
    int64_t count;    // distinct values so far
};

uint64_t mixed(uint64_t a, uint64_t b) {
    const __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

constexpr uint64_t ODD = 0x9E3779B97F4A7C15ull, OTHER = 0xD1B54A32D192ED03ull;

uint64_t read8(const uint8_t* from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

uint64_t read4(const uint8_t* from) {
    uint32_t word;
    memcpy(&word, from, 4);
    return word;
}

Entry of_word(uint64_t word) { return {word, 0, 8, nullptr}; }

// The first and the last bytes of a text, which may overlap: together with the length they are all of a short one.
Entry of_text(const uint8_t* text, int64_t length) {
    Entry made = {0, 0, length, text};
    if (length >= 8) {
        made.low = read8(text);
        made.high = read8(text + length - 8);
    } else if (length >= 4) {
        made.low = read4(text);
        made.high = read4(text + length - 4);
    } else if (length > 0) {
        made.low = text[0] | (uint64_t)text[length / 2] << 8 | (uint64_t)text[length - 1] << 16;
    }
    return made;
}

uint64_t hash_of(const Entry& entry) {
    uint64_t hash = mixed(entry.low ^ ODD, entry.high ^ OTHER ^ (uint64_t)entry.length);
    for (int64_t i = 8; i + 8 < entry.length; i += 8) hash = mixed(hash ^ read8(entry.text + i), OTHER);
    return mixed(hash, ODD);
}

bool same(const Entry& a, const Entry& b) {
    if (a.low != b.low || a.high != b.high || a.length != b.length) return false;
    for (int64_t i = 8; i + 8 < a.length; i += 8)
        if (read8(a.text + i) != read8(b.text + i)) return false;
    return true;
}

// Number the rows from begin to end, -1 where `missing`; stops before the table would be more than half full.
// Returns the row it came to.
template <class Value>
int64_t number_rows(Numbering& to, const uint8_t* missing, int64_t begin, int64_t end, int64_t shift, int32_t* numbers,
                    Value value) {
    constexpr int AHEAD = 32;  // rows whose places in memory are asked for before the first of them is needed
    Entry next[AHEAD];
    uint64_t hashes[AHEAD];
    const int64_t mask = to.n_slots - 1, most = to.n_slots / 2;
    int64_t i = begin;
    while (i < end) {
        const int n = end - i < AHEAD ? (int)(end - i) : AHEAD;
        if (to.count + n > most) return i;
        for (int j = 0; j < n; j++) {
            if (missing && missing[i + j]) continue;
            next[j] = value(i + j);
            hashes[j] = hash_of(next[j]);
            __builtin_prefetch(&to.slots[hashes[j] & mask]);
        }
        for (int j = 0; j < n; j++) {
            if (missing && missing[i + j]) continue;
            const Slot slot = to.slots[hashes[j] & mask];
            if (slot.number >= 0) __builtin_prefetch(&to.entries[slot.number]);
        }
        for (int j = 0; j < n; j++) {
            if (missing && missing[i + j]) {
                numbers[i + j] = -1;
                continue;
            }
            const Entry& here = next[j];
            const uint32_t tag = (uint32_t)(hashes[j] >> 32);
            for (int64_t at = hashes[j] & mask;; at = (at + 1) & mask) {
                Slot& slot = to.slots[at];
                if (slot.number < 0) {
                    slot = {tag, (int32_t)to.count};
                    to.entries[to.count] = here;
                    to.first[to.count] = i + j + shift;
                    numbers[i + j] = (int32_t)to.count++;
                    break;
                }
                if (slot.tag == tag && same(to.entries[slot.number], here)) {
                    numbers[i + j] = slot.number;
                    break;
                }
            }
        }
        i += n;
    }
    return end;
}

// Call act with the unsigned type of so many bytes.
template <class Act>
auto with_width(int64_t bytes, Act act) {
    switch (bytes) {
        case 1: return act((uint8_t)0);
        case 2: return act((uint16_t)0);
        case 4: return act((uint32_t)0);
        default: return act((uint64_t)0);
    }
}

}  // namespace

// Put what is numbered so far into the empty slots of a larger table.
EXPORT void cx_widen(Numbering* to) {
    const int64_t mask = to->n_slots - 1;
    for (int64_t number = 0; number < to->count; number++) {
        const uint64_t hash = hash_of(to->entries[number]);
        int64_t at = hash & mask;
        while (to->slots[at].number >= 0) at = (at + 1) & mask;
        to->slots[at] = {(uint32_t)(hash >> 32), (int32_t)number};
    }
}

// Number values of 1, 2, 4 or 8 bytes by their bits.
EXPORT int64_t cx_number_words(Numbering* to, int64_t bytes, const void* values, const uint8_t* missing, int64_t begin,
                               int64_t end, int32_t* numbers) {
    return with_width(bytes, [&]<class Word>(Word) {
        const Word* words = (const Word*)values;
        return number_rows(*to, missing, begin, end, 0, numbers, [&](int64_t i) { return of_word(words[i]); });
    });
}

// Number texts as Arrow lays them out: text i has the bytes from offsets[i] to offsets[i + 1]. `shift` is the row of
// the table in which this run of texts begins.
EXPORT int64_t cx_number_texts(Numbering* to, int64_t offset_bytes, const void* offsets, const uint8_t* text,
                               const uint8_t* missing, int64_t begin, int64_t end, int64_t shift, int32_t* numbers) {
    const auto numbered = [&]<class Offset>(const Offset* at) {
        return number_rows(*to, missing, begin, end, shift, numbers,
                           [&](int64_t i) { return of_text(text + at[i], (int64_t)(at[i + 1] - at[i])); });
    };
    return offset_bytes == 4 ? numbered((const int32_t*)offsets) : numbered((const int64_t*)offsets);
}

// Number integers in a narrow range without hashing: `known` has a place for each value from `low` on, -1 where it was
// not seen yet. Returns how many are distinct so far.
EXPORT int64_t cx_number_range(int64_t bytes, const void* values, int64_t low, int64_t begin, int64_t end,
                               int32_t* known, int64_t* first, int64_t count, int32_t* numbers) {
    const auto numbered = [&]<class Value>(const Value* value) {
        for (int64_t i = begin; i < end; i++) {
            int32_t& number = known[(uint64_t)value[i] - (uint64_t)low];
            if (number < 0) {
                first[count] = i;
                number = (int32_t)count++;
            }
            numbers[i] = number;
        }
        return count;
    };
    switch (bytes) {
        case -1: return numbered((const int8_t*)values);
        case -2: return numbered((const int16_t*)values);
        case -4: return numbered((const int32_t*)values);
        case 1: return numbered((const uint8_t*)values);
        case 2: return numbered((const uint16_t*)values);
        case 4: return numbered((const uint32_t*)values);
        default: return numbered((const int64_t*)values);
    }
}

// out[i] = table[numbers[i]], in 1, 2 or 4 bytes; number -1 is the entry before the first.
EXPORT void cx_look_up(const int32_t* numbers, int64_t begin, int64_t end, const int32_t* table, int64_t bytes,
                       void* out) {
    with_width(bytes, [&]<class Word>(Word) {
        Word* to = (Word*)out;
        for (int64_t i = begin; i < end; i++) to[i] = (Word)table[numbers[i]];
        return 0;
    });
}

namespace {

// The divisor is a constant, so the compiler makes a multiplication of the division.
template <int64_t PER_TICK, class Tick>
int ticks_of(const int64_t* times, int64_t origin, int64_t factor, int64_t begin, int64_t end, Tick* ticks) {
    int64_t rest = 0;
    for (int64_t i = begin; i < end; i++) {
        const int64_t since = times[i] - origin;
        ticks[i] = (Tick)(since / PER_TICK * factor);
        rest |= since % PER_TICK;
    }
    return rest == 0;
}

}  // namespace

// Ticks since the origin: (time - origin) / per_tick * factor, where per_tick is 1, 10^3, 10^6 or 10^9. Returns whether
// no time lies between two ticks.
EXPORT int cx_ticks(const int64_t* times, int64_t origin, int64_t per_tick, int64_t factor, int64_t begin, int64_t end,
                    int64_t tick_bytes, void* ticks) {
    const auto made = [&]<class Tick>(Tick* to) {
        switch (per_tick) {
            case 1: return ticks_of<1>(times, origin, factor, begin, end, to);
            case 1'000: return ticks_of<1'000>(times, origin, factor, begin, end, to);
            case 1'000'000: return ticks_of<1'000'000>(times, origin, factor, begin, end, to);
            default: return ticks_of<1'000'000'000>(times, origin, factor, begin, end, to);
        }
    };
    return tick_bytes == 4 ? made((int32_t*)ticks) : made((int64_t*)ticks);
}

// In which orders the rows from begin to end stand (and the one before them): 1 by time, 2 by customer and time.
EXPORT int cx_orders(const int32_t* customers, int64_t tick_bytes, const void* ticks, int64_t begin, int64_t end) {
    const auto found = [&]<class Tick>(const Tick* tick) {
        int by_time = 1, by_customer = 1;
        for (int64_t i = begin > 0 ? begin : 1; i < end; i++) {
            const int later = tick[i] >= tick[i - 1];
            by_time &= later;
            by_customer &= customers[i] > customers[i - 1] || (customers[i] == customers[i - 1] && later);
        }
        return by_time | by_customer << 1;
    };
    return tick_bytes == 4 ? found((const int32_t*)ticks) : found((const int64_t*)ticks);
}

// How many rows each customer has, added to what `counts` holds.
EXPORT void cx_count(const int32_t* customers, int64_t begin, int64_t end, int64_t* counts) {
    for (int64_t i = begin; i < end; i++) counts[customers[i]]++;
}

// Each row's place in the order of customers, written over the customers; `next` is the next free place of each.
EXPORT void cx_places(int32_t* customers, int64_t begin, int64_t end, int64_t* next) {
    for (int64_t i = begin; i < end; i++) customers[i] = (int32_t)next[customers[i]]++;
}

// to[places[i]] = from[i], values of 1, 2, 4 or 8 bytes; without `from`, the row itself, of 4 bytes.
EXPORT void cx_move(const int32_t* places, int64_t begin, int64_t end, int64_t bytes, const void* from, void* to) {
    if (!from) {
        int32_t* row = (int32_t*)to;
        for (int64_t i = begin; i < end; i++) row[places[i]] = (int32_t)i;
        return;
    }
    with_width(bytes, [&]<class Word>(Word) {
        for (int64_t i = begin; i < end; i++) ((Word*)to)[places[i]] = ((const Word*)from)[i];
        return 0;
    });
}

namespace {

template <class Tick>
struct Timed {
    Tick tick;
    int32_t at;  // the row, counted from the customer's first
};

// Merge sorted runs of one, two, four, ... rows until all are one; equal ticks keep their order. Where they end up.
template <class Tick>
Timed<Tick>* merged(Timed<Tick>* from, Timed<Tick>* to, int64_t n) {
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            const int64_t middle = start + width < n ? start + width : n;
            const int64_t end = start + 2 * width < n ? start + 2 * width : n;
            int64_t left = start, right = middle;
            for (int64_t i = start; i < end; i++)
                to[i] = left < middle && (right == end || from[left].tick <= from[right].tick) ? from[left++]
                                                                                               : from[right++];
        }
        Timed<Tick>* other = from;
        from = to;
        to = other;
    }
    return from;
}

template <class Word, class Tick>
void take(Word* values, const Timed<Tick>* order, int64_t n, Word* spare) {
    for (int64_t i = 0; i < n; i++) spare[i] = values[order[i].at];
    memcpy(values, spare, n * sizeof(Word));
}

template <class Code, class Tick>
void insert_by_time(Code* code, Tick* tick, int32_t* row, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const Tick now = tick[i];
        if (tick[i - 1] <= now) continue;
        const Code what = code[i];
        const int32_t where = row[i];
        int64_t j = i;
        for (; j > 0 && tick[j - 1] > now; j--) {
            tick[j] = tick[j - 1];
            code[j] = code[j - 1];
            row[j] = row[j - 1];
        }
        tick[j] = now;
        code[j] = what;
        row[j] = where;
    }
}

template <class Code, class Tick>
void by_time(const int64_t* offsets, int64_t begin, int64_t end, Code* codes, Tick* ticks, int32_t* rows,
             uint8_t* spare) {
    for (int64_t c = begin; c < end; c++) {
        const int64_t first = offsets[c], n = offsets[c + 1] - first;
        Code* code = codes + first;
        Tick* tick = ticks + first;
        int32_t* row = rows + first;
        if (n <= 32) {
            insert_by_time(code, tick, row, n);
            continue;
        }
        bool sorted = true;
        for (int64_t i = 1; i < n && sorted; i++) sorted = tick[i - 1] <= tick[i];
        if (sorted) continue;
        Timed<Tick>* one = (Timed<Tick>*)spare;
        for (int64_t i = 0; i < n; i++) one[i] = {tick[i], (int32_t)i};
        const Timed<Tick>* order = merged(one, one + n, n);
        uint8_t* free = spare + (order == one ? n * sizeof(Timed<Tick>) : 0);
        take(code, order, n, (Code*)free);
        take(row, order, n, (int32_t*)free);
        for (int64_t i = 0; i < n; i++) tick[i] = order[i].tick;
    }
}

template <class Code, class Tick>
int64_t repeats(const int64_t* offsets, int64_t begin, int64_t end, const Code* codes, const Tick* ticks,
                int64_t* seen, uint8_t* flags) {
    int64_t tied = 0;
    for (int64_t c = begin; c < end; c++) {
        int64_t start = offsets[c];
        for (int64_t i = start + 1; i <= offsets[c + 1]; i++) {
            if (i < offsets[c + 1] && ticks[i] == ticks[start]) continue;
            if (i - start > 1) {
                tied += i - start;
                for (int64_t j = start; flags && j < i; j++) {
                    int64_t& before = seen[codes[j]];
                    if (before >= start) {
                        flags[before] = 1;
                        flags[j] = 2;
                    } else {
                        before = j;
                    }
                }
            }
            start = i;
        }
    }
    return tied;
}

template <class Code>
void customers_of_codes(const int64_t* offsets, int64_t begin, int64_t end, const Code* codes, int64_t* seen,
                        int64_t* counts) {
    for (int64_t c = begin; c < end; c++) {
        for (int64_t i = offsets[c]; i < offsets[c + 1]; i++) {
            int64_t& last = seen[codes[i]];
            counts[codes[i]] += last != c;
            last = c;
        }
    }
}

}  // namespace

// Put the rows of the customers from begin to end in the order of their times; equal times keep their order. `spare`
// has 32 bytes for each row of the longest customer.
EXPORT void cx_by_time(const int64_t* offsets, int64_t begin, int64_t end, int64_t code_bytes, void* codes,
                       int64_t tick_bytes, void* ticks, int32_t* rows, uint8_t* spare) {
    with_width(code_bytes, [&]<class Code>(Code) {
        if (tick_bytes == 4)
            by_time(offsets, begin, end, (Code*)codes, (int32_t*)ticks, rows, spare);
        else
            by_time(offsets, begin, end, (Code*)codes, (int64_t*)ticks, rows, spare);
        return 0;
    });
}

// How many rows share customer and time with another. With `flags`: 2 where an earlier row has the same event as well,
// 1 at the first of these. `seen` has -1 for each code.
EXPORT int64_t cx_repeats(const int64_t* offsets, int64_t begin, int64_t end, int64_t code_bytes, const void* codes,
                          int64_t tick_bytes, const void* ticks, int64_t* seen, uint8_t* flags) {
    return with_width(code_bytes, [&]<class Code>(Code) {
        const Code* code = (const Code*)codes;
        return tick_bytes == 4 ? repeats(offsets, begin, end, code, (const int32_t*)ticks, seen, flags)
                               : repeats(offsets, begin, end, code, (const int64_t*)ticks, seen, flags);
    });
}

// How many of the customers from begin to end have a row of each code, added to `counts`; `seen` has -1 for each.
EXPORT void cx_customers_of_codes(const int64_t* offsets, int64_t begin, int64_t end, int64_t code_bytes,
                                  const void* codes, int64_t* seen, int64_t* counts) {
    with_width(code_bytes, [&]<class Code>(Code) {
        customers_of_codes(offsets, begin, end, (const Code*)codes, seen, counts);
        return 0;
    });
}
