// Tables and versions of databases written by librocksdb, against what librocksdb says of them.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gtest/gtest.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/utilities/debug.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "support/format_writer.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"
#include "table/coding.hpp"
#include "table/table_index.hpp"
#include "version/database_version.hpp"
#include "version/version_edit.hpp"

namespace levelscan {
namespace {

using testing::check_ok;
using testing::TemporaryDirectory;
using testing::text_of;

using Version =
    std::tuple<std::string, uint64_t, int, std::string>;  // user key, sequence, type, value

// What the seeds have covered together.
struct Coverage {
  std::set<std::string> features;
  uint64_t index_blocks_compressed = 0;
};

struct RandomDatabase {
  rocksdb::Options options;
  std::string description;
};

RandomDatabase random_options(std::mt19937_64& random, Coverage& coverage) {
  constexpr std::pair<rocksdb::CompressionType, char const*> kCodecs[] = {
      {rocksdb::kNoCompression, "none"},
      {rocksdb::kSnappyCompression, "snappy"},
      {rocksdb::kZlibCompression, "zlib"},
      {rocksdb::kBZip2Compression, "bzip2"},
      {rocksdb::kLZ4Compression, "lz4"},
      {rocksdb::kLZ4HCCompression, "lz4hc"},
      {rocksdb::kZSTD, "zstd"}};
  RandomDatabase database;
  rocksdb::Options& options = database.options;
  options = testing::quiet_options();
  std::size_t const codec_index = random() % std::size(kCodecs);
  rocksdb::CompressionType const codec = kCodecs[codec_index].first;
  std::string const codec_name = kCodecs[codec_index].second;
  options.compression = codec;
  // Hash indexes want one; keys may be shorter.
  options.prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(4));
  if (random() % 3 == 0) {
    options.compression_opts.max_dict_bytes = 1024;
    if (random() % 2 == 0) options.compression_opts.zstd_max_train_bytes = 16 << 10;
  }
  testing::set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
    table.format_version = static_cast<uint32_t>(random() % 6);
    // Version 0 has no place to name another one.
    table.checksum = table.format_version == 0 ? rocksdb::kCRC32c
                                               : static_cast<rocksdb::ChecksumType>(random() % 5);
    table.block_size = std::size_t{64} << (random() % 7);
    table.block_restart_interval = 1 + static_cast<int>(random() % 16);
    table.index_block_restart_interval =
        random() % 2 == 0 ? 1 : 1 + static_cast<int>(random() % 16);
    table.index_shortening =
        static_cast<rocksdb::BlockBasedTableOptions::IndexShorteningMode>(random() % 3);
    table.enable_index_compression = random() % 2 == 0;
    if (random() % 3 == 0) {
      table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    }
    table.block_align = codec == rocksdb::kNoCompression && random() % 2 == 0;
    table.index_type = static_cast<rocksdb::BlockBasedTableOptions::IndexType>(
        random() % 2 == 0 ? 0 : random() % 4);
    table.metadata_block_size = std::size_t{64} << (random() % 5);
    database.description = "version " + std::to_string(table.format_version) + " checksum " +
                           std::to_string(static_cast<int>(table.checksum)) + " codec " +
                           codec_name + " index restarts " +
                           std::to_string(table.index_block_restart_interval) + " shortening " +
                           std::to_string(static_cast<int>(table.index_shortening));
    coverage.features.insert("version " + std::to_string(table.format_version));
    coverage.features.insert("checksum " + std::to_string(static_cast<int>(table.checksum)));
    coverage.features.insert("codec " + codec_name);
    coverage.features.insert("shortening " +
                             std::to_string(static_cast<int>(table.index_shortening)));
    coverage.features.insert(table.index_block_restart_interval > 1
                                 ? "many entries an index restart"
                                 : "one entry an index restart");
    if (table.block_align) coverage.features.insert("aligned blocks");
  });
  return database;
}

// Puts, overwrites under held snapshots, deletions; several L0 files over a compacted level or two.
void fill(rocksdb::DB& database, std::mt19937_64& random) {
  std::vector<rocksdb::Snapshot const*> snapshots;
  uint64_t const keys = 50 + random() % 400;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 300; ++i) {
      std::string const key =
          "key" + std::to_string(random() % keys) + std::string(random() % 3, 'x');
      if (random() % 6 == 0) {
        check_ok(database.Delete(rocksdb::WriteOptions(), key));
      } else {
        testing::put(database, key,
                     std::string(random() % 60, static_cast<char>('a' + random() % 26)));
      }
      if (random() % 20 == 0) snapshots.push_back(database.GetSnapshot());
    }
    check_ok(database.Put(rocksdb::WriteOptions(), "single" + std::to_string(round), "once"));
    testing::flush(database);
    if (round == 1) {
      rocksdb::CompactRangeOptions to_level;
      to_level.change_level = true;
      to_level.target_level = 1 + static_cast<int>(random() % 5);
      check_ok(database.CompactRange(to_level, nullptr, nullptr));
      check_ok(database.SingleDelete(rocksdb::WriteOptions(), "single0"));
    }
  }
  for (rocksdb::Snapshot const* snapshot : snapshots) database.ReleaseSnapshot(snapshot);
}

// Every entry of a table by way of its index; checks each key against the separators around its
// block.
void collect_entries(Table const& table, std::vector<Version>& entries, Coverage& coverage) {
  if (table.read_index_block().size() != table.index_handle().size)
    ++coverage.index_blocks_compressed;
  bool const user_keys = table.index_encoding().key_is_user_key;
  coverage.features.insert(user_keys ? "user keys in the index" : "internal keys in the index");
  coverage.features.insert(table.index_encoding().value_is_delta_encoded ? "delta-encoded handles"
                                                                         : "full handles");

  std::string previous_separator;
  uint64_t blocks = 0;
  uint64_t entries_seen = 0;
  coverage.features.insert("index type " + std::to_string(table.properties().index_type));
  auto const dictionary = table.dictionary();  // kept while the blocks are read
  if (dictionary) coverage.features.insert("dictionary");
  for_each_data_block(table, [&](IndexCursor const& cursor) {
    std::string const separator = text_of(cursor.key());
    std::vector<uint8_t> const block = table.read_data_block(cursor.handle());
    if ((block.back() & 0x80) != 0) coverage.features.insert("hash index in data blocks");
    for_each_data_entry(
        block, table.entries_per_restart(), {table.path(), cursor.handle().offset},
        [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
          std::string const internal = text_of(key);
          std::string const user_key = internal.substr(0, internal.size() - 8);
          if (user_keys) {
            EXPECT_LE(user_key, separator);
            if (blocks > 0) {
              EXPECT_GT(user_key, previous_separator);
            }
          } else {
            EXPECT_LE(compare_internal_keys(KeyOrder::kBytewise, internal, separator), 0);
            if (blocks > 0) {
              EXPECT_GT(compare_internal_keys(KeyOrder::kBytewise, internal, previous_separator),
                        0);
            }
          }
          uint64_t const trailer = load_fixed64(key.data() + user_key.size());
          entries.emplace_back(user_key, trailer >> 8, static_cast<int>(trailer & 0xff),
                               text_of(value));
          ++entries_seen;
          return true;
        });
    previous_separator = separator;
    ++blocks;
    return true;
  });
  EXPECT_EQ(blocks, table.properties().data_blocks);
  EXPECT_EQ(entries_seen, table.properties().entries);
}

void expect_same_properties(Table const& table, rocksdb::TableProperties const& expected) {
  TableProperties const& properties = table.properties();
  EXPECT_EQ(properties.data_bytes, expected.data_size);
  EXPECT_EQ(properties.index_bytes, expected.index_size);
  EXPECT_EQ(properties.filter_bytes, expected.filter_size);
  EXPECT_EQ(properties.entries, expected.num_entries);
  EXPECT_EQ(properties.deletions, expected.num_deletions);
  EXPECT_EQ(properties.merge_operands, expected.num_merge_operands);
  EXPECT_EQ(properties.range_deletions, expected.num_range_deletions);
  EXPECT_EQ(properties.data_blocks, expected.num_data_blocks);
  EXPECT_EQ(properties.raw_key_bytes, expected.raw_key_size);
  EXPECT_EQ(properties.raw_value_bytes, expected.raw_value_size);
  EXPECT_EQ(properties.index_key_is_user_key, expected.index_key_is_user_key != 0);
  EXPECT_EQ(properties.index_value_is_delta_encoded, expected.index_value_is_delta_encoded != 0);
  EXPECT_EQ(properties.compression, expected.compression_name);
  EXPECT_EQ(properties.comparator, expected.comparator_name);
  EXPECT_EQ(properties.column_family, expected.column_family_name);
}

void expect_same_database(rocksdb::DB& oracle, std::string const& path, Coverage& coverage) {
  DatabaseVersion const version = open_version(path);
  for (Refusal const& refusal : version.refusals) ADD_FAILURE() << refusal_text(refusal);
  EXPECT_EQ(version.last_sequence, oracle.GetLatestSequenceNumber());
  EXPECT_EQ(version.comparator, rocksdb::BytewiseComparator()->Name());
  ASSERT_EQ(version.column_families.size(), 1u);
  EXPECT_EQ(version.column_families[0].name, "default");

  std::vector<rocksdb::LiveFileMetaData> live;
  oracle.GetLiveFilesMetaData(&live);
  rocksdb::TablePropertiesCollection all_properties;
  check_ok(oracle.GetPropertiesOfAllTables(&all_properties));
  std::map<uint64_t, rocksdb::LiveFileMetaData> expected;
  for (auto const& file : live) expected.emplace(file.file_number, file);

  std::vector<Version> entries;
  std::size_t tables = 0;
  uint64_t newest_in_level_0 = kMaxSequence;
  int previous_level = 0;
  for (SortedRun const& run : version.runs) {
    EXPECT_GE(run.level, previous_level);
    if (run.level == 0) {
      EXPECT_EQ(run.metas.size(), 1u);
      EXPECT_LE(run.largest_sequence, newest_in_level_0);
      newest_in_level_0 = run.largest_sequence;
    } else {
      EXPECT_GT(run.level, previous_level);
    }
    previous_level = run.level;
    ASSERT_EQ(run.tables.size(), run.metas.size());
    uint64_t largest_sequence = 0;
    for (std::size_t i = 0; i < run.metas.size(); ++i, ++tables) {
      TableMeta const& meta = run.metas[i];
      ASSERT_TRUE(expected.contains(meta.file_number));
      rocksdb::LiveFileMetaData const& file = expected.at(meta.file_number);
      EXPECT_EQ(meta.level, file.level);
      EXPECT_EQ(meta.level, run.level);
      EXPECT_EQ(meta.file_bytes, file.size);
      EXPECT_EQ(meta.path, file.directory + "/" + file.relative_filename);
      EXPECT_EQ(meta.smallest_user_key(), file.smallestkey);
      EXPECT_EQ(meta.largest_user_key(), file.largestkey);
      EXPECT_EQ(meta.smallest_sequence, file.smallest_seqno);
      EXPECT_EQ(meta.largest_sequence, file.largest_seqno);
      largest_sequence = std::max(largest_sequence, meta.largest_sequence);
      ASSERT_TRUE(run.tables[i]);
      expect_same_properties(*run.tables[i], *all_properties.at(meta.path));
      collect_entries(*run.tables[i], entries, coverage);
    }
    EXPECT_EQ(run.largest_sequence, largest_sequence);
  }
  EXPECT_EQ(tables, live.size());
  if (tables > version.runs.size()) coverage.features.insert("a level of several tables");

  std::vector<rocksdb::KeyVersion> key_versions;
  check_ok(rocksdb::GetAllKeyVersions(&oracle, "", "", std::size_t{1} << 30, &key_versions));
  std::vector<Version> expected_entries;
  for (auto const& v : key_versions)
    expected_entries.emplace_back(v.user_key, v.sequence, v.type, v.value);
  std::sort(entries.begin(), entries.end());
  std::sort(expected_entries.begin(), expected_entries.end());
  EXPECT_EQ(entries, expected_entries);
  for (Version const& entry : entries)
    coverage.features.insert("entry type " + std::to_string(std::get<2>(entry)));
}

TEST(TablesOfRocksdb, HoldWhatRocksdbSaysForEveryMixOfOptions) {
  constexpr uint64_t kSeeds = 40;
  Coverage coverage;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937_64 random(seed);
    RandomDatabase shape = random_options(random, coverage);
    shape.options.target_file_size_base = 8 << 10;
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + shape.description);
    TemporaryDirectory const directory;
    auto const database = testing::open_database(shape.options, directory / "db");
    fill(*database, random);
    // The owner still has the database open and locked.
    expect_same_database(*database, directory / "db", coverage);
    if (HasFailure()) return;
  }
  for (char const* const feature : {"version 0",
                                    "version 1",
                                    "version 2",
                                    "version 3",
                                    "version 4",
                                    "version 5",
                                    "checksum 0",
                                    "checksum 1",
                                    "checksum 2",
                                    "checksum 3",
                                    "checksum 4",
                                    "codec none",
                                    "codec snappy",
                                    "codec zlib",
                                    "codec bzip2",
                                    "codec lz4",
                                    "codec lz4hc",
                                    "codec zstd",
                                    "shortening 0",
                                    "shortening 1",
                                    "shortening 2",
                                    "many entries an index restart",
                                    "one entry an index restart",
                                    "aligned blocks",
                                    "user keys in the index",
                                    "internal keys in the index",
                                    "delta-encoded handles",
                                    "full handles",
                                    "index type 0",
                                    "index type 1",
                                    "index type 2",
                                    "index type 3",
                                    "dictionary",
                                    "hash index in data blocks",
                                    "a level of several tables",
                                    "entry type 0",
                                    "entry type 1",
                                    "entry type 7"}) {
    EXPECT_TRUE(coverage.features.contains(feature)) << "no seed covers: " << feature;
  }
  EXPECT_GT(coverage.index_blocks_compressed, 0u);
}

TEST(TablesOfRocksdb, AnEmptyDatabaseHasNoRuns) {
  TemporaryDirectory const directory;
  { auto const database = testing::open_database(testing::quiet_options(), directory / "db"); }
  DatabaseVersion const version = open_version(directory / "db");
  EXPECT_TRUE(version.runs.empty());
  EXPECT_TRUE(version.refusals.empty());
  require_scannable(version);
}

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_WITH_ROCKSDB
