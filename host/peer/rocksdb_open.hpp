// Opens databases with any librocksdb: older ones hand out a DB*, newer ones a unique_ptr<DB>.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <string>
#include <vector>

namespace levelscan {

template <class Database = rocksdb::DB>
rocksdb::Status open_database(rocksdb::Options const& options, std::string const& path,
                              std::unique_ptr<Database>* database) {
  if constexpr (requires { Database::Open(options, path, database); }) {
    return Database::Open(options, path, database);
  } else {
    Database* opened = nullptr;
    rocksdb::Status status = Database::Open(options, path, &opened);
    database->reset(opened);
    return status;
  }
}

template <class Database = rocksdb::DB>
rocksdb::Status open_for_read_only(rocksdb::DBOptions const& options, std::string const& path,
                                   std::vector<rocksdb::ColumnFamilyDescriptor> const& families,
                                   std::vector<rocksdb::ColumnFamilyHandle*>* handles,
                                   std::unique_ptr<Database>* database) {
  if constexpr (requires {
                  Database::OpenForReadOnly(options, path, families, handles, database);
                }) {
    return Database::OpenForReadOnly(options, path, families, handles, database);
  } else {
    Database* opened = nullptr;
    rocksdb::Status status = Database::OpenForReadOnly(options, path, families, handles, &opened);
    database->reset(opened);
    return status;
  }
}

}  // namespace levelscan
