// Scans on the CUDA device over the stand-in: what a whole scan asks of CUDA, and what becomes of
// it when CUDA fails.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "cuda/stand_in.hpp"
#include "execute/scanner.hpp"
#include "levelscan/error.hpp"
#include "plan/pool_planner.hpp"
#include "pool/segment_space.hpp"
#include "query/aggregates.hpp"
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

// Takes rows of any columns.
class UnreadRows final : public RowSink {
 public:
  void format(RowBatch const&, Text&) const override {}
  void write(std::string_view) override {}
};

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

  void expect_failing_calls_are_told(
      DatabaseVersion const& version, Query const& query, ScannerOptions const& scanner_options,
      std::function<bool(uint64_t n, uint64_t calls)> const& is_tried);

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

// How often the host waits for the stream in a round of each kind of scan; docs/GPU.md says for
// what.
TEST_F(CudaScans, ARoundWaitsForTheStreamAFewTimes) {
  // Besides those of the round: where range tombstones are mirrored and where the task begins, for
  // the last holder of the scan buffer and for what was asked for.
  constexpr uint64_t kBesides = 4;
  constexpr uint32_t kResultBytes = 3000;
  auto const waits = [&](Query const& query, uint32_t result_bytes = 0) {
    stand_in_.reset(1);
    auto const device = make_cuda_device(0);
    ScannerOptions one_task = options(false, 1);
    one_task.result_bytes = result_bytes;
    Scanner scanner(*version_, one_task, *device);
    UnreadRows sink;
    uint64_t const before = stand_in_.host_waits();
    ScanResult const result = scanner.run(query, query.aggregates.empty() ? &sink : nullptr);
    uint64_t const after = stand_in_.host_waits();
    EXPECT_EQ(result.statistics.windows, 1u);
    return after - before - kBesides;
  };
  auto const aggregates = [&](Query query, char const* text) {
    query.aggregates = parse_aggregates(text, Schema());
    return query;
  };
  Query const rows = levelscan::testing::rows_query();
  Query none = rows;
  none.where = levelscan::testing::predicate("value_size > 80");
  EXPECT_EQ(waits(none), 1u);
  EXPECT_EQ(waits(aggregates(rows, "count()")), 2u);
  EXPECT_EQ(waits(aggregates(rows, "sum(value_size)")), 3u);
  EXPECT_EQ(waits(aggregates(rows, "count(), sum(value_size), avg(key_size)")), 3u);
  EXPECT_EQ(waits(aggregates(rows, "max(value_size)")), 4u);
  EXPECT_EQ(waits(aggregates(rows, "min(value_size), max(value_size), sum(key_size)")), 4u);
  EXPECT_EQ(waits(aggregates(rows, "min(key), max(key)")), 5u);
  EXPECT_EQ(waits(rows), 4u);
  Query numbers = rows;
  numbers.columns = {*Schema().find("key_size"), *Schema().find("value_size")};
  EXPECT_EQ(waits(numbers), 3u);
  // Of both columns, a cell for each 32 bytes: that ends batches before their bytes do.
  std::size_t const rows_max = kResultBytes / 32 / 2;
  std::size_t const batches = (expected_.size() + rows_max - 1) / rows_max;
  EXPECT_GT(batches, 3u);
  EXPECT_EQ(waits(rows, kResultBytes), 3 + batches);

  Query ranges = rows;
  ranges.ranges.emplace();
  for (int i = 0; i < 20; ++i) {
    KeySelection keys;
    keys.from = "key" + std::to_string(10100 + 7 * i);
    keys.to = "key" + std::to_string(10103 + 7 * i);
    ranges.ranges->push_back({std::to_string(i), keys});
  }
  EXPECT_EQ(waits(ranges), 5u);
  EXPECT_EQ(waits(aggregates(ranges, "count()")), 3u);
  EXPECT_EQ(waits(aggregates(ranges, "count(), sum(value_size), avg(key_size)")), 5u);
  EXPECT_EQ(waits(aggregates(ranges, "max(value_size)")), 5u);
  EXPECT_EQ(waits(aggregates(ranges, "max(value_size), min(key_size), min(key), max(key)")), 10u);
}

// Two runs whose blocks are all resident at once: of every fourth key one has only the upper run,
// two only the lower, and one both. And ten thousand ranges of two keys each.
class TenThousandSmallRanges : public CudaScans {
 protected:
  static constexpr int kRanges = 10000;

  TenThousandSmallRanges() {
    namespace t = levelscan::testing;
    std::string const path = directory_.path() + "/ranges";
    auto const database = t::open_database(t::quiet_options(), path);
    Random random(base_seed());
    for (int run = 0; run < 2; ++run) {
      for (int i = 0; i < 3 * kRanges; ++i) {
        bool const has_key = run == 0 ? i % 4 != 1 : i % 2 == 1;
        if (has_key) t::put(*database, key(i), random.bytes(random.below(400)));
      }
      t::flush(*database);
    }
    all_ = t::iterator_rows(*database);
    version_ = std::make_unique<DatabaseVersion>(open_version(path));
    query_ = query_of(3, 2);
  }

  // For ranges of so many keys, one beginning at each `step`-th.
  static Query query_of(int step, int keys_a_range) {
    Query query = levelscan::testing::rows_query();
    query.ranges.emplace();
    for (int i = 0; i < 3 * kRanges; i += step) {
      KeySelection keys;
      keys.from = key(i);
      keys.to = key(i + keys_a_range);
      query.ranges->push_back({std::to_string(i), keys});
    }
    return query;
  }

  static std::string key(int i) { return "a key of a table " + std::to_string(1000000 + i); }

  [[nodiscard]] Query aggregates(char const* text) const {
    Query query = query_;
    query.aggregates = parse_aggregates(text, Schema());
    return query;
  }

  Rows all_;  // of all keys
  Query query_;
};

TEST_F(TenThousandSmallRanges, AreOneLaunchOfTheFilter) {
  Rows expected;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (i % 3 != 2) expected.push_back(all_[i]);
  }
  Query const sums = aggregates("count(), sum(value_size), avg(key_size)");
  for (Query const* const query : {static_cast<Query const*>(&query_), &sums}) {
    stand_in_.reset(1);
    auto const device = make_cuda_device(0);
    Scanner scanner(*version_, options(false, 1), *device);
    stand_in_.forbid_allocations(true);
    RowCollector sink;
    ScanResult const result = scanner.run(*query, query == &query_ ? &sink : nullptr);
    EXPECT_EQ(stand_in_.launches("Filter"), 1u);
    EXPECT_EQ(result.statistics.windows, 1u);
    EXPECT_EQ(result.rows_found, expected.size());
    if (query == &query_) {
      EXPECT_EQ(sink.rows(), expected);
    } else {
      ASSERT_EQ(result.range_aggregates.size(), std::size_t{kRanges});
      for (auto const& values : result.range_aggregates) EXPECT_EQ(values[0].integer, 2);
    }
    EXPECT_THAT(stand_in_.take_violations(), IsEmpty());
  }
}

// Of integers they come at once, of byte strings in as many batches as their bytes fill.
TEST_F(TenThousandSmallRanges, HaveTheirExtremesInAFewLaunches) {
  constexpr uint32_t kResultBytes = 1 << 20;
  constexpr uint64_t kWaitsBesides = 6;  // of the task, and for what is summed up
  Query const integers = aggregates("min(value_size), max(value_size)");
  Query const strings = aggregates("min(value), max(value)");
  auto const cpu = make_cpu_device(CpuMirror::kAliasing);
  Scanner cpu_scanner(*version_, options(false, 1), *cpu);
  uint64_t value_bytes = 0;
  for (auto const& [key, value] : all_) value_bytes += value.size();
  uint64_t const batches_max = 2 * (value_bytes / kResultBytes) + 1;
  for (uint64_t seed = base_seed(); seed < base_seed() + 3; ++seed) {
    for (Query const* const query : {&integers, &strings}) {
      bool const are_strings = query == &strings;
      SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(seed) + (are_strings ? ", strings" : ""));
      stand_in_.reset(seed);
      auto const device = make_cuda_device(0);
      ScannerOptions bounded = options(false, 1);
      bounded.result_bytes = kResultBytes;
      Scanner scanner(*version_, bounded, *device);
      stand_in_.forbid_allocations(true);
      uint64_t const waits_before = stand_in_.host_waits();
      ScanResult const result = scanner.run(*query, nullptr);
      uint64_t const waits = stand_in_.host_waits() - waits_before;
      EXPECT_EQ(result.statistics.windows, 1u);
      uint64_t const batches = stand_in_.launches("EmitRows");
      if (are_strings) {
        EXPECT_GT(batches, 1u);
        EXPECT_LE(batches, batches_max);
      } else {
        EXPECT_EQ(batches, 1u);
      }
      EXPECT_EQ(stand_in_.launches("PickRows"), 1u);
      EXPECT_EQ(stand_in_.launches("MeasureRows"), are_strings ? 1u : 0u);
      EXPECT_EQ(stand_in_.launches("FitRows"), are_strings ? batches : 0u);
      EXPECT_EQ(waits, kWaitsBesides + batches + (are_strings ? 1 : 0));

      ScanResult const expected = cpu_scanner.run(*query, nullptr);
      ASSERT_EQ(result.range_aggregates.size(), std::size_t{kRanges});
      for (std::size_t i = 0; i < kRanges; ++i) {
        auto const [min, max] = std::minmax(all_[3 * i].second, all_[3 * i + 1].second,
                                            [&](std::string const& a, std::string const& b) {
                                              return are_strings ? a < b : a.size() < b.size();
                                            });
        auto const& found = result.range_aggregates[i];
        for (auto const& values : {found, expected.range_aggregates[i]}) {
          if (are_strings) {
            ASSERT_EQ(values[0].bytes, min) << i;
            ASSERT_EQ(values[1].bytes, max) << i;
          } else {
            ASSERT_EQ(values[0].integer, min.size()) << i;
            ASSERT_EQ(values[1].integer, max.size()) << i;
          }
        }
      }
      EXPECT_THAT(stand_in_.take_violations(), IsEmpty());
    }
  }
}

// Where each candidate is an extreme, they are more than there is room for in one launch.
TEST_F(TenThousandSmallRanges, AreAllExtremesOfAWindow) {
  constexpr int kStep = 4;
  Query query = query_of(kStep, 2);  // the first has only the lower run, the second only the upper
  query.aggregates = parse_aggregates("min(value), max(value_size)", Schema());
  auto const device = make_cuda_device(0);
  ScannerOptions few = options(false, 1);
  few.candidates_max = 1000;
  Scanner scanner(*version_, few, *device);
  ScanResult const result = scanner.run(query, nullptr);
  EXPECT_GT(stand_in_.launches("PickRows"), 3 * result.statistics.windows);
  EXPECT_LE(stand_in_.launches("PickRows"), 4 * result.statistics.windows);
  ASSERT_EQ(result.range_aggregates.size(), query.ranges->size());
  for (std::size_t i = 0; i < result.range_aggregates.size(); ++i) {
    std::string const& lower = all_[kStep * i].second;
    std::string const& upper = all_[kStep * i + 1].second;
    ASSERT_EQ(result.range_aggregates[i][0].bytes, std::min(lower, upper)) << i;
    ASSERT_EQ(result.range_aggregates[i][1].integer, std::max(lower.size(), upper.size())) << i;
  }
}

// Room for as many segments is planned whatever the number of scans that share the memory; where
// there is little, for fewer.
TEST_F(CudaScans, ALayoutHasRoomForTenThousandSegmentsWhereMemoryAllows) {
  auto const device = make_cuda_device(0);
  std::size_t const key_bytes = std::string("key10000").size();
  std::size_t const runs = version_->runs.size();
  PoolRequest request;
  request.memory_bytes = uint64_t{1} << 30;
  for (uint32_t const scans_max : {1u, 4u, 16u, 200u}) {
    request.scans_max = scans_max;
    PoolLayout const layout = plan_pool(*version_, *device, request);
    EXPECT_GE(layout.scans_max, std::min(scans_max, 16u));
    EXPECT_GE(layout.control_bytes, 10000 * segment_control_bytes(key_bytes));
    EXPECT_GE(layout.result_bytes, 10000 * segment_result_bytes(runs));
  }
  // Nor does a scan of many runs pay for it with its blocks.
  DatabaseVersion many_runs;
  many_runs.runs.resize(20);
  request.scans_max = 16;
  PoolLayout const of_many = plan_pool(many_runs, *device, request);
  EXPECT_EQ(of_many.scans_max, 16u);
  EXPECT_GE(of_many.runs.front().data_block_bytes, 512u << 10);
  // What a layout needs at the least is no more for it.
  request.scans_max = 1;
  request.memory_bytes = 1;
  uint64_t least = 0;
  try {
    static_cast<void>(plan_pool(*version_, *device, request));
    ADD_FAILURE() << "not refused";
  } catch (Error const& error) {
    std::string const text = error.what();
    least = std::stoull(text.substr(text.find("needs ") + 6));
  }
  request.memory_bytes = least;
  PoolLayout const layout = plan_pool(*version_, *device, request);
  EXPECT_LT(layout.control_bytes, 1000 * segment_control_bytes(key_bytes) + (64u << 10));
}

// Has each n-th call that `is_tried` fail in a process's first scan, and expects to be told of it.
void CudaScans::expect_failing_calls_are_told(
    DatabaseVersion const& version, Query const& query, ScannerOptions const& scanner_options,
    std::function<bool(uint64_t n, uint64_t calls)> const& is_tried) {
  auto const run = [&] {
    auto const device = make_cuda_device(0);
    Scanner scanner(version, scanner_options, *device);
    RowCollector sink;
    ScanResult const result = scanner.run(query, query.aggregates.empty() ? &sink : nullptr);
    return std::pair(sink.rows(), result.rows_found);
  };
  stand_in_.reset(1);
  auto const expected = run();
  EXPECT_GT(expected.second, 0u);
  uint64_t const calls = stand_in_.calls();
  uint64_t failed = 0;
  uint64_t tried = 0;
  for (uint64_t n = 1; n <= calls; ++n) {
    if (!is_tried(n, calls)) continue;
    SCOPED_TRACE("call " + std::to_string(n) + " of " + std::to_string(calls));
    ++tried;
    stand_in_.reset(1);  // the same order of operations, so the same calls
    stand_in_.fail_call(n, cudaErrorInvalidValue);
    try {
      EXPECT_EQ(run(), expected);
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

TEST_F(CudaScans, EachCallThatFailsEndsTheScanWithADeviceErrorAndLeavesNothingBehind) {
  // A scan repeats itself: all calls of the beginning and of the end, and some of those between.
  uint64_t const ends = 300;
  Random random(base_seed());
  expect_failing_calls_are_told(*version_, levelscan::testing::rows_query(), options(true, 1),
                                [&](uint64_t n, uint64_t calls) {
                                  return n <= ends || n + ends > calls || random.one_in(30);
                                });
}

// Small enough that each call of theirs can fail in turn.
TEST_F(CudaScans, EachCallOfSmallScansThatFailsEndsThemWithADeviceError) {
  namespace t = levelscan::testing;
  std::string const path = directory_.path() + "/small";
  {
    rocksdb::Options options = t::quiet_options();
    t::set_table_options(options, [](auto& table) { table.block_size = 64; });
    auto const database = t::open_database(options, path);
    for (int layer = 0; layer < 2; ++layer) {
      for (int i = 0; i < 9; i += layer + 1) {
        t::put(*database, "key" + std::to_string(i), "value" + std::to_string(layer));
      }
      if (layer == 1) {
        t::check_ok(database->DeleteRange(rocksdb::WriteOptions(), database->DefaultColumnFamily(),
                                          "key2", "key4"));
      }
      t::flush(*database);
    }
  }
  DatabaseVersion const version = open_version(path);
  ScannerOptions small = options(true, 1);
  small.data_block_bytes = 512;
  small.device_cache_bytes = 0;
  Query rows = t::rows_query();
  rows.where = t::predicate("value_size > 3");
  Query sums = rows;
  sums.aggregates = parse_aggregates("sum(value_size), max(key)", Schema());
  Query ranges = rows;
  ranges.ranges = {{"a", {"key1", "key3", {}}}, {"b", {"key5", {}, {}}}};
  Query range_sums = ranges;
  range_sums.aggregates = sums.aggregates;
  auto const all = [](uint64_t, uint64_t) { return true; };
  for (ResolveStrategy const strategy :
       {ResolveStrategy::kMark, ResolveStrategy::kMerge, ResolveStrategy::kProbe}) {
    small.resolve = strategy;
    expect_failing_calls_are_told(version, rows, small, all);
  }
  small.device_cache_bytes = 20000;
  for (Query const& query : {sums, ranges, range_sums}) {
    expect_failing_calls_are_told(version, query, small, all);
  }
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
