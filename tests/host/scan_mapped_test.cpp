// Scans of tables that are mapped give what scans of tables that are read give.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "execute/scanner.hpp"
#include "support/expect_error.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::expect_error;
using testing::flush;
using testing::put;
using testing::RowCollector;
using testing::Rows;
using testing::rows_query;

constexpr uint64_t kMemoryBytes = 64 << 20;

// Two levels of small tables, where some keys of the lower one are overwritten and some deleted.
Rows write_database(std::string const& path, rocksdb::CompressionType compression,
                    uint64_t table_bytes) {
  rocksdb::Options options = testing::quiet_options();
  options.compression = compression;
  options.target_file_size_base = table_bytes;
  testing::set_table_options(options, [](auto& table) { table.block_size = 1024; });
  auto const database = testing::open_database(options, path);
  std::minstd_rand random(1);
  for (int i = 0; i < 12000; ++i) {
    std::string value;
    while (value.size() < 40) value += std::to_string(random());
    put(*database, "key" + std::to_string(100000 + i), value);
  }
  testing::check_ok(database->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
  for (int i = 0; i < 12000; i += 7) {
    std::string const key = "key" + std::to_string(100000 + i);
    if (i % 3 == 0) {
      testing::check_ok(database->Delete(rocksdb::WriteOptions(), key));
    } else {
      put(*database, key, "new" + std::to_string(i));
    }
  }
  flush(*database);
  return testing::iterator_rows(*database);
}

// Of the tables that have so many.
uint64_t bytes_of_tables(DatabaseVersion const& version, uint64_t bytes_min) {
  uint64_t bytes = 0;
  for (SortedRun const& run : version.runs) {
    for (auto const& table : run.tables) {
      if (table->file_bytes() >= bytes_min) bytes += table->file_bytes();
    }
  }
  return bytes;
}

uint64_t pool_bytes(ScanStatistics const& statistics) {
  return statistics.pool_pinned_bytes + statistics.pool_device_bytes;
}

ScannerOptions options_with(uint64_t memory_bytes, uint32_t data_block_bytes) {
  ScannerOptions options;
  options.backend = Backend::kCpu;
  options.threads = 1;
  options.memory_bytes = memory_bytes;
  options.data_block_bytes = data_block_bytes;
  return options;
}

TEST(ScanMapped, RowsAreTheSameWhetherAllSomeOrNoTablesAreMapped) {
  for (rocksdb::CompressionType const compression :
       {rocksdb::kNoCompression, rocksdb::kZSTD, rocksdb::kLZ4Compression}) {
    testing::TemporaryDirectory const directory;
    Rows const expected = write_database(directory / "db", compression, 8 << 10);
    DatabaseVersion const version = open_version(directory / "db");
    ASSERT_EQ(version.runs.size(), 2u);
    ASSERT_GT(version.runs[1].tables.size(), 1u);
    for (uint32_t const data_block_bytes : {2048u, 4096u, 1u << 20}) {
      SCOPED_TRACE(data_block_bytes);
      // Tables that don't fill a data block are read.
      uint64_t const all = bytes_of_tables(version, data_block_bytes);
      auto const scanned = [&](ScannerOptions const& options) {
        Scanner scanner(version, options);
        RowCollector rows;
        ScanStatistics const statistics = scanner.run(rows_query(), &rows).statistics;
        EXPECT_EQ(rows.rows(), expected);
        EXPECT_LE(pool_bytes(statistics) + statistics.mapped_bytes, options.memory_bytes);
        return statistics;
      };
      ScannerOptions options = options_with(kMemoryBytes, data_block_bytes);
      options.candidates_max = 1000;
      options.candidate_key_bytes = 32000;
      options.result_bytes = 32000;
      ScanStatistics const statistics = scanned(options);
      EXPECT_EQ(statistics.mapped_bytes, all);
      EXPECT_EQ(all == 0, data_block_bytes == 1u << 20);
      // Room for the pool and about half of the tables.
      options.memory_bytes = pool_bytes(statistics) + all / 2;
      if (all != 0) {
        uint64_t const some = scanned(options).mapped_bytes;
        EXPECT_GT(some, 0u);
        EXPECT_LT(some, all);
      }
      options.map_files = false;
      EXPECT_EQ(scanned(options).mapped_bytes, 0u);
    }
  }
}

// Cuts a file when the first rows have come.
class CuttingSink final : public RowSink {
 public:
  CuttingSink(std::string path, uint64_t size) : path_(std::move(path)), size_(size) {}

  void format(RowBatch const& batch, Text& text) const override { collector_.format(batch, text); }
  void write(std::string_view text) override {
    collector_.write(text);
    if (!path_.empty()) std::filesystem::resize_file(path_, size_);
    path_.clear();
  }
  [[nodiscard]] Rows const& rows() const { return collector_.rows(); }

 private:
  std::string path_;
  uint64_t size_;
  RowCollector collector_;
};

TEST(ScanMapped, ATableThatIsCutWhileItIsScannedIsCorruptionWithAndWithoutChecksums) {
  for (rocksdb::CompressionType const compression :
       {rocksdb::kNoCompression, rocksdb::kLZ4Compression}) {
    for (bool const verifies : {true, false}) {
      SCOPED_TRACE(verifies);
      testing::TemporaryDirectory const directory;
      Rows const expected = write_database(directory / "db", compression, 64 << 10);
      DatabaseVersion const version = open_version(directory / "db");
      Table const& table = *version.runs[1].tables.front();
      ASSERT_GT(table.file_bytes(), 5u * 4096u);
      ScannerOptions options = options_with(kMemoryBytes, 2048);
      options.verify_checksums = verifies;
      Scanner scanner(version, options);
      CuttingSink sink(table.path(), 4096);
      expect_error(ErrorCode::kCorruption, "became shorter",
                   [&] { scanner.run(rows_query(), &sink); });
      ASSERT_LT(sink.rows().size(), expected.size());
      EXPECT_TRUE(std::equal(sink.rows().begin(), sink.rows().end(), expected.begin()));
    }
  }
}

TEST(ScanMapped, ASmallTableCutWithinItsLastPageAfterItWasVerifiedIsCorruption) {
  testing::TemporaryDirectory const directory;
  std::string const path = directory / "db";
  rocksdb::Options options = testing::quiet_options();
  options.compression = rocksdb::kNoCompression;
  {
    auto const database = testing::open_database(options, path);
    for (int i = 0; i < 20000; ++i) {
      put(*database, "key" + std::to_string(100000 + i), std::string(40, 'v'));
    }
    testing::check_ok(database->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
    put(*database, "key119000", std::string(1500, 'n'));
    flush(*database);
  }
  DatabaseVersion const version = open_version(path);
  Table const& newest = *version.runs[0].tables.front();
  ASSERT_LT(newest.file_bytes(), 4096u);
  ASSERT_GT(newest.file_bytes(), 2048u);
  ScannerOptions small = options_with(kMemoryBytes, 2048);
  small.candidates_max = 64;
  small.result_bytes = 4096;
  Scanner scanner(version, small);
  CuttingSink sink(newest.path(), 200);
  expect_error(ErrorCode::kCorruption, "became shorter", [&] { scanner.run(rows_query(), &sink); });
}

}  // namespace
}  // namespace levelscan

#endif
