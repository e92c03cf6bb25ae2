// What a scan refuses, on databases that librocksdb wrote: before any row where metadata shows it,
// and else at the entry or block that shows it, after rows that are right as far as they go.
#include <gtest/gtest.h>
#include <rocksdb/merge_operator.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "support/expect_error.hpp"
#include "support/named_comparator.hpp"
#include "support/rocksdb_no_sync.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_tables.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;

class Concatenation final : public rocksdb::AssociativeMergeOperator {
 public:
  bool Merge(rocksdb::Slice const&, rocksdb::Slice const* existing, rocksdb::Slice const& value,
             std::string* result, rocksdb::Logger*) const override {
    *result = (existing != nullptr ? existing->ToString() : "") + value.ToString();
    return true;
  }
  char const* Name() const override { return "Concatenation"; }
};

class ScanRefusal : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_ / "database"; }

  static rocksdb::Options options() {
    rocksdb::Options options = quiet_options();
    options.env = no_sync_env();
    return options;
  }

  // A scan of everything fails with the feature's name, and no row comes out.
  void expect_refused(std::string const& feature) {
    RowCollector collector;
    expect_error(ErrorCode::kUnsupported, feature, [&] {
      DatabaseVersion const version = open_version(path());
      Scanner scanner(version, tiny_options(4096));
      scanner.run(rows_query(), &collector);
    });
    EXPECT_TRUE(collector.rows().empty());
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(ScanRefusal, MergeOperandsComeBeforeAnyRow) {
  rocksdb::Options merging = options();
  merging.merge_operator = std::make_shared<Concatenation>();
  write_small_database(path(), merging, [](rocksdb::DB& database) {
    flush(database);  // the memtable would merge them into one value
    check_ok(database.Merge({}, "key1100", "more"));
  });
  expect_refused("merge");
}

TEST_F(ScanRefusal, OtherComparatorsComeBeforeAnyRow) {
  NamedComparator const comparator("mine", bytewise);
  rocksdb::Options other = options();
  other.comparator = &comparator;
  write_small_database(path(), other);
  expect_refused("comparator");
}

TEST_F(ScanRefusal, DamagedDataBlocksAreCorruptionUnlessChecksumsAreOff) {
  {
    auto database = open_database(options(), path());
    for (int i = 0; i < 2000; ++i) put(*database, fmt::format("key{:06}", i), std::string(50, 'v'));
    flush(*database);
    check_ok(database->Close());
  }
  DatabaseVersion const version = open_version(path());
  {
    // A byte of a value in the middle of the file.
    std::fstream file(version.runs.at(0).metas.at(0).path,
                      std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::size_t const at = bytes.find("vvvvvvvvvv", bytes.size() / 2) + 5;
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put('w');
  }
  RowCollector collector;
  expect_error(ErrorCode::kCorruption, "checksum", [&] {
    Scanner scanner(version, tiny_options(8192));
    scanner.run(rows_query(), &collector);
  });
  ScannerOptions trusting = tiny_options(8192);
  trusting.verify_checksums = false;
  Scanner scanner(version, trusting);
  RowCollector all;
  EXPECT_EQ(scanner.run(rows_query(), &all).rows_found, 2000u);
}

TEST_F(ScanRefusal, AnInterruptedScanSaysSo) {
  write_small_database(path(), options());
  DatabaseVersion const version = open_version(path());
  Scanner scanner(version, tiny_options(4096));
  RowCollector collector;
  std::atomic<bool> const interrupted = true;
  expect_error(ErrorCode::kInterrupted, "",
               [&] { scanner.run(rows_query(), &collector, &interrupted); });
  // And the scanner can be used again.
  EXPECT_EQ(scanner.run(rows_query(), &collector).rows_found, 200u);
}

}  // namespace
}  // namespace levelscan
