// Comparisons of user keys and internal keys on the host, in a database's key order.
//
//   internal key:  user key | u64 (sequence << 8 | type)
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/internal_key.hpp"
#include "kernels/key_order.hpp"
#include "table/coding.hpp"

namespace levelscan {

// Negative: `a` comes first.
[[nodiscard]] inline int compare_user_keys(KeyOrder key_order, std::string_view a,
                                           std::string_view b) {
  return in_key_order(key_order, a.compare(b));
}

// REQUIRES: the key holds at least its trailer.
[[nodiscard]] inline std::string_view user_key_of(std::string_view internal_key) {
  return internal_key.substr(0, internal_key.size() - kTrailerBytes);
}
[[nodiscard]] inline uint64_t trailer_of(std::string_view internal_key) {
  return load_fixed64(as_bytes(internal_key).data() + internal_key.size() - kTrailerBytes);
}

[[nodiscard]] inline std::string make_internal_key(std::string_view user_key, uint64_t trailer) {
  std::string key(user_key);
  for (int i = 0; i < 8; ++i) key.push_back(static_cast<char>(trailer >> (8 * i)));
  return key;
}

// User key in key order, then sequence and type descending. Negative: `a` comes first. REQUIRES:
// both hold at least their trailers.
[[nodiscard]] inline int compare_internal_keys(KeyOrder key_order, std::string_view a,
                                               std::string_view b) {
  int const order = compare_user_keys(key_order, user_key_of(a), user_key_of(b));
  if (order != 0) return order;
  uint64_t const a_trailer = trailer_of(a);
  uint64_t const b_trailer = trailer_of(b);
  return a_trailer == b_trailer ? 0 : a_trailer > b_trailer ? -1 : 1;
}

}  // namespace levelscan
