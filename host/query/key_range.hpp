// Places between user keys, and ranges of keys between two of them. Values; pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kernels/key_order.hpp"
#include "table/key_comparison.hpp"

namespace levelscan {

// The host's form of KeyBoundView: see kernels/key_order.hpp.
struct KeyBound {
  BoundSide side = BoundSide::kStart;
  std::string key;  // empty with kStart and kEnd

  static KeyBound start() { return {}; }
  static KeyBound end() { return {BoundSide::kEnd, {}}; }
  static KeyBound before(std::string_view key) { return {BoundSide::kBefore, std::string(key)}; }
  static KeyBound after(std::string_view key) { return {BoundSide::kAfter, std::string(key)}; }

  bool operator==(KeyBound const&) const = default;
};

// Whether `key` lies below the bound.
[[nodiscard]] inline bool is_below(KeyOrder key_order, std::string_view key,
                                   KeyBound const& bound) {
  return is_below(compare_user_keys(key_order, key, bound.key), bound.side);
}

// Negative: `a` lies before `b`.
[[nodiscard]] inline int compare_bounds(KeyOrder key_order, KeyBound const& a, KeyBound const& b) {
  auto const has_key = [](KeyBound const& bound) {
    return bound.side == BoundSide::kBefore || bound.side == BoundSide::kAfter;
  };
  if (has_key(a) && has_key(b)) {
    int const order = compare_user_keys(key_order, a.key, b.key);
    if (order != 0) return order;
  }
  return static_cast<int>(a.side) - static_cast<int>(b.side);
}

// The keys that are not below `lower` and are below `upper`.
struct KeyRange {
  KeyBound lower = KeyBound::start();
  KeyBound upper = KeyBound::end();

  [[nodiscard]] bool is_empty(KeyOrder key_order) const {
    return compare_bounds(key_order, lower, upper) >= 0;
  }
  [[nodiscard]] bool holds(KeyOrder key_order, std::string_view key) const {
    return !is_below(key_order, key, lower) && is_below(key_order, key, upper);
  }
};

// What is asked for: keys from `from` on and before `to`, in the database's order, that begin with
// `prefix`; each only where it is given.
struct KeySelection {
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::optional<std::string> prefix;

  // The same as one range, perhaps an empty one.
  [[nodiscard]] KeyRange range(KeyOrder key_order) const;
};

}  // namespace levelscan
