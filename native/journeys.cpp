// What customers touch on the way to a goal: the paths that touchpoint credit divides.
#include "kernels.h"
#include "touch.h"

namespace {

// The touches, paths and purchases of some customers; the last three are how many of each there are.
struct Journeys {
    int32_t* touch;  // of each touch what is touched, and when
    void* tick;
    int64_t* begins;    // of each path its first touch,
    int64_t* purchase;  // the purchase it ends in, -1 for none,
    uint8_t* later;     // and whether it comes after a purchase
    uint8_t* repeat;    // of each purchase whether it is a later one of its customer, and what it is worth
    double* value;
    int64_t touches;
    int64_t paths;
    int64_t purchases;
};

template <class Code, class Tick>
void journeys(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room,
              const uint8_t* goal_of_code, Touch touch, const double* money, bool merged, Journeys& to) {
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, room.row};
    Tick* tick = (Tick*)to.tick;
    int64_t touches = 0, paths = 0, purchases = 0;
    for (int64_t c = begin; c < end; c++) {
        const int64_t n = read_customer(log, c, has_ties, one, room);
        bool bought = false, open = false;
        Tick last = 0;
        int32_t before = -1;
        for (int64_t i = 0; i < n; i++) {
            const int64_t row = one.row[i];
            const Tick now = one.tick[i];
            if (goal_of_code[log.codes[row]]) {
                if (!bought || last != now) {
                    if (open) to.purchase[paths - 1] = purchases;
                    to.repeat[purchases] = bought;
                    to.value[purchases] = 0;
                    purchases++;
                    bought = true;
                    open = false;
                    last = now;
                }
                if (money) to.value[purchases - 1] += money[row];
                continue;
            }
            const int32_t touched = touch.at(row, one.stage[i]);
            // What stands behind a purchase at its moment belongs to no path.
            if (touched < 0 || (bought && now == last) || (merged && open && touched == before)) continue;
            if (!open) {
                to.begins[paths] = touches;
                to.purchase[paths] = -1;
                to.later[paths] = bought;
                paths++;
                open = true;
            }
            to.touch[touches] = touched;
            tick[touches] = now;
            touches++;
            before = touched;
        }
    }
    to.touches = touches;
    to.paths = paths;
    to.purchases = purchases;
}

}  // namespace

// The paths of the customers from begin to end to their purchases: the rows whose code is a goal, those at one time
// taken together. A path holds the touches behind the time of the purchase before; where they are merged, consecutive
// rows with one touch are one. Arrays of touches and purchases have room for all rows of these customers, those of
// paths too; money is by row, without missing values, or null.
EXPORT void cx_journeys(const AnyLog* log, int64_t begin, int64_t end, const Room* room, const uint8_t* goal_of_code,
                        const void* touch_of_row, int64_t touch_bytes, const double* money, int64_t merged,
                        Journeys* to) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        journeys(of, begin, end, log->has_ties, *room, goal_of_code, {touch_of_row, touch_bytes}, money, merged, *to);
        return 0;
    });
}
