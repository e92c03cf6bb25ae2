// Helpers to arrange tables by hand: which compaction puts which file where. Not thread-safe.
#pragma once

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "support/rocksdb_writer.hpp"

namespace levelscan::testing {

// Names of the files of a level.
inline std::vector<std::string> files_of_level(rocksdb::DB& database, int level) {
  rocksdb::ColumnFamilyMetaData metadata;
  database.GetColumnFamilyMetaData(&metadata);
  std::vector<std::string> names;
  for (auto const& file : metadata.levels.at(static_cast<std::size_t>(level)).files) {
    names.push_back(file.name);
  }
  return names;
}

// Compacts all files of a level into a deeper one, in files of about `file_bytes_max`.
inline void move_level(rocksdb::DB& database, int from, int to,
                       uint64_t file_bytes_max = UINT64_MAX) {
  rocksdb::CompactionOptions options;
  options.compression = rocksdb::kNoCompression;
  options.output_file_size_limit = file_bytes_max;
  check_ok(database.CompactFiles(options, files_of_level(database, from), to));
}

inline void flush_to_level(rocksdb::DB& database, int level, uint64_t file_bytes_max = UINT64_MAX) {
  flush(database);
  if (level != 0) move_level(database, 0, level, file_bytes_max);
}

// Holds snapshots and gives them back when it goes, before the database does.
class HeldSnapshots {
 public:
  explicit HeldSnapshots(rocksdb::DB& database) : database_(database) {}
  HeldSnapshots(HeldSnapshots const&) = delete;
  HeldSnapshots& operator=(HeldSnapshots const&) = delete;
  ~HeldSnapshots() { release(); }

  void release() {
    for (auto const* const snapshot : snapshots_) database_.ReleaseSnapshot(snapshot);
    snapshots_.clear();
  }

  // Returns its sequence number.
  uint64_t take() {
    snapshots_.push_back(database_.GetSnapshot());
    return snapshots_.back()->GetSequenceNumber();
  }
  [[nodiscard]] std::vector<rocksdb::Snapshot const*> const& all() const { return snapshots_; }

 private:
  rocksdb::DB& database_;
  std::vector<rocksdb::Snapshot const*> snapshots_;
};

}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
