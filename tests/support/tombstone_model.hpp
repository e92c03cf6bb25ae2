// What range tombstones hide, found by looking at each of them: the oracle of their tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/random.hpp"
#include "version/range_tombstone.hpp"

namespace levelscan::test {

using KeyPosition = std::pair<std::string, uint64_t>;  // user key, sequence

// Internal-key order: of one user key the higher sequence comes first.
inline bool position_before(KeyPosition const& a, KeyPosition const& b,
                            KeyOrder order = KeyOrder::kBytewise) {
  if (a.first == b.first) return a.second > b.second;
  return (a.first < b.first) == (order == KeyOrder::kBytewise);
}

inline bool covers(RangeTombstone const& tombstone, KeyPosition const& entry,
                   KeyOrder order = KeyOrder::kBytewise) {
  return !position_before(entry, {tombstone.start, tombstone.start_sequence}, order) &&
         position_before(entry, {tombstone.end, tombstone.end_sequence}, order);
}

// Sequence of the newest visible one that lies over the entry; 0: there is none.
inline uint64_t newest_over(std::vector<RangeTombstone> const& tombstones, uint64_t snapshot,
                            KeyPosition const& entry, KeyOrder order = KeyOrder::kBytewise) {
  uint64_t newest = 0;
  for (RangeTombstone const& tombstone : tombstones) {
    if (tombstone.sequence <= snapshot && covers(tombstone, entry, order)) {
      newest = std::max(newest, tombstone.sequence);
    }
  }
  return newest;
}

// Short keys of few letters, so that bounds meet; a common beginning now and then; bytes on both
// sides of the sign.
inline std::string draw_tombstone_key(Random& random, std::string const& common) {
  std::string key = common;
  std::string const alphabet("\0a\x7f\x80\xff", 5);
  for (uint32_t i = random.below(4); i > 0; --i) key += random.pick(alphabet);
  if (random.one_in(3)) key += std::string(random.below(12), 'k');
  return key;
}

// Some that were cut at a table's bounds among them.
inline std::vector<RangeTombstone> draw_tombstones(Random& random, uint32_t count,
                                                   uint64_t sequence_max, std::string const& common,
                                                   KeyOrder order = KeyOrder::kBytewise) {
  std::vector<RangeTombstone> tombstones;
  while (tombstones.size() < count) {
    RangeTombstone tombstone;
    tombstone.start = draw_tombstone_key(random, common);
    tombstone.end = draw_tombstone_key(random, common);
    tombstone.sequence = 1 + random.below(sequence_max);
    if (random.one_in(4)) tombstone.start_sequence = random.below(sequence_max);
    if (random.one_in(4)) tombstone.end_sequence = random.below(sequence_max);
    if (!position_before({tombstone.start, tombstone.start_sequence},
                         {tombstone.end, tombstone.end_sequence}, order)) {
      std::swap(tombstone.start, tombstone.end);
      std::swap(tombstone.start_sequence, tombstone.end_sequence);
    }
    if (position_before({tombstone.start, tombstone.start_sequence},
                        {tombstone.end, tombstone.end_sequence}, order)) {
      tombstones.push_back(std::move(tombstone));
    }
  }
  return tombstones;
}

}  // namespace levelscan::test
