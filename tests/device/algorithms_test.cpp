// The device-wide algorithms against the standard library's, on random inputs of many sizes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "support/device_array.hpp"
#include "support/device_suite.hpp"
#include "support/random.hpp"

namespace levelscan::test {
namespace {

using testing::HasSubstr;

// Around the sizes of tiles and of what sequential sorting does by insertion.
constexpr uint32_t kCounts[] = {0,   1,   2,   3,   31,   32,   33,   64,    65,
                                127, 128, 129, 511, 1000, 1023, 4097, 20011, 70000};

class DeviceAlgorithms : public DeviceSuite {
 protected:
  void SetUp() override {
    DeviceSuite::SetUp();
    RecordProperty("seed", std::to_string(base_seed()));
  }

  // Exactly what the device asks for.
  DeviceArray<uint8_t> scratch_for(uint32_t count) {
    return {device(), stream(), device().scratch_bytes({count, count})};
  }
  static Scratch view(DeviceArray<uint8_t> const& scratch) {
    return Scratch{scratch.device(), scratch.size()};
  }

  Aggregate aggregate_of(AggregateRow const& source, uint32_t count, Scratch scratch) {
    DeviceArray<Aggregate> const sum(device(), stream(), 1);
    device().aggregate_async(source, count, sum.device(), scratch, stream());
    return sum.read().at(0);
  }

  Random random_{base_seed()};
};
LEVELSCAN_ON_ALL_DEVICES(DeviceAlgorithms);

std::string trace(uint32_t count) {
  return "seed " + std::to_string(base_seed()) + ", count " + std::to_string(count);
}

TEST_P(DeviceAlgorithms, CountsAreScannedExclusively) {
  for (uint32_t const count : kCounts) {
    SCOPED_TRACE(trace(count));
    std::vector<IntervalCount> counts(count);
    for (IntervalCount& each : counts) each = {random_.below(17), random_.below(4000)};
    DeviceArray<IntervalCount> array(device(), stream(), counts);
    DeviceArray<uint8_t> const scratch = scratch_for(count);
    device().scan_counts_async(array.device(), count, view(scratch), stream());
    std::vector<IntervalCount> const sums = array.read();
    IntervalCount sum{0, 0};
    for (uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(sums[i].candidates, sum.candidates) << i;
      ASSERT_EQ(sums[i].key_bytes, sum.key_bytes) << i;
      sum.candidates += counts[i].candidates;
      sum.key_bytes += counts[i].key_bytes;
    }
  }
}

TEST_P(DeviceAlgorithms, SumsOfCountsGoBeyond32Bits) {
  uint32_t const count = 3000;
  SCOPED_TRACE(trace(count));
  std::vector<IntervalCount> counts(count);
  for (IntervalCount& each : counts) each = {random_.below(10), random_.below(8'000'000)};
  DeviceArray<IntervalCount> array(device(), stream(), counts);
  DeviceArray<uint8_t> const scratch = scratch_for(count);
  device().scan_counts_async(array.device(), count, view(scratch), stream());
  std::vector<IntervalCount> const sums = array.read();
  uint64_t key_bytes = 0;
  for (uint32_t i = 0; i < count; ++i) {
    ASSERT_EQ(sums[i].key_bytes, key_bytes) << i;
    key_bytes += counts[i].key_bytes;
  }
  ASSERT_GT(key_bytes, uint64_t{UINT32_MAX});
}

TEST_P(DeviceAlgorithms, PlacesOfLivingCandidatesAreSelectedInOrder) {
  for (uint32_t const count : kCounts) {
    for (uint32_t const dead_percent : {0u, 30u, 100u}) {
      SCOPED_TRACE(trace(count));
      std::vector<Candidate> candidates(count);
      std::vector<uint32_t> alive;
      for (uint32_t i = 0; i < count; ++i) {
        bool const dead = random_.below(100) < dead_percent;
        candidates[i].flags =
            (dead ? 0 : kCandidateAlive) | (random_.one_in(2) ? kCandidateUndecided : 0);
        if (!dead) alive.push_back(i);
      }
      DeviceArray<Candidate> const array(device(), stream(), candidates);
      DeviceArray<uint32_t> const rows(device(), stream(),
                                       std::vector<uint32_t>(count, UINT32_MAX));
      DeviceArray<uint8_t> const scratch = scratch_for(count);
      DeviceArray<uint32_t> const row_count(device(), stream(), 1);
      device().select_alive_async(array.device(), count, rows.device(), row_count.device(),
                                  view(scratch), stream());
      ASSERT_EQ(row_count.read().at(0), alive.size());
      alive.resize(count, UINT32_MAX);  // what lies behind is left alone
      ASSERT_EQ(rows.read(), alive);
    }
  }
}

TEST_P(DeviceAlgorithms, LivingRowsAreKeptInTheirOrder) {
  for (uint32_t const count : kCounts) {
    for (uint32_t const dead_percent : {0u, 30u, 100u}) {
      SCOPED_TRACE(trace(count));
      std::vector<Candidate> candidates(count);
      for (Candidate& each : candidates) {
        each.flags = random_.below(100) < dead_percent ? 0 : kCandidateAlive;
      }
      std::vector<uint32_t> places(count);
      std::iota(places.begin(), places.end(), 0u);
      random_.shuffle(places);
      DeviceArray<Candidate> const array(device(), stream(), candidates);
      DeviceArray<uint32_t> const rows(device(), stream(), places);
      DeviceArray<uint32_t> const row_count(device(), stream(), 1);
      DeviceArray<uint8_t> const scratch = scratch_for(count);
      device().keep_alive_async(array.device(), count, rows.device(), row_count.device(),
                                view(scratch), stream());
      std::erase_if(places, [&](uint32_t place) { return candidates[place].flags == 0; });
      ASSERT_EQ(row_count.read().at(0), places.size());
      std::vector<uint32_t> kept = rows.read();
      kept.resize(places.size());
      ASSERT_EQ(kept, places);
    }
  }
}

// Few different bytes, zero and 0xff among them, and lengths around that of the key prefix.
std::string random_key(Random& random) {
  std::string key(random.below(13), '\0');
  for (char& byte : key) byte = std::string("\0\0\x01z\xff", 5)[random.below(5)];
  return key;
}

TEST_P(DeviceAlgorithms, RowsAreOrderedByUserKey) {
  for (uint32_t const count : kCounts) {
    SCOPED_TRACE(trace(count));
    std::vector<std::string> keys;
    std::string key_bytes;
    std::vector<Candidate> candidates;
    for (uint32_t i = 0; i < count; ++i) {
      // Random ones are tried for difference; a number makes it certain.
      keys.push_back(random_key(random_) + "#" + std::to_string(random_.below(9)) + "#" +
                     std::to_string(i));
      if (i < 2) keys.back() = std::string(i, '\0');  // the empty key and a prefix of the others
      Candidate candidate{};
      candidate.key_offset = static_cast<uint32_t>(key_bytes.size());
      candidate.user_size = static_cast<uint32_t>(keys.back().size());
      candidate.key_prefix = key_prefix_of(view_of(keys.back()));
      candidate.flags = kCandidateAlive;
      candidates.push_back(candidate);
      key_bytes += keys.back() + std::string(8, '\x7f');
    }
    std::vector<uint32_t> rows(count);
    std::iota(rows.begin(), rows.end(), 0u);
    random_.shuffle(rows);

    DeviceArray<Candidate> const candidate_array(device(), stream(), candidates);
    DeviceArray<uint8_t> const key_array(device(), stream(), key_bytes);
    DeviceArray<uint32_t> const row_array(device(), stream(), rows);
    DeviceArray<uint8_t> const scratch = scratch_for(count);
    device().order_rows_async(
        row_array.device(), count,
        CandidateLess{candidate_array.device(), key_array.device(), KeyOrder::kBytewise},
        count > 1 ? view(scratch) : Scratch{}, stream());
    // std::string compares as unsigned bytes, a prefix first.
    std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
    ASSERT_EQ(row_array.read(), rows);
  }
}

TEST_P(DeviceAlgorithms, RowBytesAreScannedInclusively) {
  for (uint32_t const count : kCounts) {
    SCOPED_TRACE(trace(count));
    std::vector<uint64_t> bytes(count);
    for (uint64_t& each : bytes) each = random_.next() >> (64 - random_.between(1, 40));
    DeviceArray<uint64_t> const array(device(), stream(), bytes);
    DeviceArray<uint8_t> const scratch = scratch_for(count);
    device().scan_row_bytes_async(array.device(), count, view(scratch), stream());
    std::partial_sum(bytes.begin(), bytes.end(), bytes.begin());
    ASSERT_EQ(array.read(), bytes);
  }
}

// Rows whose values lie in one run's data, in random order.
struct Rows {
  Rows(Device& device, StreamView stream, std::vector<std::string> const& values, Random& random)
      : order(values.size()),
        data(device, stream, joined(values)),
        runs(device, stream, 1),
        candidates(device, stream, values.size()),
        rows(device, stream, values.size()) {
    RunView run{};
    run.data = data.device();
    runs.write({run});
    std::vector<Candidate> all(values.size());
    uint32_t offset = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      all[i].value_offset = offset;
      all[i].value_size = static_cast<uint32_t>(values[i].size());
      all[i].flags = kCandidateAlive;
      offset += all[i].value_size;
    }
    candidates.write(all);
    std::iota(order.begin(), order.end(), 0u);
    random.shuffle(order);
    rows.write(order);
  }

  [[nodiscard]] AggregateRow source(Field const& field, bool extremes) const {
    RowsArgs args{};
    args.runs = runs.device();
    args.candidates = candidates.device();
    args.rows = rows.device();
    args.row_count = static_cast<uint32_t>(order.size());
    return AggregateRow{args, field, extremes};
  }

  static std::string joined(std::vector<std::string> const& values) {
    std::string all;
    for (std::string const& value : values) all += value;
    return all;
  }

  std::vector<uint32_t> order;  // the value of each row
  DeviceArray<uint8_t> data;
  DeviceArray<RunView> runs;
  DeviceArray<Candidate> candidates;
  DeviceArray<uint32_t> rows;
};

template <class T>
std::string bytes_of(T value) {
  return std::string(reinterpret_cast<char const*>(&value), sizeof value);
}

// The first row whose number no other row's beats.
template <class T, class Better>
uint32_t first_best(std::vector<std::optional<T>> const& numbers, Better better) {
  uint32_t best = kNoRow;
  for (uint32_t i = 0; i < numbers.size(); ++i) {
    if (!numbers[i].has_value() || *numbers[i] != *numbers[i]) continue;  // null, NaN
    if (best == kNoRow || better(*numbers[i], *numbers[best])) best = i;
  }
  return best;
}

template <class T>
std::vector<std::optional<T>> in_order(std::vector<std::optional<T>> const& numbers,
                                       std::vector<uint32_t> const& order) {
  std::vector<std::optional<T>> ordered;
  for (uint32_t const place : order) ordered.push_back(numbers[place]);
  return ordered;
}

TEST_P(DeviceAlgorithms, IntegersAggregateExactly) {
  Field const field{FieldSource::kValue, FieldType::kI64, false, false, 0, 8};
  for (uint32_t const count : kCounts) {
    SCOPED_TRACE(trace(count));
    std::vector<std::optional<int64_t>> numbers(count);
    std::vector<std::string> values(count);
    for (uint32_t i = 0; i < count; ++i) {
      if (random_.one_in(5)) continue;  // a value too short for the field: null
      int64_t number = static_cast<int64_t>(random_.next());  // sums leave 64 bits
      if (random_.one_in(3)) number = random_.one_in(2) ? INT64_MIN : INT64_MAX;  // equal ones
      numbers[i] = number;
      values[i] = bytes_of(number);
    }
    Rows const rows(device(), stream(), values, random_);
    DeviceArray<uint8_t> const scratch = scratch_for(count);
    Aggregate const aggregate = aggregate_of(rows.source(field, true), count, view(scratch));

    // 128 bits as high * 2^32 + low, each exact in 64 bits.
    int64_t high = 0;
    uint64_t low = 0;
    uint64_t not_null = 0;
    for (std::optional<int64_t> const number : numbers) {
      if (!number.has_value()) continue;
      ++not_null;
      high += *number >> 32;
      low += static_cast<uint64_t>(*number) & 0xffffffff;
    }
    high += static_cast<int64_t>(low >> 32);
    EXPECT_EQ(aggregate.count, not_null);
    EXPECT_EQ(aggregate.sum_low, (static_cast<uint64_t>(high) << 32) | (low & 0xffffffff));
    EXPECT_EQ(static_cast<int64_t>(aggregate.sum_high), high >> 32);
    auto const ordered = in_order(numbers, rows.order);
    EXPECT_EQ(aggregate.min_row, first_best(ordered, std::less<>{}));
    EXPECT_EQ(aggregate.max_row, first_best(ordered, std::greater<>{}));

    Aggregate const without = aggregate_of(rows.source(field, false), count, view(scratch));
    EXPECT_EQ(without.count, not_null);
    EXPECT_EQ(without.min_row, kNoRow);
    EXPECT_EQ(without.max_row, kNoRow);
  }
}

TEST_P(DeviceAlgorithms, FloatsAggregateAndNoNumberIsNoExtreme) {
  Field const field{FieldSource::kValue, FieldType::kF64, false, false, 0, 8};
  for (uint32_t const count : {0u, 1u, 2u, 33u, 1000u, 20'000u}) {
    for (bool const some_are_nan : {false, true}) {
      SCOPED_TRACE(trace(count));
      std::vector<std::optional<double>> numbers(count);
      std::vector<std::string> values(count);
      double sum = 0;
      uint64_t not_null = 0;
      for (uint32_t i = 0; i < count; ++i) {
        if (random_.one_in(5)) continue;
        // Multiples of 1/8, so that the sum is the same in any order.
        double number = static_cast<double>(random_.below(20'001)) / 8 - 1250;
        if (some_are_nan && random_.one_in(3)) number = std::nan("");
        numbers[i] = number;
        values[i] = bytes_of(number);
        sum += number;
        ++not_null;
      }
      Rows const rows(device(), stream(), values, random_);
      DeviceArray<uint8_t> const scratch = scratch_for(count);
      Aggregate const aggregate = aggregate_of(rows.source(field, true), count, view(scratch));
      EXPECT_EQ(aggregate.count, not_null);
      if (std::isnan(sum)) {
        EXPECT_TRUE(std::isnan(aggregate.sum_float));
      } else {
        EXPECT_EQ(aggregate.sum_float, sum);
      }
      auto const ordered = in_order(numbers, rows.order);
      EXPECT_EQ(aggregate.min_row, first_best(ordered, std::less<>{}));
      EXPECT_EQ(aggregate.max_row, first_best(ordered, std::greater<>{}));
    }
  }
}

TEST_P(DeviceAlgorithms, TheExtremesOfBytesAreTheFirstRowsThatHaveThem) {
  Field const field{FieldSource::kValue, FieldType::kBytes, false, false, 0, kToTheEnd};
  for (uint32_t const count : {1u, 2u, 33u, 1000u, 5000u}) {
    SCOPED_TRACE(trace(count));
    std::vector<std::string> values(count);
    std::vector<std::optional<std::string>> numbers(count);
    for (uint32_t i = 0; i < count; ++i) numbers[i] = values[i] = random_key(random_).substr(0, 4);
    Rows const rows(device(), stream(), values, random_);
    DeviceArray<uint8_t> const scratch = scratch_for(count);
    Aggregate const aggregate = aggregate_of(rows.source(field, true), count, view(scratch));
    EXPECT_EQ(aggregate.count, count);
    auto const ordered = in_order(numbers, rows.order);
    EXPECT_EQ(aggregate.min_row, first_best(ordered, std::less<>{}));
    EXPECT_EQ(aggregate.max_row, first_best(ordered, std::greater<>{}));
  }
}

TEST_P(DeviceAlgorithms, RunsOfEqualSegmentsAreAggregatedEach) {
  Field const field{FieldSource::kValue, FieldType::kI32, false, false, 0, 4};
  for (uint32_t const count : kCounts) {
    for (uint32_t const length_max : {1u, 3u, 400u, 100'000u}) {
      SCOPED_TRACE(trace(count));
      std::vector<std::optional<int32_t>> numbers(count);
      std::vector<std::string> values(count);
      std::vector<uint32_t> segments(count);
      for (uint32_t i = 0; i < count; ++i) {
        if (random_.one_in(5)) continue;
        numbers[i] = static_cast<int32_t>(random_.next());
        if (random_.one_in(3)) numbers[i] = random_.one_in(2) ? INT32_MIN : INT32_MAX;
        values[i] = bytes_of(*numbers[i]);
      }
      for (uint32_t i = 0, segment = 7; i < count; segment = random_.one_in(9) ? 0 : segment + 1) {
        for (uint32_t n = random_.between(1, length_max); n > 0 && i < count; --n) {
          segments[i++] = segment;
        }
      }
      Rows const rows(device(), stream(), values, random_);
      auto const ordered = in_order(numbers, rows.order);
      DeviceArray<uint32_t> const array(device(), stream(), segments);
      DeviceArray<uint32_t> const sum_segments(device(), stream(), count);
      DeviceArray<Aggregate> const sums(device(), stream(), count);
      DeviceArray<uint8_t> const scratch = scratch_for(count);
      DeviceArray<uint32_t> const written_count(device(), stream(), 1);
      device().aggregate_segments_async(rows.source(field, true), array.device(), count,
                                        sum_segments.device(), sums.device(),
                                        written_count.device(), view(scratch), stream());
      uint32_t const sum_count = written_count.read().at(0);
      std::vector<uint32_t> const found_segments = sum_segments.read();
      std::vector<Aggregate> const found = sums.read();

      uint32_t expected_count = 0;
      for (uint32_t begin = 0, end = 0; begin < count; begin = end) {
        Aggregate expected = empty_aggregate();
        int64_t sum = 0;
        for (end = begin; end < count && segments[end] == segments[begin]; ++end) {
          if (!ordered[end]) continue;
          ++expected.count;
          sum += *ordered[end];
          if (expected.min_row == kNoRow || *ordered[end] < *ordered[expected.min_row]) {
            expected.min_row = end;
          }
          if (expected.max_row == kNoRow || *ordered[end] > *ordered[expected.max_row]) {
            expected.max_row = end;
          }
        }
        ASSERT_LT(expected_count, sum_count);
        Aggregate const& aggregate = found[expected_count];
        ASSERT_EQ(found_segments[expected_count], segments[begin]);
        ASSERT_EQ(aggregate.count, expected.count);
        ASSERT_EQ(static_cast<int64_t>(aggregate.sum_low), sum);
        ASSERT_EQ(aggregate.sum_high, sum < 0 ? UINT64_MAX : 0);
        ASSERT_EQ(aggregate.min_row, expected.min_row);
        ASSERT_EQ(aggregate.max_row, expected.max_row);
        ++expected_count;
      }
      ASSERT_EQ(sum_count, expected_count);
    }
  }
}

TEST_P(DeviceAlgorithms, TooLittleScratchIsAnErrorThatSaysHowMuchThereIs) {
  uint32_t const count = 10'000;
  std::vector<Candidate> candidates(count);
  for (uint32_t i = 0; i < count; ++i) candidates[i].key_prefix = i;
  std::vector<uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0u);
  DeviceArray<Candidate> const candidate_array(device(), stream(), candidates);
  DeviceArray<uint32_t> const row_array(device(), stream(), rows);
  DeviceArray<uint8_t> const scratch(device(), stream(), 768);
  try {
    device().order_rows_async(row_array.device(), count,
                              CandidateLess{candidate_array.device(), nullptr, KeyOrder::kBytewise},
                              view(scratch), stream());
    FAIL() << "sorted";
  } catch (DeviceError const& error) {
    EXPECT_THAT(error.what(), HasSubstr("768"));
  }
}

}  // namespace
}  // namespace levelscan::test
