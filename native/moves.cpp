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

// Ticks in piles, one for each move. A pile lies in blocks, taken from free room as it grows, so that nobody has to know
// beforehand how high it will be.
struct Piles {
    void* free;         // blocks that nobody has taken; it begins, as each does, at a multiple of their size
    int64_t bytes;      // of a block, a power of two
    int64_t taken;      // blocks
    int32_t* owner;     // of each block taken, the code of the move
    void** next;        // by the code of the move: where its next value goes; null before the first
};

template <class Tick>
struct Pushed {
    Piles& piles;
    char* free = (char*)piles.free;
    int64_t taken = piles.taken;
    const int64_t bytes = piles.bytes;
    int32_t* const owner = piles.owner;
    void** const next = piles.next;

    explicit Pushed(Piles& to) : piles(to) {}
    ~Pushed() {
        piles.free = free;
        piles.taken = taken;
    }

    void operator()(int code, Tick value) {
        Tick* to = (Tick*)next[code];
        if (!((uintptr_t)to & (uintptr_t)(bytes - 1))) {
            to = (Tick*)free;
            free += bytes;
            owner[taken++] = code;
        }
        *to = value;
        next[code] = to + 1;
    }
};

void add(int64_t* sums, int64_t own, int64_t third) {
    sums[0] += own;
    sums[1] += own * own;
    sums[2] += third;
}

template <class Code, class Tick>
void moves(Log<Code, Tick> log, const int32_t* customers, int64_t begin, int64_t end, bool has_ties, const Room& room,
           int n_stages, bool merged, int64_t end_tick, const Sums& sums, const Own& own, Piles& piles) {
    const int width = n_stages + 1;
    const Coded<Tick> one = {room.stage, (Tick*)room.tick, nullptr};
    Pushed<Tick> push(piles);
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
            push(code, when - since);
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
}

}  // namespace

// The moves of the customers in the places from begin to end of `customers`, or of those numbers themselves where that is
// null, with the ticks spent before each.
EXPORT void cx_moves(const AnyLog* log, const int32_t* customers, int64_t begin, int64_t end, const Room* room,
                     int64_t n_stages, int64_t merged, int64_t end_tick, const Sums* sums, const Own* own,
                     Piles* piles) {
    with_types(*log, [&]<class Code, class Tick>(Log<Code, Tick> of) {
        moves(of, customers, begin, end, log->has_ties, *room, (int)n_stages, merged, end_tick, *sums, *own, *piles);
    });
}

namespace {

constexpr int MOST_MOVE_STAGES = 12;
constexpr int KEPT = 256;
constexpr int MOST_CODES = (MOST_MOVE_STAGES + 1) * (MOST_MOVE_STAGES + 1);

// A number for each customer of a group.
typedef int32_t Each __attribute__((ext_vector_type(GROUP)));

// One for each number above zero.
Each present(Each numbers) { return -(numbers > 0); }

bool any(Each numbers) {
    typedef bool Mask __attribute__((ext_vector_type(GROUP)));
    return __builtin_bit_cast(uint16_t, __builtin_convertvector(numbers != 0, Mask)) != 0;
}

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
            if (!any(own)) continue;
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
void moves_in_lanes(const Lanes& lanes, int64_t begin, int64_t end, int n_stages, int64_t end_tick, const Sums& sums,
                    Piles& piles) {
    const int width = n_stages + 1;
    Ticks column;
    for (int place = 0; place < WIDTH; place++) column[place] = place;
    Partial part = {};
    Each made[MOST_CODES] = {};
    int64_t most = 0;
    Pushed<int32_t> push(piles);
    for (int64_t group = begin; group < end; group++) {
        const int64_t rows = lanes.first_row[group + 1] - lanes.first_row[group];
        for (int half = 0; half < GROUP; half += WIDTH) {
            const int32_t* tick = lanes.ticks + lanes.first_row[group] * GROUP + half;
            const uint8_t* stage = lanes.stage + lanes.first_row[group] * GROUP + half;
            Ticks at = 0, since = 0;
            int waiting = 0;
            // Of each move the place in `made`, and how long it took; a few are kept back, to be counted in one go.
            int32_t places[KEPT + WIDTH], took[KEPT + WIDTH];
            const auto count = [&] {
                for (int i = 0; i < waiting; i++) {
                    ((int32_t*)made)[places[i]]++;
                    push(places[i] / GROUP, took[i]);
                }
                waiting = 0;
            };
            const auto leave = [&](Ticks leaving, Ticks to, Ticks now) {
                pack(leaving, (at * width + to) * GROUP + column + half, places + waiting);
                waiting += pack(leaving, now - since, took + waiting);
                if (waiting > KEPT - WIDTH) count();
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
            count();
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
}

}  // namespace

// The same for the customers of the groups from begin to end; -1: too many stages. The piles of the moves into the stages
// of entry hold numbers without a meaning.
EXPORT int cx_moves_in_lanes(const Lanes* lanes, int64_t begin, int64_t end, int64_t n_stages, int64_t merged,
                             int64_t end_tick, const Sums* sums, Piles* piles) {
    if (n_stages > MOST_MOVE_STAGES) return -1;
    const auto walk = merged ? moves_in_lanes<true> : moves_in_lanes<false>;
    walk(*lanes, begin, end, (int)n_stages, end_tick, *sums, *piles);
    return 0;
}
