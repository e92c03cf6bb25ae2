// Filter and Gather over many parts of a window, and LocateSegments: what survives in each part is
// what ordered maps say of it.
#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

class SegmentSuite : public KernelSuite {};
INSTANTIATE_TEST_SUITE_P(Blocks, SegmentSuite, all_blocks(), block_name);

struct Bound {
  std::string key;
  bool after;

  friend bool operator==(Bound const&, Bound const&) = default;
};

// Parts between random bounds, some of them side by side, the first perhaps without a lower bound
// and the last without an upper one. Never none.
std::vector<WindowSpec> random_parts(Random& random, GeneratedRuns const& runs, uint64_t snapshot) {
  std::vector<Bound> bounds;
  for (uint32_t i = random.between(2, 12); i > 0; --i) {
    Bound bound{random.pick(runs.keys), random.one_in(3)};
    if (random.one_in(4)) bound.key += '\0';
    if (random.one_in(6) && !bound.key.empty()) bound.key.pop_back();
    bounds.push_back(bound);
  }
  std::sort(bounds.begin(), bounds.end(), [&](Bound const& a, Bound const& b) {
    if (a.key != b.key) return (a.key < b.key) == (runs.order == KeyOrder::kBytewise);
    return !a.after && b.after;
  });
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
  std::vector<WindowSpec> parts;
  for (std::size_t i = 0; i + 1 < bounds.size(); i += random.between(1, 2)) {
    parts.push_back({bounds[i].key, bounds[i + 1].key, snapshot, bounds[i].after,
                     bounds[i + 1].after, runs.order});
  }
  if (parts.empty()) parts.push_back({bounds[0].key, {}, snapshot, false, false, runs.order});
  if (random.one_in(3)) parts.front().lower.reset();
  if (random.one_in(3)) parts.back().upper.reset();
  return parts;
}

TEST_P(SegmentSuite, RandomPartsOfRandomRunsAnswerAsOrderedMapsDo) {
  Random random(mix(base_seed() + 41));
  PredicateProgram program;
  uint16_t const field = program.field(number_field(FieldSource::kValue, FieldType::kU8, 0));
  program.test(field, Comparison::kLess, program.integer(200));
  RowPredicate const holds = [](auto const&, auto, auto const& value) {
    return !value.empty() && static_cast<uint8_t>(value[0]) < 200;
  };
  uint64_t rows = 0;
  uint64_t parts_with_rows = 0;
  std::size_t rows_max = 0;
  for (uint32_t round = 0; round < affordable(500); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    GeneratorOptions options;
    bool const large = round % 16 == 15;  // more rows than a block of LocateSegments has
    if (large) {
      options.keys_max = 3000;
      options.entries_max = 3000;
    } else if (random.one_in(4)) {
      options.keys_max = 200;
      options.entries_max = 400;
    }
    GeneratedRuns runs = generate_runs(random, options);
    while (large && runs.keys.size() < 1500) runs = generate_runs(random, options);
    uint64_t const snapshot = large ? kSequenceMax : random_window(random, runs).snapshot;
    std::vector<WindowSpec> parts = random_parts(random, runs, snapshot);
    if (large) {
      parts.erase(parts.begin() + 1, parts.end());
      parts.push_back(parts.front());
      parts.front().lower.reset();
      parts.front().upper = parts.back().lower = random.pick(runs.keys);
      parts.front().upper_after = parts.back().lower_after = false;
      parts.back().upper.reset();
    }
    WindowSpec window = parts.front();
    window.upper = parts.back().upper;
    window.upper_after = parts.back().upper_after;

    std::vector<ModelRow> expected;
    std::vector<uint32_t> expected_parts;
    std::vector<uint32_t> expected_part_rows;
    uint64_t entries_seen = 0;
    for (uint32_t p = 0; p < parts.size(); ++p) {
      ModelAnswer const answer = model_scan(runs.entries, parts[p], holds);
      expected.insert(expected.end(), answer.rows.begin(), answer.rows.end());
      expected_parts.insert(expected_parts.end(), answer.rows.size(), p);
      expected_part_rows.push_back(static_cast<uint32_t>(answer.rows.size()));
      entries_seen += answer.entries_seen;
      if (!answer.rows.empty()) ++parts_with_rows;
    }
    KernelPipeline pipeline(device(), stream(), runs.data, window, program);
    pipeline.look_at(parts);
    std::vector<Resolution> ways{Resolution::kProbe, Resolution::kMark, Resolution::kMerge};
    if (device().info().runs_in_order) ways.push_back(Resolution::kSplit);
    ScanStatus const status = pipeline.run(random.pick(ways));
    ASSERT_EQ(status.errors, 0u) << "fault " << static_cast<uint32_t>(status.fault);
    ASSERT_EQ(status.entries_seen, entries_seen);
    ASSERT_EQ(pipeline.rows(), expected);
    std::vector<uint32_t> part_rows;
    ASSERT_EQ(pipeline.row_parts(part_rows), expected_parts);
    ASSERT_EQ(part_rows, expected_part_rows);
    rows += expected.size();
    rows_max = std::max(rows_max, expected.size());
  }
  if (!has_rounds_enough()) return;
  EXPECT_GT(rows, 0u);
  EXPECT_GT(parts_with_rows, affordable(500));
  EXPECT_GT(rows_max, kTileLocatedRows);
}

}  // namespace
}  // namespace levelscan::test
