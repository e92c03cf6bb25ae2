// What a scan asks of its device: no allocation once the scanner is made, and no host memory read
// or overwritten while the device may still use it.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gtest/gtest.h>

#include <string>

#include "execute/scanner.hpp"
#include "support/counting_device.hpp"
#include "support/lagging_device.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::flush;
using testing::put;
using testing::RowCollector;
using testing::Rows;

// Several runs with overwrites and deletions; returns what librocksdb reads from it.
Rows write_layered_database(std::string const& path) {
  rocksdb::Options options = testing::quiet_options();
  testing::set_table_options(options, [](auto& table) { table.block_size = 256; });
  auto const database = testing::open_database(options, path);
  for (int layer = 0; layer < 4; ++layer) {
    for (int i = 0; i < 1500; ++i) {
      if (i % (layer + 1) != 0) continue;
      std::string const key = "key" + std::to_string(10000 + i);
      if (layer == 2 && i % 5 == 0) {
        testing::check_ok(database->Delete(rocksdb::WriteOptions(), key));
      } else {
        put(*database, key, "layer" + std::to_string(layer) + "-" + std::to_string(i));
      }
    }
    flush(*database);
    if (layer == 0) {
      testing::check_ok(database->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
    }
  }
  return testing::iterator_rows(*database);
}

ScannerOptions small_options(uint32_t threads) {
  ScannerOptions options;
  options.threads = threads;
  options.data_block_bytes = 4096;
  options.candidates_max = 64;
  options.candidate_key_bytes = 2048;
  options.result_bytes = 512;
  options.task_bytes = 10000;
  options.device_cache_bytes = 30000;
  return options;
}

TEST(ScanDevice, ScansAllocateNoPinnedOrDeviceMemory) {
  testing::TemporaryDirectory const directory;
  std::string const path = directory.path() + "/db";
  Rows const expected = write_layered_database(path);
  DatabaseVersion const version = open_version(path);
  for (CpuMirror const mirror : {CpuMirror::kAliasing, CpuMirror::kSeparate}) {
    auto const cpu = make_cpu_device(mirror);
    CountingDevice device(*cpu);
    {
      Scanner scanner(version, small_options(2), device);
      uint64_t const before = device.pinned_allocations() + device.device_allocations();
      EXPECT_GT(before, 0u);
      for (int repetition = 0; repetition < 3; ++repetition) {
        RowCollector sink;
        scanner.run(testing::rows_query(), &sink);
        EXPECT_EQ(sink.rows(), expected);
      }
      EXPECT_EQ(device.pinned_allocations() + device.device_allocations(), before);
      // The counter counts: a planted allocation shows.
      device.free_device(device.allocate_device(1), 1);
      EXPECT_EQ(device.pinned_allocations() + device.device_allocations(), before + 1);
    }
    EXPECT_TRUE(device.nothing_live());
  }
}

TEST(ScanDevice, ADeviceThatWorksAsLateAsItMayGivesTheSameRows) {
  testing::TemporaryDirectory const directory;
  std::string const path = directory.path() + "/db";
  Rows const expected = write_layered_database(path);
  DatabaseVersion const version = open_version(path);
  auto const cpu = make_cpu_device(CpuMirror::kSeparate);
  for (uint32_t const threads : {1u, 2u}) {
    LaggingDevice device(*cpu);
    Scanner scanner(version, small_options(threads), device);
    for (int repetition = 0; repetition < 2; ++repetition) {
      RowCollector sink;
      scanner.run(testing::rows_query(), &sink);
      EXPECT_EQ(sink.rows(), expected);
    }
  }
}

TEST(ScanDevice, ADeviceThatIsLostEndsTheScanWithADeviceError) {
  testing::TemporaryDirectory const directory;
  std::string const path = directory.path() + "/db";
  write_layered_database(path);
  DatabaseVersion const version = open_version(path);
  auto const cpu = make_cpu_device(CpuMirror::kSeparate);
  LaggingDevice device(*cpu);
  Scanner scanner(version, small_options(2), device);
  device.lose();
  RowCollector sink;
  try {
    scanner.run(testing::rows_query(), &sink);
    FAIL() << "the scan ended";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDevice) << error.what();
  }
}

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_WITH_ROCKSDB
