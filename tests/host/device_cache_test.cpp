// The cache of data blocks on the device: what enters it and what makes room, and scans that find
// there what others brought.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include "execute/device_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/convenience.h>
#include <rocksdb/merge_operator.h>

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "execute/scanner.hpp"
#include "support/device_suite.hpp"
#include "support/format_writer.hpp"
#include "support/forwarding_device.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan::test {
namespace {

namespace fs = std::filesystem;
namespace t = levelscan::testing;
using ::testing::HasSubstr;

// A piece of one table's blocks [first, last).
std::vector<DeviceCache::Block> blocks_of(std::size_t table, uint64_t first, uint64_t last) {
  std::vector<DeviceCache::Block> blocks;
  for (uint64_t i = first; i < last; ++i) blocks.push_back({{0, table, i}, 7, {}});
  return blocks;
}

class DeviceCacheRing : public ::testing::Test {
 protected:
  // The piece that it leaves behind is held by nobody.
  uint8_t* enter(std::size_t table, std::size_t bytes = 256, bool ends_fill = true) {
    auto const piece = cache_.reserve(bytes);
    if (piece == nullptr) return nullptr;
    cache_.enter(piece, blocks_of(table, 10, 20), true, ends_fill);
    return piece->data();
  }
  bool holds(std::size_t table) { return cache_.find({0, table, 10}) != nullptr; }

  std::unique_ptr<Device> device_ = make_cpu_device(CpuMirror::kSeparate);
  DeviceCache cache_{*device_, 1024};
};

TEST_F(DeviceCacheRing, FindsThePieceByAnyBlockThatMoreFollow) {
  ASSERT_NE(enter(1, 256, false), nullptr);
  for (uint64_t i = 10; i < 19; ++i) {
    auto const piece = cache_.find({0, 1, i});
    ASSERT_NE(piece, nullptr) << i;
    EXPECT_EQ(piece->find({0, 1, i})->place.offset, i);
    EXPECT_EQ(piece->find({0, 1, i}, i - 9), nullptr) << "it has been passed";
  }
  EXPECT_EQ(cache_.find({0, 1, 19}), nullptr) << "a fill would hold nothing else";
  EXPECT_EQ(cache_.find({0, 1, 20}), nullptr);
  EXPECT_EQ(cache_.find({0, 1, 9}), nullptr);
  EXPECT_EQ(cache_.find({0, 2, 10}), nullptr);
  EXPECT_EQ(cache_.find({1, 1, 10}), nullptr);
  ASSERT_NE(enter(2), nullptr);
  EXPECT_NE(cache_.find({0, 2, 19}), nullptr) << "nothing else was to be read";
}

TEST_F(DeviceCacheRing, OfTwoPiecesThatOverlapTheLaterHasMoreToCome) {
  auto piece = cache_.reserve(1);
  cache_.enter(piece, blocks_of(1, 10, 20), true, false);
  piece = cache_.reserve(1);
  cache_.enter(piece, blocks_of(1, 19, 30), true, false);
  EXPECT_EQ(cache_.find({0, 1, 19}), piece);
  EXPECT_NE(cache_.find({0, 1, 18}), piece);
  // And of two that begin alike the longer one.
  auto const shorter = cache_.reserve(1);
  cache_.enter(shorter, blocks_of(1, 19, 22), true, false);
  EXPECT_EQ(cache_.find({0, 1, 19}), piece);
  auto const longer = cache_.reserve(1);
  cache_.enter(longer, blocks_of(1, 19, 40), true, false);
  EXPECT_EQ(cache_.find({0, 1, 19}), longer);
}

TEST_F(DeviceCacheRing, WithinAScanNothingMakesRoomAndTheNextTakesWhatItDidNotUse) {
  uint8_t* const first = enter(1);
  for (std::size_t table = 2; table <= 4; ++table) ASSERT_NE(enter(table), nullptr);
  EXPECT_EQ(cache_.used_bytes(), 1024u);
  EXPECT_EQ(enter(5), nullptr);
  for (std::size_t table = 1; table <= 4; ++table) EXPECT_TRUE(holds(table)) << table;

  cache_.begin_scan();
  EXPECT_TRUE(holds(2));
  EXPECT_EQ(enter(5), first);
  uint8_t* const third = enter(6);
  EXPECT_EQ(third, first + 512) << "the second one has been used";
  EXPECT_NE(enter(7), nullptr);
  EXPECT_EQ(enter(8), nullptr);
  EXPECT_FALSE(holds(1));
  EXPECT_TRUE(holds(2));
  EXPECT_FALSE(holds(3));
  EXPECT_FALSE(holds(4));
  for (std::size_t table = 5; table <= 7; ++table) EXPECT_TRUE(holds(table)) << table;
}

TEST_F(DeviceCacheRing, ALargePieceTakesThePlaceOfSeveralAndNeverSplits) {
  for (std::size_t table = 1; table <= 4; ++table) ASSERT_NE(enter(table), nullptr);
  cache_.begin_scan();
  ASSERT_NE(enter(5), nullptr);       // where the first was
  ASSERT_NE(enter(6, 700), nullptr);  // and the others
  EXPECT_EQ(cache_.used_bytes(), 1024u);
  for (std::size_t table = 1; table <= 4; ++table) EXPECT_FALSE(holds(table)) << table;
  cache_.begin_scan();
  ASSERT_NE(enter(7, 512), nullptr);  // not across the end
  EXPECT_FALSE(holds(5));
  EXPECT_FALSE(holds(6));
  EXPECT_EQ(cache_.used_bytes(), 512u);
  EXPECT_EQ(enter(8, 1025), nullptr);
  EXPECT_EQ(enter(9, 0), nullptr);
}

TEST_F(DeviceCacheRing, WhatSomebodyHoldsStaysAndWhatNeverEnteredGoes) {
  auto const held = cache_.reserve(256);
  cache_.enter(held, blocks_of(1, 10, 20), true, true);
  auto unverified = cache_.reserve(256);
  EXPECT_NE(enter(2, 512), nullptr);
  EXPECT_EQ(enter(3), nullptr);
  unverified.reset();
  cache_.begin_scan();
  for (std::size_t table = 4; table <= 6; ++table) EXPECT_NE(enter(table), nullptr);
  EXPECT_EQ(enter(7), nullptr);
  EXPECT_TRUE(holds(1));
  EXPECT_FALSE(holds(2));
}

TEST_F(DeviceCacheRing, BlocksThatDoNotAscendDoNotEnter) {
  auto const piece = cache_.reserve(256);
  std::vector<DeviceCache::Block> blocks = blocks_of(1, 10, 20);
  std::swap(blocks[3], blocks[4]);
  cache_.enter(piece, blocks, true, true);
  EXPECT_FALSE(holds(1));
  cache_.enter(piece, {}, true, true);
  EXPECT_FALSE(holds(1));
}

// Adds up what is copied to the device.
class CopyMeter final : public ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  void copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                            StreamView stream) override {
    copied += bytes;
    inner().copy_to_device_async(device, pinned, bytes, stream);
  }
  std::atomic<uint64_t> copied = 0;
};

struct Format {
  char const* name;
  uint32_t version;  // up to 2 separators are internal keys
  rocksdb::CompressionType compression;
};
constexpr Format kFormats[] = {
    {"plain", 5, rocksdb::kNoCompression},
    {"compressed", 5, rocksdb::kSnappyCompression},
    {"internal separators", 2, rocksdb::kNoCompression},
};

class DeviceCacheScans : public ::testing::TestWithParam<DeviceKind> {
 protected:
  void SetUp() override {
    if (GetParam() == DeviceKind::kCuda) {
      if (std::string const reason = cuda_unavailable_reason(); !reason.empty()) {
        GTEST_SKIP() << reason;
      }
      device_ = std::make_unique<CopyMeter>(make_cuda_device(0));
    } else {
      device_ = std::make_unique<CopyMeter>(make_cpu_device(CpuMirror::kSeparate));
    }
  }

  // Three runs with overwrites and deletions; returns what librocksdb reads.
  t::Rows write(std::string const& path, rocksdb::Options options, uint32_t format_version = 5) {
    t::set_table_options(options, [&](auto& table) {
      table.block_size = 400;
      table.format_version = format_version;
    });
    auto const database = t::open_database(options, path);
    for (int layer = 0; layer < 3; ++layer) {
      for (int i = layer; i < 1500; i += layer + 1) {
        std::string const key = "key" + std::to_string(10000 + i);
        if (layer == 1 && i % 5 == 0) {
          t::check_ok(database->Delete(rocksdb::WriteOptions(), key));
        } else {
          t::put(*database, key, "layer" + std::to_string(layer) + "-" + std::to_string(i * i));
        }
      }
      t::flush(*database);
    }
    return t::iterator_rows(*database);
  }

  t::Rows write(std::string const& path, Format const& format) {
    rocksdb::Options options = t::quiet_options();
    options.compression = format.compression;
    return write(path, options, format.version);
  }

  static ScannerOptions options(uint32_t threads, uint64_t cache_bytes) {
    ScannerOptions options;
    options.threads = threads;
    options.memory_bytes = 64 << 20;
    options.data_block_bytes = 4096;
    options.candidates_max = 256;
    options.candidate_key_bytes = 8192;
    options.result_bytes = 4096;
    options.values_bytes = 4096;
    options.device_cache_bytes = cache_bytes;
    if (threads > 1) options.task_bytes = 5000;
    return options;
  }

  struct Found {
    t::Rows rows;
    ScanStatistics statistics;
    uint64_t copied = 0;
  };
  Found scan(Scanner& scanner, KeySelection const& keys = {}) {
    uint64_t const before = device_->copied;
    Query query = t::rows_query();
    query.keys = keys;
    t::RowCollector sink;
    Found found;
    found.statistics = scanner.run(query, &sink).statistics;
    found.rows = sink.rows();
    found.copied = device_->copied - before;
    return found;
  }

  static t::Rows part(t::Rows const& rows, KeySelection const& keys) {
    t::Rows inside;
    for (auto const& row : rows) {
      if (keys.from && row.first < *keys.from) continue;
      if (keys.to && row.first >= *keys.to) continue;
      inside.push_back(row);
    }
    return inside;
  }

  t::TemporaryDirectory directory_;
  std::unique_ptr<CopyMeter> device_;
};
INSTANTIATE_TEST_SUITE_P(Devices, DeviceCacheScans,
                         ::testing::Values(DeviceKind::kCpuSeparate, DeviceKind::kCuda),
                         [](::testing::TestParamInfo<DeviceKind> const& kind) {
                           return name_of(kind.param);
                         });

TEST_P(DeviceCacheScans, ASecondScanReadsAndCopiesNoDataBlocks) {
  for (Format const& format : kFormats) {
    SCOPED_TRACE(format.name);
    std::string const path = directory_ / format.name;
    t::Rows const expected = write(path, format);
    DatabaseVersion const version = open_version(path);
    uint64_t data_blocks = 0;
    uint64_t data_bytes = 0;
    for (SortedRun const& run : version.runs) {
      for (auto const& table : run.tables) {
        data_blocks += table->properties().data_blocks;
        data_bytes += table->properties().data_bytes;
      }
    }
    Scanner scanner(version, options(1, 1 << 20), *device_);
    Found const first = scan(scanner);
    EXPECT_EQ(first.rows, expected);
    EXPECT_EQ(first.statistics.cache_hits, 0u);
    EXPECT_GE(first.statistics.cache_misses, data_blocks);
    EXPECT_EQ(first.statistics.cache_bytes, uint64_t{1} << 20);
    for (int repetition = 0; repetition < 2; ++repetition) {
      Found const again = scan(scanner);
      EXPECT_EQ(again.rows, expected);
      EXPECT_EQ(again.statistics.cache_misses, 0u);
      EXPECT_EQ(again.statistics.cache_hits, first.statistics.cache_misses);
      EXPECT_EQ(again.statistics.cache_hit_bytes, first.statistics.cache_miss_bytes);
      EXPECT_EQ(again.statistics.windows, first.statistics.windows);
      EXPECT_LE(again.statistics.bytes_decompressed, first.statistics.bytes_decompressed / 5);
      EXPECT_LE(again.statistics.bytes_read + data_bytes, first.statistics.bytes_read);
      EXPECT_LE(again.copied + data_bytes, first.copied);
    }
    // A part of it, from the middle of a piece on.
    KeySelection keys;
    keys.from = "key10333";
    keys.to = "key11111";
    Found const inside = scan(scanner, keys);
    EXPECT_EQ(inside.rows, part(expected, keys));
    EXPECT_GT(inside.statistics.cache_hits, 0u);
  }
}

TEST_P(DeviceCacheScans, TasksSideBySideShareWhatTheyBring) {
  for (Format const& format : kFormats) {
    SCOPED_TRACE(format.name);
    std::string const path = directory_ / format.name;
    t::Rows const expected = write(path, format);
    DatabaseVersion const version = open_version(path);
    for (uint64_t const cache_bytes : {1u, 5000u, 30000u, 1u << 20}) {
      SCOPED_TRACE(cache_bytes);
      Scanner scanner(version, options(3, cache_bytes), *device_);
      uint64_t hits = 0;
      for (int repetition = 0; repetition < 6; ++repetition) {
        Found const found = scan(scanner);
        ASSERT_EQ(found.rows, expected);
        hits += found.statistics.cache_hits;
        EXPECT_LE(found.statistics.cache_used_bytes, cache_bytes);
      }
      if (cache_bytes == 1 || cache_bytes == 1 << 20) {
        EXPECT_EQ(hits != 0, cache_bytes != 1);
      }
    }
  }
}

TEST_P(DeviceCacheScans, OfMoreThanFitsAPartIsFoundAgain) {
  std::string const path = directory_ / "db";
  t::Rows const expected = write(path, t::quiet_options());
  DatabaseVersion const version = open_version(path);
  Scanner scanner(version, options(1, 40000), *device_);
  EXPECT_EQ(scan(scanner).rows, expected);
  for (int repetition = 0; repetition < 3; ++repetition) {
    Found const again = scan(scanner);
    EXPECT_EQ(again.rows, expected);
    EXPECT_GT(again.statistics.cache_hit_bytes, 20000u);
    EXPECT_GT(again.statistics.cache_misses, 0u);
  }
}

TEST_P(DeviceCacheScans, WhatIsAskedForNowTakesThePlaceOfWhatWas) {
  std::string const path = directory_ / "db";
  t::Rows const expected = write(path, t::quiet_options());
  DatabaseVersion const version = open_version(path);
  Scanner scanner(version, options(1, 40000), *device_);
  KeySelection low;
  low.to = "key10400";
  KeySelection high;
  high.from = "key11100";
  for (KeySelection const& keys : {low, high, low, high}) {
    Found const first = scan(scanner, keys);
    EXPECT_EQ(first.rows, part(expected, keys));
    EXPECT_GT(first.statistics.cache_misses, 0u);
    Found const again = scan(scanner, keys);
    EXPECT_EQ(again.rows, part(expected, keys));
    EXPECT_EQ(again.statistics.cache_misses, 0u);
  }
}

TEST_P(DeviceCacheScans, BlocksThatTheHostHasToSeeAreReadAgain) {
  std::string const path = directory_ / "db";
  rocksdb::Options rocksdb_options = t::quiet_options();
  rocksdb_options.enable_blob_files = true;
  rocksdb_options.min_blob_size = 12;
  t::Rows const expected = write(path, rocksdb_options);
  DatabaseVersion const version = open_version(path);
  for (uint32_t const threads : {1u, 3u}) {
    Scanner scanner(version, options(threads, 1 << 20), *device_);
    for (int repetition = 0; repetition < 3; ++repetition) {
      Found const found = scan(scanner);
      EXPECT_EQ(found.rows, expected);
      EXPECT_GT(found.statistics.values_from_blobs, 0u);
    }
  }
}

// The key's run is filled for its window alone, the other one from the cache.
TEST_P(DeviceCacheScans, OperandsOfAKeyThatFillsADataBlockAreAllFound) {
  std::string const path = directory_ / "db";
  rocksdb::Options rocksdb_options = t::quiet_options();
  t::check_ok(rocksdb::MergeOperator::CreateFromString(rocksdb::ConfigOptions(), "stringappend",
                                                       &rocksdb_options.merge_operator));
  t::set_table_options(rocksdb_options, [](auto& table) { table.block_size = 400; });
  t::Rows expected;
  {
    auto const database = t::open_database(rocksdb_options, path);
    for (int i = 0; i < 100; ++i) t::put(*database, "key" + std::to_string(1000 + i), "value");
    t::flush(*database);
    std::vector<rocksdb::Snapshot const*> snapshots;  // so that no operands are merged
    for (int i = 0; i < 400; ++i) {
      t::check_ok(database->Merge(rocksdb::WriteOptions(), "key1050", std::to_string(i)));
      snapshots.push_back(database->GetSnapshot());
    }
    t::flush(*database);
    expected = t::iterator_rows(*database);
    for (rocksdb::Snapshot const* snapshot : snapshots) database->ReleaseSnapshot(snapshot);
  }
  OpenOptions open;
  open.merge_operator = parse_merge_operator("stringappend");
  DatabaseVersion const version = open_version(path, open);
  Scanner scanner(version, options(1, 1 << 20), *device_);
  for (int repetition = 0; repetition < 3; ++repetition) {
    Found const found = scan(scanner);
    EXPECT_EQ(found.rows, expected);
    EXPECT_EQ(found.statistics.values_merged, 1u);
    if (repetition != 0) {
      EXPECT_GT(found.statistics.cache_hits, 0u);
    }
  }
}

TEST_P(DeviceCacheScans, DamagedBlocksDoNotEnter) {
  for (Format const& format : kFormats) {
    SCOPED_TRACE(format.name);
    std::string const path = directory_ / format.name;
    t::Rows const expected = write(path, format);
    DatabaseVersion const version = open_version(path);
    Scanner scanner(version, options(1, 1 << 20), *device_);
    std::string const table = version.runs.back().metas.front().path;
    std::string const bytes = t::read_whole_file(table);
    std::string damaged = bytes;
    damaged[2000] = static_cast<char>(damaged[2000] ^ 4);
    t::write_whole_file(table, damaged);
    std::optional<std::string> first_error;
    for (int repetition = 0; repetition < 2; ++repetition) {
      try {
        scan(scanner);
        ADD_FAILURE() << "not noticed";
      } catch (Error const& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCorruption);
        EXPECT_THAT(error.what(), HasSubstr("checksum"));
        EXPECT_EQ(first_error.value_or(error.what()), error.what());
        first_error = error.what();
      }
    }
    t::write_whole_file(table, bytes);
    EXPECT_EQ(scan(scanner).rows, expected);
    Found const again = scan(scanner);
    EXPECT_EQ(again.rows, expected);
    EXPECT_EQ(again.statistics.cache_misses, 0u);
  }
}

TEST(DeviceCacheOptions, WhereTheCpuIsTheDeviceThereIsNoCache) {
  t::TemporaryDirectory const directory;
  t::write_small_database(directory / "db");
  DatabaseVersion const version = open_version(directory / "db");
  auto const device = make_cpu_device(CpuMirror::kAliasing);
  ScannerOptions options;
  options.memory_bytes = 64 << 20;
  options.device_cache_bytes = 1 << 20;
  Scanner scanner(version, options, *device);
  t::RowCollector sink;
  EXPECT_EQ(scanner.run(t::rows_query(), &sink).statistics.cache_bytes, 0u);
  EXPECT_EQ(sink.rows().size(), 200u);
}

}  // namespace
}  // namespace levelscan::test

#endif  // LEVELSCAN_WITH_ROCKSDB
