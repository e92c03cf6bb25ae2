// Scans of databases with range tombstones that librocksdb wrote. The expectation is always its
// iterator's rows, at every snapshot that was held.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "execute/tombstone_set.hpp"
#include "query/aggregates.hpp"
#include "support/counting_device.hpp"
#include "support/expect_error.hpp"
#include "support/rocksdb_no_sync.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_tables.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;

std::string key_of(uint32_t i) { return fmt::format("key{:06}", i); }

class ScanTombstones : public ::testing::Test {
 protected:
  rocksdb::DB& open(std::size_t block_bytes = 256) {
    rocksdb::Options options = quiet_options();
    options.env = no_sync_env();
    set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = block_bytes;
      table.block_restart_interval = 4;
    });
    database_ = open_database(options, path());
    return *database_;
  }

  void close() {
    check_ok(database_->Close());
    database_.reset();
  }

  void put_range(uint32_t from, uint32_t to, std::string const& value, uint32_t step = 1) {
    for (uint32_t i = from; i < to; i += step) put(*database_, key_of(i), value);
  }
  void delete_range(std::string const& start, std::string const& end) {
    check_ok(database_->DeleteRange(rocksdb::WriteOptions(), database_->DefaultColumnFamily(),
                                    start, end));
  }
  void delete_range(uint32_t from, uint32_t to) { delete_range(key_of(from), key_of(to)); }

  // Notes the iterator's rows at the newest state and at snapshots, closes, and scans at each.
  // Returns the statistics of the newest one's.
  ScanStatistics expect_iterators_rows(std::vector<rocksdb::Snapshot const*> const& snapshots = {},
                                       HeldSnapshots* held = nullptr) {
    std::vector<std::pair<uint64_t, Rows>> states;
    for (rocksdb::Snapshot const* snapshot : snapshots) {
      states.emplace_back(snapshot->GetSequenceNumber(), iterator_rows(*database_, snapshot));
    }
    Rows const rows = iterator_rows(*database_);
    if (held != nullptr) held->release();
    close();
    for (auto const& [sequence, expected] : states) {
      SCOPED_TRACE(fmt::format("snapshot {}", sequence));
      Query query = rows_query();
      query.snapshot = sequence;
      expect_rows(path(), query, expected);
    }
    return expect_rows(path(), rows_query(), rows);
  }

  [[nodiscard]] std::string path() const { return directory_ / "database"; }
  rocksdb::DB& database() { return *database_; }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<rocksdb::DB> database_;
};

TEST_F(ScanTombstones, HideWhatIsOlderUntilItIsWrittenAgain) {
  open();
  HeldSnapshots held(database());
  put_range(0, 400, "old");
  flush_to_level(database(), 6, 4000);
  held.take();
  delete_range(100, 200);
  held.take();
  put_range(150, 160, "new");
  held.take();
  flush(database());
  ScanStatistics const statistics = expect_iterators_rows(held.all(), &held);
  EXPECT_EQ(statistics.rows_found, 310u);
  EXPECT_GT(statistics.shadowed_range, 0u);
}

TEST_F(ScanTombstones, HideInTheirOwnTableToo) {
  open();
  HeldSnapshots held(database());
  put_range(0, 100, "old");
  held.take();
  delete_range(20, 80);
  put_range(40, 60, "new", 2);
  held.take();
  delete_range(50, 55);
  flush(database());
  EXPECT_EQ(expect_iterators_rows(held.all(), &held).rows_found, 40u + 10u - 3u);
}

TEST_F(ScanTombstones, ANewerVersionThatIsHiddenStillHidesAnOlderOne) {
  open();
  put_range(0, 100, "oldest");
  flush_to_level(database(), 6, 2000);
  put_range(0, 100, "newer");
  delete_range(30, 60);
  flush(database());
  put(database(), key_of(1000), "far");
  flush(database());
  Rows const rows = iterator_rows(database());
  ASSERT_EQ(rows.size(), 71u);
  close();
  // A value that passes is under one that doesn't, and both are under the tombstone.
  Query query = rows_query();
  query.where = predicate("value = 'oldest'");
  expect_rows(path(), query, {});
  expect_rows(path(), rows_query(), rows);
}

TEST_F(ScanTombstones, InTablesOfNothingElse) {
  open();
  HeldSnapshots held(database());
  put_range(0, 300, "value");
  flush_to_level(database(), 6, 2000);
  delete_range(10, 20);
  flush(database());
  held.take();
  delete_range(100, 150);
  delete_range(140, 200);
  flush(database());
  // The empty key is the smallest.
  delete_range("", "key000003");
  delete_range("zzz", "zzzz");
  flush(database());
  held.take();
  // And a level of them.
  move_level(database(), 0, 3, 100);
  {
    DatabaseVersion const version = open_version(path());
    ASSERT_EQ(version.runs.size(), 2u);
    ASSERT_FALSE(version.range_tombstones.empty());
    for (auto const& table : version.runs[0].tables) {
      std::vector<uint8_t> const index = table->read_index_block();
      EXPECT_FALSE(table->index_cursor(index).valid()) << "a table with entries";
    }
  }
  EXPECT_EQ(expect_iterators_rows(held.all(), &held).rows_found, 300u - 3u - 10u - 100u);
}

TEST_F(ScanTombstones, OverADatabaseOfTombstonesOnly) {
  open();
  delete_range(0, 100);
  flush(database());
  EXPECT_EQ(expect_iterators_rows().rows_found, 0u);
}

TEST_F(ScanTombstones, AdjacentNestedOverlappingEmptyAndAtTheKeysThemselves) {
  open();
  HeldSnapshots held(database());
  put_range(0, 200, "value");
  flush_to_level(database(), 5, 2000);
  delete_range(10, 20);
  delete_range(20, 30);  // adjacent
  held.take();
  delete_range(5, 40);   // around them
  delete_range(15, 25);  // inside
  held.take();
  delete_range(50, 70);
  delete_range(60, 80);  // overlapping
  delete_range(90, 90);  // empty
  held.take();
  delete_range(key_of(100), key_of(100) + '\0');  // one key
  delete_range(key_of(110) + '\0', key_of(111));  // between two
  delete_range(key_of(120) + '\0', key_of(121) + '\0');
  held.take();
  put_range(17, 19, "again");
  put(database(), key_of(120), "again");
  flush_to_level(database(), 2, 300);
  delete_range(18, 19);
  flush(database());
  EXPECT_EQ(expect_iterators_rows(held.all(), &held).rows_found, 200u - 35u - 30u - 1u - 1u + 1u);
}

// The tombstone stands whole in every table of the level; only what lies between a table's bounds
// counts. The rest of the level went on to the bottom, where what was written after the tombstone
// lost its sequence numbers.
TEST_F(ScanTombstones, StoredWholeInEachTableCountOnlyBetweenItsBounds) {
  open();
  put_range(0, 4000, "old", 4);
  flush_to_level(database(), 6, 4000);
  delete_range(0, 9999);
  put_range(0, 4000, "new", 2);
  flush_to_level(database(), 1, 8000);
  std::vector<std::string> const files = files_of_level(database(), 1);
  ASSERT_GE(files.size(), 3u);
  // All but the first ones.
  std::string const middle = key_of(2000);
  rocksdb::Slice const begin = middle;
  check_ok(database().CompactRange(rocksdb::CompactRangeOptions(), &begin, nullptr));
  std::size_t const files_left = files_of_level(database(), 1).size();
  ASSERT_GE(files_left, 1u);
  ASSERT_LT(files_left, files.size());

  Rows const rows = iterator_rows(database());
  ASSERT_EQ(rows.size(), 2000u);
  close();
  DatabaseVersion const version = open_version(path());
  ASSERT_EQ(version.runs.size(), 2u);
  TableMeta const& meta = version.runs[0].metas.back();
  EXPECT_LT(meta.largest_user_key(), middle);
  ASSERT_EQ(version.range_tombstones.size(), files_left);
  EXPECT_EQ(version.range_tombstones.back().end, meta.largest_user_key()) << "clipped";
  // The table itself says more: that is what must not count.
  Table const& table = *version.runs[0].tables.back();
  std::string stored_end;
  std::vector<uint8_t> const block = table.read_block(table.metaindex().at("rocksdb.range_del"));
  for_each_entry(block, {table.path(), 0}, [&](auto, std::span<uint8_t const> value) {
    stored_end = std::string(value.begin(), value.end());
    return true;
  });
  EXPECT_EQ(stored_end, key_of(9999));
  expect_rows(path(), rows_query(), rows);
}

// Versions of one key on both sides of a table's end, tombstones between them.
TEST_F(ScanTombstones, BetweenVersionsOfAKeyThatTablesShare) {
  open();
  HeldSnapshots held(database());
  for (uint32_t round = 0; round < 40; ++round) {
    for (uint32_t i = 0; i < 6; ++i) {
      put(database(), key_of(i), fmt::format("value {} {}", round, std::string(40, 'v')));
      held.take();
    }
    if (round % 3 == 0) delete_range(round % 4, 3 + round % 5);
    held.take();
    if (round % 16 == 5) flush(database());
  }
  flush(database());
  std::vector<rocksdb::Snapshot const*> some;
  for (std::size_t i = 0; i < held.all().size(); i += 23) some.push_back(held.all()[i]);
  move_level(database(), 0, 2, 500);
  EXPECT_GT(files_of_level(database(), 2).size(), 3u);
  expect_iterators_rows(some, &held);
}

TEST_F(ScanTombstones, SpanTasksAndWindows) {
  open();
  put_range(0, 3000, std::string(40, 'v'));
  flush_to_level(database(), 6, 10000);
  delete_range(3, 2990);
  put_range(1000, 2000, "again", 100);
  flush(database());
  EXPECT_EQ(expect_iterators_rows().rows_found, 3u + 10u + 10u);
}

TEST_F(ScanTombstones, BlocksThatLieUnderThemAreNotRead) {
  open(4096);
  constexpr uint32_t kRows = 40000;
  put_range(0, kRows, std::string(100, 'v'));
  flush_to_level(database(), 6, 1 << 20);
  delete_range(1000, kRows - 1000);
  put(database(), key_of(kRows / 2), "again");
  flush(database());
  Rows const rows = iterator_rows(database());
  ASSERT_EQ(rows.size(), 2001u);
  close();
  ScannerOptions options;
  options.threads = 1;
  options.memory_bytes = 64 << 20;
  options.data_block_bytes = 64 << 10;
  Scan const found = scan(path(), rows_query(), options, CpuMirror::kSeparate);
  EXPECT_EQ(found.rows, rows);
  EXPECT_LT(found.statistics.bytes_read, found.statistics.bytes_planned / 5);
  // A snapshot from before the tombstone reads it all.
  Query query = rows_query();
  query.snapshot = kRows;
  Scan const before = scan(path(), query, options, CpuMirror::kSeparate);
  EXPECT_EQ(before.rows.size(), kRows);
}

// A tombstone that is newer than all of one table may be older than some of the next one.
TEST_F(ScanTombstones, NewerThanOneTableHideNothingNewerInTheNextOne) {
  open();
  put_range(0, 400, std::string(40, 'v'));
  delete_range(100, 300);
  put_range(200, 250, "again");
  flush_to_level(database(), 3, 2000);
  delete_range(0, 150);
  flush(database());
  EXPECT_EQ(expect_iterators_rows().rows_found, 150u);
}

TEST_F(ScanTombstones, HideFromAggregatesAndPredicatesToo) {
  open();
  HeldSnapshots held(database());
  for (uint32_t i = 0; i < 500; ++i) {
    std::string value(sizeof i, '\0');
    std::memcpy(value.data(), &i, sizeof i);
    put(database(), key_of(i), value);
  }
  flush_to_level(database(), 4, 3000);
  uint64_t const before = held.take();
  delete_range(100, 400);
  flush(database());
  held.release();
  close();
  DatabaseVersion const version = open_version(path());
  Scanner scanner(version, tiny_options(1024));
  Query query;
  Schema schema;
  schema.define("n:u32@value+0");
  query.aggregates = parse_aggregates("count(), max(n), sum(n)", schema);
  query.where = predicate("n < 450", {"n:u32@value+0"});
  for (bool const at_snapshot : {false, true, false}) {
    query.snapshot = at_snapshot ? std::optional<uint64_t>(before) : std::nullopt;
    ScanResult const result = scanner.run(query, nullptr);
    EXPECT_EQ(result.rows_found, at_snapshot ? 450u : 150u);
    EXPECT_EQ(result.aggregates.at(2).integer,
              at_snapshot ? 450 * 449 / 2 : 450 * 449 / 2 - (400 * 399 / 2 - 100 * 99 / 2));
  }
}

TEST_F(ScanTombstones, NothingIsAllocatedForThemAfterTheScannerIsMade) {
  open();
  HeldSnapshots held(database());
  put_range(0, 500, "value");
  flush_to_level(database(), 4, 3000);
  std::vector<uint64_t> snapshots;
  for (uint32_t i = 0; i < 10; ++i) {
    delete_range(50 * i, 50 * i + 20);
    snapshots.push_back(held.take());
  }
  flush(database());
  held.release();
  close();
  DatabaseVersion const version = open_version(path());
  std::unique_ptr<Device> const cpu = make_cpu_device(CpuMirror::kSeparate);
  CountingDevice device(*cpu);
  {
    ScannerOptions options;
    options.memory_bytes = 64 << 20;
    Scanner scanner(version, options, device);
    uint64_t const allocations = device.allocations();
    for (std::size_t i = 0; i < snapshots.size(); ++i) {
      Query query = rows_query();
      query.snapshot = snapshots[i];
      RowCollector collector;
      EXPECT_EQ(scanner.run(query, &collector).rows_found, 500u - 20u * (i + 1));
    }
    EXPECT_EQ(device.allocations(), allocations);
  }
  EXPECT_TRUE(device.nothing_live());
}

TEST_F(ScanTombstones, BeyondTheMemoryAreRefusedWithWhatTheyNeed) {
  open();
  put_range(0, 100, "value");
  for (uint32_t i = 0; i < 5000; ++i) {
    delete_range(key_of(i) + std::string(200, 'a'), key_of(i) + std::string(200, 'b'));
  }
  flush(database());
  Rows const rows = iterator_rows(database());
  close();
  DatabaseVersion const version = open_version(path());
  uint64_t const bytes = TombstoneSet(version.range_tombstones, version.key_order).bytes();
  EXPECT_GT(bytes, 2u << 20);
  ScannerOptions options = tiny_options(4096);
  options.memory_bytes = 1 << 20;
  expect_error(ErrorCode::kDevice, fmt::format("{} bytes of range tombstones", bytes),
               [&] { Scanner(version, options); });
  expect_rows(path(), rows_query(), rows);
}

}  // namespace
}  // namespace levelscan
