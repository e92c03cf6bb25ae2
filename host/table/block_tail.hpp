// The end of an uncompressed data, index or metadata block.
//
//   entries | [values] | restarts u32[n] | [hash buckets u8[nb], nb u16] | [entries' end u32] |
//   packed u32
//   packed:  bit 31 hash index | bit 30 zero | bit 29 uniform keys (a hint) | bit 28 separated keys
//   and values, which then stand behind all entries
//            | n in the low 28 bits
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "table/codec.hpp"

namespace levelscan {

// Offsets are in bytes from the block's start.
struct BlockTail {
  uint32_t entries_end = 0;      // restarts_offset, or where the values begin
  uint32_t restarts_offset = 0;  // of the restart array
  uint32_t restart_count = 0;    // at least 1
};

// Of an index or metadata block, which has no hash index and its values with its keys. Throws
// Error: kUnsupported where it is another one; kCorruption when the restart array does not fit, is
// empty, or the block is 4 GiB or more. Does not look at the restart offsets themselves.
[[nodiscard]] BlockTail parse_block_tail(std::span<uint8_t const> block, BlockPlace const& place);

// Of a data block. A hash index is skipped: it serves lookups of single keys. `separated`: what the
// table's properties say of keys and values. Throws Error kCorruption: as above, or when anything
// else of the tail does not fit or contradicts the properties.
[[nodiscard]] BlockTail parse_data_block_tail(std::span<uint8_t const> block, bool separated,
                                              BlockPlace const& place);

// Restart offsets: the first 0, ascending, before entries_end (an empty block has the single offset
// 0). Throws Error kCorruption. Costs one pass over the array.
void check_restarts(std::span<uint8_t const> block, BlockTail const& tail, BlockPlace const& place);

}  // namespace levelscan
