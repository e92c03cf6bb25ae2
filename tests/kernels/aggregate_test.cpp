// Aggregates over rows against sums and extremes that the test works out by itself.
#include "kernels/aggregate.hpp"

#include <cmath>
#include <limits>
#include <optional>

#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"

namespace levelscan::test {
namespace {

// GNU's 128-bit integers, without -Wpedantic's complaint.
__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

class AggregateSuite : public KernelSuite {
 protected:
  // Rows "key00000", "key00001", ... with the given values; the value of one row is missing.
  void load(std::vector<std::string> const& values) {
    std::vector<TestEntry> entries;
    for (std::size_t i = 0; i < values.size(); ++i) {
      entries.push_back({"key" + std::to_string(10000 + i), 1, kTypeValue, values[i]});
    }
    pipeline_ = std::make_unique<KernelPipeline>(
        device(), stream(), std::vector<RunData>{build_run({entries}, {16, true})}, WindowSpec{},
        PredicateProgram{});
    ASSERT_EQ(pipeline_->run().errors, 0u);
    ASSERT_EQ(pipeline_->row_count(), values.size());
    columns_ = std::make_unique<DeviceArray<Field>>(device(), stream(), std::vector<Field>{});
  }

  [[nodiscard]] AggregateRow source(Field const& field, bool extremes) const {
    return AggregateRow{pipeline_->rows_args(*columns_), field, extremes};
  }
  Aggregate aggregate(Field const& field, bool extremes = true) {
    uint32_t const count = pipeline_->row_count();
    DeviceArray<Aggregate> const sum(device(), stream(), 1);
    device().aggregate_async(source(field, extremes), count, sum.device(),
                             pipeline_->scratch(count), stream());
    return sum.read().at(0);
  }

  void TearDown() override {
    columns_.reset();
    pipeline_.reset();
    KernelSuite::TearDown();
  }

 private:
  std::unique_ptr<KernelPipeline> pipeline_;
  std::unique_ptr<DeviceArray<Field>> columns_;
};
INSTANTIATE_TEST_SUITE_P(Blocks, AggregateSuite, all_blocks(), block_name);

Wide sum_of(Aggregate const& aggregate) {
  return static_cast<Wide>((static_cast<UnsignedWide>(aggregate.sum_high) << 64) |
                           aggregate.sum_low);
}

TEST_P(AggregateSuite, IntegersOfAnySizeSumExactlyPastSixtyFourBits) {
  Random random(mix(base_seed() + 50));
  struct Integer {
    FieldType type;
    uint32_t bytes;
    bool is_signed;
  };
  for (auto const& [type, bytes, is_signed] :
       std::initializer_list<Integer>{{FieldType::kU64, 8, false},
                                      {FieldType::kI64, 8, true},
                                      {FieldType::kU32, 4, false},
                                      {FieldType::kI32, 4, true},
                                      {FieldType::kU16, 2, false},
                                      {FieldType::kI16, 2, true},
                                      {FieldType::kU8, 1, false},
                                      {FieldType::kI8, 1, true}}) {
    for (uint32_t round = 0; round < 6; ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      std::vector<std::string> values;
      Wide sum = 0;
      uint64_t count = 0;
      std::optional<std::pair<Wide, uint32_t>> smallest;
      std::optional<std::pair<Wide, uint32_t>> largest;
      uint32_t const row_count = random.between(1, 600);
      for (uint32_t i = 0; i < row_count; ++i) {
        if (random.one_in(10)) {
          values.push_back(std::string(bytes - 1, 's'));
          continue;
        }
        uint64_t bits = 0;
        switch (round) {
          case 0: bits = UINT64_MAX; break;         // -1, or the largest
          case 1: bits = uint64_t{1} << 63; break;  // the smallest, or 2^63
          case 2: bits = INT64_MAX; break;
          case 3: bits = random.below(3) - uint64_t{1}; break;  // many that are equal
          default: bits = random.next(); break;
        }
        bits >>= 64 - 8 * bytes;
        values.push_back(fixed(bits, bytes));
        bool const is_negative = is_signed && (bits >> (8 * bytes - 1)) != 0;
        Wide const number = static_cast<Wide>(bits) - (is_negative ? Wide{1} << (8 * bytes) : 0);
        sum += number;
        ++count;
        if (!smallest || number < smallest->first) smallest = {number, i};
        if (!largest || number > largest->first) largest = {number, i};
      }
      load(values);
      Aggregate const found = aggregate(number_field(FieldSource::kValue, type, 0));
      EXPECT_EQ(found.count, count);
      EXPECT_TRUE(sum_of(found) == sum);
      EXPECT_EQ(found.min_row, smallest ? smallest->second : kNoRow);
      EXPECT_EQ(found.max_row, largest ? largest->second : kNoRow);
      Aggregate const without = aggregate(number_field(FieldSource::kValue, type, 0), false);
      EXPECT_EQ(without.min_row, kNoRow);
      EXPECT_EQ(without.max_row, kNoRow);
      EXPECT_TRUE(sum_of(without) == sum);
    }
  }
}

TEST_P(AggregateSuite, ExtremesOfFloatsSkipNaN) {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  double const infinity = std::numeric_limits<double>::infinity();
  auto const run = [&](std::vector<double> const& numbers) {
    std::vector<std::string> values;
    for (double const number : numbers) values.push_back(fixed(double_to_bits(number), 8));
    values.push_back("null");
    load(values);
    return aggregate(number_field(FieldSource::kValue, FieldType::kF64, 0));
  };
  Aggregate found = run({nan, 3.5, -1.25, nan, 8, -1.25, 8});
  EXPECT_EQ(found.count, 7u) << "NaN is a value";
  EXPECT_EQ(found.min_row, 2u);
  EXPECT_EQ(found.max_row, 4u);
  EXPECT_TRUE(std::isnan(found.sum_float));

  found = run({nan, nan});
  EXPECT_EQ(found.count, 2u);
  EXPECT_EQ(found.min_row, kNoRow);
  EXPECT_EQ(found.max_row, kNoRow);

  found = run({0.5, -infinity, 1e300, 0.25});
  EXPECT_EQ(found.min_row, 1u);
  EXPECT_EQ(found.max_row, 2u);
  EXPECT_EQ(found.sum_float, -infinity);

  found = run({0.5, 0.25, -4.0});
  EXPECT_EQ(found.sum_float, -3.25);
}

TEST_P(AggregateSuite, ExtremesOfBytesAreTheirOrder) {
  load({"m", "ma", "l\xff", "", "zz", "zz", "m"});
  Aggregate found = aggregate(bytes_field(FieldSource::kValue, 0, kToTheEnd));
  EXPECT_EQ(found.count, 7u);
  EXPECT_EQ(found.min_row, 3u);
  EXPECT_EQ(found.max_row, 4u) << "the first of equals";
  found = aggregate(bytes_field(FieldSource::kValue, 1, kToTheEnd));
  EXPECT_EQ(found.count, 6u) << "the empty value has no byte 1";
  EXPECT_EQ(found.min_row, 0u);
  EXPECT_EQ(found.max_row, 2u);
}

TEST_P(AggregateSuite, NothingButNulls) {
  load({"", "a", "b"});
  Aggregate const found = aggregate(number_field(FieldSource::kValue, FieldType::kU32, 0));
  EXPECT_EQ(found.count, 0u);
  EXPECT_EQ(found.sum_low, 0u);
  EXPECT_EQ(found.min_row, kNoRow);
}

TEST(CombineAggregates, GroupsInAnyWay) {
  // On the host: rows of one run, each its own value.
  std::vector<std::string> values;
  Random random(mix(base_seed() + 51));
  std::string data;
  std::vector<Candidate> candidates;
  std::vector<uint32_t> rows;
  Wide sum = 0;
  for (uint32_t i = 0; i < 64; ++i) {
    uint64_t const bits = random.one_in(3) ? UINT64_MAX - random.below(4) : random.next();
    candidates.push_back(
        {0, 0x101, 0, 0, static_cast<uint32_t>(data.size()), 8, 0, kCandidateAlive});
    data += fixed(bits, 8);
    rows.push_back(i);
    sum += static_cast<Wide>(static_cast<int64_t>(bits));
  }
  RunView run{};
  run.data = reinterpret_cast<uint8_t const*>(data.data());
  AggregateRow const source{
      RowsArgs{&run, candidates.data(), run.data, rows.data(), nullptr, 0, 64},
      number_field(FieldSource::kValue, FieldType::kI64, 0), true};
  CombineAggregates const combine{source};
  std::optional<Aggregate> first;
  for (uint32_t round = 0; round < 50; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    std::vector<Aggregate> parts;
    for (uint32_t const row : rows) parts.push_back(source(row));
    for (uint32_t i = 0; i < 5; ++i) {
      parts.insert(parts.begin() + random.below(parts.size() + 1), empty_aggregate());
    }
    while (parts.size() > 1) {
      std::size_t const at = random.below(parts.size() - 1);
      parts[at] = combine(parts[at], parts[at + 1]);
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    EXPECT_TRUE(sum_of(parts[0]) == sum);
    EXPECT_EQ(parts[0].count, 64u);
    if (!first) first = parts[0];
    EXPECT_EQ(parts[0].min_row, first->min_row);
    EXPECT_EQ(parts[0].max_row, first->max_row);
  }
}

}  // namespace
}  // namespace levelscan::test
