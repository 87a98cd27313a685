// Integers whose width is data.
#pragma once

#include "kernels.h"

// Call act with the unsigned type of so many bytes.
template <class Act>
static auto with_width(int64_t bytes, Act act) {
    switch (bytes) {
        case 1: return act((uint8_t)0);
        case 2: return act((uint16_t)0);
        case 4: return act((uint32_t)0);
        default: return act((uint64_t)0);
    }
}

// The same, where signed integers have their bytes below 0; uint64_t is not among them.
template <class Act>
static auto with_integer(int64_t bytes, Act act) {
    switch (bytes) {
        case -1: return act((int8_t)0);
        case -2: return act((int16_t)0);
        case -4: return act((int32_t)0);
        case 1: return act((uint8_t)0);
        case 2: return act((uint16_t)0);
        case 4: return act((uint32_t)0);
        default: return act((int64_t)0);
    }
}
