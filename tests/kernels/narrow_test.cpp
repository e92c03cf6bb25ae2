// Narrow against every entry of every interval.
#include "kernels/narrow.hpp"

#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

class NarrowSuite : public KernelSuite {};
INSTANTIATE_TEST_SUITE_P(Blocks, NarrowSuite, all_blocks(), block_name);

// Entries of each interval, read off the blocks' options.
std::vector<std::vector<TestEntry>> intervals_of(std::vector<TestEntry> const& entries,
                                                 uint32_t block_entries,
                                                 uint32_t restart_interval) {
  std::vector<std::vector<TestEntry>> intervals;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i % block_entries % restart_interval == 0) intervals.emplace_back();
    intervals.back().push_back(entries[i]);
  }
  return intervals;
}

TEST_P(NarrowSuite, NamesTheIntervalsThatTouchTheWindow) {
  Random random(base_seed());
  uint32_t whole = 0;
  uint32_t left_out = 0;
  for (uint32_t round = 0; round < affordable(1500); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    GeneratorOptions options;
    options.ingested_tables = false;  // blocks are cut anew below
    GeneratedRuns runs = generate_runs(random, options);
    uint32_t const block_entries = random.between(1, 12);
    uint32_t const restart_interval = random.between(1, 5);
    runs.data.clear();
    for (auto const& entries : runs.entries) {
      std::vector<std::vector<TestEntry>> blocks;
      for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i % block_entries == 0) blocks.emplace_back();
        blocks.back().push_back(entries[i]);
      }
      runs.data.push_back(build_run(blocks, {restart_interval, true}));
      runs.data.back().order = runs.order;
    }
    WindowSpec const window = random_window(random, runs);
    KernelPipeline pipeline(device(), stream(), runs.data, window, {});
    pipeline.narrow();
    ASSERT_EQ(pipeline.status().errors, 0u);
    std::vector<IntervalRange> const ranges = pipeline.ranges();
    for (std::size_t r = 0; r < runs.entries.size(); ++r) {
      auto const intervals = intervals_of(runs.entries[r], block_entries, restart_interval);
      ASSERT_EQ(intervals.size(), runs.data[r].interval_count);
      IntervalRange const& range = ranges[r];
      EXPECT_LE(range.last, intervals.size());
      for (uint32_t i = 0; i < intervals.size(); ++i) {
        uint32_t inside = 0;
        for (TestEntry const& entry : intervals[i]) inside += window.holds(entry.user_key);
        bool const named = i >= range.first && i < range.last;
        bool const named_whole = i >= range.whole_first && i < range.whole_last;
        EXPECT_TRUE(named || inside == 0) << "run " << r << " interval " << i << " is left out";
        if (named && named_whole) {
          EXPECT_EQ(inside, intervals[i].size()) << "run " << r << " interval " << i;
          ++whole;
        }
        left_out += !named;
      }
      // At most one interval at each end is named for nothing.
      uint32_t for_nothing = 0;
      for (uint32_t i = range.first; i < range.last; ++i) {
        uint32_t inside = 0;
        for (TestEntry const& entry : intervals[i]) inside += window.holds(entry.user_key);
        for_nothing += inside == 0;
      }
      EXPECT_LE(for_nothing, 2u);
    }
    if (HasFailure()) return;
  }
  if (!has_rounds_enough()) return;
  EXPECT_GT(whole, 0u);
  EXPECT_GT(left_out, 0u);
}

TEST_P(NarrowSuite, RestartPointsOutsideTheEntriesAreReported) {
  std::vector<TestEntry> entries;
  for (char key = 'a'; key < 'm'; ++key)
    entries.push_back({std::string(1, key), 1, kTypeValue, "v"});
  for (uint32_t const planted : {0u, 1u, 200u, 0x7fffffffu, UINT32_MAX}) {
    RunData run = build_run({entries}, {2, true});
    for (uint32_t restart = 1; restart < run.blocks[0].restart_count; ++restart) {
      run.bytes.replace(run.blocks[0].restarts_offset + 4 * restart, 4, fixed(planted, 4));
    }
    WindowSpec window;
    window.lower = "f";
    window.upper = "h";
    KernelPipeline pipeline(device(), stream(), {run}, window, {});
    pipeline.narrow();
    EXPECT_EQ(pipeline.status().fault, ScanFault::kCorruptEntry) << planted;
  }
}

}  // namespace
}  // namespace levelscan::test
