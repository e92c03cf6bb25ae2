// Scans of tables in every form that is read: kinds of index, dictionaries, large entries,
// LevelDB's tables. The expectation is librocksdb's iterator, or the rows that a file was put
// together from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/slice_transform.h>

#include <string>
#include <vector>

#include "query/aggregates.hpp"
#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/hand_made_table.hpp"
#include "support/random.hpp"
#include "support/rocksdb_no_sync.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_tables.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"
#include "table/table_index.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;
using Index = rocksdb::BlockBasedTableOptions::IndexType;

std::string key_of(uint32_t i) { return fmt::format("key{:06}", i); }

class ScanFormats : public ::testing::Test {
 protected:
  rocksdb::DB& open(std::function<void(rocksdb::BlockBasedTableOptions&)> const& change,
                    std::function<void(rocksdb::Options&)> const& change_options = {}) {
    rocksdb::Options options = quiet_options();
    options.env = no_sync_env();
    options.prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(4));
    set_table_options(options, change);
    if (change_options) change_options(options);
    database_ = open_database(options, path());
    return *database_;
  }
  Rows rows_and_close() {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    Rows rows;
    {
      std::unique_ptr<rocksdb::Iterator> const iterator(database_->NewIterator(options));
      for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next())
        rows.emplace_back(iterator->key().ToString(), iterator->value().ToString());
      check_ok(iterator->status());
    }
    check_ok(database_->Close());
    database_.reset();
    return rows;
  }
  [[nodiscard]] std::string path() const { return directory_ / "database"; }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<rocksdb::DB> database_;
};

// Ranges whose bounds lie on, beside and between separators.
void expect_ranges(std::string const& path, Rows const& rows) {
  expect_rows(path, rows_query(), rows);
  for (std::size_t begin = 0; begin < rows.size(); begin += rows.size() / 5 + 1) {
    for (std::size_t const count : {std::size_t{0}, std::size_t{1}, std::size_t{40}, rows.size()}) {
      std::size_t const end = std::min(begin + count, rows.size());
      Query query = rows_query();
      query.keys.from = rows[begin].first;
      if (end < rows.size()) query.keys.to = rows[end].first;
      expect_rows(path, query,
                  Rows(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                       rows.begin() + static_cast<std::ptrdiff_t>(end)));
    }
  }
}

TEST_F(ScanFormats, APartitionedIndexIsReadPartitionByPartition) {
  rocksdb::DB& database = open([](rocksdb::BlockBasedTableOptions& table) {
    table.index_type = Index::kTwoLevelIndexSearch;
    table.metadata_block_size = 100;
    table.block_size = 128;
  });
  for (uint32_t i = 0; i < 600; ++i) put(database, key_of(i), "value" + std::to_string(i));
  flush_to_level(database, 3, 4000);
  for (uint32_t i = 0; i < 600; i += 7) put(database, key_of(i), "newer");
  flush(database);
  Rows const rows = rows_and_close();
  DatabaseVersion const version = open_version(path());
  EXPECT_GT(TableIndex(*version.runs.at(1).tables.at(0)).block_count(), 3u);
  EXPECT_GT(version.runs.at(1).tables.size(), 2u);
  expect_ranges(path(), rows);
}

TEST_F(ScanFormats, VersionsOfAKeyGoOnFromPartitionToPartition) {
  rocksdb::DB& database = open([](rocksdb::BlockBasedTableOptions& table) {
    table.index_type = Index::kTwoLevelIndexSearch;
    table.metadata_block_size = 1;  // a partition for every data block
    table.block_size = 64;
  });
  HeldSnapshots snapshots(database);
  for (uint32_t i = 0; i < 30; ++i) put(database, key_of(i), "first");
  for (uint32_t version = 0; version < 40; ++version) {
    put(database, key_of(10), "version" + std::to_string(version));
    snapshots.take();
  }
  flush(database);
  rocksdb::ReadOptions options;
  for (std::size_t i = 0; i < snapshots.all().size(); i += 13) {
    Rows const rows = iterator_rows(database, snapshots.all()[i]);
    Query query = rows_query();
    query.snapshot = snapshots.all()[i]->GetSequenceNumber();
    expect_rows(path(), query, rows);
  }
}

TEST_F(ScanFormats, AnIndexPartitionLargerThanThePoolsIndexBlockGrowsThePool) {
  rocksdb::DB& database = open([](rocksdb::BlockBasedTableOptions& table) {
    table.index_type = Index::kTwoLevelIndexSearch;
    table.metadata_block_size = 64;
    table.block_size = 64;
    table.index_shortening = rocksdb::BlockBasedTableOptions::IndexShorteningMode::kNoShortening;
  });
  for (uint32_t i = 0; i < 400; ++i) put(database, key_of(i), "value");
  // Separators of these are as long as they are, and the partition of one is far above the average.
  put(database, key_of(200) + std::string(300'000, 'a'), "value");
  put(database, key_of(200) + std::string(300'000, 'b'), "value");
  flush(database);
  expect_ranges(path(), rows_and_close());
}

TEST_F(ScanFormats, HashIndexesAndIndexesWithFirstKeysAreSearched) {
  for (Index const kind : {Index::kHashSearch, Index::kBinarySearchWithFirstKey}) {
    for (uint32_t const format_version : {2u, 3u, 5u}) {
      SCOPED_TRACE(
          fmt::format("index type {} format version {}", static_cast<int>(kind), format_version));
      TemporaryDirectory const directory;
      rocksdb::Options options = quiet_options();
      options.prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(4));
      set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
        table.index_type = kind;
        table.format_version = format_version;
        table.block_size = 128;
        table.index_block_restart_interval = 3;
      });
      Rows rows;
      auto const database = open_database(options, directory / "database");
      for (uint32_t i = 0; i < 300; ++i) {
        rows.emplace_back(key_of(i), "value" + std::to_string(i));
        put(*database, rows.back().first, rows.back().second);
      }
      flush(*database);
      expect_ranges(directory / "database", rows);
    }
  }
}

TEST_F(ScanFormats, DictionariesOfEveryCodecServe) {
  for (auto const codec : {rocksdb::kZlibCompression, rocksdb::kLZ4Compression,
                           rocksdb::kLZ4HCCompression, rocksdb::kZSTD}) {
    for (uint32_t const trained_on : {0u, 16u << 10}) {
      SCOPED_TRACE(fmt::format("codec {} trained on {}", static_cast<int>(codec), trained_on));
      TemporaryDirectory const directory;
      rocksdb::Options options = quiet_options();
      options.compression = codec;
      options.compression_opts.max_dict_bytes = 2048;
      options.compression_opts.zstd_max_train_bytes = trained_on;
      set_table_options(options,
                        [](rocksdb::BlockBasedTableOptions& table) { table.block_size = 256; });
      auto const database = open_database(options, directory / "database");
      Rows rows;
      for (uint32_t i = 0; i < 800; ++i) {
        rows.emplace_back(key_of(i), fmt::format("order {} of customer {} on shelf {}", i,
                                                 i * 7919 % 1000, i % 13));
        put(*database, rows.back().first, rows.back().second);
      }
      flush(*database);
      DatabaseVersion const version = open_version(directory / "database");
      EXPECT_GT(version.runs.at(0).tables.at(0)->dictionary_bytes(), 0u);
      expect_rows(directory / "database", rows_query(), rows);
    }
  }
}

// A damaged dictionary is noticed by its own checksum before a block is decompressed with it.
TEST_F(ScanFormats, ADamagedDictionaryIsCorruption) {
  rocksdb::DB& database = open([](rocksdb::BlockBasedTableOptions&) {},
                               [](rocksdb::Options& options) {
                                 options.compression = rocksdb::kZSTD;
                                 options.compression_opts.max_dict_bytes = 2048;
                               });
  for (uint32_t i = 0; i < 800; ++i) put(database, key_of(i), "value" + std::to_string(i % 10));
  flush(database);
  rows_and_close();
  DatabaseVersion const version = open_version(path());
  Table const& table = *version.runs.at(0).tables.at(0);
  BlockHandle const handle = table.metaindex().at("rocksdb.compression_dict");
  std::string bytes = read_whole_file(table.path());
  bytes[handle.offset + handle.size / 2] ^= 1;
  write_whole_file(table.path(), bytes);
  for (bool const verify : {false, true}) {
    ScannerOptions options = tiny_options(1024);
    options.verify_checksums = verify;
    expect_error(ErrorCode::kCorruption,
                 fmt::format("{} at offset {}", table.path(), handle.offset),
                 [&] { scan(path(), rows_query(), options, CpuMirror::kAliasing); });
  }
}

TEST_F(ScanFormats, GapsBetweenAlignedBlocksAreReadOver) {
  rocksdb::DB& database = open([](rocksdb::BlockBasedTableOptions& table) {
    table.block_align = true;
    table.block_size = 4096;
  });
  for (uint32_t i = 0; i < 900; ++i) put(database, key_of(i), std::string(100, 'v'));
  flush(database);
  expect_ranges(path(), rows_and_close());
}

TEST_F(ScanFormats, ALargeValueIsScannedWhateverItsCodec) {
  levelscan::test::Random random(levelscan::test::base_seed());
  std::string const value = random.bytes(3 << 20) + std::string(5 << 20, 'v');
  for (auto const codec :
       {rocksdb::kNoCompression, rocksdb::kSnappyCompression, rocksdb::kZlibCompression,
        rocksdb::kBZip2Compression, rocksdb::kLZ4Compression, rocksdb::kZSTD}) {
    for (uint32_t const format_version : {1u, 5u}) {
      SCOPED_TRACE(
          fmt::format("codec {} format version {}", static_cast<int>(codec), format_version));
      TemporaryDirectory const directory;
      rocksdb::Options options = quiet_options();
      options.compression = codec;
      set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
        table.format_version = format_version;
      });
      Rows rows;
      auto const database = open_database(options, directory / "database");
      for (uint32_t i = 0; i < 50; ++i) {
        rows.emplace_back(key_of(i), i % 20 == 10 ? value.substr(i) : "small");
        put(*database, rows.back().first, rows.back().second);
      }
      flush(*database);
      ScannerOptions tiny = tiny_options(256);
      tiny.memory_bytes = 256 << 20;
      for (ScannerOptions const& ways : {tiny, ScannerOptions{}}) {
        Scan const found = scan(directory / "database", rows_query(), ways, CpuMirror::kSeparate);
        EXPECT_TRUE(found.rows == rows);
      }
    }
  }
}

TEST_F(ScanFormats, AValueOf64MiBIsScannedOrRefusedWithTheMemoryItNeeds) {
  constexpr std::size_t kValueBytes = 64 << 20;
  rocksdb::DB& database = open([](rocksdb::BlockBasedTableOptions&) {},
                               [](rocksdb::Options& options) {
                                 options.compression = rocksdb::kLZ4Compression;
                                 options.write_buffer_size = 256 << 20;
                               });
  std::string value(kValueBytes, 'v');
  for (std::size_t i = 0; i < value.size(); i += 997) value[i] = static_cast<char>(i * 31 / 997);
  put(database, "a", "before");
  put(database, "b", value);
  put(database, "c", "after");
  flush(database);
  check_ok(database.Close());
  DatabaseVersion const version = open_version(path());
  Query query;
  query.aggregates = parse_aggregates("count(), sum(value_size)", Schema());
  uint64_t needed_kib = 0;
  {
    ScannerOptions options;
    options.threads = 1;
    options.memory_bytes = 32 << 20;
    Scanner scanner(version, options);
    try {
      scanner.run(query, nullptr);
      FAIL() << "no error";
    } catch (Error const& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDevice);
      std::string const text = error.what();
      std::string const words = "--memory to at least ";
      ASSERT_NE(text.find(words), std::string::npos) << text;
      needed_kib = std::stoull(text.substr(text.find(words) + words.size()));
    }
  }
  // What it asked for is enough.
  ScannerOptions options;
  options.threads = 1;
  options.memory_bytes = needed_kib << 10;
  Scanner scanner(version, options);
  ScanResult const result = scanner.run(query, nullptr);
  EXPECT_EQ(result.rows_found, 3u);
  EXPECT_TRUE(result.aggregates.at(1).integer == kValueBytes + 11);
  // As a row it takes space for results as well.
  ScannerOptions roomy;
  roomy.memory_bytes = uint64_t{1} << 30;
  Scan const found = scan(path(), rows_query(), roomy, CpuMirror::kAliasing);
  ASSERT_EQ(found.rows.size(), 3u);
  EXPECT_TRUE(found.rows[1].second == value);
}

// LevelDB 1.23: no properties, a 48-byte footer, tables that its MANIFEST describes by file number,
// size and bounds alone.
class LevelDbDatabase {
 public:
  struct Entry {
    std::string key;
    uint64_t sequence;
    uint8_t type;
    std::string value;
  };

  // REQUIRES: entries in internal-key order.
  void add_table(uint32_t level, std::string const& suffix, std::vector<Entry> const& entries) {
    constexpr std::size_t kBlockEntries = 5;
    HandMadeTable table(0);
    HandMadeTable::Rows index;
    for (std::size_t begin = 0; begin < entries.size(); begin += kBlockEntries) {
      HandMadeTable::Rows rows;
      for (std::size_t i = begin; i < std::min(begin + kBlockEntries, entries.size()); ++i) {
        rows.emplace_back(internal_key(entries[i].key, entries[i].sequence, entries[i].type),
                          entries[i].value);
      }
      index.emplace_back(rows.back().first, table.append(key_value_block(rows, 3)).handle());
    }
    HandMadeTable::Place const index_place = table.append(key_value_block(index, 1));
    std::string const bytes = table.finish({}, index_place);
    uint64_t const number = next_number_++;
    write_whole_file(directory_ / fmt::format("{:06}.{}", number, suffix), bytes);
    edit_ +=
        varint(7) + varint(level) + varint(number) + varint(bytes.size()) +
        prefixed(
            internal_key(entries.front().key, entries.front().sequence, entries.front().type)) +
        prefixed(internal_key(entries.back().key, entries.back().sequence, entries.back().type));
    for (Entry const& entry : entries) last_sequence_ = std::max(last_sequence_, entry.sequence);
  }

  std::string finish() {
    std::string const log_number = varint(2) + varint(next_number_);
    std::string manifest;
    // A first edit as LevelDB makes it with a new database, then those of compactions.
    append_log_record(manifest, varint(1) + prefixed("leveldb.BytewiseComparator") + varint(2) +
                                    varint(0) + varint(3) + varint(2) + varint(4) + varint(0));
    append_log_record(manifest, log_number + varint(9) + varint(0) + varint(3) +
                                    varint(next_number_ + 1) + varint(4) + varint(last_sequence_) +
                                    varint(5) + varint(1) + prefixed(internal_key("k", 1)) + edit_);
    write_whole_file(directory_ / "MANIFEST-000002", manifest);
    write_whole_file(directory_ / "CURRENT", "MANIFEST-000002\n");
    write_whole_file(directory_ / fmt::format("{:06}.log", next_number_), "");
    return directory_.path();
  }

 private:
  TemporaryDirectory directory_;
  uint64_t next_number_ = 5;
  uint64_t last_sequence_ = 0;
  std::string edit_;
};

TEST(ScanOfLevelDb, TablesWithoutPropertiesAreReadAcrossLevels) {
  LevelDbDatabase database;
  std::vector<LevelDbDatabase::Entry> deep;
  std::vector<LevelDbDatabase::Entry> upper;
  std::vector<LevelDbDatabase::Entry> newest;
  Rows expected;
  for (uint32_t i = 0; i < 100; ++i) {
    std::string const key = key_of(i);
    deep.push_back({key, 100 + i, 1, "deep"});
    std::string value = "deep";
    if (i % 3 == 0) {
      upper.push_back({key, 300 + i, 1, value = "upper" + std::to_string(i)});
      upper.push_back({key, 200 + i, 1, "hidden"});
    }
    if (i % 5 == 0) newest.push_back({key, 500 + i, 0, ""});
    if (i % 5 == 1) newest.push_back({key, 500 + i, 1, value = "newest"});
    if (i % 5 != 0) expected.emplace_back(key, value);
  }
  database.add_table(2, "sst", deep);
  database.add_table(0, "ldb", upper);
  database.add_table(0, "ldb", newest);
  std::string const path = database.finish();
  DatabaseVersion const version = open_version(path);
  EXPECT_TRUE(version.refusals.empty());
  EXPECT_EQ(version.runs.size(), 3u);
  expect_rows(path, rows_query(), expected);
  Query query = rows_query();
  query.snapshot = 299;  // before the upper table's
  Rows older;
  for (uint32_t i = 0; i < 100; ++i)
    older.emplace_back(key_of(i), i % 3 == 0 && 200 + i <= 299 ? "hidden" : "deep");
  expect_rows(path, query, older);
}

}  // namespace
}  // namespace levelscan
