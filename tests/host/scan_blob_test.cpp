// Values in blob files, on databases that librocksdb wrote. The expectation is its iterator's rows.
#include <gtest/gtest.h>

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

class ScanBlobs : public ::testing::Test {
 protected:
  [[nodiscard]] rocksdb::Options options() const {
    rocksdb::Options options = quiet_options();
    options.env = no_sync_env();
    options.enable_blob_files = true;
    options.min_blob_size = 20;
    set_table_options(options, [](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = 300;
      table.block_restart_interval = 1;
      table.checksum = rocksdb::kNoChecksum;
    });
    return options;
  }

  rocksdb::DB& open(rocksdb::Options const& options) {
    database_ = open_database(options, path());
    return *database_;
  }

  void close() {
    check_ok(database_->Close());
    database_.reset();
  }

  // One blob file of 100 values, and its path.
  std::string write_hundred() {
    rocksdb::DB& database = open(options());
    for (uint64_t i = 0; i < 100; ++i) put(database, key_of(i), "value" + std::string(60, 'v'));
    flush(database);
    close();
    for (auto const& entry : std::filesystem::directory_iterator(path())) {
      if (entry.path().extension() == ".blob") return entry.path().string();
    }
    return {};
  }

  void expect_scan_fails(ErrorCode code, std::string const& text) {
    for (bool const verify : {true, false}) {
      ScannerOptions options = tiny_options(4096);
      options.verify_checksums = verify;
      RowCollector collector;
      expect_error(code, text, [&] {
        DatabaseVersion const version = open_version(path());
        Scanner scanner(version, options);
        scanner.run(rows_query(), &collector);
      });
    }
  }

  [[nodiscard]] std::string path() const { return directory_ / "database"; }

  std::unique_ptr<rocksdb::DB> database_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(ScanBlobs, EveryCodecAndLayoutEqualsTheIteratorsRows) {
  Random random(mix(base_seed() + 61));
  SCOPED_TRACE(fmt::format("LEVELSCAN_SEED={}", base_seed()));
  for (rocksdb::CompressionType const codec : {rocksdb::kNoCompression, rocksdb::kSnappyCompression,
                                               rocksdb::kLZ4Compression, rocksdb::kZSTD}) {
    SCOPED_TRACE(static_cast<int>(codec));
    TemporaryDirectory directory;
    std::string const database_path = directory / "database";
    rocksdb::Options blobs = options();
    blobs.blob_compression_type = codec;
    blobs.blob_file_size = 4000;
    blobs.enable_blob_garbage_collection = random.one_in(2);
    blobs.blob_garbage_collection_age_cutoff = 1.0;
    auto const database = open_database(blobs, database_path);
    HeldSnapshots snapshots(*database);
    for (int level : {6, 4, 0, 0}) {
      for (int i = 0; i < 200; ++i) {
        std::string const key = key_of(random.below(150));
        if (random.one_in(6)) {
          check_ok(database->Delete({}, key));
        } else {
          put(*database, key, std::string(random.below(40), 'x') + random.bytes(random.below(120)));
        }
        if (random.one_in(20)) snapshots.take();
      }
      flush_to_level(*database, level, 3000);
    }
    std::vector<std::pair<uint64_t, Rows>> expected;
    for (std::size_t const i : {std::size_t{0}, snapshots.all().size() / 2}) {
      rocksdb::Snapshot const* const snapshot = snapshots.all()[i];
      expected.emplace_back(snapshot->GetSequenceNumber(), iterator_rows(*database, snapshot));
    }
    expected.emplace_back(database->GetLatestSequenceNumber(), iterator_rows(*database));
    for (auto const& [sequence, rows] : expected) {
      Query query = rows_query();
      query.snapshot = sequence;
      ScanStatistics const statistics = expect_rows(database_path, query, rows);
      EXPECT_GT(statistics.values_from_blobs, 0u);
      query.where = predicate("value_size > 90 or n < 100000", {"n:u32@value+30"});
      Rows passing;
      for (auto const& row : rows) {
        uint32_t n = UINT32_MAX;
        if (row.second.size() >= 34) std::memcpy(&n, row.second.data() + 30, sizeof n);
        if (row.second.size() > 90 || n < 100000) passing.push_back(row);
      }
      expect_rows(database_path, query, passing);
      if (HasFailure()) return;
    }
  }
}

TEST_F(ScanBlobs, ValuesLargerThanEverySpaceGrowThePool) {
  rocksdb::Options blobs = options();
  blobs.blob_compression_type = rocksdb::kZSTD;
  rocksdb::DB& database = open(blobs);
  for (uint64_t i = 0; i < 10; ++i) put(database, key_of(i), std::string(50, 's'));
  put(database, key_of(4), std::string(300000, 'z'));
  put(database, key_of(8), Random(3).bytes(70000));
  flush(database);
  Rows const rows = iterator_rows(database);
  close();
  expect_rows(path(), rows_query(), rows);
}

TEST_F(ScanBlobs, WhatReadsKeysAloneReadsNoBlobs) {
  write_hundred();
  Query query;
  query.aggregates = parse_aggregates("count(), max(key)", Schema());
  DatabaseVersion const version = open_version(path());
  Scanner scanner(version, tiny_options(4096));
  ScanResult const result = scanner.run(query, nullptr);
  EXPECT_EQ(result.aggregates[0].integer, Int128{100});
  EXPECT_EQ(result.aggregates[1].bytes, key_of(99));
  EXPECT_EQ(result.statistics.values_from_blobs, 0u);
  query.aggregates = parse_aggregates("sum(value_size), min(value)", Schema());
  ScanResult const sizes = scanner.run(query, nullptr);
  EXPECT_EQ(sizes.aggregates[0].integer, Int128{6500});
  EXPECT_EQ(sizes.aggregates[1].bytes, "value" + std::string(60, 'v'));
  EXPECT_EQ(sizes.statistics.values_from_blobs, 100u);
}

TEST_F(ScanBlobs, AMissingBlobFileIsCorruptionThatNamesIt) {
  std::string const file = write_hundred();
  std::filesystem::remove(file);
  expect_error(ErrorCode::kCorruption, file, [&] { static_cast<void>(open_version(path())); });
}

TEST_F(ScanBlobs, ADamagedBlobIsCorruptionUnlessChecksumsAreOff) {
  std::string const file = write_hundred();
  std::string bytes = read_whole_file(file);
  std::size_t const at = bytes.find("vvvvvvvvvv", bytes.size() / 2) + 5;
  bytes[at] = 'w';
  write_whole_file(file, bytes);
  DatabaseVersion const version = open_version(path());
  RowCollector collector;
  expect_error(ErrorCode::kCorruption, "checksum of a blob", [&] {
    Scanner scanner(version, tiny_options(8192));
    scanner.run(rows_query(), &collector);
  });
  ScannerOptions trusting = tiny_options(8192);
  trusting.verify_checksums = false;
  Scanner scanner(version, trusting);
  RowCollector all;
  EXPECT_EQ(scanner.run(rows_query(), &all).rows_found, 100u);
}

TEST_F(ScanBlobs, ForgedReferencesAreCorruptionWithAndWithoutChecksums) {
  std::string const file = write_hundred();
  uint64_t const number = std::stoull(std::filesystem::path(file).stem().string());
  std::string const table = open_version(path()).runs.at(0).metas.at(0).path;
  std::string const bytes = read_whole_file(table);
  // The first entry's reference: type, file, offset of the value, size, compression.
  std::string const good = std::string("\x01") + varint(number) + varint(30 + 32 + 7) + varint(65) +
                           std::string(1, '\0');
  std::size_t const at = bytes.find(good);
  ASSERT_NE(at, std::string::npos);
  auto const forge = [&](std::size_t offset, uint8_t byte) {
    std::string forged = bytes;
    forged[at + offset] = static_cast<char>(byte);
    write_whole_file(table, forged);
  };
  forge(0, 3);
  expect_scan_fails(ErrorCode::kCorruption, "unknown type 3");
  forge(0, 2);
  expect_scan_fails(ErrorCode::kUnsupported, "expiration time");
  forge(1, static_cast<uint8_t>(number + 1));
  expect_scan_fails(ErrorCode::kCorruption, "which the MANIFEST does not name");
  forge(1, 0);
  expect_scan_fails(ErrorCode::kUnsupported, "embedded");
  forge(2, 5);
  expect_scan_fails(ErrorCode::kCorruption, "do not lie there");
  forge(4, 1);
  expect_scan_fails(ErrorCode::kCorruption, "is said to have snappy compression");
  forge(3, 0xff);
  expect_scan_fails(ErrorCode::kCorruption, "cannot be decoded");
  write_whole_file(table, bytes);
}

}  // namespace
}  // namespace levelscan
