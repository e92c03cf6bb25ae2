// The rows that librocksdb's iterator gives, for scans to be compared with. Not thread-safe.
#pragma once

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <rocksdb/db.h>

#include <memory>

#include "support/rocksdb_writer.hpp"
#include "support/scan_rows.hpp"

namespace levelscan::testing {

// What librocksdb's iterator says.
inline Rows iterator_rows(rocksdb::DB& database, rocksdb::Snapshot const* snapshot = nullptr) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  Rows rows;
  std::unique_ptr<rocksdb::Iterator> const iterator(database.NewIterator(options));
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    rows.emplace_back(iterator->key().ToString(), iterator->value().ToString());
  }
  check_ok(iterator->status());
  return rows;
}

}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
