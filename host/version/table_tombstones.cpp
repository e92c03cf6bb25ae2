#include "version/table_tombstones.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "table/coding.hpp"
#include "version/database_version.hpp"

namespace levelscan {
namespace {

constexpr uint8_t kRangeDeletionType = 0x0f;
// Keys that share bytes with the one before, and a compressed block, can stand for more bytes than
// the file has. No writer makes either; what is far more is no block of tombstones.
constexpr uint64_t kExpansionMax = 64;
constexpr uint64_t kExpandedBytesMin = 1 << 20;

}  // namespace

void append_table_tombstones(Table const& table, TableMeta const& meta,
                             std::vector<RangeTombstone>& tombstones) {
  auto const found = table.metaindex().find("rocksdb.range_del");
  if (found == table.metaindex().end()) {
    if (table.properties().range_deletions == 0) return;
    throw corruption_error(table.path(),
                           fmt::format("{} range tombstones are counted, but there is no block "
                                       "of them",
                                       table.properties().range_deletions));
  }
  BlockHandle const& handle = found->second;
  uint64_t const bytes_max = std::max(handle.size * kExpansionMax, kExpandedBytesMin);
  std::vector<uint8_t> const block = table.read_block(handle, bytes_max);
  BlockPlace const place{table.path(), handle.offset};
  uint64_t expanded_bytes = 0;
  for_each_entry(block, place, [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
    auto const fail = [&](char const* what) {
      return corruption_error(place.file, place.offset, fmt::format("range tombstone: {}", what));
    };
    expanded_bytes += key.size() + value.size();
    if (expanded_bytes > bytes_max) {
      throw fail("keys of many more bytes than the block has");
    }
    if (key.size() < kInternalTrailerBytes) throw fail("a start key without a trailer");
    std::size_t const user_bytes = key.size() - kInternalTrailerBytes;
    uint64_t const trailer = load_fixed64(key.data() + user_bytes);
    if (static_cast<uint8_t>(trailer) != kRangeDeletionType) {
      throw corruption_error(
          place.file, place.offset,
          fmt::format("range tombstone: an entry of type 0x{:02x}", static_cast<uint8_t>(trailer)));
    }
    RangeTombstone tombstone;
    tombstone.start = as_text(key.first(user_bytes));
    tombstone.end = as_text(value);
    tombstone.sequence = meta.global_sequence.value_or(trailer >> 8);
    int const order = compare_user_keys(table.key_order(), tombstone.start, tombstone.end);
    if (order > 0) throw fail("an end before the start");
    if (order == 0) return true;  // covers nothing
    if (meta.smallest.empty()) {
      tombstones.push_back(std::move(tombstone));
    } else if (auto clipped = clip_range_tombstone(table.key_order(), std::move(tombstone),
                                                   meta.smallest, meta.largest)) {
      tombstones.push_back(std::move(*clipped));
    }
    return true;
  });
}

}  // namespace levelscan
