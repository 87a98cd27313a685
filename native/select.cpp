// Order statistics without sorting: a sample says between which two values the ranks lie, and only what lies there is
// kept and sorted.
#include "lanes.h"

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

// Whole numbers from 0 that lie in pieces.
struct Numbers {
    const int32_t* const* piece;
    const int64_t* length;
    int64_t pieces;

    int64_t count() const {
        int64_t n = 0;
        for (int64_t p = 0; p < pieces; p++) n += length[p];
        return n;
    }
};

// Where the values of the ranks from `first` to `last` most likely lie: between two values of a sample, as far around
// their share of it as chance moves one in a million, or, of few values, anywhere.
struct Between {
    int32_t low, high;
};

constexpr int SAMPLE = 4096;
constexpr int64_t FEW = 4 * SAMPLE;

Between likely(const Numbers& numbers, int64_t n, int64_t first, int64_t last) {
    if (n < FEW) return {0, INT32_MAX};
    int32_t sample[SAMPLE], spare[SAMPLE];
    int64_t begin = 0, p = 0;
    for (int64_t i = 0; i < SAMPLE; i++) {
        const int64_t place = i * n / SAMPLE;
        while (place >= begin + numbers.length[p]) begin += numbers.length[p++];
        sample[i] = numbers.piece[p][place - begin];
    }
    int32_t largest = 0;
    for (const int32_t one : sample) largest = one > largest ? one : largest;
    sort_by_digits(sample, spare, SAMPLE, largest);
    // The place of a rank in the sample has a standard deviation of at most the root of SAMPLE over 2: this is five.
    constexpr int64_t margin = 160;
    const int64_t low = first * SAMPLE / n - margin, high = last * SAMPLE / n + margin;
    return {low < 0 ? 0 : sample[low], high < SAMPLE ? sample[high] : INT32_MAX};
}

// Keep the values between two others; how many, and how many lie below them.
int64_t keep_between(const Numbers& numbers, Between ends, int32_t* kept, int64_t& below) {
    const uint32_t width = (uint32_t)ends.high - (uint32_t)ends.low;
    int64_t count = 0, under = 0;
    for (int64_t p = 0; p < numbers.pieces; p++) {
        const int32_t* values = numbers.piece[p];
        const int64_t n = numbers.length[p];
        int64_t i = 0;
        Ticks lower = 0;
        for (; i + WIDTH <= n; i += WIDTH) {
            const Ticks here = load_ticks(values + i);
            typedef uint32_t Distances __attribute__((ext_vector_type(WIDTH)));
            lower -= here < ends.low;
            count += pack(__builtin_bit_cast(Distances, here - ends.low) <= width, here, kept + count);
        }
        under += __builtin_reduce_add(lower);
        for (; i < n; i++) {
            under += values[i] < ends.low;
            kept[count] = values[i];
            count += (uint32_t)values[i] - (uint32_t)ends.low <= width;
        }
    }
    below = under;
    return count;
}

int64_t keep_up_to(const Numbers& numbers, int32_t most, int32_t* kept) {
    int64_t below = 0;
    return keep_between(numbers, {0, most}, kept, below);
}

// Some of the numbers in order: values[0] has the rank `first`.
struct Near {
    const int32_t* values;
    int64_t first;

    int32_t operator[](int64_t rank) const { return values[rank - first]; }
};

// The values of the ranks (from 0) from `first` to `last` among n numbers; `room` has room for 2 (n + WIDTH).
Near near(const Numbers& numbers, int64_t n, int64_t first, int64_t last, int32_t* room) {
    Between ends = likely(numbers, n, first, last);
    int64_t below = 0, kept = keep_between(numbers, ends, room, below);
    if (first < below || last >= below + kept) {
        ends = {0, INT32_MAX};
        kept = keep_between(numbers, ends, room, below);
    }
    int32_t largest = 0;
    for (int64_t i = 0; i < kept; i++) largest = room[i] > largest ? room[i] : largest;
    sort_by_digits(room, room + kept, kept, largest);
    return {room, below};
}

int64_t sum(const Numbers& numbers) {
    int64_t all = 0;
    for (int64_t p = 0; p < numbers.pieces; p++)
        for (int64_t i = 0; i < numbers.length[p]; i++) all += numbers.piece[p][i];
    return all;
}

constexpr int FEW_CUTS = 48;

// How many numbers are at most as large as another.
int64_t count_up_to(const Numbers& numbers, int32_t most) {
    int64_t n = 0;
    for (int64_t p = 0; p < numbers.pieces; p++)
        for (int64_t i = 0; i < numbers.length[p]; i++) n += numbers.piece[p][i] <= most;
    return n;
}

// The rank of the median of a survival curve that comes down to `half` after a few of its subjects were cut off. Between
// two cuts the factors of the curve cancel out: it is its height at the first, times the share that has not ended since.
int64_t rank_of_half(const Numbers& ended, int64_t n_ended, int64_t total, const int32_t* cuts, int n_cuts,
                     double half) {
    double survival = 1;
    int64_t gone = 0;
    for (int cut = 0;; cut++) {
        const int64_t at_risk = total - gone - cut;
        const int64_t until = cut < n_cuts ? count_up_to(ended, cuts[cut]) : n_ended;
        const double left = (double)(at_risk - (until - gone)) / (double)at_risk;
        if (survival * left <= half) {
            // So many of those at risk must have ended.
            int64_t ends = (int64_t)((double)at_risk * (1 - half / survival));
            while (survival * ((double)(at_risk - ends) / (double)at_risk) > half) ends++;
            return gone + ends - 1;
        }
        survival *= left;
        gone = until;
    }
}

// Numbers of several groups: group g has the pieces first_piece[g] to first_piece[g + 1] - 1.
struct Groups {
    const int64_t* first_piece;
    const int32_t* const* piece;
    const int64_t* length;

    Numbers between(int64_t begin, int64_t end) const {
        return {piece + first_piece[begin], length + first_piece[begin], first_piece[end] - first_piece[begin]};
    }
};

}  // namespace

// The values of some ranks (from 0) among n whole numbers from 0. `room` has room for 2 n + 64.
EXPORT void cx_ranked(const int32_t* values, int64_t n, const int64_t* ranks, int64_t n_ranks, int32_t* found,
                      int32_t* room) {
    if (!n_ranks) return;
    int64_t first = ranks[0], last = ranks[0];
    for (int64_t i = 1; i < n_ranks; i++) {
        first = ranks[i] < first ? ranks[i] : first;
        last = ranks[i] > last ? ranks[i] : last;
    }
    const Near all = near({&values, &n, 1}, n, first, last, room);
    for (int64_t i = 0; i < n_ranks; i++) found[i] = all[ranks[i]];
}

// Put n whole numbers from 0 in order; `spare` has room for as many.
EXPORT void cx_put_in_order(int32_t* values, int64_t n, int32_t* spare) {
    int32_t largest = 0;
    for (int64_t i = 0; i < n; i++) largest = values[i] > largest ? values[i] : largest;
    sort_by_digits(values, spare, n, largest);
}

// The two middle values (one, twice, where they are odd in number) and the sum of each group from begin to end; -1 and
// 0 of those without any. `room` has room for twice the largest and 64 more.
EXPORT void cx_middles(const Groups* groups, int64_t begin, int64_t end, int32_t* low, int32_t* high, int64_t* sums,
                       int32_t* room) {
    for (int64_t group = begin; group < end; group++) {
        const Numbers numbers = groups->between(group, group + 1);
        const int64_t n = numbers.count();
        low[group] = high[group] = -1;
        if (n) {
            const Near middle = near(numbers, n, (n - 1) / 2, n / 2, room);
            low[group] = middle[(n - 1) / 2];
            high[group] = middle[n / 2];
        }
        sums[group] = sum(numbers);
    }
}

// The first time at which the Kaplan-Meier curve, the product over event times of 1 - events / at risk, is at or below
// `half`; -1 where it does not come down so far. Cut off are the numbers of the group `cut`, ended those of the groups
// behind it up to `end`. `room` has room for three
// times all of them and 64 more.
EXPORT int64_t cx_survival_median(const Groups* groups, int64_t cut, int64_t end, double half, int32_t* room) {
    const Numbers censored = groups->between(cut, cut + 1), ended = groups->between(cut + 1, end);
    const int64_t n_ended = ended.count(), total = n_ended + censored.count();
    // Censoring only brings the curve down sooner: it is at one half once half of all have ended.
    const int64_t enough = (total + 1) / 2 - 1;
    int32_t most = INT32_MAX;
    if (enough >= 0 && enough < n_ended) {
        const Near middle = near(ended, n_ended, enough < FEW_CUTS ? 0 : enough - FEW_CUTS, enough, room);
        most = middle[enough];
        int32_t *cuts = room + 2 * (n_ended + WIDTH), *spare = cuts + censored.count() + WIDTH;
        const int64_t n_cuts = keep_up_to(censored, most, cuts);
        if (n_cuts <= FEW_CUTS) {
            sort_by_digits(cuts, spare, n_cuts, most);
            return middle[rank_of_half(ended, n_ended, total, cuts, (int)n_cuts, half)];
        }
    }
    int32_t* cuts = room;
    const int64_t n_cuts = keep_up_to(censored, most, cuts);
    int32_t* times = cuts + n_cuts + WIDTH;
    const int64_t n = keep_up_to(ended, most, times);
    int32_t* spare = times + n + WIDTH;
    sort_by_digits(cuts, spare, n_cuts, most);
    sort_by_digits(times, spare, n, most);
    double survival = 1;
    int64_t cut_off = 0;
    for (int64_t i = 0; i < n;) {
        const int32_t time = times[i];
        int64_t next = i;
        while (next < n && times[next] == time) next++;
        // Cut off at an event time is still at risk there.
        while (cut_off < n_cuts && cuts[cut_off] < time) cut_off++;
        survival *= 1 - (double)(next - i) / (double)(total - i - cut_off);
        if (survival <= half) return time;
        i = next;
    }
    return -1;
}
