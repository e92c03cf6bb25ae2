// Random databases written with librocksdb, and what its iterator says of them: the oracle of the
// differential test. Not thread-safe.
#pragma once

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/random.hpp"

namespace levelscan::test {

struct OracleRow {
  std::string key;
  std::string value;
  // From GetAllKeyVersions; the iterator doesn't tell it.
  uint64_t sequence;
  std::vector<std::pair<std::string, std::string>> columns;  // names and values
};
// Of rows that a range tombstone after the snapshot hides: they are not listed there.
inline constexpr uint64_t kUnknownSequence = UINT64_MAX;

struct RandomDatabase {
  std::string path;
  std::string column_family;  // whose rows these are; there may be another one
  std::string description;    // the options that were drawn
  // Sequence number -> rows of librocksdb's iterator at that snapshot, in key order. Each snapshot
  // was held through every compaction since; the last one is the newest sequence number.
  std::map<uint64_t, std::vector<OracleRow>> snapshots;
  std::vector<std::string> keys;  // that were written at some time
  std::string merge_operator;     // empty: none
};

// Writes a database into the new directory `path` and closes it, flushed or not. Everything follows
// from the random numbers: options, keys, values, the order of writes, flushes and compactions.
// Throws std::runtime_error when librocksdb fails or contradicts itself.
[[nodiscard]] RandomDatabase write_random_database(Random& random, std::string const& path);

}  // namespace levelscan::test

#endif  // LEVELSCAN_WITH_ROCKSDB
