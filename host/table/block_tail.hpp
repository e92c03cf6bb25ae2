// The end of an uncompressed data, index or metadata block.
//
//   entries | restarts u32[n] | [hash buckets u8[nb], nb u16] | [values offset u32] | packed u32
//   packed:  bit 31 hash index | bit 30 zero | bit 29 uniform keys (a hint) | bit 28 separated keys
//   and values
//            | n in the low 28 bits
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "table/codec.hpp"

namespace levelscan {

struct BlockTail {
  uint32_t entries_end = 0;    // offset of the restart array, in bytes from the block's start
  uint32_t restart_count = 0;  // at least 1
};

// Throws Error: kUnsupported "data block hash index" and "separated keys and values in data
// blocks"; kCorruption when the restart array does not fit, is empty, or the block is 4 GiB or
// more. Does not look at the restart offsets themselves.
[[nodiscard]] BlockTail parse_block_tail(std::span<uint8_t const> block, BlockPlace const& place);

// Restart offsets: the first 0, ascending, before entries_end (an empty block has the single offset
// 0). Throws Error kCorruption. Costs one pass over the array.
void check_restarts(std::span<uint8_t const> block, BlockTail const& tail, BlockPlace const& place);

}  // namespace levelscan
