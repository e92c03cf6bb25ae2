// How the user keys of a walk compare with one constant, kept up entry by entry from the length of
// the prefix they have in common: the key itself is never rebuilt. A value in one lane.
#pragma once

#include <cstdint>

#include "kernels/entry_walk.hpp"

namespace levelscan {

struct PrefixComparison {
  Bytes constant;
  uint32_t common;  // leading bytes that the current user key and the constant have in common
  int order;        // of the current user key against the constant, in the walk's key order

  LEVELSCAN_HOST_DEVICE static PrefixComparison against(Bytes constant) {
    return PrefixComparison{constant, 0, -1};
  }

  // Takes in the walk's current entry. REQUIRES: called for every entry of the interval.
  LEVELSCAN_HOST_DEVICE void advance(EntryWalk const& walk) {
    // Decided before the bytes that changed: nothing to do.
    if (!walk.first && common < walk.user_shared) return;
    // Here the first user_shared bytes are the previous key's and so the constant's.
    compare_from(walk, walk.user_shared);
  }

  // Compares with another constant, which in key order does not come before the one there is.
  // REQUIRES: the walk stands on the first entry of its interval that is not below that one.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE void move_to(EntryWalk const& walk, Bytes next) {
    uint32_t const limit = constant.size < next.size ? constant.size : next.size;
    uint32_t const agree = common_prefix(constant.data, next.data, limit);
    constant = next;
    // What decided before decides again.
    if (agree > common) return;
    if (agree < common) {
      common = agree;
      order = -1;
    } else {
      compare_from(walk, common);
    }
  }

  // Takes the entry in where the walk's key is known to agree with the constant before `position`.
  // REQUIRES: position is at least walk.user_shared.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE void compare_from(EntryWalk const& walk,
                                                           uint32_t position) {
    uint32_t const limit = walk.user_size < constant.size ? walk.user_size : constant.size;
    if (position >= walk.shared && position < limit) {
      position += common_prefix(walk.delta() + (position - walk.shared), constant.data + position,
                                limit - position);
    } else {
      while (position < limit && walk.user_byte(position) == constant.data[position]) ++position;
    }
    common = position;
    if (position < limit) {
      order = walk.user_byte(position) < constant.data[position] ? -1 : 1;
    } else {
      order = walk.user_size == constant.size ? 0 : walk.user_size < constant.size ? -1 : 1;
    }
    order = in_key_order(walk.order, order);
  }
};

}  // namespace levelscan
