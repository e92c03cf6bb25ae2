// Kernel: binary search of a key range over the restart arrays of the runs' index blocks.
//
// An index block (table/block_based/index_builder.cc) has one entry for each data block: a
// separator S_i with last_key(i) <= S_i < first_key(i+1), and the data block's handle. Entries
// stand as in a data block, or, where the value is delta-encoded, without the value's length:
//   shared varint32 | non_shared varint32 | key[non_shared] | offset varint64, size varint64 when
//   shared == 0, else the signed change of size as one varint64; then, where the index has first
//   keys, the data block's first key after its length as a varint32
// Separators are internal keys, or bare user keys where the table says so.
#pragma once

#include <cstdint>

#include "kernels/entry_walk.hpp"
#include "kernels/internal_key.hpp"
#include "kernels/scan_status.hpp"

namespace levelscan {

struct IndexView {
  uint8_t const* index;      // the whole block, uncompressed
  uint32_t restarts_offset;  // end of the entries
  uint32_t restart_count;
  bool user_keys;      // separators have no trailer
  bool delta_encoded;  // values have no length
  bool first_keys;     // values end with the data block's first key
  bool active;         // false: nothing to search for in this run
  KeyOrder order;
  uint64_t lower_trailer;  // with lower.side kBefore: the internal-key target (key, this)
  KeyBoundView lower;
  KeyBoundView upper;
};

// An entry's place: `skip` entries after restart point `restart`.
struct IndexPosition {
  uint32_t restart;
  uint32_t skip;
};

struct IndexRange {
  IndexPosition first;   // the first separator that is not below lower
  IndexPosition last;    // the first that is not below upper; where there is none, the last entry
  uint32_t first_found;  // 0: every separator is below lower
  uint32_t last_found;   // 0: every separator is below upper
};
static_assert(sizeof(IndexRange) == 24);

// The entries of one restart interval of an index block, key comparisons without rebuilding.
struct IndexEntryWalk {
  uint8_t const* bytes;
  uint32_t offset;
  uint32_t end;
  uint32_t delta_offset;
  uint32_t shared;
  uint32_t key_size;  // as stored
  bool delta_encoded;
  bool first_keys;
  bool started;

  LEVELSCAN_HOST_DEVICE WalkStep next() {
    if (offset >= end) return WalkStep::kEnd;
    uint32_t const previous_size = started ? key_size : 0;
    if (!delta_encoded) {
      EntryHeader entry;
      if (!decode_entry(bytes, offset, end, entry)) return WalkStep::kCorrupt;
      shared = entry.shared;
      key_size = entry.key_size;
      delta_offset = entry.delta_offset;
      offset = entry.next_offset;
    } else {
      uint32_t non_shared = 0;
      if (!decode_varint32(bytes, end, offset, shared) ||
          !decode_varint32(bytes, end, offset, non_shared) || non_shared > end - offset ||
          shared > UINT32_MAX - non_shared) {
        return WalkStep::kCorrupt;
      }
      key_size = shared + non_shared;
      delta_offset = offset;
      offset += non_shared;
      uint64_t value = 0;
      if (!decode_varint64(bytes, end, offset, value)) return WalkStep::kCorrupt;
      if (shared == 0 && !decode_varint64(bytes, end, offset, value)) return WalkStep::kCorrupt;
      uint32_t first_key_size = 0;
      if (first_keys &&
          (!decode_varint32(bytes, end, offset, first_key_size) || first_key_size > end - offset)) {
        return WalkStep::kCorrupt;
      }
      offset += first_key_size;
    }
    if (shared > previous_size || (!started && shared != 0)) return WalkStep::kCorrupt;
    started = true;
    return WalkStep::kEntry;
  }
};

// Where a search goes: to a bound, where that stands before a key to (key, trailer).
struct IndexTarget {
  KeyBoundView bound;
  uint64_t trailer;

  // Whether a separator lies below. `order`: of its user key against bound.key; `separator_trailer`
  // only where separators have one.
  LEVELSCAN_HOST_DEVICE bool is_above(int order, bool user_keys, uint64_t separator_trailer) const {
    if (order != 0 || bound.side == BoundSide::kAfter) return is_below(order, bound.side);
    return !user_keys && separator_trailer > trailer;
  }
};

// Whether separator S lies below the target. REQUIRES: target.bound.side is kBefore or kAfter.
LEVELSCAN_HOST_DEVICE inline bool separator_below(IndexView const& view, Bytes separator,
                                                  IndexTarget const& target) {
  uint32_t const user_size = separator.size - (view.user_keys ? 0 : kTrailerBytes);
  return target.is_above(
      compare_keys(view.order, Bytes{separator.data, user_size}, target.bound.key), view.user_keys,
      view.user_keys ? 0 : load_unaligned<uint64_t>(separator.data + user_size));
}

LEVELSCAN_HOST_DEVICE inline bool restart_entry(IndexView const& view, uint32_t restart,
                                                IndexEntryWalk& walk) {
  uint8_t const* const restarts = view.index + view.restarts_offset;
  uint32_t const begin = load_unaligned<uint32_t>(restarts + 4 * restart);
  uint32_t const end = restart + 1 < view.restart_count
                           ? load_unaligned<uint32_t>(restarts + 4 * (restart + 1))
                           : view.restarts_offset;
  if (begin >= end || end > view.restarts_offset) return false;
  walk =
      IndexEntryWalk{view.index, begin, end, 0, 0, 0, view.delta_encoded, view.first_keys, false};
  uint32_t const smallest = view.user_keys ? 0 : kTrailerBytes;
  return walk.next() == WalkStep::kEntry && walk.key_size >= smallest;
}

// Byte `position` of the separator that stands `skip` entries after a restart point. Walks them
// all. REQUIRES: they have been walked before, and the separator has that byte.
LEVELSCAN_HOST_DEVICE inline uint8_t separator_byte(IndexView const& view, IndexPosition separator,
                                                    uint32_t position) {
  IndexEntryWalk walk;
  uint8_t byte = 0;
  bool more = restart_entry(view, separator.restart, walk);
  for (uint32_t i = 0; more; ++i) {
    if (walk.shared <= position && position < walk.key_size) {
      byte = walk.bytes[walk.delta_offset + (position - walk.shared)];
    }
    more = i < separator.skip && walk.next() == WalkStep::kEntry;
  }
  return byte;
}

// Whether the separator of a restart point lies below the target. False when the index is corrupt.
// REQUIRES: target.bound.side is kBefore or kAfter.
LEVELSCAN_HOST_DEVICE inline bool restart_below(IndexView const& view, IndexTarget const& target,
                                                uint32_t restart, bool& below) {
  IndexEntryWalk walk;
  if (!restart_entry(view, restart, walk)) return false;
  below = separator_below(view, Bytes{walk.bytes + walk.delta_offset, walk.key_size}, target);
  return true;
}

// Finds the first entry whose separator is not below the target, given `low`, the number of restart
// points whose separators are. False when the index is corrupt. When there is none, `found` is 0
// and `position` is the last entry. REQUIRES: target.bound.side is kBefore or kAfter.
LEVELSCAN_HOST_DEVICE inline bool search_interval(IndexView const& view, IndexTarget const& target,
                                                  uint32_t low, IndexPosition& position,
                                                  uint32_t& found) {
  Bytes const user_key = target.bound.key;
  IndexEntryWalk walk;
  found = 1;
  position = IndexPosition{0, 0};
  if (low == 0) return true;
  // The interval before may hold the first separator that is not less.
  position.restart = low - 1;
  if (!restart_entry(view, low - 1, walk)) return false;
  uint32_t common = 0;  // leading bytes that the separator and the target's user key have in common
  Bytes const first{walk.bytes + walk.delta_offset, walk.key_size};
  uint32_t const trailer_bytes = view.user_keys ? 0 : kTrailerBytes;
  common = common_prefix(
      first.data, user_key.data,
      first.size - trailer_bytes < user_key.size ? first.size - trailer_bytes : user_key.size);
  uint32_t previous_user_size = first.size - trailer_bytes;
  uint64_t separator_trailer =
      view.user_keys ? 0 : load_unaligned<uint64_t>(first.data + previous_user_size);
  WalkStep step;
  while ((step = walk.next()) == WalkStep::kEntry) {
    ++position.skip;
    if (walk.key_size < trailer_bytes) return false;
    uint32_t const user_size = walk.key_size - trailer_bytes;
    int order = -1;  // as the separator before, where they differ from user_key in the same byte
    // Byte `at` of the separator, for at >= the bytes known to be shared with the previous one.
    uint32_t const shared = walk.shared;
    uint64_t const previous_trailer = separator_trailer;
    auto const byte_at = [&](uint32_t at) -> uint8_t {
      if (at >= shared) return walk.bytes[walk.delta_offset + (at - shared)];
      if (at >= previous_user_size) {
        return static_cast<uint8_t>(previous_trailer >> (8 * (at - previous_user_size)));
      }
      // A trailer that shares bytes with a longer user key before it, as descending keys may.
      return separator_byte(view, IndexPosition{position.restart, position.skip - 1}, at);
    };
    uint32_t const smaller_user_size =
        previous_user_size < user_size ? previous_user_size : user_size;
    uint32_t const kept = shared < smaller_user_size ? shared : smaller_user_size;
    if (common >= kept) {
      uint32_t const limit = user_size < user_key.size ? user_size : user_key.size;
      common = kept;
      while (common < limit && byte_at(common) == user_key.data[common]) ++common;
      order = in_key_order(view.order, common < limit
                                           ? (byte_at(common) < user_key.data[common] ? -1 : 1)
                                       : user_size == user_key.size ? 0
                                       : user_size < user_key.size  ? -1
                                                                    : 1);
    }
    if (!view.user_keys) {
      uint64_t value = 0;
      for (uint32_t i = kTrailerBytes; i > 0; --i)
        value = (value << 8) | byte_at(user_size + i - 1);
      separator_trailer = value;
    }
    previous_user_size = user_size;
    if (!target.is_above(order, view.user_keys, separator_trailer)) return true;
  }
  if (step == WalkStep::kCorrupt) return false;
  if (low == view.restart_count) {
    found = 0;  // position is the last entry
    return true;
  }
  position = IndexPosition{low, 0};
  return true;
}

// Whether every separator lies on the same side of the target; then it has been found or has not,
// and the last entry is one that the host walks to.
LEVELSCAN_HOST_DEVICE inline bool is_unbounded(IndexView const& view, IndexTarget const& target,
                                               IndexPosition& position, uint32_t& found) {
  if (target.bound.side != BoundSide::kStart && target.bound.side != BoundSide::kEnd) return false;
  bool const start = target.bound.side == BoundSide::kStart;
  found = start ? 1 : 0;
  position = start ? IndexPosition{0, 0} : IndexPosition{view.restart_count - 1, UINT32_MAX};
  return true;
}

// Finds the first entry whose separator is not below the target, by halves. As search_interval,
// but for any target.
LEVELSCAN_HOST_DEVICE inline bool search_separators(IndexView const& view,
                                                    IndexTarget const& target,
                                                    IndexPosition& position, uint32_t& found) {
  if (is_unbounded(view, target, position, found)) return true;
  uint32_t low = 0;
  uint32_t high = view.restart_count;
  while (low < high) {
    uint32_t const middle = low + (high - low) / 2;
    bool below = false;
    if (!restart_below(view, target, middle, below)) return false;
    if (below) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return search_interval(view, target, low, position, found);
}

struct IndexSearch {
  struct Args {
    IndexView const* views;  // [run_count]
    IndexRange* ranges;      // [run_count] out
    uint32_t run_count;
    ScanStatus* status;
  };
  // A warp looks at so many restart points at once, which leaves a 33rd part to look at.
  static constexpr uint32_t kProbes = 32;
  static constexpr uint32_t kRoundsMax = 7;  // 33 to the power of 7 is beyond 32 bits
  static constexpr uint32_t kItems = 2 * kProbes;

  struct Shared {
    uint32_t below[2][kRoundsMax];  // of the points that a bound's items looked at in each round
  };

  // A block is a run. Where items run at once, those of each bound share its search; in order, an
  // item is a bound.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    uint32_t const r = block.index();
    IndexView const& view = args.views[r];
    if (!view.active) return;
    IndexRange& range = args.ranges[r];
    if constexpr (Block::kInOrder) {
      block.for_each(2, [&](uint32_t bound) {
        if (!search_separators(view, target_of(view, bound), position_in(range, bound),
                               found_in(range, bound))) {
          report_fault(block, *args.status, ScanFault::kCorruptIndex, r, 0, 0);
        }
      });
    } else {
      block.for_each(2 * kRoundsMax,
                     [&](uint32_t i) { shared.below[i / kRoundsMax][i % kRoundsMax] = 0; });
      uint32_t round = 0;
      for (uint32_t width = view.restart_count; width != 0; width /= kProbes + 1) {
        uint32_t const step = step_over(width);
        uint32_t const probes = width / step;
        block.for_each(2 * probes, [&](uint32_t i) {
          uint32_t const bound = i / probes;
          IndexTarget const target = target_of(view, bound);
          IndexPosition position{};
          uint32_t found = 0;
          if (is_unbounded(view, target, position, found)) return;
          uint32_t const restart = restarts_below(shared.below[bound], view.restart_count, round) +
                                   (i % probes + 1) * step - 1;
          if (restart >= view.restart_count) return;
          bool below = false;
          if (!restart_below(view, target, restart, below)) {
            report_fault(block, *args.status, ScanFault::kCorruptIndex, r, 0, 0);
          } else if (below) {
            block.fetch_add(shared.below[bound][round], 1u);
          }
        });
        ++round;
      }
      block.for_each(2, [&](uint32_t bound) {
        IndexTarget const target = target_of(view, bound);
        IndexPosition& position = position_in(range, bound);
        uint32_t& found = found_in(range, bound);
        if (is_unbounded(view, target, position, found)) return;
        if (!search_interval(view, target,
                             restarts_below(shared.below[bound], view.restart_count, round),
                             position, found)) {
          report_fault(block, *args.status, ScanFault::kCorruptIndex, r, 0, 0);
        }
      });
    }
  }

 private:
  LEVELSCAN_HOST_DEVICE static IndexTarget target_of(IndexView const& view, uint32_t bound) {
    return bound == 0 ? IndexTarget{view.lower, view.lower_trailer}
                      : IndexTarget{view.upper, UINT64_MAX};
  }
  LEVELSCAN_HOST_DEVICE static IndexPosition& position_in(IndexRange& range, uint32_t bound) {
    return bound == 0 ? range.first : range.last;
  }
  LEVELSCAN_HOST_DEVICE static uint32_t& found_in(IndexRange& range, uint32_t bound) {
    return bound == 0 ? range.first_found : range.last_found;
  }

  // How far apart the points are that are looked at, the last of every `step`, where the number of
  // points below is one of width + 1: between them lie at most width / (kProbes + 1).
  LEVELSCAN_HOST_DEVICE static uint32_t step_over(uint32_t width) {
    return width / (kProbes + 1) + 1;
  }

  // At least so many restart points are below after `rounds`; at most as many more as the next
  // round's width.
  LEVELSCAN_HOST_DEVICE static uint32_t restarts_below(uint32_t const* below, uint32_t width,
                                                       uint32_t rounds) {
    uint32_t low = 0;
    for (uint32_t round = 0; round < rounds; ++round, width /= kProbes + 1) {
      low += below[round] * step_over(width);
    }
    return low;
  }
};

}  // namespace levelscan
