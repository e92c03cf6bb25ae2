// Versions of databases written by librocksdb: what is refused, what is corrupt, what a live writer
// may do meanwhile.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include "version/database_version.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/comparator.h>
#include <rocksdb/convenience.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/slice_transform.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/named_comparator.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::check_ok;
using ::testing::Contains;
using testing::expect_error;
using ::testing::HasSubstr;
using testing::quiet_options;
using testing::set_table_options;
using testing::TemporaryDirectory;
using testing::write_small_database;

std::vector<std::string> features_refused(std::string const& path) {
  std::vector<std::string> features;
  for (Refusal const& refusal : open_version(path).refusals) {
    EXPECT_FALSE(refusal.file.empty());
    EXPECT_FALSE(refusal.advice.empty());
    features.push_back(refusal.feature);
  }
  return features;
}

// Expects that the database opens for a description, and that a scan is refused by this name.
void expect_refused(std::string const& path, std::string const& feature) {
  EXPECT_THAT(features_refused(path), Contains(HasSubstr(feature)));
  expect_error(ErrorCode::kUnsupported, feature, [&] { require_scannable(open_version(path)); });
}

class LastOperandWins : public rocksdb::AssociativeMergeOperator {
 public:
  bool Merge(rocksdb::Slice const&, rocksdb::Slice const*, rocksdb::Slice const& value,
             std::string* result, rocksdb::Logger*) const override {
    *result = value.ToString();
    return true;
  }
  [[nodiscard]] char const* Name() const override { return "LastOperandWins"; }
};

class RefusalOf : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_ / "db"; }
  [[nodiscard]] std::string beside(std::string const& name) const { return directory_ / name; }

 private:
  TemporaryDirectory directory_;
};

TEST_F(RefusalOf, NothingInAPlainDatabase) {
  write_small_database(path(), quiet_options(), [](rocksdb::DB& database) {
    check_ok(database.Delete(rocksdb::WriteOptions(), "key1003"));
    check_ok(database.SingleDelete(rocksdb::WriteOptions(), "key1004"));
  });
  EXPECT_TRUE(features_refused(path()).empty());
  require_scannable(open_version(path() + "/"));
}

TEST_F(RefusalOf, MergeOperands) {
  rocksdb::Options options = quiet_options();
  options.merge_operator = std::make_shared<LastOperandWins>();
  write_small_database(path(), options, [](rocksdb::DB& database) {
    check_ok(database.Merge(rocksdb::WriteOptions(), "key1005", "merged"));
    check_ok(database.Merge(rocksdb::WriteOptions(), "new", "merged"));
  });
  expect_refused(path(), "merge operands");
}

TEST_F(RefusalOf, LaterFormatVersions) {
  write_small_database(path());
  std::string const table = open_version(path()).runs.at(0).metas.at(0).path;
  std::string bytes = testing::read_whole_file(table);
  bytes[bytes.size() - 12] = 8;
  testing::write_whole_file(table, bytes);
  expect_refused(path(), "table format_version 8");
  DatabaseVersion const opened = open_version(path());
  EXPECT_FALSE(opened.runs.at(0).tables.at(0));  // described all the same
  EXPECT_GT(opened.runs.at(0).metas.at(0).file_bytes, 0u);
}

TEST_F(RefusalOf, PlainTables) {
  rocksdb::Options options = quiet_options();
  options.table_factory.reset(rocksdb::NewPlainTableFactory());
  options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(4));
  options.allow_mmap_reads = true;
  write_small_database(path(), options);
  expect_refused(path(), "plain table format");
}

TEST_F(RefusalOf, CuckooTables) {
  rocksdb::Options options = quiet_options();
  options.table_factory.reset(rocksdb::NewCuckooTableFactory());
  options.allow_mmap_reads = true;
  write_small_database(path(), options);
  expect_refused(path(), "cuckoo table format");
}

TEST_F(RefusalOf, OtherComparators) {
  rocksdb::Options options = quiet_options();
  testing::NamedComparator const comparator("mine", testing::reverse_bytewise);
  options.comparator = &comparator;
  write_small_database(path(), options);
  expect_refused(path(), "comparator 'mine'");
}

TEST_F(RefusalOf, UserDefinedTimestamps) {
  rocksdb::Options options = quiet_options();
  check_ok(rocksdb::Comparator::CreateFromString(
      rocksdb::ConfigOptions(), "leveldb.BytewiseComparator.u64ts", &options.comparator));
  {
    auto const database = testing::open_database(options, path());
    check_ok(database->Put(rocksdb::WriteOptions(), "key", "12345678", "value"));
    testing::flush(*database);
  }
  expect_refused(path(), "user-defined timestamps");
}

TEST_F(RefusalOf, TablesInOtherDirectories) {
  rocksdb::Options options = quiet_options();
  options.db_paths = {{path(), 1000}, {beside("more"), uint64_t{1} << 40}};
  write_small_database(path(), options, [](rocksdb::DB& database) {
    testing::flush(database);
    rocksdb::CompactRangeOptions how;
    how.target_path_id = 1;
    how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    check_ok(database.CompactRange(how, nullptr, nullptr));
  });
  expect_refused(path(), "table in another directory (path id 1 of db_paths)");
}

TEST_F(RefusalOf, AMissingWriteAheadLogDirectory) {
  rocksdb::Options options = quiet_options();
  options.wal_dir = beside("logs");
  write_small_database(path(), options);
  EXPECT_TRUE(features_refused(path()).empty());
  {
    options.avoid_flush_during_shutdown = true;
    auto const database = testing::open_database(options, path());
    testing::put(*database, "key", "value");
  }
  DatabaseVersion const version = open_version(path());
  EXPECT_TRUE(version.refusals.empty());
  EXPECT_EQ(version.unflushed->entries, 1u);
  EXPECT_THAT(version.unflushed->logs.at(0).path, HasSubstr(beside("logs")));
  std::filesystem::rename(beside("logs"), beside("moved"));
  expect_refused(path(), "write-ahead log directory that is missing");
  OpenOptions moved;
  moved.wal_directory = beside("moved");
  EXPECT_EQ(open_version(path(), moved).unflushed->entries, 1u);
  OpenOptions without;
  without.use_wal = false;
  DatabaseVersion const tables_only = open_version(path(), without);
  EXPECT_TRUE(tables_only.refusals.empty());
  EXPECT_FALSE(tables_only.unflushed);
  EXPECT_THAT(tables_only.remarks, Contains(HasSubstr("--no-wal")));
}

TEST_F(RefusalOf, RowsOfTheWriteAheadLogThatDoNotFitTheMemory) {
  {
    rocksdb::Options options = quiet_options();
    options.avoid_flush_during_shutdown = true;
    auto const database = testing::open_database(options, path());
    for (int i = 0; i < 100; ++i)
      testing::put(*database, std::to_string(i), std::string(1000, 'v'));
  }
  OpenOptions options;
  options.memory_bytes = 100000;
  DatabaseVersion const version = open_version(path(), options);
  expect_error(ErrorCode::kDevice, "raise --memory to at least ",
               [&] { require_scannable(version); });
  EXPECT_EQ(version.unflushed->entries, 100u);
  EXPECT_TRUE(version.runs.empty());
  options.memory_bytes = version.unflushed->memory_needed;
  require_scannable(open_version(path(), options));
}

class DatabaseVersionOf : public RefusalOf {};

TEST_F(DatabaseVersionOf, NoDatabaseIsSaidToBeNone) {
  expect_error(ErrorCode::kNotADatabase, "cannot open database",
               [&] { static_cast<void>(open_version(path())); });
  std::filesystem::create_directory(path());
  expect_error(ErrorCode::kNotADatabase, "has no CURRENT",
               [&] { static_cast<void>(open_version(path())); });
}

TEST_F(DatabaseVersionOf, MissingAndResizedTablesAreCorruption) {
  write_small_database(path());
  std::string const table = open_version(path()).runs.at(0).metas.at(0).path;
  std::string const bytes = testing::read_whole_file(table);
  testing::write_whole_file(table, bytes + "x");
  expect_error(ErrorCode::kCorruption, table, [&] { static_cast<void>(open_version(path())); });
  std::filesystem::remove(table);
  expect_error(ErrorCode::kCorruption, "missing", [&] { static_cast<void>(open_version(path())); });
}

TEST_F(DatabaseVersionOf, OverlappingTablesOfALevelAreCorruption) {
  write_small_database(path());
  std::string const manifest = path() + "/" + [&] {
    std::string name = testing::read_whole_file(path() + "/CURRENT");
    name.pop_back();
    return name;
  }();
  std::string log = testing::read_whole_file(manifest);
  auto const new_file = [](uint64_t number, std::string const& smallest,
                           std::string const& largest) {
    using namespace testing;
    return varint(103) + varint(2) + varint(number) + varint(100) +
           prefixed(internal_key(smallest, 5)) + prefixed(internal_key(largest, 5)) + varint(5) +
           varint(5) + varint(1);
  };
  std::string overlapping = log;
  testing::append_log_record(overlapping, new_file(101, "a", "k") + new_file(102, "c", "z"));
  testing::write_whole_file(manifest, overlapping);
  expect_error(ErrorCode::kCorruption, "tables 101 and 102 of level 2 overlap",
               [&] { static_cast<void>(open_version(path())); });
  std::string turned = log;
  testing::append_log_record(turned, new_file(101, "k", "a"));
  testing::write_whole_file(manifest, turned);
  expect_error(ErrorCode::kCorruption, "wrong way round",
               [&] { static_cast<void>(open_version(path())); });
}

TEST_F(DatabaseVersionOf, NothingIsWrittenAndNoLockIsTaken) {
  rocksdb::Options const options = quiet_options();
  write_small_database(path());
  auto const listing = [&] {
    std::vector<std::tuple<std::string, uint64_t, std::filesystem::file_time_type>> files;
    for (auto const& entry : std::filesystem::directory_iterator(path())) {
      files.emplace_back(entry.path().string(), entry.file_size(), entry.last_write_time());
    }
    std::sort(files.begin(), files.end());
    return files;
  };
  auto const before = listing();
  DatabaseVersion const version = open_version(path());
  EXPECT_EQ(listing(), before);
  // The owner can open it while the version is alive.
  auto const database = testing::open_database(options, path());
  testing::put(*database, "key", "value");
}

TEST_F(DatabaseVersionOf, StaysReadableWhenItsTablesAreDeleted) {
  write_small_database(path());
  DatabaseVersion const version = open_version(path());
  Table const& table = *version.runs.at(0).tables.at(0);
  std::vector<uint8_t> const before = table.read_index_block();
  {
    auto const database = testing::open_database(quiet_options(), path());
    rocksdb::CompactRangeOptions how;
    how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    check_ok(database->CompactRange(how, nullptr, nullptr));
  }
  EXPECT_FALSE(std::filesystem::exists(table.path()));
  EXPECT_EQ(table.read_index_block(), before);
}

TEST_F(DatabaseVersionOf, OpensWhileAWriterFlushesAndCompacts) {
  rocksdb::Options options = quiet_options();
  options.disable_auto_compactions = false;
  options.level0_file_num_compaction_trigger = 3;
  auto const database = testing::open_database(options, path());
  rocksdb::WriteOptions unlogged;
  unlogged.disableWAL = true;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int round = 0; round < 40; ++round) {
      for (int i = 0; i < 50; ++i) {
        check_ok(
            database->Put(unlogged, "key" + std::to_string(i), "value" + std::to_string(round)));
      }
      testing::flush(*database);
    }
    done = true;
  });
  uint64_t opened = 0;
  uint64_t last_sequence = 0;
  try {
    while (!done) {
      DatabaseVersion const version = open_version(path());
      EXPECT_TRUE(version.refusals.empty());
      EXPECT_GE(version.last_sequence, last_sequence);
      last_sequence = version.last_sequence;
      for (SortedRun const& run : version.runs) {
        for (auto const& table : run.tables) EXPECT_FALSE(table->read_index_block().empty());
      }
      ++opened;
    }
  } catch (Error const& error) {
    // Too fast a writer is said to be one.
    EXPECT_EQ(error.code(), ErrorCode::kRuntime) << error.what();
  }
  writer.join();
  EXPECT_EQ(open_version(path()).last_sequence, database->GetLatestSequenceNumber());
  RecordProperty("versions_opened", static_cast<int>(opened));
}

TEST(InternalKeys, OrderByUserKeyThenNewestFirst) {
  using testing::internal_key;
  EXPECT_LT(compare_internal_keys(KeyOrder::kBytewise, internal_key("a", 1), internal_key("b", 9)),
            0);
  EXPECT_LT(compare_internal_keys(KeyOrder::kBytewise, internal_key("a", 9), internal_key("a", 1)),
            0);
  EXPECT_LT(
      compare_internal_keys(KeyOrder::kBytewise, internal_key("a", 9, 1), internal_key("a", 9, 0)),
      0);
  EXPECT_LT(compare_internal_keys(KeyOrder::kBytewise, internal_key("a", 1), internal_key("ab", 9)),
            0);
  EXPECT_GT(
      compare_internal_keys(KeyOrder::kBytewise, internal_key("\xff", 1), internal_key("a", 9)), 0);
  EXPECT_EQ(compare_internal_keys(KeyOrder::kBytewise, internal_key("", 1), internal_key("", 1)),
            0);
}

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_WITH_ROCKSDB
