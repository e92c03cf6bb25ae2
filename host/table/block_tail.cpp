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

}  // namespace

BlockTail parse_block_tail(std::span<uint8_t const> block, BlockPlace const& place) {
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
  if ((packed & kSeparatedBit) != 0) {
    throw unsupported_error({"separated keys and values in data blocks", std::string(place.file),
                             place.offset, std::string(kReadWithRocksdbAdvice)});
  }
  if ((packed & kHashIndexBit) != 0) {
    throw unsupported_error(
        {"data block hash index", std::string(place.file), place.offset,
         "set data_block_index_type to kDataBlockBinarySearch and run a full compaction"});
  }
  BlockTail tail;
  tail.restart_count = packed & kRestartCountMask;
  uint64_t const restarts_max = (block.size() - kPackedBytes) / sizeof(uint32_t);
  if (tail.restart_count == 0 || tail.restart_count > restarts_max) {
    throw corruption_error(
        place.file, place.offset,
        fmt::format("block of {} bytes with {} restart points", block.size(), tail.restart_count));
  }
  tail.entries_end =
      static_cast<uint32_t>(block.size() - kPackedBytes - tail.restart_count * sizeof(uint32_t));
  return tail;
}

void check_restarts(std::span<uint8_t const> block, BlockTail const& tail,
                    BlockPlace const& place) {
  uint8_t const* const restarts = block.data() + tail.entries_end;
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
