// Databases of several column families, each scanned by itself and compared with librocksdb's
// iterator over it.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/comparator.h>
#include <rocksdb/convenience.h>
#include <rocksdb/merge_operator.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "peer/verify.hpp"
#include "support/expect_error.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::check_ok;
using testing::expect_error;
using testing::quiet_options;
using testing::TemporaryDirectory;

OpenOptions family_options(std::string const& name) {
  OpenOptions options;
  options.column_family = name;
  return options;
}

class ColumnFamilies : public ::testing::Test {
 protected:
  ColumnFamilies() : path_(directory_ / "db") {
    database_ = testing::open_database(quiet_options(), path_);
    families_["default"] = database_->DefaultColumnFamily();
  }
  ~ColumnFamilies() override { close(); }

  void create(std::string const& name,
              rocksdb::ColumnFamilyOptions const& options = quiet_options()) {
    check_ok(database_->CreateColumnFamily(options, name, &families_[name]));
  }
  void put(std::string const& family, std::string const& key, std::string const& value) {
    check_ok(database_->Put(rocksdb::WriteOptions(), families_.at(family), key, value));
  }
  void flush(std::string const& family) {
    check_ok(database_->Flush(rocksdb::FlushOptions(), families_.at(family)));
  }
  // Rows of which some are overwritten and some deleted, in two L0 files.
  void fill(std::string const& family, int rows) {
    for (int i = 0; i < rows; ++i)
      put(family, "key" + std::to_string(i), family + std::to_string(i));
    flush(family);
    for (int i = 0; i < rows; i += 3) put(family, "key" + std::to_string(i), "again");
    for (int i = 0; i < rows; i += 7) {
      check_ok(database_->Delete(rocksdb::WriteOptions(), families_.at(family),
                                 "key" + std::to_string(i)));
    }
    flush(family);
  }
  void drop(std::string const& name) {
    check_ok(database_->DropColumnFamily(families_.at(name)));
    check_ok(database_->DestroyColumnFamilyHandle(families_.at(name)));
    families_.erase(name);
  }
  void close() {
    if (!database_) return;
    for (auto const& [name, family] : families_) {
      if (name != "default") check_ok(database_->DestroyColumnFamilyHandle(family));
    }
    database_.reset();
  }

  // Rows by both; they must agree.
  uint64_t verified_rows(std::string const& family) const {
    VerifyOptions options;
    options.scanner = testing::tiny_options(1024);
    options.open = family_options(family);
    VerifyReport const report = verify_query(path_, testing::rows_query(), options);
    EXPECT_TRUE(report.equal) << family;
    EXPECT_EQ(report.rows_expected, report.rows_found) << family;
    return report.rows_found;
  }

  TemporaryDirectory directory_;
  std::string path_;
  std::unique_ptr<rocksdb::DB> database_;
  std::map<std::string, rocksdb::ColumnFamilyHandle*> families_;
};

TEST_F(ColumnFamilies, EachIsScannedByItself) {
  create("orders");
  create("empty");
  create("with space, and comma");
  fill("default", 100);
  fill("orders", 300);
  fill("with space, and comma", 20);
  close();
  EXPECT_EQ(verified_rows("default"), 100u - 15u);
  EXPECT_EQ(verified_rows("orders"), 300u - 43u);
  EXPECT_EQ(verified_rows("with space, and comma"), 20u - 3u);
  EXPECT_EQ(verified_rows("empty"), 0u);
}

TEST_F(ColumnFamilies, AreListedWithWhatTheyHold) {
  create("orders");
  create("dropped");
  create("zzz");
  fill("orders", 50);
  fill("dropped", 50);
  drop("dropped");
  create("dropped");  // another one of that name
  close();
  DatabaseVersion const version = open_version(path_, family_options("zzz"));
  EXPECT_EQ(version.column_family, "zzz");
  std::vector<std::string> names;
  for (ColumnFamilyInfo const& family : version.column_families) {
    names.push_back(family.name);
    EXPECT_EQ(family.comparator, "leveldb.BytewiseComparator");
    EXPECT_EQ(family.tables, family.name == "orders" ? 2u : 0u);
    EXPECT_EQ(family.runs, family.tables);
    EXPECT_EQ(family.table_bytes > 0, family.tables > 0);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"default", "orders", "zzz", "dropped"}));
}

TEST_F(ColumnFamilies, AnUnknownNameIsAUsageErrorThatListsThem) {
  create("orders");
  close();
  expect_error(ErrorCode::kUsage, "no column family 'order' in ",
               [&] { static_cast<void>(open_version(path_, family_options("order"))); });
  expect_error(ErrorCode::kUsage, "there are: default, orders",
               [&] { static_cast<void>(open_version(path_, family_options(""))); });
}

TEST_F(ColumnFamilies, OnlyTheChosenOnesRefusalsCount) {
  rocksdb::ColumnFamilyOptions with_blobs = quiet_options();
  with_blobs.enable_blob_files = true;
  create("blobs", with_blobs);
  rocksdb::ColumnFamilyOptions timed = quiet_options();
  check_ok(rocksdb::Comparator::CreateFromString(
      rocksdb::ConfigOptions(), "leveldb.BytewiseComparator.u64ts", &timed.comparator));
  create("timed", timed);
  fill("default", 30);
  fill("blobs", 30);
  check_ok(database_->Put(rocksdb::WriteOptions(), families_.at("timed"), "key", "12345678", "v"));
  flush("timed");
  close();
  require_scannable(open_version(path_));
  expect_error(ErrorCode::kUnsupported, "user-defined timestamps",
               [&] { require_scannable(open_version(path_, family_options("timed"))); });
}

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_WITH_ROCKSDB
