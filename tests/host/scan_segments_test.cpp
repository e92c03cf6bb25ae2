// Windows of a scan of many ranges have as many segments as the scan buffer has room for, and the
// answer is the same whatever that is.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "execute/scanner.hpp"
#include "levelscan/error.hpp"
#include "pool/segment_space.hpp"
#include "query/aggregates.hpp"
#include "support/counting_device.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan::testing {
namespace {

constexpr uint32_t kKeys = 3000;

// Of eight bytes.
std::string key_of(uint32_t i) { return fmt::format("k{:07}", i); }

class ScanSegments : public ::testing::TestWithParam<CpuMirror> {
 protected:
  ScanSegments() : path_(directory_.path() + "/db") {
    auto const database = open_database(quiet_options(), path_);
    for (uint32_t i = 0; i < kKeys; ++i) put(*database, key_of(i), std::string(i % 7, 'v'));
    flush(*database);
    rows_ = iterator_rows(*database);
    version_ = std::make_unique<DatabaseVersion>(open_version(path_));
  }

  // Ranges of two keys each, with a key between them.
  static Query ranges_query(uint32_t count) {
    Query query = rows_query();
    query.ranges.emplace();
    for (uint32_t i = 0; i < count; ++i) {
      KeySelection keys;
      keys.from = key_of(3 * i);
      keys.to = key_of(3 * i + 2);
      query.ranges->push_back({std::to_string(i), keys});
    }
    return query;
  }

  static ScannerOptions one_task() {
    ScannerOptions options;
    options.threads = 1;
    options.memory_bytes = 64 << 20;
    return options;
  }

  struct Outcome {
    uint64_t windows = 0;
    bool grew = false;  // the pool
  };

  // Scans for rows and compares them with those of rows_; with `sums` for aggregates.
  Outcome scan(Query query, ScannerOptions const& options, char const* sums = nullptr) {
    auto const cpu = make_cpu_device(GetParam());
    CountingDevice device(*cpu);
    Scanner scanner(*version_, options, device);
    uint64_t const allocations = device.allocations();
    Rows expected;
    std::vector<uint64_t> counts;
    for (QueryRange const& range : *query.ranges) {
      counts.push_back(0);
      KeyRange const keys = range.keys.range(KeyOrder::kBytewise);
      for (auto const& row : rows_) {
        if (!keys.holds(KeyOrder::kBytewise, row.first)) continue;
        expected.push_back(row);
        ++counts.back();
      }
    }
    ScanResult result;
    if (sums == nullptr) {
      RowCollector sink;
      result = scanner.run(query, &sink);
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(sink.rows(), expected);
    } else {
      query.aggregates = parse_aggregates(sums, Schema());
      result = scanner.run(query, nullptr);
      EXPECT_EQ(result.range_aggregates.size(), counts.size());
      for (std::size_t r = 0; r < result.range_aggregates.size(); ++r) {
        EXPECT_EQ(result.range_aggregates[r][0].integer, Int128{counts[r]}) << "range " << r;
      }
    }
    return {result.statistics.windows, device.allocations() != allocations};
  }

  // The least control block in which so many ranges are one window.
  uint32_t least_control_bytes(uint32_t ranges, char const* sums) {
    uint32_t too_small = 16 << 10;
    uint32_t enough = 256 << 10;
    while (enough - too_small > 1) {
      uint32_t const middle = too_small + (enough - too_small) / 2;
      ScannerOptions options = one_task();
      options.control_bytes = middle;
      Outcome const outcome = scan(ranges_query(ranges), options, sums);
      EXPECT_FALSE(outcome.grew);
      (outcome.windows == 1 ? enough : too_small) = middle;
    }
    return enough;
  }

  TemporaryDirectory directory_;
  std::string path_;
  Rows rows_;
  std::unique_ptr<DatabaseVersion> version_;
};
INSTANTIATE_TEST_SUITE_P(Mirrors, ScanSegments,
                         ::testing::Values(CpuMirror::kAliasing, CpuMirror::kSeparate));

TEST_P(ScanSegments, AWindowHasAsManyAsTheControlBlockHasRoomFor) {
  constexpr uint32_t kRanges = 500;
  for (char const* sums : {static_cast<char const*>(nullptr), "count(), sum(value_size)"}) {
    ScannerOptions options = one_task();
    options.control_bytes = least_control_bytes(kRanges, sums);
    EXPECT_EQ(least_control_bytes(kRanges + 1, sums),
              options.control_bytes + segment_control_bytes(key_of(0).size()));
    EXPECT_EQ(scan(ranges_query(kRanges), options, sums).windows, 1u);
    EXPECT_EQ(scan(ranges_query(kRanges + 1), options, sums).windows, 2u);
    EXPECT_EQ(scan(ranges_query(2 * kRanges), options, sums).windows, 2u);
    ScannerOptions less = options;
    --less.control_bytes;
    EXPECT_EQ(scan(ranges_query(kRanges), less, sums).windows, 2u);
    EXPECT_FALSE(scan(ranges_query(kRanges), less, sums).grew);
  }
}

TEST_P(ScanSegments, AWindowHasAsManyAsTheResultHasRoomFor) {
  constexpr uint32_t kRanges = 40;
  auto const windows = [&](uint32_t ranges, std::size_t result_bytes, char const* sums) {
    ScannerOptions options = one_task();
    options.result_bytes = static_cast<uint32_t>(result_bytes);
    Outcome const outcome = scan(ranges_query(ranges), options, sums);
    EXPECT_FALSE(outcome.grew);
    return outcome.windows;
  };
  char const* const sums = "count(), sum(value_size)";
  std::size_t const with_sums = kRanges * segment_result_bytes(1);
  EXPECT_EQ(windows(kRanges, with_sums, sums), 1u);
  EXPECT_EQ(windows(kRanges + 1, with_sums, sums), 2u);
  EXPECT_EQ(windows(kRanges, with_sums - 1, sums), 2u);
  std::size_t const counts = 10 * kRanges * segment_result_bytes(0);
  EXPECT_EQ(windows(10 * kRanges, counts, "count()"), 1u);
  EXPECT_EQ(windows(10 * kRanges + 1, counts, "count()"), 2u);
  EXPECT_EQ(windows(10 * kRanges + 1, counts, nullptr), 2u);
}

TEST_P(ScanSegments, WithoutRoomForOneTheLayoutGrows) {
  for (uint32_t const control_bytes : {1u, 100u, 400u, 1000u, 3000u}) {
    ScannerOptions options = one_task();
    options.control_bytes = control_bytes;
    SCOPED_TRACE(control_bytes);
    Query query = ranges_query(300);
    // Over one another and over blocks, with open ends.
    query.ranges->push_back({"below", {std::nullopt, key_of(100), {}}});
    query.ranges->push_back({"across", {key_of(50), key_of(1700), {}}});
    query.ranges->push_back({"above", {key_of(1650), std::nullopt, {}}});
    Outcome const outcome = scan(query, options, "count(), max(key)");
    EXPECT_GT(outcome.windows, 10u);
    EXPECT_EQ(outcome.grew, control_bytes < 400);
    options.data_block_bytes = 5000;
    options.candidates_max = 9;
    scan(query, options, "count()");
    scan(query, options);
  }
}

// Bounds of 64 KiB, of which a control block for all of them would be beyond the memory.
TEST_P(ScanSegments, LongBoundsHaveWindowsOfTheirOwn) {
  ScannerOptions options = one_task();
  options.memory_bytes = 24 << 20;
  Query query = ranges_query(300);
  for (QueryRange& range : *query.ranges) {
    *range.keys.from += std::string(64 << 10, '\0');  // behind the first of the two keys
    *range.keys.to += std::string(64 << 10, '\0');
  }
  Outcome const outcome = scan(query, options);
  EXPECT_TRUE(outcome.grew);
  EXPECT_GT(outcome.windows, 50u);
  EXPECT_EQ(scan(query, options, "count()").windows, outcome.windows);
}

TEST_P(ScanSegments, LongKeysOfEntriesEndWindowsAmongSegments) {
  std::string const path = directory_.path() + "/long";
  rows_.clear();
  {
    auto const database = open_database(quiet_options(), path);
    for (uint32_t i = 0; i < 60; ++i) {
      put(*database, key_of(i) + std::string(i % 3 == 0 ? 64 << 10 : 10, 'x'), "value");
    }
    flush(*database);
    rows_ = iterator_rows(*database);
  }
  version_ = std::make_unique<DatabaseVersion>(open_version(path));
  Query query = rows_query();
  query.ranges.emplace();
  for (std::size_t i = 0; i < rows_.size(); i += 4) {
    KeySelection keys;
    keys.from = rows_[i].first;
    keys.to = rows_[std::min(i + 3, rows_.size() - 1)].first;
    query.ranges->push_back({std::to_string(i), keys});
  }
  ScannerOptions options = one_task();
  for (uint32_t const candidates_max : {0u, 2u, 5u}) {
    options.candidates_max = candidates_max;
    scan(query, options);
    scan(query, options, "count()");
  }
  options.control_bytes = 1000;
  scan(query, options);
}

TEST_P(ScanSegments, WhatOneNeedsBeyondTheMemoryIsSaid) {
  ScannerOptions options = one_task();
  options.memory_bytes = 16 << 20;
  Query query = ranges_query(3);
  *query.ranges->at(1).keys.to += std::string(32 << 20, 'x');
  try {
    scan(query, options);
    ADD_FAILURE() << "not refused";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
  }
}

}  // namespace
}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
