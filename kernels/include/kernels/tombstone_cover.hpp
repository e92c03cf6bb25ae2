// What range tombstones hide at one snapshot, as sorted disjoint pieces of the key space.
//
// Bounds are internal positions (user key, sequence) in internal-key order: user keys in key order,
// and of one user key the higher sequence comes first. Piece i goes from bound i, inclusive, to the
// next one. Mostly a bound's sequence is kSequenceMax, before all versions of its user key; a
// table's bounds can cut a tombstone between two versions.
//
// All bounds' user keys begin with the same `common` bytes; what follows them are the suffixes, and
// the first 8 bytes of those stand in an array of their own, which decides nearly every step of a
// search. Read only; the pointers are all to host memory or all to device memory.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/internal_key.hpp"
#include "kernels/key_order.hpp"

namespace levelscan {

struct TombstoneBound {
  uint64_t sequence;
  uint32_t suffix_offset;
  uint32_t suffix_size;
};
static_assert(sizeof(TombstoneBound) == 16);

struct TombstoneCover {
  uint64_t const* prefixes;      // [bound_count] of the suffixes, as key_prefix_of
  uint64_t const* newest;        // [bound_count] sequence of the piece's newest visible tombstone
  TombstoneBound const* bounds;  // [bound_count] ascending; newest of the last one is 0
  uint8_t const* suffixes;
  Bytes common;
  uint32_t bound_count;  // 0: there are no tombstones
  KeyOrder order;
};

// The number of bounds at or before (user_key, sequence): the piece before that one holds it.
LEVELSCAN_HOST_DEVICE inline uint32_t tombstone_bounds_until(TombstoneCover const& cover,
                                                             Bytes user_key, uint64_t sequence) {
  bool const descends = cover.order == KeyOrder::kReverseBytewise;
  uint32_t const limit = user_key.size < cover.common.size ? user_key.size : cover.common.size;
  uint32_t const same = common_prefix(user_key.data, cover.common.data, limit);
  if (same < cover.common.size) {
    bool const greater = same < limit && user_key.data[same] > cover.common.data[same];
    return greater != descends ? cover.bound_count : 0;
  }
  Bytes const suffix{user_key.data + same, user_key.size - same};
  uint64_t const prefix = key_prefix_of(suffix);
  uint32_t low = 0;
  uint32_t high = cover.bound_count;
  while (low < high) {
    uint32_t const middle = low + (high - low) / 2;
    bool at_or_before = (cover.prefixes[middle] < prefix) != descends;
    if (cover.prefixes[middle] == prefix) {
      TombstoneBound const& bound = cover.bounds[middle];
      int const order = compare_keys(
          cover.order, Bytes{cover.suffixes + bound.suffix_offset, bound.suffix_size}, suffix);
      at_or_before = order < 0 || (order == 0 && bound.sequence >= sequence);
    }
    if (at_or_before) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Sequence number of the newest visible tombstone over the entry (user_key, sequence), 0 when there
// is none. It hides the entry when it is higher than `sequence`.
LEVELSCAN_HOST_DEVICE inline uint64_t newest_tombstone_over(TombstoneCover const& cover,
                                                            Bytes user_key, uint64_t sequence) {
  uint32_t const until = tombstone_bounds_until(cover, user_key, sequence);
  return until == 0 ? 0 : cover.newest[until - 1];
}

}  // namespace levelscan
