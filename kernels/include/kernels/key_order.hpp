// The order of user keys, and places between them. A comparator orders keys as bytes, a prefix
// first, or exactly the other way round; versions of one user key stand newest first in both.
#pragma once

#include <cstdint>

#include "kernels/bytes.hpp"

namespace levelscan {

enum class KeyOrder : uint8_t { kBytewise, kReverseBytewise };

// `order` as bytes, turned round where keys descend.
LEVELSCAN_HOST_DEVICE inline int in_key_order(KeyOrder key_order, int order) {
  return key_order == KeyOrder::kBytewise ? order : -order;
}

// Negative: `a` comes first.
LEVELSCAN_HOST_DEVICE inline int compare_keys(KeyOrder key_order, Bytes a, Bytes b) {
  return in_key_order(key_order, compare_bytes(a, b));
}

// A place between user keys: before all of them, before or after every version of `key`, or after
// all keys. Descending keys have no "next key", so a place can't be told by a key alone.
enum class BoundSide : uint8_t { kStart, kBefore, kAfter, kEnd };

struct KeyBoundView {
  Bytes key;  // unused by kStart and kEnd
  BoundSide side;
};

// Whether a key lies below the bound. `order`: of the key against bound.key.
LEVELSCAN_HOST_DEVICE inline bool is_below(int order, BoundSide side) {
  return side == BoundSide::kEnd || (side == BoundSide::kBefore && order < 0) ||
         (side == BoundSide::kAfter && order <= 0);
}

}  // namespace levelscan
