// A database as it stands at one moment: its sorted runs with their tables open, and what of it
// cannot be scanned.
//
// Reads CURRENT, MANIFEST, write-ahead logs and tables; never writes, never takes LOCK. The tables'
// files stay open, so a version stays readable while the database goes on. Values after open; const
// use is thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "table/refusal.hpp"
#include "table/table_reader.hpp"
#include "version/range_tombstone.hpp"

namespace levelscan {

inline constexpr std::string_view kBytewiseComparator = "leveldb.BytewiseComparator";

// A table as the MANIFEST describes it.
struct TableMeta {
  uint64_t file_number = 0;
  std::string path;
  uint64_t file_bytes = 0;
  int level = 0;
  std::string smallest;  // internal keys: user key || u64 (sequence << 8 | type)
  std::string largest;
  uint64_t smallest_sequence = 0;
  uint64_t largest_sequence = 0;

  // The bounds without their trailers.
  [[nodiscard]] std::string_view smallest_user_key() const {
    return std::string_view(smallest).substr(0, smallest.size() - 8);
  }
  [[nodiscard]] std::string_view largest_user_key() const {
    return std::string_view(largest).substr(0, largest.size() - 8);
  }
};

struct SortedRun {
  int level = 0;
  // Parallel, in key order. A table is null when its format cannot be read here; a refusal then
  // says so.
  std::vector<std::shared_ptr<Table const>> tables;
  std::vector<TableMeta> metas;
  uint64_t largest_sequence = 0;  // over all tables
};

struct DatabaseVersion {
  std::string path;
  std::string comparator;
  uint64_t last_sequence = 0;
  // Newest first: every L0 file by itself, by descending largest sequence, then each level >= 1
  // that has tables.
  std::vector<SortedRun> runs;
  // Of all runs, each already clipped to what it may hide; in no order.
  std::vector<RangeTombstone> range_tombstones;
  // What blocks a scan, but not a description. Empty: the database can be scanned.
  std::vector<Refusal> refusals;
  std::vector<std::string> column_families;  // "default" first
  uint64_t manifest_number = 0;
  uint64_t manifest_bytes = 0;
};

// Throws Error: kNotADatabase (no such directory, no CURRENT), kCorruption, kUnsupported (metadata
// that cannot be read at all), kRuntime (permissions, I/O, or a database that changes faster than
// it can be read).
[[nodiscard]] DatabaseVersion open_version(std::string const& path);

// Throws Error kUnsupported with every refusal, a line each, if there is one.
void require_scannable(DatabaseVersion const& version);

// Three-way comparison of internal keys: user key ascending, then sequence and type descending.
// Negative: a before b. REQUIRES: both hold at least 8 bytes.
[[nodiscard]] int compare_internal_keys(std::string_view a, std::string_view b);

}  // namespace levelscan
