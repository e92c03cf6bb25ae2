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

uint64_t table_bytes(DatabaseVersion const& version) {
  uint64_t bytes = 0;
  for (SortedRun const& run : version.runs) {
    for (auto const& table : run.tables) bytes += table->file_bytes();
  }
  return bytes;
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
    uint64_t const all = table_bytes(version);
    for (uint32_t const data_block_bytes : {2048u, 16384u, 1u << 20}) {
      SCOPED_TRACE(data_block_bytes);
      auto const mapped_bytes = [&](ScannerOptions const& options) {
        Scanner scanner(version, options);
        RowCollector rows;
        ScanStatistics const statistics = scanner.run(rows_query(), &rows).statistics;
        EXPECT_EQ(rows.rows(), expected);
        EXPECT_LE(statistics.pool_pinned_bytes + statistics.mapped_bytes, options.memory_bytes);
        return statistics.mapped_bytes;
      };
      ScannerOptions options = options_with(kMemoryBytes, data_block_bytes);
      EXPECT_EQ(mapped_bytes(options), all);
      options.map_files = false;
      EXPECT_EQ(mapped_bytes(options), 0u);
      // A budget for the pool and about half of the tables: the pool is of given sizes here.
      options.map_files = true;
      Scanner sized(version, options);
      RowCollector ignored;
      uint64_t const pool = sized.run(rows_query(), &ignored).statistics.pool_pinned_bytes;
      options.candidates_max = 1000;
      options.candidate_key_bytes = 32000;
      options.result_bytes = 32000;
      options.memory_bytes = std::min(pool + all / 2, kMemoryBytes);
      uint64_t const some = mapped_bytes(options);
      EXPECT_GT(some, 0u);
    }
  }
}

// Cuts a file when the first rows have come.
class CuttingSink final : public RowSink {
 public:
  explicit CuttingSink(std::string path) : path_(std::move(path)) {}

  void format(RowBatch const& batch, std::string& text) const override {
    collector_.format(batch, text);
  }
  void write(std::string_view text) override {
    collector_.write(text);
    if (!path_.empty()) std::filesystem::resize_file(path_, 4096);
    path_.clear();
  }
  [[nodiscard]] Rows const& rows() const { return collector_.rows(); }

 private:
  std::string path_;
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
      CuttingSink sink(table.path());
      expect_error(ErrorCode::kCorruption, "became shorter",
                   [&] { scanner.run(rows_query(), &sink); });
      ASSERT_LT(sink.rows().size(), expected.size());
      EXPECT_TRUE(std::equal(sink.rows().begin(), sink.rows().end(), expected.begin()));
    }
  }
}

}  // namespace
}  // namespace levelscan

#endif
