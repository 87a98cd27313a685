// Credit: what touchpoints get of the purchases at the end of paths, under several rules at once.
//
// Sums of fractions are made path after path, touch after touch, for all purchases and for first and repeated ones
// apart, so that they are what whole arrays would give. That is why no two threads share them.
#include "kernels.h"

namespace {

// Rules that give all to one touch, and those that weigh every touch.
enum One { FIRST, LAST, OTHER, ONES };
enum Rule { LINEAR, POSITION, DECAY, SHARED, RULES };

// Paths as `Journeys` of native/journeys.cpp has them, what is asked of them, and what is told.
struct Division {
    const int32_t* touch;
    const int64_t* begins;
    const int64_t* purchase;
    const uint8_t* later;
    const double* value;
    int64_t touches;
    int64_t paths;
    const int32_t* line_of_touch;
    int64_t lines;
    int64_t direct;          // the line passed over, -1 for none
    double ends;             // of the first and the last touch, by position
    const double* weight;    // of each touch of the paths that end in a purchase, by its age, or null
    const double* together;  // and of all touches of each of these paths
    int64_t* met;            // by line, all 0
    int64_t* counts;         // for each of `One`, and for touchpoints met at all, and each part two: first, repeated
    double* earned;          // for each part three, all of them first, and each line: by `One`,
    double* shares;          // and by `Rule` the weights and what they earn
    int64_t* steps;          // for each part two, from each line and from the start, to each line and both ends, or null
};

void divide(const Division& of) {
    const int64_t n = of.lines, width = n + 2;
    int64_t at = 0, won = 0;
    for (int64_t p = 0; p < of.paths; p++) {
        const int64_t begin = of.begins[p], end = p + 1 < of.paths ? of.begins[p + 1] : of.touches;
        const int64_t later = of.later[p], size = end - begin;
        const int32_t* touch = of.touch + begin;
        const bool converts = of.purchase[p] >= 0;
        if (of.steps) {
            int64_t* steps = of.steps + later * (n + 1) * width;
            int32_t from = of.line_of_touch[touch[0]];
            steps[n * width + from]++;
            for (int64_t i = 1; i < size; i++) {
                const int32_t to = of.line_of_touch[touch[i]];
                steps[from * width + to]++;
                from = to;
            }
            steps[from * width + n + !converts]++;
        }
        if (!converts) continue;
        const double value = of.value[of.purchase[p]];
        int64_t distinct = 0, other = size - 1;
        bool passed = of.direct >= 0;
        for (int64_t i = size - 1; i >= 0; i--) {
            const int32_t line = of.line_of_touch[touch[i]];
            if (passed && line != of.direct) {
                other = i;
                passed = false;
            }
            if (of.met[line] == p + 1) continue;
            of.met[line] = p + 1;
            of.counts[(ONES * 2 + later) * n + line]++;
            distinct++;
        }
        const int64_t takes[ONES] = {0, size - 1, other};
        for (int one = 0; one < ONES; one++) {
            const int32_t line = of.line_of_touch[touch[takes[one]]];
            of.counts[(one * 2 + later) * n + line]++;
            of.earned[line * ONES + one] += value;
            of.earned[((later + 1) * n + line) * ONES + one] += value;
        }
        const double equal = 1.0 / (double)size, one_of = 1.0 / (double)distinct;
        const double between = size > 2 ? (1 - 2 * of.ends) / (double)(size - 2) : equal;
        const double ends = size > 2 ? of.ends : equal;
        for (int64_t i = 0; i < size; i++) {
            const int32_t line = of.line_of_touch[touch[i]];
            double weights[RULES] = {equal, i == 0 || i == size - 1 ? ends : between, 0, 0};
            if (of.weight) weights[DECAY] = of.weight[at + i] / of.together[won];
            // The first touch of a touchpoint stands for all of them.
            if (of.met[line] == p + 1) {
                of.met[line] = 0;
                weights[SHARED] = one_of;
            }
            double* all = of.shares + line * 2 * RULES;
            double* part = of.shares + ((later + 1) * n + line) * 2 * RULES;
            for (int rule = 0; rule < RULES; rule++) {
                const double earned = weights[rule] * value;
                all[rule] += weights[rule];
                all[RULES + rule] += earned;
                part[rule] += weights[rule];
                part[RULES + rule] += earned;
            }
        }
        at += size;
        won++;
    }
}

// Of the paths that end in a purchase the ages of their touches before the last one, none above 0, and where they begin.
template <class Tick>
void ages(const Division& of, const Tick* tick, double* age, int64_t* begins, int64_t& touches, int64_t& paths) {
    for (int64_t p = 0; p < of.paths; p++) {
        if (of.purchase[p] < 0) continue;
        const int64_t begin = of.begins[p], end = p + 1 < of.paths ? of.begins[p + 1] : of.touches;
        begins[paths++] = touches;
        for (int64_t i = begin; i < end; i++) age[touches++] = (double)((int64_t)tick[i] - (int64_t)tick[end - 1]);
    }
}

}  // namespace

// Divide the purchases; tables come as zeros.
EXPORT void cx_divide(const Division* of) { divide(*of); }

// The ages of touches, see above; how many paths there are.
EXPORT int64_t cx_ages(const Division* of, int64_t tick_bytes, const void* tick, double* age, int64_t* begins,
                       int64_t* touches) {
    int64_t paths = 0;
    *touches = 0;
    if (tick_bytes == 4)
        ages(*of, (const int32_t*)tick, age, begins, *touches, paths);
    else
        ages(*of, (const int64_t*)tick, age, begins, *touches, paths);
    return paths;
}
