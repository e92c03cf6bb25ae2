// Databases written by librocksdb for tests. Only where librocksdb is linked. Not thread-safe.
#pragma once

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace levelscan::testing {

inline void check_ok(rocksdb::Status const& status) {
  if (!status.ok()) throw std::runtime_error("librocksdb: " + status.ToString());
}

// Options for small databases: nothing happens by itself, and no log outlives a flush.
inline rocksdb::Options quiet_options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.disable_auto_compactions = true;
  options.compression = rocksdb::kNoCompression;
  options.max_background_jobs = 1;
  options.info_log_level = rocksdb::FATAL_LEVEL;
  return options;
}

inline void set_table_options(rocksdb::Options& options,
                              std::function<void(rocksdb::BlockBasedTableOptions&)> const& change) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  change(table);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
}

inline std::unique_ptr<rocksdb::DB> open_database(rocksdb::Options const& options,
                                                  std::string const& path) {
  rocksdb::DB* database = nullptr;
  check_ok(rocksdb::DB::Open(options, path, &database));
  return std::unique_ptr<rocksdb::DB>(database);
}

inline void put(rocksdb::DB& database, std::string const& key, std::string const& value) {
  check_ok(database.Put(rocksdb::WriteOptions(), key, value));
}
inline void flush(rocksdb::DB& database) { check_ok(database.Flush(rocksdb::FlushOptions())); }

// One database of a few hundred rows, flushed and closed.
inline void write_small_database(std::string const& path,
                                 rocksdb::Options const& options = quiet_options(),
                                 std::function<void(rocksdb::DB&)> const& more = {}) {
  auto const database = open_database(options, path);
  for (int i = 0; i < 200; ++i)
    put(*database, "key" + std::to_string(1000 + i), "value" + std::to_string(i));
  if (more) more(*database);
  flush(*database);
}

}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
