// Values of a table's columns become numbers in the order in which they first appear.
//
// Python hands the rows in by pieces, so that between two of them an interrupt is heard.
#include "widths.h"

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

// PyUnicode_AsUTF8AndSize of the interpreter: the bytes of a text, which live as long as it does; null, with an error
// set, for what is none.
using Utf8 = const char* (*)(const void* object, intptr_t* length);

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

// The texts of Python objects from begin to end, one behind the other, as far as `room` holds them: text i ends at
// offsets[i - begin + 1]. `missing` marks those that are one of three objects. Returns the row it came to.
//
// `as_utf8` is PyUnicode_AsUTF8AndSize, so the caller holds the interpreter, and whoever it is refuses what is no text:
// Python raises its error when we return.
EXPORT int64_t cx_read_texts(Utf8 as_utf8, const void* const* objects, int64_t begin, int64_t end,
                             const void* const* nothing, int64_t room, int32_t* offsets, uint8_t* missing,
                             uint8_t* text) {
    constexpr int64_t AHEAD = 16;  // objects lie anywhere: they are asked for before they are needed
    int64_t used = 0;
    offsets[0] = 0;
    for (int64_t i = begin; i < end; i++) {
        if (i + AHEAD < end) {
            // The text stands behind the head of the object, often in its next line of memory.
            __builtin_prefetch(objects[i + AHEAD]);
            __builtin_prefetch((const uint8_t*)objects[i + AHEAD] + 64);
        }
        const void* object = objects[i];
        const bool none = object == nothing[0] || object == nothing[1] || object == nothing[2];
        missing[i - begin] = none;
        if (!none) {
            intptr_t length;
            const char* from = as_utf8(object, &length);
            if (!from || length > room - used) return i;
            memcpy(text + used, from, length);
            used += length;
        }
        offsets[i - begin + 1] = (int32_t)used;
    }
    return end;
}

// Number integers in a narrow range without hashing: `known` has a place for each value from `low` on, -1 where it was
// not seen yet, and `seen` takes the distinct ones, less `low`. Returns how many there are so far. Without `numbers` only
// these are found.
EXPORT int64_t cx_number_range(int64_t bytes, const void* values, int64_t low, int64_t begin, int64_t end,
                               int32_t* known, uint32_t* seen, int64_t count, int32_t* numbers) {
    return with_integer(bytes, [&]<class Value>(Value) {
        const Value* value = (const Value*)values;
        for (int64_t i = begin; i < end; i++) {
            const uint64_t place = (uint64_t)value[i] - (uint64_t)low;
            int32_t& number = known[place];
            if (number < 0) {
                seen[count] = (uint32_t)place;
                number = (int32_t)count++;
            }
            if (numbers) numbers[i] = number;
        }
        return count;
    });
}

// The least and the greatest of the values from begin to end, of which there is one.
EXPORT void cx_span(int64_t bytes, const void* values, int64_t begin, int64_t end, int64_t* least_greatest) {
    with_integer(bytes, [&]<class Value>(Value) {
        const Value* value = (const Value*)values;
        Value least = value[begin], greatest = value[begin];
        for (int64_t i = begin; i < end; i++) {
            least = value[i] < least ? value[i] : least;
            greatest = value[i] > greatest ? value[i] : greatest;
        }
        least_greatest[0] = (int64_t)least;
        least_greatest[1] = (int64_t)greatest;
        return 0;
    });
}

// out[i] = table[numbers[i] - low], in 1, 2 or 4 bytes.
EXPORT void cx_look_up(int64_t number_bytes, const void* numbers, int64_t low, int64_t begin, int64_t end,
                       const int32_t* table, int64_t bytes, void* out) {
    with_integer(number_bytes, [&]<class Number>(Number) {
        return with_width(bytes, [&]<class Word>(Word) {
            for (int64_t i = begin; i < end; i++)
                ((Word*)out)[i] = (Word)table[(int64_t)((const Number*)numbers)[i] - low];
            return 0;
        });
    });
}
