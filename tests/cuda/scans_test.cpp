// Scans on the CUDA device over the stand-in: what a whole scan asks of CUDA, and what becomes of
// it when CUDA fails.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>

#include "cuda/stand_in.hpp"
#include "execute/scanner.hpp"
#include "levelscan/error.hpp"
#include "support/random.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan::test {
namespace {

using levelscan::testing::RowCollector;
using levelscan::testing::Rows;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Three runs with overwrites and deletions, some of them by range.
class CudaScans : public ::testing::Test {
 protected:
  CudaScans() : path_(directory_.path() + "/db") {
    namespace t = levelscan::testing;
    rocksdb::Options options = t::quiet_options();
    t::set_table_options(options, [](auto& table) { table.block_size = 256; });
    auto const database = t::open_database(options, path_);
    for (int layer = 0; layer < 3; ++layer) {
      for (int i = layer; i < 400; i += layer + 1) {
        std::string const key = "key" + std::to_string(10000 + i);
        if (layer == 1 && i % 5 == 0) {
          t::check_ok(database->Delete(rocksdb::WriteOptions(), key));
        } else {
          t::put(*database, key, "layer" + std::to_string(layer) + "-" + std::to_string(i));
        }
      }
      if (layer == 1) {
        t::check_ok(database->DeleteRange(rocksdb::WriteOptions(), database->DefaultColumnFamily(),
                                          "key10100", "key10120"));
      }
      t::flush(*database);
    }
    expected_ = t::iterator_rows(*database);
    version_ = std::make_unique<DatabaseVersion>(open_version(path_));
  }

  static ScannerOptions options(bool tiny, uint32_t threads) {
    ScannerOptions options;
    options.threads = threads;
    options.memory_bytes = 256 << 20;
    if (tiny) {
      options.data_block_bytes = 1024;
      options.candidates_max = 64;
      options.candidate_key_bytes = 2048;
      options.result_bytes = 512;
      options.task_bytes = 5000;
      options.device_cache_bytes = 20000;
    }
    return options;
  }

  Rows scan(Scanner& scanner) {
    RowCollector sink;
    scanner.run(levelscan::testing::rows_query(), &sink);
    return sink.rows();
  }

  CudaStandIn& stand_in_ = CudaStandIn::instance();
  levelscan::testing::TemporaryDirectory directory_;
  std::string path_;
  Rows expected_;
  std::unique_ptr<DatabaseVersion> version_;
};

TEST_F(CudaScans, EveryOrderOfOperationsGivesTheSameRowsAndAllocatesNothing) {
  for (uint64_t seed = base_seed(); seed < base_seed() + 12; ++seed) {
    for (bool const tiny : {true, false}) {
      SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(seed) + (tiny ? ", tiny" : ""));
      stand_in_.reset(seed);
      auto const device = make_cuda_device(0);
      Scanner scanner(*version_, options(tiny, 1 + seed % 2), *device);
      stand_in_.forbid_allocations(true);
      EXPECT_EQ(scan(scanner), expected_);
      EXPECT_EQ(scan(scanner), expected_);
      stand_in_.forbid_allocations(false);
      EXPECT_THAT(stand_in_.take_violations(), IsEmpty());
    }
  }
}

TEST_F(CudaScans, StageTimesAddUpToTheDevicesClock) {
  uint64_t both = 0;
  for (uint64_t seed = base_seed(); seed < base_seed() + 12; ++seed) {
    for (uint32_t const threads : {1u, 3u}) {
      SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(seed) +
                   ", threads: " + std::to_string(threads));
      stand_in_.reset(seed);
      auto const device = make_cuda_device(0, true);
      Scanner scanner(*version_, options(true, threads), *device);
      stand_in_.forbid_allocations(true);
      uint64_t const begin_ns = stand_in_.clock_ns();
      RowCollector sink;
      auto const times =
          scanner.run(levelscan::testing::rows_query(), &sink).statistics.device_times;
      uint64_t const passed_ns = stand_in_.clock_ns() - begin_ns;
      stand_in_.forbid_allocations(false);
      EXPECT_EQ(sink.rows(), expected_);
      ASSERT_TRUE(times.has_value());
      for (DeviceStage const stage :
           {DeviceStage::kCopyIn, DeviceStage::kSearch, DeviceStage::kFilter, DeviceStage::kGather,
            DeviceStage::kResolve, DeviceStage::kSelect, DeviceStage::kEmit,
            DeviceStage::kCopyOut}) {
        EXPECT_GT(times->of(stage), 0u);
      }
      EXPECT_EQ(times->of(DeviceStage::kAggregate), 0u);
      uint64_t const sum = std::accumulate(times->stages.begin(), times->stages.end(), uint64_t{0});
      // Here something runs whenever time goes on, and one stream does one thing after another.
      EXPECT_EQ(times->copying + times->computing - times->both, passed_ns);
      EXPECT_LE(times->both, std::min(times->copying, times->computing));
      EXPECT_GE(sum, passed_ns);
      if (threads == 1) {
        EXPECT_EQ(sum, passed_ns);
        EXPECT_EQ(times->both, 0u);
        EXPECT_EQ(times->copying,
                  times->of(DeviceStage::kCopyIn) + times->of(DeviceStage::kCopyOut));
      }
      both += times->both;
    }
  }
  EXPECT_GT(both, 0u);
}

TEST_F(CudaScans, EachCallThatFailsEndsTheScanWithADeviceErrorAndLeavesNothingBehind) {
  auto const run = [&] {
    auto const device = make_cuda_device(0);
    Scanner scanner(*version_, options(true, 1), *device);
    return scan(scanner);
  };
  stand_in_.reset(1);
  ASSERT_EQ(run(), expected_);
  uint64_t const calls = stand_in_.calls();
  // A scan repeats itself: all calls of the beginning and of the end, and some of those between.
  uint64_t const ends = 300;
  Random random(base_seed());
  uint64_t failed = 0;
  uint64_t tried = 0;
  for (uint64_t n = 1; n <= calls; n += n < ends || n + ends > calls ? 1 : random.between(1, 60)) {
    SCOPED_TRACE("call " + std::to_string(n) + " of " + std::to_string(calls));
    ++tried;
    stand_in_.reset(1);  // the same order of operations, so the same calls
    stand_in_.fail_call(n, cudaErrorInvalidValue);
    try {
      EXPECT_EQ(run(), expected_);
    } catch (DeviceError const& error) {
      ++failed;
      EXPECT_THAT(error.what(), HasSubstr("cudaErrorInvalidValue"));
    } catch (Error const& error) {
      ++failed;
      EXPECT_EQ(error.code(), ErrorCode::kDevice);
      EXPECT_THAT(error.what(), HasSubstr("cudaErrorInvalidValue"));
    }
    EXPECT_THAT(stand_in_.take_violations(), IsEmpty());
    EXPECT_THAT(stand_in_.live(), IsEmpty());
    if (HasFailure()) return;
  }
  EXPECT_GT(failed, tried / 2);
}

TEST_F(CudaScans, AnOperationThatFailsEndsTheScanWithADeviceError) {
  for (uint32_t const threads : {1u, 3u}) {
    for (uint64_t n = 1; n < 200; n += 7) {
      SCOPED_TRACE("operation " + std::to_string(n) + ", threads " + std::to_string(threads));
      stand_in_.reset(n);
      auto const device = make_cuda_device(0);
      Scanner scanner(*version_, options(true, threads), *device);
      stand_in_.fail_operation(n, cudaErrorIllegalAddress);
      for (int repetition = 0; repetition < 2; ++repetition) {
        try {
          scan(scanner);
          ADD_FAILURE() << "the scan ended";
        } catch (Error const& error) {
          EXPECT_EQ(error.code(), ErrorCode::kDevice);
          EXPECT_THAT(error.what(), HasSubstr("cudaErrorIllegalAddress"));
        }
      }
      EXPECT_THAT(stand_in_.take_violations(), IsEmpty());
    }
  }
  EXPECT_THAT(stand_in_.live(), IsEmpty());
  stand_in_.reset(0);  // the lost context
}

// The list of values that were read from blob files, 65,536 at most, is written again only when
// the device has read it.
TEST_F(CudaScans, MoreValuesThanAListHoldsComeFromBlobFiles) {
  namespace t = levelscan::testing;
  rocksdb::Options options = t::quiet_options();
  options.enable_blob_files = true;
  std::string const path = directory_.path() + "/blobs";
  auto const database = t::open_database(options, path);
  for (int i = 0; i < 70000; ++i) {
    t::put(*database, "key" + std::to_string(100000 + i), "value" + std::to_string(i));
  }
  t::flush(*database);
  Rows const expected = t::iterator_rows(*database);
  DatabaseVersion const version = open_version(path);
  stand_in_.set_order(OperationOrder::kLate);
  auto const device = make_cuda_device(0);
  Scanner scanner(version, CudaScans::options(false, 1), *device);
  RowCollector sink;
  ScanResult const result = scanner.run(t::rows_query(), &sink);
  EXPECT_EQ(sink.rows(), expected);
  EXPECT_EQ(result.statistics.windows, 1u) << "each has a list of its own";
}

TEST_F(CudaScans, AScannerGoesQuietlyWhileTheDriverUnloads) {
  for (bool const tells_times : {false, true}) {
    stand_in_.reset(1);
    auto device = make_cuda_device(0, tells_times);
    auto scanner = std::make_unique<Scanner>(*version_, options(true, 2), *device);
    EXPECT_EQ(scan(*scanner), expected_);
    stand_in_.fail_all_calls(cudaErrorCudartUnloading);
    scanner.reset();
    device.reset();
    EXPECT_THAT(stand_in_.take_violations(), IsEmpty());
    EXPECT_THAT(stand_in_.live(), IsEmpty());
  }
}

TEST_F(CudaScans, ACacheThatTheDeviceHasNoRoomForIsRefusedWithItsSize) {
  auto const device = make_cuda_device(0);
  ScannerOptions large = options(true, 1);
  large.device_cache_bytes = uint64_t{1} << 50;
  try {
    Scanner const scanner(*version_, large, *device);
    ADD_FAILURE() << "not refused";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
    EXPECT_THAT(error.what(), HasSubstr("a device cache of 1125899906842624 bytes: "));
  }
  EXPECT_THAT(stand_in_.take_violations(), IsEmpty());
}

TEST_F(CudaScans, TheSizesThatNobodyAskedForShrinkToTheMemoryThereIs) {
  auto const device = make_cuda_device(0);
  for (uint32_t const mebibytes : {1024u, 256u, 96u, 48u}) {
    SCOPED_TRACE(mebibytes);
    ScannerOptions small;
    small.threads = 1;
    small.memory_bytes = uint64_t{mebibytes} << 20;
    Scanner scanner(*version_, small, *device);
    EXPECT_EQ(scan(scanner), expected_);
  }
}

}  // namespace
}  // namespace levelscan::test

#endif  // LEVELSCAN_WITH_ROCKSDB
