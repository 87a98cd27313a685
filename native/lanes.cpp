// Laying a log out in groups of customers.
#include "lanes.h"

namespace {

template <class Code>
void lay_out(const int64_t* offsets, const Code* codes, const int32_t* customer, const int64_t* first_row, int64_t begin,
             int64_t end, Code padding, Code* laid) {
    for (int64_t g = begin; g < end; g++) {
        const int64_t rows = first_row[g + 1] - first_row[g];
        for (int place = 0; place < GROUP; place++) {
            const int32_t c = customer[g * GROUP + place];
            const int64_t from = c < 0 ? 0 : offsets[c], n = c < 0 ? 0 : offsets[c + 1] - from;
            Code* to = laid + first_row[g] * GROUP + place;
            for (int64_t j = 0; j < n; j++) to[j * GROUP] = codes[from + j];
            for (int64_t j = n; j < rows; j++) to[j * GROUP] = padding;
        }
    }
}

}  // namespace

// The codes of the groups from begin to end; padding has the highest code, which no event may have.
EXPORT void cx_lay_out_codes(int64_t code_bytes, const int64_t* offsets, const void* codes, const int32_t* customer,
                             const int64_t* first_row, int64_t begin, int64_t end, void* laid) {
    if (code_bytes == 1)
        lay_out<uint8_t>(offsets, (const uint8_t*)codes, customer, first_row, begin, end, 0xff, (uint8_t*)laid);
    else
        lay_out<uint16_t>(offsets, (const uint16_t*)codes, customer, first_row, begin, end, 0xffff, (uint16_t*)laid);
}

// The ticks of the groups from begin to end; padding is at tick 0.
EXPORT void cx_lay_out_ticks(const int64_t* offsets, const int32_t* ticks, const int32_t* customer,
                             const int64_t* first_row, int64_t begin, int64_t end, int32_t* laid) {
    lay_out<int32_t>(offsets, ticks, customer, first_row, begin, end, 0, laid);
}
