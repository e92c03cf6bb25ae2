// Keys with merge operands, on databases that librocksdb wrote with its own operators. The
// expectation is its iterator's rows.
#include <gtest/gtest.h>
#include <rocksdb/convenience.h>
#include <rocksdb/merge_operator.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "query/aggregates.hpp"
#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/random.hpp"
#include "support/rocksdb_no_sync.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_tables.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;
using levelscan::test::base_seed;
using levelscan::test::mix;
using levelscan::test::Random;

std::string key_of(uint64_t i) { return fmt::format("key{:04}", i); }

std::string integer(uint64_t value) { return fixed<uint64_t>(value); }

uint64_t integer_of(std::string const& bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

class ScanMerges : public ::testing::Test {
 protected:
  rocksdb::DB& open(std::string const& merge_operator, std::size_t block_bytes = 200,
                    bool blobs = false) {
    rocksdb::Options options = quiet_options();
    options.env = no_sync_env();
    check_ok(rocksdb::MergeOperator::CreateFromString(rocksdb::ConfigOptions(), merge_operator,
                                                      &options.merge_operator));
    options.enable_blob_files = blobs;
    options.min_blob_size = 10;
    set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = block_bytes;
      table.block_restart_interval = 3;
    });
    database_ = open_database(options, path());
    open_.merge_operator = parse_merge_operator(merge_operator);
    return *database_;
  }

  void close() {
    check_ok(database_->Close());
    database_.reset();
  }

  void merge(std::string const& key, std::string const& operand) {
    check_ok(database_->Merge({}, key, operand));
  }

  void remove_options_files() {
    for (auto const& entry : std::filesystem::directory_iterator(path())) {
      if (entry.path().filename().string().starts_with("OPTIONS-")) {
        std::filesystem::remove(entry.path());
      }
    }
  }

  // A scan of everything fails with these words, and no row comes out.
  void expect_refused(std::string const& words) {
    RowCollector collector;
    expect_error(ErrorCode::kUnsupported, words, [&] {
      DatabaseVersion const version = open_version(path());
      Scanner scanner(version, tiny_options(4096));
      scanner.run(rows_query(), &collector);
    });
    EXPECT_TRUE(collector.rows().empty());
  }

  [[nodiscard]] std::string path() const { return directory_ / "database"; }

  std::unique_ptr<rocksdb::DB> database_;
  OpenOptions open_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(ScanMerges, RandomHistoriesOfEveryOperatorEqualTheIteratorsRows) {
  uint64_t const seed = mix(base_seed() + 23);
  SCOPED_TRACE(fmt::format("LEVELSCAN_SEED={}", base_seed()));
  Random random(seed);
  uint64_t merged = 0;
  uint64_t shadowed = 0;
  for (std::string const merge_operator :
       {"uint64add", "stringappend", "id=stringappendtest;delimiter=<>", "max", "put"}) {
    SCOPED_TRACE(merge_operator);
    TemporaryDirectory directory;
    bool const integers = merge_operator == "uint64add";
    std::string const database_path = directory / "database";
    rocksdb::Options options = quiet_options();
    options.env = no_sync_env();
    check_ok(rocksdb::MergeOperator::CreateFromString(rocksdb::ConfigOptions(), merge_operator,
                                                      &options.merge_operator));
    options.enable_blob_files = random.one_in(2);
    options.min_blob_size = 12;
    set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = 150;
      table.block_restart_interval = 3;
    });
    auto const database = open_database(options, database_path);
    auto const draw_value = [&] {
      if (!integers || random.one_in(6)) return random.bytes(random.below(30));
      return integer(random.below(1000));
    };
    HeldSnapshots snapshots(*database);
    for (int level : {6, 4, 0, 0, 0}) {
      for (int i = 0; i < 300; ++i) {
        std::string const key = key_of(random.one_in(3) ? random.below(3) : random.below(60));
        switch (random.below(10)) {
          case 0: put(*database, key, draw_value()); break;
          case 1: check_ok(database->Delete({}, key)); break;
          case 2: {
            std::string const end = key_of(random.below(60));
            if (random.one_in(4) && key < end) {
              check_ok(database->DeleteRange({}, database->DefaultColumnFamily(), key, end));
            }
            break;
          }
          default: check_ok(database->Merge({}, key, draw_value()));
        }
        if (random.one_in(4)) snapshots.take();
      }
      flush_to_level(*database, level, 2000);
    }
    std::vector<std::pair<uint64_t, Rows>> expected;
    std::size_t const taken = snapshots.all().size();
    for (std::size_t i = 0; i < 4; ++i) {
      rocksdb::Snapshot const* const snapshot = snapshots.all()[i * (taken - 1) / 3];
      expected.emplace_back(snapshot->GetSequenceNumber(), iterator_rows(*database, snapshot));
    }
    expected.emplace_back(database->GetLatestSequenceNumber(), iterator_rows(*database));
    // Held until here; files keep what they saw.
    OpenOptions open;
    open.merge_operator = parse_merge_operator(merge_operator);
    for (auto const& [sequence, rows] : expected) {
      SCOPED_TRACE(sequence);
      Query query = rows_query();
      query.snapshot = sequence;
      ScanStatistics const statistics = expect_rows(database_path, query, rows, open);
      merged += statistics.values_merged;
      shadowed += statistics.shadowed_value;
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(merged, 100u);
  EXPECT_GT(shadowed, 100u);
}

TEST_F(ScanMerges, OperandsThatFillSeveralDataBlocksAreAllMerged) {
  rocksdb::DB& database = open("uint64add");
  for (uint64_t i = 0; i < 20; ++i) put(database, key_of(i), integer(i));
  uint64_t middle = 0;
  {
    HeldSnapshots snapshots(database);
    for (uint64_t i = 0; i < 1000; ++i) {
      merge(key_of(7), integer(1));
      if (i == 10) check_ok(database.Delete({}, key_of(7)));
      uint64_t const sequence = snapshots.take();  // keeps each operand apart
      if (i == 600) middle = sequence;
      if (i == 500) flush_to_level(database, 6, 3000);
    }
    flush(database);
    Query query = rows_query();
    query.snapshot = middle;
    expect_rows(path(), query, iterator_rows(database, snapshots.all()[600]), open_);
  }
  Rows const rows = iterator_rows(database);
  close();
  EXPECT_EQ(integer_of(rows.at(7).second), 989u);
  ScanStatistics const statistics = expect_rows(path(), rows_query(), rows, open_);
  EXPECT_EQ(statistics.values_merged, 1u);
}

TEST_F(ScanMerges, PredicatesAndAggregatesSeeMergedValues) {
  rocksdb::DB& database = open("uint64add");
  Random random(7);
  for (uint64_t i = 0; i < 300; ++i) {
    if (random.one_in(2)) put(database, key_of(i), integer(random.below(100)));
  }
  flush_to_level(database, 6, 3000);
  for (uint64_t i = 0; i < 300; ++i) {
    if (random.one_in(2)) merge(key_of(i), integer(random.below(100)));
  }
  flush_to_level(database, 5, 3000);
  for (uint64_t i = 0; i < 300; ++i) {
    if (random.one_in(3)) merge(key_of(i), integer(random.below(100)));
  }
  flush(database);
  Rows const rows = iterator_rows(database);
  close();
  std::vector<std::string> const fields{"n:u64@value+0"};
  Query query = rows_query();
  query.where = predicate("n >= 90 and key > 'key0020'", fields);
  Rows expected;
  uint64_t sum = 0;
  uint64_t greatest = 0;
  for (auto const& row : rows) {
    if (integer_of(row.second) < 90 || row.first <= "key0020") continue;
    expected.push_back(row);
    sum += integer_of(row.second);
    greatest = std::max(greatest, integer_of(row.second));
  }
  ASSERT_GT(expected.size(), 20u);
  ScanStatistics const statistics = expect_rows(path(), query, expected, open_);
  EXPECT_GT(statistics.values_merged, 0u);

  Schema schema;
  schema.define(fields[0]);
  query.aggregates = parse_aggregates("count(), sum(n), max(n)", schema);
  for (uint32_t const bytes : {512u, 16384u}) {
    DatabaseVersion const version = open_version(path(), open_);
    Scanner scanner(version, tiny_options(bytes));
    ScanResult const result = scanner.run(query, nullptr);
    EXPECT_EQ(result.aggregates[0].integer, static_cast<Int128>(expected.size()));
    EXPECT_EQ(result.aggregates[1].integer, static_cast<Int128>(sum));
    EXPECT_EQ(result.aggregates[2].integer, static_cast<Int128>(greatest));
  }
}

TEST_F(ScanMerges, WhatReadsKeysAloneMergesNothing) {
  rocksdb::DB& database = open("stringappend");
  for (uint64_t i = 0; i < 200; ++i) merge(key_of(i % 50), std::to_string(i));
  flush_to_level(database, 6);
  for (uint64_t i = 0; i < 50; ++i) merge(key_of(2 * i), "more");
  for (uint64_t i = 0; i < 10; ++i) check_ok(database.Delete({}, key_of(i)));
  flush(database);
  Rows const rows = iterator_rows(database);
  close();
  Query query = rows_query();
  query.where = predicate("key_size > 3 and key >= 'key0005'");
  query.aggregates = parse_aggregates("count(), min(key)", Schema());
  DatabaseVersion const version = open_version(path(), open_);
  Scanner scanner(version, tiny_options(1024));
  ScanResult const result = scanner.run(query, nullptr);
  EXPECT_EQ(result.aggregates[0].integer, static_cast<Int128>(rows.size()));
  EXPECT_EQ(result.aggregates[1].bytes, rows.front().first);
  EXPECT_EQ(result.statistics.values_merged, 0u);
}

// librocksdb 7.8 does not read such keys. What RocksDB 8 and later show: the operands are merged to
// the default column, the empty string where there is none, and the other columns stay.
TEST_F(ScanMerges, OperandsOnAnEntityAreMergedToItsDefaultColumn) {
  rocksdb::DB& database = open("stringappend");
  auto const family = database.DefaultColumnFamily();
  check_ok(database.PutEntity({}, family, "a", {{"", "default"}, {"n", "seven"}}));
  check_ok(database.PutEntity({}, family, "b", {{"n", "eight"}}));
  check_ok(database.PutEntity({}, family, "c", {{"n", "nine"}}));
  flush(database);
  merge("a", "one");
  merge("b", "two");
  merge("d", "three");
  flush(database);
  merge("a", "four");
  flush(database);
  close();
  Rows const rows{{"a", "default,one,four"}, {"b", ",two"}, {"c", ""}, {"d", "three"}};
  expect_rows(path(), rows_query(), rows, open_);

  Schema schema;
  schema.define("n:bytes@column(n)+0");
  schema.define("d:bytes@column()+0");
  Query query;
  query.where = std::make_shared<Expression const>(
      parse_expression("n is null or n == 'seven' or d == ',two'", schema));
  query.columns = parse_columns("n,d", schema);
  query.where = std::make_shared<Expression const>(
      parse_expression("n in ('seven', 'eight') and d is not null", schema));
  Rows const columns{{"seven", "default,one,four"}, {"eight", ",two"}};
  expect_rows(path(), query, columns, open_);
}

TEST_F(ScanMerges, TheOperatorIsThatOfTheOptionsFileOrOfTheTablesWhereItsNameSaysAll) {
  rocksdb::DB& database = open("uint64add");
  put(database, "a", integer(1));
  flush(database);
  merge("a", integer(41));
  flush(database);
  Rows const rows = iterator_rows(database);
  close();
  expect_rows(path(), rows_query(), rows);
  remove_options_files();
  expect_rows(path(), rows_query(), rows);
  // And the one that is asked for counts.
  OpenOptions other;
  other.merge_operator = parse_merge_operator("put");
  expect_rows(path(), rows_query(), {{"a", integer(41)}}, other);
}

TEST_F(ScanMerges, TheDelimiterIsThatOfTheOptionsFile) {
  rocksdb::DB& database = open("id=stringappend;delimiter=#;");
  merge("a", "one");
  flush(database);
  merge("a", "two");
  flush(database);
  close();
  expect_rows(path(), rows_query(), {{"a", "one#two"}});
  remove_options_files();
  expect_refused("'{id=NAME;delimiter=D}'");
  OpenOptions given;
  given.merge_operator = parse_merge_operator("{id=stringappend;delimiter=#}");
  expect_rows(path(), rows_query(), {{"a", "one#two"}}, given);
}

TEST_F(ScanMerges, TablesAndAnOptionsFileThatNameDifferentOperatorsAreRefused) {
  rocksdb::DB& database = open("max");
  merge("a", "one");
  flush(database);
  close();
  open("put");
  close();
  expect_refused("merge operands (operator 'MaxOperator')");
}

}  // namespace
}  // namespace levelscan
