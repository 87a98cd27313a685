// Order statistics without sorting: count into bins, then look closer at the one bin that holds the rank.
#include "kernels.h"

namespace {

constexpr int COARSE = 4096;  // 32 powers of two, 128 bins in each
constexpr int FINE = 2048;

// The bin of a number is the top of its floating-point form: it never falls as numbers grow, and is as
// fine for short times as for long ones.
inline uint32_t coarse_bin(int32_t value) {
    return (__builtin_bit_cast(uint32_t, (float)value) >> 16) - (__builtin_bit_cast(uint32_t, 1.0f) >> 16) + 1;
}

inline uint32_t bin_of(int32_t value) { return value > 0 ? coarse_bin(value) : 0; }

// The least value from which bin `bin` is reached; values are whole numbers from 0.
int64_t least_of_bin(uint32_t bin) {
    if (bin == 0) return 0;
    int64_t low = 0, high = (int64_t)1 << 31;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (middle >= (int64_t)1 << 31 || bin_of((int32_t)middle) >= bin)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

// Step `rank` down to its place inside the first bin that holds it, and return that bin.
int holding(const uint32_t* bins, int n_bins, int64_t& rank) {
    int bin = 0;
    while (bin < n_bins - 1 && rank >= bins[bin]) rank -= bins[bin++];
    return bin;
}

int32_t ranked(const int32_t* values, int64_t n, const uint32_t* coarse, int64_t rank) {
    const uint32_t bin = holding(coarse, COARSE, rank);
    int64_t low = least_of_bin(bin);
    int64_t width = least_of_bin(bin + 1) - low;
    while (width > 1) {
        const int64_t step = (width + FINE - 1) / FINE;
        uint32_t bins[FINE] = {0};
        for (int64_t i = 0; i < n; i++) {
            const uint32_t beyond = (uint32_t)values[i] - (uint32_t)low;
            if (beyond < (uint32_t)width) bins[beyond / (uint32_t)step]++;
        }
        const int found = holding(bins, FINE, rank);
        low += found * step;
        width = step;
    }
    return (int32_t)low;
}

// The value of the rank behind that of `value`, which is `rank`.
int32_t next_ranked(const int32_t* values, int64_t n, int64_t rank, int32_t value) {
    int64_t up_to = 0;
    int32_t above = INT32_MAX;
    for (int64_t i = 0; i < n; i++) {
        up_to += values[i] <= value;
        const int32_t one = values[i] > value ? values[i] : INT32_MAX;
        above = one < above ? one : above;
    }
    return rank + 1 < up_to ? value : above;
}

}  // namespace

// The values of some ranks (from 0) among n whole numbers from 0.
EXPORT void cx_ranked(const int32_t* values, int64_t n, const int64_t* ranks, int64_t n_ranks, int32_t* found) {
    uint32_t coarse[COARSE] = {0};
    for (int64_t i = 0; i < n; i++) coarse[bin_of(values[i])]++;
    for (int64_t i = 0; i < n_ranks; i++) {
        if (i > 0 && ranks[i] == ranks[i - 1])
            found[i] = found[i - 1];
        else if (i > 0 && ranks[i] == ranks[i - 1] + 1)
            found[i] = next_ranked(values, n, ranks[i - 1], found[i - 1]);
        else
            found[i] = ranked(values, n, coarse, ranks[i]);
    }
}

namespace {

constexpr int DIGIT = 11;

// Sort whole numbers from 0 by their digits, the last digit first; `spare` has room for as many.
void sort_by_digits(int32_t* values, int32_t* spare, int64_t n, int32_t largest) {
    int32_t *from = values, *to = spare;
    for (int shift = 0; shift < 32 && largest >> shift; shift += DIGIT) {
        int64_t place[(1 << DIGIT) + 1] = {0};
        const uint32_t digits = (1 << DIGIT) - 1;
        for (int64_t i = 0; i < n; i++) place[((uint32_t)from[i] >> shift & digits) + 1]++;
        for (int d = 0; d < 1 << DIGIT; d++) place[d + 1] += place[d];
        for (int64_t i = 0; i < n; i++) to[place[(uint32_t)from[i] >> shift & digits]++] = from[i];
        int32_t* other = from;
        from = to;
        to = other;
    }
    if (from != values) memcpy(values, from, n * sizeof(int32_t));
}

int64_t keep_up_to(const int32_t* values, int64_t n, int32_t most, int32_t* kept) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        kept[count] = values[i];
        count += values[i] <= most;
    }
    return count;
}

}  // namespace

// The first time at which the Kaplan-Meier curve, the product over event times of 1 - events / at risk, is at or below
// `half`; -1 where it does not come down so far. `room` has room for three times all the numbers and four more.
EXPORT int64_t cx_survival_median(const int32_t* ended, int64_t n_ended, const int32_t* censored, int64_t n_censored,
                                  double half, int32_t* room) {
    const int64_t total = n_ended + n_censored;
    // Censoring only brings the curve down sooner: it is at one half once half of all have ended.
    const int64_t enough = (total + 1) / 2 - 1;
    int32_t most = INT32_MAX;
    if (enough >= 0 && enough < n_ended) cx_ranked(ended, n_ended, &enough, 1, &most);
    int32_t* times = room;
    const int64_t n = keep_up_to(ended, n_ended, most, times);
    int32_t* cuts = times + n + 1;
    const int64_t n_cuts = keep_up_to(censored, n_censored, most, cuts);
    int32_t* spare = cuts + n_cuts + 1;
    sort_by_digits(times, spare, n, most);
    sort_by_digits(cuts, spare, n_cuts, most);
    double survival = 1;
    int64_t cut = 0;
    for (int64_t i = 0; i < n;) {
        const int32_t time = times[i];
        int64_t next = i;
        while (next < n && times[next] == time) next++;
        // Cut off at an event time is still at risk there.
        while (cut < n_cuts && cuts[cut] < time) cut++;
        survival *= 1 - (double)(next - i) / (double)(total - i - cut);
        if (survival <= half) return time;
        i = next;
    }
    return -1;
}
