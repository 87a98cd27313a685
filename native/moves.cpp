// Moves between stages: how often each, by how many customers, and the time spent before each.
//
// A visit is a run of coded rows of one customer in one stage, or each row; a move leads from each visit to the next, from stage 0
// to the first one and from the last one to stage 0. The code of a move is from * (n_stages + 1) + to.
#include "kernels.h"

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
int64_t moves(Log<Code, Tick> log, int64_t begin, int64_t end, bool has_ties, const Room& room, int n_stages,
              bool merged, int64_t end_tick, const Sums& sums, const Own& own, uint16_t* move, Tick* spent) {
    const int width = n_stages + 1;
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, nullptr};
    int64_t made = 0;
    for (int64_t c = begin; c < end; c++) {
        const int64_t rows = read_customer(log, c, has_ties, one, room);
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

// Put values of the same key side by side: `place` says where those of each key go, and moves on.
template <class Value>
void group(const uint16_t* key, const Value* value, int64_t n, int64_t* place, Value* grouped) {
    for (int64_t i = 0; i < n; i++) grouped[place[key[i]]++] = value[i];
}

}  // namespace

// The moves of the customers from begin to end, in order, with the ticks spent before each; how many there are.
EXPORT int64_t cx_moves(const AnyLog* log, int64_t begin, int64_t end, const Room* room, int64_t n_stages,
                        int64_t merged, int64_t end_tick, const Sums* sums, const Own* own, uint16_t* move, void* spent) {
    return with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        return moves(of, begin, end, log->has_ties, *room, (int)n_stages, merged, end_tick, *sums, *own, move,
                     (Tick*)spent);
    });
}

EXPORT void cx_group(int64_t value_bytes, const uint16_t* key, const void* value, int64_t n, int64_t* place,
                     void* grouped) {
    if (value_bytes == 4)
        group(key, (const int32_t*)value, n, place, (int32_t*)grouped);
    else
        group(key, (const int64_t*)value, n, place, (int64_t*)grouped);
}
