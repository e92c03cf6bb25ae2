// What a scan must get right when versions of a key lie in awkward places, on databases that
// librocksdb wrote. The expectation is always its iterator's rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "query/aggregates.hpp"
#include "support/random_database_shape.hpp"
#include "support/rocksdb_no_sync.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_tables.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;
using levelscan::test::DatabaseShape;

DatabaseShape shape_of(std::string const& path) {
  DatabaseShape shape;
  shape.add(open_version(path));
  return shape;
}

// A value of a u32 and some filling.
std::string value_of(uint32_t number, std::size_t bytes = 24) {
  std::string value(bytes, 'v');
  std::memcpy(value.data(), &number, sizeof number);
  return value;
}

uint32_t number_of(std::string const& value) {
  uint32_t number;
  std::memcpy(&number, value.data(), sizeof number);
  return number;
}

std::vector<std::string> const kFields{"n:u32@value+0"};

std::string key_of(uint32_t i) { return fmt::format("key{:06}", i); }

class ScanSemantics : public ::testing::Test {
 protected:
  // Opens the database with blocks of `block_bytes`; `change` sets other table options.
  rocksdb::DB& open(std::size_t block_bytes, int restart_interval,
                    std::function<void(rocksdb::BlockBasedTableOptions&)> const& change = {}) {
    rocksdb::Options options = quiet_options();
    options.env = no_sync_env();
    set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = block_bytes;
      table.block_restart_interval = restart_interval;
      if (change) change(table);
    });
    database_ = open_database(options, path());
    return *database_;
  }

  void close() {
    check_ok(database_->Close());
    database_.reset();
  }

  [[nodiscard]] std::string path() const { return directory_ / "database"; }

  // Scans for the rows whose number passes, and expects the iterator's that do.
  ScanStatistics expect_where(Rows const& all, std::string const& where,
                              std::function<bool(uint32_t)> const& passes) {
    Query query = rows_query();
    query.where = predicate(where, kFields);
    Rows expected;
    for (auto const& row : all) {
      if (passes(number_of(row.second))) expected.push_back(row);
    }
    SCOPED_TRACE(where);
    return expect_rows(path(), query, expected);
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<rocksdb::DB> database_;
};

TEST_F(ScanSemantics, ANewerVersionThatFailsThePredicateHidesAnOlderOneThatPasses) {
  rocksdb::DB& database = open(256, 4);
  for (uint32_t i = 0; i < 400; ++i) put(database, key_of(i), value_of(1));
  flush_to_level(database, 6, 4000);
  for (uint32_t i = 0; i < 400; i += 3) put(database, key_of(i), value_of(2));
  flush_to_level(database, 3, 4000);
  for (uint32_t i = 0; i < 400; i += 5) put(database, key_of(i), value_of(3));
  flush(database);
  Rows const rows = iterator_rows(database);
  close();
  ScanStatistics const statistics =
      expect_where(rows, "n = 1", [](uint32_t number) { return number == 1; });
  EXPECT_GT(statistics.shadowed_value, 100u);
  expect_where(rows, "n = 2", [](uint32_t number) { return number == 2; });
  expect_where(rows, "n < 3", [](uint32_t number) { return number < 3; });
  expect_rows(path(), rows_query(), rows);
}

TEST_F(ScanSemantics, ATombstoneInL0HidesAValueInL6) {
  rocksdb::DB& database = open(256, 4);
  for (uint32_t i = 0; i < 400; ++i) put(database, key_of(i), value_of(i));
  flush_to_level(database, 6, 4000);
  rocksdb::WriteOptions const options;
  for (uint32_t i = 0; i < 400; i += 4) check_ok(database.Delete(options, key_of(i)));
  for (uint32_t i = 1; i < 400; i += 8) check_ok(database.SingleDelete(options, key_of(i)));
  flush(database);
  Rows const rows = iterator_rows(database);
  ASSERT_EQ(rows.size(), 250u);
  close();
  ScanStatistics const statistics = expect_rows(path(), rows_query(), rows);
  EXPECT_EQ(statistics.shadowed_tombstone, 150u);
  expect_where(rows, "n < 100", [](uint32_t number) { return number < 100; });
}

TEST_F(ScanSemantics, VersionsThatSpanIntervalsBlocksAndFilesResolveToTheNewestVisibleOne) {
  rocksdb::DB& database = open(128, 2);
  Query query = rows_query();
  std::vector<std::pair<uint64_t, Rows>> expected;
  {
    HeldSnapshots snapshots(database);
    for (uint32_t version = 0; version < 60; ++version) {
      for (uint32_t i = 0; i < 4; ++i) put(database, key_of(i), value_of(version));
      if (version % 9 == 0) check_ok(database.Delete({}, key_of(2)));
      snapshots.take();
    }
    flush_to_level(database, 5, 1000);
    for (auto const* const snapshot : snapshots.all()) {
      expected.emplace_back(snapshot->GetSequenceNumber(), iterator_rows(database, snapshot));
    }
    expected.emplace_back(database.GetLatestSequenceNumber(), iterator_rows(database));
  }
  close();
  DatabaseShape const shape = shape_of(path());
  EXPECT_GT(shape.versions_across_intervals, 10u);
  EXPECT_GT(shape.versions_across_blocks, 10u);
  EXPECT_GT(shape.versions_across_files, 3u);
  for (std::size_t i = 0; i < expected.size(); i += 4) {
    query.snapshot = expected[i].first;
    SCOPED_TRACE(fmt::format("snapshot {}", *query.snapshot));
    expect_rows(path(), query, expected[i].second);
  }
  query.snapshot.reset();
  expect_rows(path(), query, expected.back().second);
}

TEST_F(ScanSemantics, AKeyWhoseVersionsFillAWholeBufferIsReadAtTheSnapshot) {
  rocksdb::DB& database = open(200, 3);
  std::vector<std::pair<uint64_t, Rows>> expected;
  {
    HeldSnapshots snapshots(database);
    put(database, "a", value_of(1));
    for (uint32_t version = 0; version < 1500; ++version) {
      put(database, "m", value_of(version));
      snapshots.take();
    }
    put(database, "z", value_of(2));
    flush_to_level(database, 6, 8000);
    // Newer ones of the same key in another run, and only some of the snapshots see them.
    for (uint32_t version = 1500; version < 2200; ++version) {
      put(database, "m", value_of(version));
      snapshots.take();
    }
    check_ok(database.Delete({}, "m"));
    flush(database);
    for (std::size_t i = 0; i < snapshots.all().size(); i += 211) {
      auto const* const snapshot = snapshots.all()[i];
      expected.emplace_back(snapshot->GetSequenceNumber(), iterator_rows(database, snapshot));
    }
    expected.emplace_back(database.GetLatestSequenceNumber(), iterator_rows(database));
  }
  close();
  // One buffer of the tiny scans holds a few dozen versions.
  ASSERT_GT(shape_of(path()).versions_across_blocks, 300u);
  for (auto const& [sequence, rows] : expected) {
    SCOPED_TRACE(fmt::format("snapshot {}", sequence));
    Query query = rows_query();
    query.snapshot = sequence;
    expect_rows(path(), query, rows);
    query.keys.from = "m";
    Rows const from_m(rows.begin() + 1, rows.end());
    expect_rows(path(), query, from_m);
  }
}

TEST_F(ScanSemantics, SeparatorsThatAreInternalKeysAreNotTakenForUserKeys) {
  for (uint32_t const format_version : {2u, 5u}) {
    for (bool const shorten : {false, true}) {
      SCOPED_TRACE(fmt::format("format version {}, shortened {}", format_version, shorten));
      TemporaryDirectory const directory;
      rocksdb::Options options = quiet_options();
      options.env = no_sync_env();
      set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
        table.block_size = 100;
        table.block_restart_interval = 2;
        table.format_version = format_version;
        using Shortening = rocksdb::BlockBasedTableOptions::IndexShorteningMode;
        table.index_shortening =
            shorten ? Shortening::kShortenSeparatorsAndSuccessor : Shortening::kNoShortening;
      });
      std::string const path = directory / "database";
      auto database = open_database(options, path);
      Rows rows;
      {
        HeldSnapshots snapshots(*database);
        // Keys that are each other's prefixes and neighbours, each with versions in several blocks.
        for (uint32_t version = 0; version < 12; ++version) {
          for (std::string const key : {"a", "a\x01", "aa", "ab", "b", "b\xff", "c"}) {
            put(*database, key, value_of(version));
            snapshots.take();
          }
        }
        flush_to_level(*database, 6);
        rows = iterator_rows(*database);
      }
      check_ok(database->Close());
      DatabaseShape const shape = shape_of(path);
      EXPECT_EQ(shape.internal_separators, 1u);
      EXPECT_GT(shape.versions_across_blocks, 5u);
      expect_rows(path, rows_query(), rows);
      Query query = rows_query();
      for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
        query.keys.from = rows[i].first;
        query.keys.to = rows[i + 1].first;
        expect_rows(path, query, Rows{rows[i]});
      }
    }
  }
}

TEST_F(ScanSemantics, AdjacentFilesThatShareAUserKeyAreReadAsOneRun) {
  rocksdb::DB& database = open(128, 2);
  std::vector<std::pair<uint64_t, Rows>> expected;
  {
    HeldSnapshots snapshots(database);
    for (uint32_t version = 0; version < 40; ++version) {
      for (uint32_t i = 0; i < 6; ++i) put(database, key_of(i), value_of(version));
      snapshots.take();
    }
    flush_to_level(database, 6, 500);
    for (auto const* const snapshot : snapshots.all()) {
      expected.emplace_back(snapshot->GetSequenceNumber(), iterator_rows(database, snapshot));
    }
  }
  close();
  ASSERT_GT(shape_of(path()).versions_across_files, 5u);
  for (auto const& [sequence, rows] : expected) {
    Query query = rows_query();
    query.snapshot = sequence;
    expect_rows(path(), query, rows);
    query.keys.from = key_of(2);
    query.keys.to = key_of(3);
    expect_rows(path(), query, Rows{rows.at(2)});
  }
}

TEST_F(ScanSemantics, ALastSeparatorBeyondTheNextFilesStartDoesNotEndTheScan) {
  using Shortening = rocksdb::BlockBasedTableOptions::IndexShorteningMode;
  rocksdb::DB& database = open(128, 2, [](rocksdb::BlockBasedTableOptions& table) {
    table.index_shortening = Shortening::kShortenSeparatorsAndSuccessor;
  });
  for (uint32_t i = 0; i < 500; ++i) put(database, key_of(i), value_of(i));
  flush_to_level(database, 6, 2000);
  Rows const rows = iterator_rows(database);
  ASSERT_GT(files_of_level(database, 6).size(), 5u);
  close();
  Query query = rows_query();
  for (uint32_t upper = 1; upper < 500; upper += 23) {
    query.keys.to = key_of(upper);
    SCOPED_TRACE(*query.keys.to);
    expect_rows(path(), query, Rows(rows.begin(), rows.begin() + upper));
  }
}

TEST_F(ScanSemantics, KeysOfWhichOneIsTheOtherPlusTheTrailersBytesAreTwoKeys) {
  for (bool const delta_encoding : {true, false}) {
    TemporaryDirectory const directory;
    rocksdb::Options options = quiet_options();
    options.env = no_sync_env();
    set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = 512;
      table.block_restart_interval = 16;
      table.use_delta_encoding = delta_encoding;
    });
    std::string const path = directory / "database";
    auto database = open_database(options, path);
    Rows rows;
    {
      HeldSnapshots snapshots(*database);
      for (uint32_t i = 0; i < 60; ++i) {
        std::string const key = key_of(i);
        put(*database, key, value_of(i));
        // (sequence << 8 | type) of the entry just written, then of the one being written, whole
        // and in part, with more behind.
        for (uint64_t const ahead : {0u, 1u}) {
          uint64_t const sequence = database->GetLatestSequenceNumber() + ahead;
          uint64_t const trailer = (sequence << 8) | 1;
          std::string bytes(8, '\0');
          std::memcpy(bytes.data(), &trailer, 8);
          for (std::size_t const kept : {1u, 3u, 7u, 8u}) {
            put(*database, key + bytes.substr(0, kept), value_of(1000 + i));
            put(*database, key + bytes.substr(0, kept) + "x", value_of(2000 + i));
          }
          put(*database, key + bytes + bytes, value_of(3000 + i));
        }
        snapshots.take();
        if (i % 3 == 0) put(*database, key, value_of(4000 + i));
        if (i % 3 == 1) check_ok(database->Delete({}, key));
      }
      flush_to_level(*database, 6, 4000);
      rows = iterator_rows(*database);
    }
    check_ok(database->Close());
    if (delta_encoding) {
      EXPECT_GT(shape_of(path).shared_into_trailer, 50u);
    }
    expect_rows(path, rows_query(), rows);
    Query query = rows_query();
    query.where = predicate("n >= 4000", kFields);
    Rows expected;
    for (auto const& row : rows) {
      if (number_of(row.second) >= 4000) expected.push_back(row);
    }
    ASSERT_EQ(expected.size(), 20u);
    expect_rows(path, query, expected);
  }
}

TEST_F(ScanSemantics, AValueLargerThanTheDataBlockGrowsThePool) {
  rocksdb::DB& database = open(256, 4);
  for (uint32_t i = 0; i < 100; ++i) put(database, key_of(i), value_of(i));
  put(database, key_of(50) + "large", value_of(7, 100000));
  put(database, key_of(50) + std::string(3000, 'k'), value_of(8));
  flush(database);
  Rows const rows = iterator_rows(database);
  close();
  expect_rows(path(), rows_query(), rows);
  Query query;
  query.aggregates = parse_aggregates("max(value_size), max(value)", Schema());
  DatabaseVersion const version = open_version(path());
  Scanner scanner(version, tiny_options(256));
  ScanResult const result = scanner.run(query, nullptr);
  EXPECT_TRUE(result.aggregates.at(0).integer == 100000);
  std::string largest;
  for (auto const& row : rows) largest = std::max(largest, row.second);
  EXPECT_EQ(result.aggregates.at(1).bytes, largest);
}

TEST_F(ScanSemantics, AMemoryBudgetThatALargeValueExceedsIsADeviceErrorThatTellsWhatIsNeeded) {
  rocksdb::DB& database = open(256, 4);
  put(database, key_of(0), value_of(0));
  put(database, key_of(1), value_of(7, 4 << 20));
  flush(database);
  close();
  DatabaseVersion const version = open_version(path());
  ScannerOptions options = tiny_options(1024);
  options.memory_bytes = 1 << 20;
  Scanner scanner(version, options);
  RowCollector collector;
  try {
    scanner.run(rows_query(), &collector);
    FAIL() << "no error";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--memory"));
  }
}

TEST_F(ScanSemantics, LimitsCountRowsInKeyOrder) {
  rocksdb::DB& database = open(256, 4);
  for (uint32_t i = 0; i < 500; i += 2) put(database, key_of(i), value_of(i));
  flush_to_level(database, 6, 2000);
  for (uint32_t i = 1; i < 500; i += 2) put(database, key_of(i), value_of(i));
  flush(database);
  Rows const rows = iterator_rows(database);
  close();
  for (uint64_t const limit : {0u, 1u, 2u, 7u, 100u, 499u, 500u, 501u}) {
    SCOPED_TRACE(fmt::format("limit {}", limit));
    Query query = rows_query();
    query.limit = limit;
    std::size_t const expected = std::min<std::size_t>(limit, rows.size());
    expect_rows(path(), query, Rows(rows.begin(), rows.begin() + static_cast<long>(expected)));
  }
}

TEST_F(ScanSemantics, EmptyRangesHaveNoRows) {
  rocksdb::DB& database = open(256, 4);
  for (uint32_t i = 10; i < 100; ++i) put(database, key_of(i), value_of(i));
  flush(database);
  close();
  std::vector<std::pair<std::string, std::string>> const ranges{
      {key_of(50), key_of(50)}, {key_of(60), key_of(50)},  {"", ""},
      {"", key_of(10)},         {key_of(99) + '\0', "zz"}, {key_of(20) + '\0', key_of(21)}};
  for (auto const& [lower, upper] : ranges) {
    SCOPED_TRACE(lower + " to " + upper);
    Query query = rows_query();
    query.keys.from = lower;
    query.keys.to = upper;
    expect_rows(path(), query, {});
    Query aggregates = query;
    aggregates.columns.clear();
    aggregates.aggregates = parse_aggregates("count(), sum(key_size)", Schema());
    DatabaseVersion const version = open_version(path());
    Scanner scanner(version, tiny_options(256));
    ScanResult const result = scanner.run(aggregates, nullptr);
    EXPECT_TRUE(result.aggregates.at(0).integer == 0);
    EXPECT_EQ(result.aggregates.at(1).kind, AggregateValue::Kind::kNull);
  }
}

TEST_F(ScanSemantics, AnEmptyDatabaseHasNoRows) {
  open(256, 4);
  close();
  expect_rows(path(), rows_query(), {});
}

TEST_F(ScanSemantics, ADatabaseOfTombstonesAloneHasNoRows) {
  rocksdb::DB& database = open(256, 4);
  for (uint32_t i = 0; i < 100; ++i) check_ok(database.Delete({}, key_of(i)));
  flush(database);
  for (uint32_t i = 0; i < 100; i += 2) check_ok(database.Delete({}, key_of(i)));
  flush(database);
  close();
  expect_rows(path(), rows_query(), {});
}

TEST_F(ScanSemantics, TheEmptyKeyIsAKey) {
  rocksdb::DB& database = open(256, 4);
  put(database, "", value_of(1));
  put(database, std::string(1, '\0'), value_of(2));
  put(database, std::string(2, '\0'), "");
  flush(database);
  put(database, "", value_of(3));
  flush(database);
  Rows const rows = iterator_rows(database);
  close();
  expect_rows(path(), rows_query(), rows);
  Query query = rows_query();
  query.keys.to = std::string(1, '\0');
  expect_rows(path(), query, Rows{rows.at(0)});
}

TEST_F(ScanSemantics, ASnapshotAboveTheNewestSequenceNumberIsAUsageError) {
  rocksdb::DB& database = open(256, 4);
  put(database, key_of(0), value_of(0));
  flush(database);
  close();
  DatabaseVersion const version = open_version(path());
  Scanner scanner(version, tiny_options(256));
  Query query = rows_query();
  query.snapshot = version.last_sequence + 1;
  RowCollector collector;
  try {
    scanner.run(query, &collector);
    FAIL() << "no error";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
  }
}

}  // namespace
}  // namespace levelscan
