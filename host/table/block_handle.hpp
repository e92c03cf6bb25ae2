// Where a block stands in its table file.
//
//   handle:  varint64 offset | varint64 size      size without the trailer
//   block:   payload[size] | compression type u8 | checksum u32
//
// Values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace levelscan {

// Type byte and checksum after every block.
inline constexpr uint32_t kBlockTrailerBytes = 5;

struct BlockHandle {
  uint64_t offset = 0;  // of the payload's first byte
  uint64_t size = 0;    // payload bytes, as stored (perhaps compressed), without the trailer

  // First byte after the block's trailer. REQUIRES: a checked handle.
  [[nodiscard]] uint64_t end() const { return offset + size + kBlockTrailerBytes; }
  bool operator==(BlockHandle const&) const = default;
};

// Decodes a handle from the front of `bytes` and moves `bytes` past it; nothing when it is
// malformed.
[[nodiscard]] std::optional<BlockHandle> parse_block_handle(std::span<uint8_t const>& bytes);

// Whether the block and its trailer end at or before `blocks_end` (the footer's offset), and its
// size fits 32 bits.
[[nodiscard]] bool block_handle_in_bounds(BlockHandle const& handle, uint64_t blocks_end);

}  // namespace levelscan
