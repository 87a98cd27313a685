// Order statistics without sorting: a sample says between which two values the ranks lie, and only what lies there is
// kept and sorted.
#include "kernels.h"

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

// Where the values of the ranks from `first` to `last` most likely lie: between two values of a sample, as far around
// their share of it as chance moves one in a million, or, of few values, anywhere.
struct Between {
    int32_t low, high;
};

constexpr int SAMPLE = 4096;
constexpr int64_t FEW = 4 * SAMPLE;

Between likely(const int32_t* values, int64_t n, int64_t first, int64_t last) {
    if (n < FEW) return {0, INT32_MAX};
    int32_t sample[SAMPLE], spare[SAMPLE];
    for (int64_t i = 0; i < SAMPLE; i++) sample[i] = values[i * n / SAMPLE];
    int32_t largest = 0;
    for (const int32_t one : sample) largest = one > largest ? one : largest;
    sort_by_digits(sample, spare, SAMPLE, largest);
    // The place of a rank in the sample has a standard deviation of at most the root of SAMPLE over 2: this is five.
    constexpr int64_t margin = 160;
    const int64_t low = first * SAMPLE / n - margin, high = last * SAMPLE / n + margin;
    return {low < 0 ? 0 : sample[low], high < SAMPLE ? sample[high] : INT32_MAX};
}

// Keep the values between two others; how many, and how many lie below them.
int64_t keep_between(const int32_t* values, int64_t n, Between ends, int32_t* kept, int64_t& below) {
    constexpr int STEP = 16;
    const uint32_t width = (uint32_t)ends.high - (uint32_t)ends.low;
    int64_t count = 0, under = 0, i = 0;
    for (; i + STEP <= n; i += STEP) {
        uint32_t inside = 0;
        int32_t lower = 0;
        for (int j = 0; j < STEP; j++) {
            inside |= (uint32_t)((uint32_t)values[i + j] - (uint32_t)ends.low <= width) << j;
            lower += values[i + j] < ends.low;
        }
        under += lower;
        for (; inside; inside &= inside - 1) kept[count++] = values[i + __builtin_ctz(inside)];
    }
    for (; i < n; i++) {
        under += values[i] < ends.low;
        kept[count] = values[i];
        count += (uint32_t)values[i] - (uint32_t)ends.low <= width;
    }
    below = under;
    return count;
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

// The values of some ranks (from 0) among n whole numbers from 0. `room` has room for 2 (n + 1).
EXPORT void cx_ranked(const int32_t* values, int64_t n, const int64_t* ranks, int64_t n_ranks, int32_t* found,
                      int32_t* room) {
    if (!n_ranks) return;
    int64_t first = ranks[0], last = ranks[0];
    for (int64_t i = 1; i < n_ranks; i++) {
        first = ranks[i] < first ? ranks[i] : first;
        last = ranks[i] > last ? ranks[i] : last;
    }
    Between ends = likely(values, n, first, last);
    int64_t below = 0, kept = keep_between(values, n, ends, room, below);
    if (first < below || last >= below + kept) {
        ends = {0, INT32_MAX};
        kept = keep_between(values, n, ends, room, below);
    }
    int32_t largest = 0;
    for (int64_t i = 0; i < kept; i++) largest = room[i] > largest ? room[i] : largest;
    sort_by_digits(room, room + kept, kept, largest);
    for (int64_t i = 0; i < n_ranks; i++) found[i] = room[ranks[i] - below];
}

// The first time at which the Kaplan-Meier curve, the product over event times of 1 - events / at risk, is at or below
// `half`; -1 where it does not come down so far. `room` has room for three times all the
// numbers and four more.
EXPORT int64_t cx_survival_median(const int32_t* ended, int64_t n_ended, const int32_t* censored, int64_t n_censored,
                                  double half, int32_t* room) {
    const int64_t total = n_ended + n_censored;
    // Censoring only brings the curve down sooner: it is at one half once half of all have ended.
    const int64_t enough = (total + 1) / 2 - 1;
    int32_t most = INT32_MAX;
    if (enough >= 0 && enough < n_ended) cx_ranked(ended, n_ended, &enough, 1, &most, room);
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
