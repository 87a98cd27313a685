// Moves between stages: how often each, by how many customers, and the time spent before each.
//
// A visit is a run of coded rows of one customer in one stage, or each row; a move leads from each visit to the next, from stage 0
// to the first one and from the last one to stage 0. The code of a move is from * (n_stages + 1) + to.
#include "lanes.h"

namespace {

// Sums over customers; those with two stages are by the code of the move, those with one by the stage left.
struct Sums {
    int64_t* count;      // moves
    int64_t* customers;  // customers who made the move
    int64_t* squares;    // sum over customers of moves squared
    int64_t* products;   // sum over customers of moves times all their moves from that stage
    int64_t* of_all;     // sum over customers of moves times all their moves
    int64_t* leavers;    // customers with a visit to the stage
    int64_t* left_squares;  // sum over customers of visits to the stage squared
    int64_t* skips;      // moves between stages that leave one out: their sum, squares, and products with `between`
    int64_t* backs;      // moves to an earlier stage: the same
    int64_t* between;    // moves between two different stages: their sum, squares, and customers who made any
    int64_t* every;      // all moves: the same
};

// Counts of one customer, zero between customers, and which of them are not zero.
struct Own {
    int32_t* moves;    // by the code of the move
    int32_t* left;     // by the stage
    int32_t* touched;  // codes of moves, and room for one more
    int32_t* stages;   // stages, and room for one more
};

void add(int64_t* sums, int64_t own, int64_t third) {
    sums[0] += own;
    sums[1] += own * own;
    sums[2] += third;
}

template <class Code, class Tick>
int64_t moves(Log<Code, Tick> log, const int32_t* customers, int64_t begin, int64_t end, bool has_ties,
              const Room& room, int n_stages, bool merged, int64_t end_tick, const Sums& sums, const Own& own,
              uint16_t* move, Tick* spent) {
    const int width = n_stages + 1;
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, nullptr};
    int64_t made = 0;
    for (int64_t place = begin; place < end; place++) {
        const int64_t rows = read_customer(log, customers ? customers[place] : place, has_ties, one, room);
        if (!rows) continue;
        const int64_t n = merged ? keep_visits(one, rows) : rows;
        int64_t touched = 0, stages = 0, skips = 0, backs = 0, between = 0;
        const int entry = one.stage[0];
        int at = entry;
        Tick since = one.tick[0];
        const auto leave = [&](int to, Tick when) {
            const int code = at * width + to;
            move[made] = (uint16_t)code;
            spent[made++] = when - since;
            own.touched[touched] = code;
            touched += own.moves[code]++ == 0;
            own.stages[stages] = at;
            stages += own.left[at]++ == 0;
        };
        for (int64_t i = 1; i < n; i++) {
            const int to = one.stage[i];
            leave(to, one.tick[i]);
            skips += to > at + 1;
            backs += to < at;
            between += to != at;
            at = to;
            since = one.tick[i];
        }
        leave(0, (Tick)end_tick);
        // The first move, into the stage of entry, has no time before it.
        const int64_t every = n + 1;
        sums.count[entry]++;
        sums.of_all[entry] += every;
        for (int64_t i = 0; i < touched; i++) {
            const int code = own.touched[i];
            const int64_t times = own.moves[code];
            sums.count[code] += times;
            sums.customers[code]++;
            sums.squares[code] += times * times;
            sums.products[code] += times * own.left[code / width];
            sums.of_all[code] += times * every;
            own.moves[code] = 0;
        }
        for (int64_t i = 0; i < stages; i++) {
            const int from = own.stages[i];
            sums.leavers[from]++;
            sums.left_squares[from] += (int64_t)own.left[from] * own.left[from];
            own.left[from] = 0;
        }
        add(sums.skips, skips, skips * between);
        add(sums.backs, backs, backs * between);
        add(sums.between, between, between > 0);
        add(sums.every, every, 1);
    }
    return made;
}

// Put values of the same key side by side: `place` says where those of each key go, and moves on. Sums by key are made
// of the upper and the lower 32 bits apart, so that nanoseconds over years do not outgrow them.
template <class Value>
void group(const uint16_t* key, const Value* value, int64_t n, int64_t* place, Value* grouped, int64_t* upper,
           int64_t* lower) {
    for (int64_t i = 0; i < n; i++) {
        grouped[place[key[i]]++] = value[i];
        if constexpr (sizeof(Value) > 4) upper[key[i]] += value[i] >> 32;
        lower[key[i]] += (uint32_t)value[i];
    }
}

}  // namespace

// The moves of the customers in the places from begin to end of `customers`, or of those numbers themselves where that is
// null, with the ticks spent before each; how many there are.
EXPORT int64_t cx_moves(const AnyLog* log, const int32_t* customers, int64_t begin, int64_t end, const Room* room,
                        int64_t n_stages, int64_t merged, int64_t end_tick, const Sums* sums, const Own* own,
                        uint16_t* move, void* spent) {
    return with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return moves(of, customers, begin, end, log->has_ties, *room, (int)n_stages, merged, end_tick, *sums, *own,
                     move, (Tick*)spent);
    });
}

namespace {

constexpr int MOST_MOVE_STAGES = 12;
constexpr int MOST_CODES = (MOST_MOVE_STAGES + 1) * (MOST_MOVE_STAGES + 1);

// A number for each customer of a group.
typedef int32_t Each __attribute__((ext_vector_type(GROUP)));

// One for each number above zero.
Each present(Each numbers) { return -(numbers > 0); }

// Sums over groups, still apart by place in the group; they are added up before they outgrow 32 bits.
struct Partial {
    Each count[MOST_CODES], customers[MOST_CODES], squares[MOST_CODES], products[MOST_CODES], of_all[MOST_CODES];
    Each leavers[MOST_MOVE_STAGES + 1], left_squares[MOST_MOVE_STAGES + 1];
    Each skips[3], backs[3], between[3], every[3];
};

void drain(Each* from, int64_t n, int64_t* to) {
    for (int64_t i = 0; i < n; i++) {
        for (int place = 0; place < GROUP; place++) to[i] += from[i][place];
        from[i] = 0;
    }
}

void drain(Partial& part, int n_stages, const Sums& sums) {
    const int codes = (n_stages + 1) * (n_stages + 1);
    drain(part.count, codes, sums.count);
    drain(part.customers, codes, sums.customers);
    drain(part.squares, codes, sums.squares);
    drain(part.products, codes, sums.products);
    drain(part.of_all, codes, sums.of_all);
    drain(part.leavers, n_stages + 1, sums.leavers);
    drain(part.left_squares, n_stages + 1, sums.left_squares);
    drain(part.skips, 3, sums.skips);
    drain(part.backs, 3, sums.backs);
    drain(part.between, 3, sums.between);
    drain(part.every, 3, sums.every);
}

// Add a sum of customers' numbers, of their squares, and a third one.
void add(Each* sums, Each own, Each third) {
    sums[0] += own;
    sums[1] += own * own;
    sums[2] += third;
}

// Add the moves of a group, `made` by code, to the sums, and set them to zero.
void add_group(Partial& part, Each* made, int n_stages) {
    const int width = n_stages + 1;
    Each left[MOST_MOVE_STAGES + 1], every = 0, skips = 0, backs = 0, between = 0;
    left[0] = 0;
    for (int from = 1; from < width; from++) {
        left[from] = 0;
        for (int to = 0; to < width; to++) left[from] += made[from * width + to];
        every += left[from];
        part.leavers[from] += present(left[from]);
        part.left_squares[from] += left[from] * left[from];
    }
    // And one more, into the first stage.
    every += present(every);
    for (int from = 0; from < width; from++) {
        for (int to = 0; to < width; to++) {
            const int code = from * width + to;
            const Each own = made[code];
            if (!__builtin_reduce_or(own)) continue;
            part.count[code] += own;
            part.customers[code] += present(own);
            part.squares[code] += own * own;
            part.products[code] += own * left[from];
            part.of_all[code] += own * every;
            if (from && to && from != to) {
                between += own;
                if (to > from + 1) skips += own;
                if (to < from) backs += own;
            }
            made[code] = 0;
        }
    }
    add(part.skips, skips, skips * between);
    add(part.backs, backs, backs * between);
    add(part.between, between, present(between));
    add(part.every, every, present(every));
}

template <bool MERGED>
int64_t moves_in_lanes(const Lanes& lanes, int64_t begin, int64_t end, int n_stages, int64_t end_tick,
                       const Sums& sums, uint16_t* move, int32_t* spent) {
    const int width = n_stages + 1;
    Partial part = {};
    Each made[MOST_CODES] = {};
    int64_t moves = 0, most = 0;
    for (int64_t group = begin; group < end; group++) {
        const int64_t rows = lanes.first_row[group + 1] - lanes.first_row[group];
        for (int half = 0; half < GROUP; half += WIDTH) {
            const int32_t* tick = lanes.ticks + lanes.first_row[group] * GROUP + half;
            const uint8_t* stage = lanes.stage + lanes.first_row[group] * GROUP + half;
            Ticks at = 0, since = 0;
            const auto leave = [&](Ticks leaving, Ticks to, Ticks now) {
                int32_t codes[WIDTH], took[WIDTH];
                const Ticks code = at * width + to, waited = now - since;
                memcpy(codes, &code, sizeof codes);
                memcpy(took, &waited, sizeof took);
                for (uint32_t who = bits(leaving); who; who &= who - 1) {
                    const int place = __builtin_ctz(who);
                    ((int32_t*)&made[codes[place]])[half + place]++;
                    move[moves] = (uint16_t)codes[place];
                    spent[moves] = took[place];
                    // Into the stage of entry no time leads.
                    moves += codes[place] >= width;
                }
            };
            for (int64_t j = 0; j < rows; j++) {
                const Ticks to = load_stages(stage + j * GROUP), now = load_ticks(tick + j * GROUP);
                Ticks leaving = to != 0;
                if constexpr (MERGED) leaving &= to != at;
                leave(leaving, to, now);
                at = leaving ? to : at;
                since = leaving ? now : since;
            }
            leave(at != 0, 0, (int32_t)end_tick);
        }
        // No sum of the group is larger than this.
        most += (rows + 1) * (rows + 1);
        if (most > INT32_MAX) {
            drain(part, n_stages, sums);
            most = (rows + 1) * (rows + 1);
        }
        add_group(part, made, n_stages);
    }
    drain(part, n_stages, sums);
    return moves;
}

}  // namespace

// The same for the customers of the groups from begin to end; -1: too many stages. `move` and `spent` have room for all
// rows of the groups and one more.
EXPORT int64_t cx_moves_in_lanes(const Lanes* lanes, int64_t begin, int64_t end, int64_t n_stages, int64_t merged,
                                 int64_t end_tick, const Sums* sums, uint16_t* move, int32_t* spent) {
    if (n_stages > MOST_MOVE_STAGES) return -1;
    const auto walk = merged ? moves_in_lanes<true> : moves_in_lanes<false>;
    return walk(*lanes, begin, end, (int)n_stages, end_tick, *sums, move, spent);
}

EXPORT void cx_group(int64_t value_bytes, const uint16_t* key, const void* value, int64_t n, int64_t* place,
                     void* grouped, int64_t* upper, int64_t* lower) {
    if (value_bytes == 4)
        group(key, (const int32_t*)value, n, place, (int32_t*)grouped, upper, lower);
    else
        group(key, (const int64_t*)value, n, place, (int64_t*)grouped, upper, lower);
}
