// What rows touch: stages, or the values of a column.
#pragma once

#include "kernels.h"

// What a row touches: a number from 0 to `most`, none below 0. By row in one, two or four bytes, or without an array
// the stage.
struct Touch {
    const void* of_row;
    int64_t bytes;

    int32_t at(int64_t row, uint8_t stage) const {
        if (!of_row) return (int32_t)stage - 1;
        if (bytes == 1) return ((const int8_t*)of_row)[row];
        if (bytes == 2) return ((const int16_t*)of_row)[row];
        return ((const int32_t*)of_row)[row];
    }
};
