// Puts a block's restart array in order after its entries were mutated, so that mutations of
// entries reach the code that reads entries. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/key_order.hpp"

namespace levelscan::fuzz {

// What stands after the two key lengths of an entry.
enum class EntryLayout {
  kValueLength,   // value length, key, value
  kDeltaHandles,  // key, and a block handle as one or two varints
};

// Takes what lies before the restart array for entries and writes a new array behind them: a
// restart point at each entry that shares nothing, but for some. Entries that can't be decoded end
// the walk. Leaves blocks alone that have no plausible array.
void rebuild_restarts(std::vector<uint8_t>& block, EntryLayout layout, uint64_t seed);

// Takes an uncompressed data block apart, changes a user key, a sequence number, a type or a value,
// sorts the entries most of the time, and builds a block of them again. `entries_per_restart`: not
// 0 where keys and values are separated.
void mutate_entries(std::vector<uint8_t>& block, KeyOrder order, uint32_t entries_per_restart,
                    uint64_t seed);

}  // namespace levelscan::fuzz
