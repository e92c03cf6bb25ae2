// What a database holds, its write-ahead logs included: by librocksdb, which opens it and replays
// them, and by the version that was opened here, put together entry by entry without the kernels.
// Not thread-safe.
#pragma once

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/internal_key.hpp"
#include "levelscan/error.hpp"
#include "support/rocksdb_writer.hpp"
#include "table/block.hpp"
#include "table/coding.hpp"
#include "version/database_version.hpp"

namespace levelscan::testing {

using RowMap = std::map<std::string, std::string>;

struct Recovered {
  std::string error;                   // why it can't be opened; empty: it can
  std::vector<std::string> refusals;   // features
  std::map<std::string, RowMap> rows;  // by column family
  uint64_t last_sequence = 0;
};

// Otherwise each opening leaves a LOG file in the directory.
class NoLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(char const*, va_list) override {}
};

// Opens it read-only, which replays the logs in memory.
inline Recovered recovered_by_librocksdb(std::string const& path,
                                         std::vector<std::string> const& families,
                                         rocksdb::DBOptions options = quiet_options()) {
  options.create_if_missing = false;
  options.info_log = std::make_shared<NoLogger>();
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (std::string const& family : families) {
    descriptors.emplace_back(family, rocksdb::ColumnFamilyOptions());
  }
  Recovered recovered;
  rocksdb::DB* raw = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::Status const status =
      rocksdb::DB::OpenForReadOnly(options, path, descriptors, &handles, &raw);
  if (!status.ok()) {
    recovered.error = status.ToString();
    return recovered;
  }
  std::unique_ptr<rocksdb::DB> const database(raw);
  for (std::size_t i = 0; i < families.size(); ++i) {
    std::unique_ptr<rocksdb::Iterator> const iterator(
        database->NewIterator(rocksdb::ReadOptions(), handles[i]));
    RowMap& rows = recovered.rows[families[i]];
    for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
      rows.emplace(iterator->key().ToString(), iterator->value().ToString());
    }
    check_ok(iterator->status());
  }
  recovered.last_sequence = database->GetLatestSequenceNumber();
  for (auto* const handle : handles) check_ok(database->DestroyColumnFamilyHandle(handle));
  return recovered;
}

// Rows of values, deletions and range tombstones, in bytewise order.
inline RowMap rows_of_version(DatabaseVersion const& version) {
  struct Newest {
    uint64_t trailer = 0;
    std::string value;
  };
  std::map<std::string, Newest> newest;
  for (SortedRun const& run : version.runs) {
    for (std::shared_ptr<Table const> const& table : run.tables) {
      std::vector<uint8_t> const index = table->read_index_block();
      for (IndexCursor cursor = table->index_cursor(index); cursor.valid(); cursor.next()) {
        std::vector<uint8_t> const block = table->read_block(cursor.handle());
        for_each_entry(block, {table->path(), 0},
                       [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
                         std::size_t const user_bytes = key.size() - 8;
                         uint64_t const trailer = load_fixed64(key.data() + user_bytes);
                         Newest& entry = newest[std::string(as_text(key.first(user_bytes)))];
                         if (trailer >= entry.trailer)
                           entry = {trailer, std::string(as_text(value))};
                         return true;
                       });
      }
    }
  }
  RowMap rows;
  for (auto const& [key, entry] : newest) {
    bool const covered = std::any_of(
        version.range_tombstones.begin(), version.range_tombstones.end(),
        [&, &wanted = key, sequence = entry.trailer >> 8](RangeTombstone const& tombstone) {
          bool const is_after_start =
              wanted > tombstone.start ||
              (wanted == tombstone.start && sequence <= tombstone.start_sequence);
          bool const is_before_end = wanted < tombstone.end ||
                                     (wanted == tombstone.end && sequence > tombstone.end_sequence);
          return is_after_start && is_before_end && tombstone.sequence > sequence;
        });
    if (!covered && type_of(entry.trailer) == EntryType::kValue) rows.emplace(key, entry.value);
  }
  return rows;
}

inline Recovered recovered_by_levelscan(std::string const& path,
                                        std::vector<std::string> const& families) {
  Recovered recovered;
  for (std::string const& family : families) {
    OpenOptions options;
    options.column_family = family;
    options.memory_bytes = 64 << 20;
    try {
      DatabaseVersion const version = open_version(path, options);
      for (Refusal const& refusal : version.refusals) {
        recovered.refusals.push_back(refusal.feature);
      }
      recovered.rows[family] = rows_of_version(version);
      recovered.last_sequence = version.last_sequence;
    } catch (Error const& error) {
      recovered.error = error.what();
      return recovered;
    }
  }
  return recovered;
}

// A copy of a database's files as they are now, while it may be open.
inline void copy_database(std::string const& from, std::string const& to) {
  std::filesystem::remove_all(to);
  std::filesystem::create_directories(to);
  for (auto const& entry : std::filesystem::directory_iterator(from)) {
    if (!entry.is_regular_file() || entry.path().filename() == "LOCK") continue;
    std::filesystem::copy_file(entry.path(), to / entry.path().filename());
  }
}

// Paths of the logs in a directory, by number.
inline std::vector<std::string> log_files(std::string const& directory) {
  std::vector<std::string> logs;
  for (auto const& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".log") logs.push_back(entry.path().string());
  }
  std::sort(logs.begin(), logs.end());
  return logs;
}

}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
