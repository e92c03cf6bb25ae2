// A column family of a database as it stands at one moment: its sorted runs with their tables open,
// and what of it cannot be scanned.
//
// Reads CURRENT, MANIFEST, write-ahead logs and tables; never writes, never takes LOCK. The tables'
// files stay open, so a version stays readable while the database goes on. Values after open; const
// use is thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/key_order.hpp"
#include "table/blob_file.hpp"
#include "table/key_comparison.hpp"
#include "table/refusal.hpp"
#include "table/table_reader.hpp"
#include "version/merge_operator.hpp"
#include "version/range_tombstone.hpp"
#include "version/wal_replay.hpp"

namespace levelscan {

// The order that a comparator of this name is known to keep; none for any other.
[[nodiscard]] std::optional<KeyOrder> known_key_order(std::string_view comparator);

inline constexpr std::string_view kDefaultColumnFamily = "default";

// How to open a database.
struct OpenOptions {
  std::string column_family = std::string(kDefaultColumnFamily);
  bool use_wal = true;                       // rows of the write-ahead logs too
  std::optional<std::string> wal_directory;  // none: as the OPTIONS file says
  uint64_t memory_bytes = 0;                 // for those rows; 0: as much as a pool has by default
  std::vector<std::string> table_directories;  // where tables stand besides (db_paths)
  std::size_t files_open_max = 0;  // tables kept open; 0: as the limit on descriptors allows
  // Orders that the caller vouches for, by the comparator's name. Keys are then checked as they are
  // read.
  std::map<std::string, KeyOrder> comparators;
  // What merges operands; none: what the database's own files name.
  std::optional<MergeOperator> merge_operator;
};

// What the MANIFEST says of a column family. Those that aren't opened are known by this alone.
struct ColumnFamilyInfo {
  std::string name;
  std::string comparator;
  uint64_t tables = 0;
  uint64_t table_bytes = 0;
  uint32_t runs = 0;        // in tables: L0 files and levels
  uint64_t log_number = 0;  // write-ahead logs with a lower number are flushed
};

// Of the runs, the level of the one that holds the write-ahead logs' rows.
inline constexpr int kUnflushedLevel = -1;
// "WAL", "L0", "L6".
[[nodiscard]] std::string level_name(int level);

// What was found in the write-ahead logs, for this column family.
struct UnflushedRows {
  std::vector<WalSummary> logs;  // that were read
  uint64_t entries = 0;          // without range tombstones
  uint64_t bytes = 0;            // of their keys and values
  uint64_t range_tombstones = 0;
  uint64_t memory_needed = 0;  // to hold them
};

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
  // Of an ingested table: it stands for the stored sequence number (0, most of the time) of every
  // entry, of every range tombstone and of first keys in the index.
  std::optional<uint64_t> global_sequence;

  // The bounds without their trailers.
  [[nodiscard]] std::string_view smallest_user_key() const { return user_key_of(smallest); }
  [[nodiscard]] std::string_view largest_user_key() const { return user_key_of(largest); }
};

struct SortedRun {
  int level = 0;
  // Parallel, in key order. A table is null when its format cannot be read here; a refusal then
  // says so.
  std::vector<std::shared_ptr<Table const>> tables;
  std::vector<TableMeta> metas;
  uint64_t largest_sequence = 0;  // over all tables
};

// One column family of a database.
struct DatabaseVersion {
  std::string path;
  std::string column_family;
  std::string comparator;
  KeyOrder key_order = KeyOrder::kBytewise;
  bool key_order_is_assumed = false;  // the caller said so: to be checked on every key read
  uint64_t last_sequence = 0;
  // Newest first: the write-ahead logs' rows, as a table in memory; every L0 file by itself, by
  // descending largest sequence; then each level >= 1 that has tables.
  std::vector<SortedRun> runs;
  std::optional<UnflushedRows> unflushed;  // none: the logs were left out
  // Of all runs, each already clipped to what it may hide; in no order.
  std::vector<RangeTombstone> range_tombstones;
  // What the user should know about what is scanned, a line each.
  std::vector<std::string> remarks;
  // Those that values may lie in, by number.
  std::map<uint64_t, std::shared_ptr<BlobFile const>> blob_files;
  // None: no operator that is known here, and so no table with merge operands that can be scanned.
  std::optional<MergeOperator> merge_operator;
  // What blocks a scan, but not a description. Empty: the database can be scanned.
  std::vector<Refusal> refusals;
  std::vector<ColumnFamilyInfo> column_families;  // all that there are; the default one first
  uint64_t manifest_number = 0;
  uint64_t manifest_bytes = 0;
};

// What is known of the order of a comparator's keys; none: nothing.
struct KeyOrderChoice {
  std::optional<KeyOrder> order;
  bool is_assumed = false;  // the caller vouches for it
};
[[nodiscard]] KeyOrderChoice choose_key_order(std::string const& comparator,
                                              OpenOptions const& options);
[[nodiscard]] Refusal unknown_comparator(std::string const& comparator, std::string const& file);

// Throws Error: kNotADatabase (no such directory, no CURRENT), kCorruption, kUnsupported (metadata
// that cannot be read at all), kRuntime (permissions, I/O, or a database that changes faster than
// it can be read), kUsage (no such column family; the text lists those there are).
[[nodiscard]] DatabaseVersion open_version(std::string const& path,
                                           OpenOptions const& options = {});

// Throws Error with every refusal, a line each, if there is one: kUnsupported, or kDevice when
// there is none of another kind than memory.
void require_scannable(DatabaseVersion const& version);

}  // namespace levelscan
