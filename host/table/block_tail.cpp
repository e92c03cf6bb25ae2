#include "table/block_tail.hpp"

#include <fmt/core.h>

#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

constexpr uint32_t kHashIndexBit = 1U << 31;
constexpr uint32_t kReservedBit = 1U << 30;
constexpr uint32_t kSeparatedBit = 1U << 28;
constexpr uint32_t kRestartCountMask = kSeparatedBit - 1;
constexpr std::size_t kPackedBytes = sizeof(uint32_t);
// A hash index stands in smaller blocks only: that is how older releases told the bit from a count.
constexpr std::size_t kHashIndexBytesEnd = 64 << 10;

// The block's last word.
uint32_t load_packed(std::span<uint8_t const> block, BlockPlace const& place) {
  if (block.size() < kPackedBytes || block.size() > UINT32_MAX) {
    throw corruption_error(place.file, place.offset,
                           fmt::format("block of {} bytes", block.size()));
  }
  uint32_t const packed = load_fixed32(block.data() + block.size() - kPackedBytes);
  // A set reserved bit says that the other bits mean nothing known, so it comes first.
  if ((packed & kReservedBit) != 0) {
    throw corruption_error(
        place.file, place.offset,
        fmt::format("reserved bit set in the block's last word 0x{:08x}", packed));
  }
  return packed;
}

// The restart array that ends at `end`, and entries up to it.
BlockTail tail_before(std::span<uint8_t const> block, std::size_t end, uint32_t packed,
                      BlockPlace const& place) {
  BlockTail tail;
  tail.restart_count = packed & kRestartCountMask;
  if (tail.restart_count == 0 || tail.restart_count > end / sizeof(uint32_t)) {
    throw corruption_error(
        place.file, place.offset,
        fmt::format("block of {} bytes with {} restart points", block.size(), tail.restart_count));
  }
  tail.restarts_offset = static_cast<uint32_t>(end - tail.restart_count * sizeof(uint32_t));
  tail.entries_end = tail.restarts_offset;
  return tail;
}

// Where the hash index that ends at `end` begins.
std::size_t hash_index_begin(std::span<uint8_t const> block, std::size_t end,
                             BlockPlace const& place) {
  constexpr std::size_t kCountBytes = sizeof(uint16_t);
  std::size_t buckets = 0;
  if (end >= kCountBytes) {
    buckets = block[end - 2] | static_cast<std::size_t>(block[end - 1]) << 8;
  }
  if (buckets == 0 || end >= kHashIndexBytesEnd || buckets + kCountBytes > end) {
    throw corruption_error(
        place.file, place.offset,
        fmt::format("block of {} bytes with a hash index of {} buckets", block.size(), buckets));
  }
  return end - kCountBytes - buckets;
}

}  // namespace

BlockTail parse_block_tail(std::span<uint8_t const> block, BlockPlace const& place) {
  uint32_t const packed = load_packed(block, place);
  if ((packed & kSeparatedBit) != 0) {
    throw unsupported_error({"separated keys and values in index and metadata blocks",
                             std::string(place.file), place.offset,
                             std::string(kReadWithRocksdbAdvice)});
  }
  if ((packed & kHashIndexBit) != 0) {
    throw unsupported_error({"hash index in index and metadata blocks", std::string(place.file),
                             place.offset, std::string(kReadWithRocksdbAdvice)});
  }
  return tail_before(block, block.size() - kPackedBytes, packed, place);
}

BlockTail parse_data_block_tail(std::span<uint8_t const> block, bool separated,
                                BlockPlace const& place) {
  uint32_t const packed = load_packed(block, place);
  if (((packed & kSeparatedBit) != 0) != separated) {
    throw corruption_error(place.file, place.offset,
                           fmt::format("data block with{} separated keys and values, but the "
                                       "table's properties say otherwise",
                                       separated ? "out" : ""));
  }
  std::size_t end = block.size() - kPackedBytes;
  uint32_t values_begin = 0;
  if (separated) {
    if (end < sizeof values_begin) {
      throw corruption_error(place.file, place.offset,
                             fmt::format("data block of {} bytes", block.size()));
    }
    end -= sizeof values_begin;
    values_begin = load_fixed32(block.data() + end);
  }
  if ((packed & kHashIndexBit) != 0) end = hash_index_begin(block, end, place);
  BlockTail tail = tail_before(block, end, packed, place);
  if (separated) {
    if (values_begin > tail.restarts_offset) {
      throw corruption_error(
          place.file, place.offset,
          fmt::format("values begin {} bytes into a data block of {}", values_begin, block.size()));
    }
    tail.entries_end = values_begin;
  }
  return tail;
}

void check_restarts(std::span<uint8_t const> block, BlockTail const& tail,
                    BlockPlace const& place) {
  uint8_t const* const restarts = block.data() + tail.restarts_offset;
  bool good = load_fixed32(restarts) == 0 && (tail.entries_end > 0 || tail.restart_count == 1);
  uint32_t previous = 0;
  for (uint32_t i = 1; good && i < tail.restart_count; ++i) {
    uint32_t const offset = load_fixed32(restarts + i * sizeof(uint32_t));
    good = offset > previous && offset < tail.entries_end;
    previous = offset;
  }
  if (!good)
    throw corruption_error(place.file, place.offset,
                           "restart points out of order or out of the block");
}

}  // namespace levelscan
