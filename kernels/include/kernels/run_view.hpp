// What a kernel sees of the data blocks that are resident for one run.
//
// A level buffer's data block holds many SST data blocks, uncompressed and in key order, perhaps of
// several tables. Their restart intervals are numbered through: interval i of the run lies in the
// block with the largest first_interval <= i. Versions of one user key can span intervals, blocks
// and tables, and this numbering is what lets a kernel follow them.
//
// The restart arrays were counted when the block was filled; each offset in them is checked here.
#pragma once

#include <cstdint>

#include "kernels/entry_walk.hpp"
#include "kernels/plain_entries.hpp"
#include "kernels/prefix_comparison.hpp"

namespace levelscan {

// One SST data block. Offsets are from the start of the run's data.
struct DataBlockRef {
  uint32_t offset;
  uint32_t entries_end;      // after the last entry
  uint32_t restarts_offset;  // of the restart array: entries_end, or the end of the values
  uint32_t restart_count;    // at least 1
  uint32_t first_interval;   // restart intervals in the blocks before this one
  // Not 0: the values stand apart from the keys, in [entries_end, restarts_offset), and every
  // so-manieth entry is a restart point.
  uint32_t entries_per_restart;
  uint64_t global_sequence;  // of the block's table, or kNoGlobalSequence
  // key_prefix_of() the first user key, without the bytes that RunView::prefix_skip says.
  uint64_t key_prefix = 0;
};
static_assert(sizeof(DataBlockRef) == 40);

// RunView::prefix_skip where the blocks' key_prefix means nothing.
inline constexpr uint32_t kNoKeyPrefixes = UINT32_MAX;

struct RunView {
  uint8_t const* data;
  DataBlockRef const* blocks;  // [block_count] none of them empty
  uint32_t block_count;
  uint32_t interval_count;
  uint32_t first_slot;  // where this run's intervals begin in the arrays over all runs' intervals
  uint32_t first_tile;  // where this run's tiles begin in the filter's grid
  uint64_t largest_sequence;
  uint64_t smallest_sequence = 0;
  KeyOrder order = KeyOrder::kBytewise;
  // Leading bytes that the first user keys of all blocks have in common, or kNoKeyPrefixes.
  uint32_t prefix_skip = kNoKeyPrefixes;
};
static_assert(sizeof(RunView) == 56);

// The user keys from `lower` to `upper` that one round looks at, and the snapshot that it sees.
struct Window {
  KeyBoundView lower;
  KeyBoundView upper;
  uint64_t snapshot;
};

// Whether it ends at a smaller key than it begins at, so that no key is in it.
LEVELSCAN_HOST_DEVICE inline bool is_inverted(Window const& window, KeyOrder order) {
  bool const has_keys =
      window.lower.side != BoundSide::kStart && window.upper.side != BoundSide::kEnd;
  return has_keys && compare_keys(order, window.upper.key, window.lower.key) < 0;
}

// The block that holds interval `interval`, among blocks [first, last]. REQUIRES: it is one of
// them.
LEVELSCAN_HOST_DEVICE inline uint32_t block_of_interval(RunView const& run, uint32_t interval,
                                                        uint32_t first, uint32_t last) {
  while (first < last) {
    uint32_t const middle = first + (last - first + 1) / 2;
    if (run.blocks[middle].first_interval <= interval) {
      first = middle;
    } else {
      last = middle - 1;
    }
  }
  return first;
}

// Interval `interval`, which lies in `block`.
LEVELSCAN_HOST_DEVICE inline Interval interval_bytes(RunView const& run, DataBlockRef const& block,
                                                     uint32_t interval) {
  uint32_t const restart = interval - block.first_interval;
  uint32_t const entries_bytes = block.entries_end - block.offset;
  uint8_t const* const restarts = run.data + block.restarts_offset;
  uint32_t const begin = load_unaligned<uint32_t>(restarts + 4 * restart);
  uint32_t const end = restart + 1 < block.restart_count
                           ? load_unaligned<uint32_t>(restarts + 4 * (restart + 1))
                           : entries_bytes;
  // The first interval starts with the block; none is empty.
  if (begin >= end || end > entries_bytes || (restart == 0 && begin != 0)) {
    return Interval::plain(0, 0);
  }
  Interval bounds = Interval::plain(block.offset + begin, block.offset + end);
  bounds.global_sequence = block.global_sequence;
  if (block.entries_per_restart != 0) {
    bounds.values_begin = block.entries_end;
    bounds.values_end = block.restarts_offset;
    bounds.entries_per_restart = block.entries_per_restart;
  }
  return bounds;
}

LEVELSCAN_HOST_DEVICE inline Interval interval_bytes(RunView const& run, uint32_t interval) {
  uint32_t const block = block_of_interval(run, interval, 0, run.block_count - 1);
  return interval_bytes(run, run.blocks[block], interval);
}

// The first entry's user key, which stands in full, and its trailer that counts. False when it is
// corrupt.
LEVELSCAN_HOST_DEVICE inline bool first_key(RunView const& run, Interval const& interval,
                                            Bytes& user_key, uint64_t& trailer) {
  if (interval.begin >= interval.end) return false;
  EntryHeader entry;
  if (!decode_any_entry(run.data, interval.begin, interval.end, interval.values_are_apart(), true,
                        entry) ||
      entry.shared != 0 || entry.key_size < kTrailerBytes) {
    return false;
  }
  user_key = Bytes{run.data + entry.delta_offset, entry.key_size - kTrailerBytes};
  trailer = effective_trailer(load_unaligned<uint64_t>(user_key.data + user_key.size),
                              interval.global_sequence);
  return true;
}

// Internal-key order.
LEVELSCAN_HOST_DEVICE inline bool internal_key_less(KeyOrder key_order, Bytes a, uint64_t a_trailer,
                                                    Bytes b, uint64_t b_trailer) {
  int const order = compare_keys(key_order, a, b);
  return order < 0 || (order == 0 && a_trailer > b_trailer);
}

// The number of blocks whose key prefix comes before `prefix` in key order.
LEVELSCAN_HOST_DEVICE inline uint32_t blocks_before_prefix(RunView const& run, uint64_t prefix) {
  uint64_t const turned = run.order == KeyOrder::kBytewise ? 0 : UINT64_MAX;
  uint32_t low = 0;
  for (uint32_t left = run.block_count; left != 0;) {
    uint32_t const half = left / 2;
    bool const is_before = (run.blocks[low + half].key_prefix ^ turned) < (prefix ^ turned);
    low += is_before ? half + 1 : 0;
    left = is_before ? left - half - 1 : half;
  }
  return low;
}

// Blocks [first, last) whose first user key may be `user_key`: those before begin with a key that
// comes before it, those behind with one after it. A search that looks at keys begins with this,
// because each key is a cache line or two of its own.
struct BlockRange {
  uint32_t first;
  uint32_t last;
};

LEVELSCAN_HOST_DEVICE inline BlockRange blocks_that_may_begin_with(RunView const& run,
                                                                   Bytes user_key) {
  BlockRange const all{0, run.block_count};
  if (run.prefix_skip == kNoKeyPrefixes || run.block_count == 0) return all;
  Bytes key;
  uint64_t trailer;
  if (!first_key(run, interval_bytes(run, run.blocks[0], 0), key, trailer) ||
      key.size < run.prefix_skip) {
    return all;
  }
  Bytes const in_common{key.data, run.prefix_skip};
  if (user_key.size < run.prefix_skip ||
      common_prefix(user_key.data, key.data, run.prefix_skip) < run.prefix_skip) {
    return compare_keys(run.order, user_key, in_common) < 0
               ? BlockRange{0, 0}
               : BlockRange{run.block_count, run.block_count};
  }
  uint64_t const prefix =
      key_prefix_of(Bytes{user_key.data + run.prefix_skip, user_key.size - run.prefix_skip});
  BlockRange range{blocks_before_prefix(run, prefix), 0};
  range.last = range.first;
  if (range.first < run.block_count && run.blocks[range.first].key_prefix == prefix) {
    uint64_t const last = run.order == KeyOrder::kBytewise ? UINT64_MAX : 0;
    uint64_t const next = run.order == KeyOrder::kBytewise ? prefix + 1 : prefix - 1;
    range.last = prefix == last ? run.block_count : blocks_before_prefix(run, next);
  }
  return range;
}

// The number of intervals for whose first internal key is_before(user_key, trailer) holds, as it
// does for all keys before `user_key` and for none after it; what it says of `user_key` itself may
// go by the trailer. False when a key on the way is corrupt. Blocks are searched first, then the
// restart array of one block.
template <class IsBefore>
LEVELSCAN_HOST_DEVICE inline bool count_intervals(RunView const& run, Bytes user_key,
                                                  IsBefore const& is_before, uint32_t& count) {
  BlockRange const range = blocks_that_may_begin_with(run, user_key);
  uint32_t low = range.first;
  uint32_t high = range.last;
  Bytes key;
  uint64_t key_trailer;
  while (low < high) {
    uint32_t const middle = low + (high - low) / 2;
    DataBlockRef const& block = run.blocks[middle];
    if (!first_key(run, interval_bytes(run, block, block.first_interval), key, key_trailer)) {
      return false;
    }
    if (is_before(key, key_trailer)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  count = 0;
  if (low == 0) return true;
  DataBlockRef const& block = run.blocks[low - 1];
  low = 1;  // the block's first interval is before
  high = block.restart_count;
  while (low < high) {
    uint32_t const middle = low + (high - low) / 2;
    Interval const interval = interval_bytes(run, block, block.first_interval + middle);
    if (!first_key(run, interval, key, key_trailer)) return false;
    if (is_before(key, key_trailer)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  count = block.first_interval + low;
  return true;
}

// The number of intervals whose first internal key is less than (user_key, trailer).
LEVELSCAN_HOST_DEVICE inline bool intervals_before(RunView const& run, Bytes user_key,
                                                   uint64_t trailer, uint32_t& count) {
  return count_intervals(
      run, user_key,
      [&](Bytes key, uint64_t key_trailer) {
        return internal_key_less(run.order, key, key_trailer, user_key, trailer);
      },
      count);
}

// The number of intervals whose first user key lies below the bound.
LEVELSCAN_HOST_DEVICE inline bool intervals_below(RunView const& run, KeyBoundView const& bound,
                                                  uint32_t& count) {
  count = bound.side == BoundSide::kStart ? 0 : run.interval_count;
  if (bound.side == BoundSide::kStart || bound.side == BoundSide::kEnd) return true;
  return count_intervals(
      run, bound.key,
      [&](Bytes key, uint64_t) {
        return is_below(compare_keys(run.order, key, bound.key), bound.side);
      },
      count);
}

}  // namespace levelscan
