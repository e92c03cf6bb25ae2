// Blocks that are not like others: values apart from their keys, and tables whose entries count
// with a global sequence number.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "kernels/run_cursor.hpp"
#include "kernels/run_view.hpp"
#include "support/host_run.hpp"
#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

// The entries that walks over all intervals find; `steps` gets how each walk ended.
std::vector<TestEntry> entries_of(RunData const& run, std::vector<WalkStep>& steps) {
  HostRun const host(run);
  std::vector<TestEntry> entries;
  for (uint32_t interval = 0; interval < run.interval_count; ++interval) {
    EntryWalk walk = host.walk(interval);
    std::string key;
    WalkStep step = walk.next();
    for (; step == WalkStep::kEntry; step = walk.next()) {
      key = key.substr(0, walk.shared) + std::string(reinterpret_cast<char const*>(walk.delta()),
                                                     walk.user_size + kTrailerBytes - walk.shared);
      EXPECT_EQ(key.substr(walk.user_size), fixed(walk.stored_trailer, kTrailerBytes));
      entries.push_back({key.substr(0, walk.user_size), walk.sequence(),
                         static_cast<uint8_t>(walk.type()),
                         run.bytes.substr(walk.value_offset, walk.value_size)});
    }
    steps.push_back(step);
  }
  return entries;
}

TEST(BlockLayouts, WalksFindWhatWasWrittenInEveryLayout) {
  Random random(base_seed());
  uint32_t apart = 0;
  uint32_t ingested = 0;
  for (uint32_t round = 0; round < 400; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    GeneratedRuns const runs = generate_runs(random, {});
    for (std::size_t r = 0; r < runs.data.size(); ++r) {
      std::vector<WalkStep> steps;
      std::vector<TestEntry> const found = entries_of(runs.data[r], steps);
      for (WalkStep const step : steps) ASSERT_EQ(step, WalkStep::kEnd);
      ASSERT_EQ(found.size(), runs.entries[r].size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i].user_key, runs.entries[r][i].user_key);
        ASSERT_EQ(found[i].trailer(), runs.entries[r][i].trailer());
        ASSERT_EQ(found[i].value, runs.entries[r][i].stored());
      }
      for (DataBlockRef const& block : runs.data[r].blocks) {
        apart += block.entries_per_restart != 0;
        ingested += block.global_sequence != kNoGlobalSequence;
      }
    }
  }
  EXPECT_GT(apart, 100u);
  EXPECT_GT(ingested, 100u);
}

// Seven entries, three a restart interval, in one block with the values apart.
RunData seven_entries(uint64_t global_sequence = kNoGlobalSequence) {
  std::vector<TestEntry> entries;
  for (char key = 'a'; key <= 'g'; ++key) {
    entries.push_back({std::string(1, key), 0, kTypeValue, std::string(3, key)});
  }
  RunData run;
  run.append(build_data_block(entries, {3, true, true}), "gap", global_sequence);
  return run;
}

std::vector<WalkStep> steps_of(RunData const& run) {
  std::vector<WalkStep> steps;
  static_cast<void>(entries_of(run, steps));
  return steps;
}

TEST(SeparatedValues, ARestartArrayThatDoesNotCountAsTheTableSaysIsCorrupt) {
  RunData run = seven_entries();
  using Steps = std::vector<WalkStep>;
  EXPECT_EQ(steps_of(run), (Steps{WalkStep::kEnd, WalkStep::kEnd, WalkStep::kEnd}));
  run.blocks[0].entries_per_restart = 2;
  EXPECT_EQ(steps_of(run), (Steps{WalkStep::kCorrupt, WalkStep::kCorrupt, WalkStep::kEnd}));
  run.blocks[0].entries_per_restart = 4;
  EXPECT_EQ(steps_of(run), (Steps{WalkStep::kCorrupt, WalkStep::kCorrupt, WalkStep::kEnd}))
      << "the last interval may be shorter";
}

// The block's first value begins `begin` bytes into its values of 21 and is `size` long.
WalkStep first_step_with_value(uint32_t begin, uint32_t size) {
  RunData run = seven_entries();
  uint32_t const at = run.blocks[0].offset;  // shared, non_shared, value size, value offset
  EXPECT_EQ(run.bytes.substr(at, 4), std::string("\0\x09\x03\0", 4));
  run.bytes[at + 2] = static_cast<char>(size);
  run.bytes[at + 3] = static_cast<char>(begin);
  HostRun const host(run);
  EntryWalk walk = host.walk(0);
  WalkStep const step = walk.next();
  if (step == WalkStep::kEntry) {
    EXPECT_LE(walk.value_offset + walk.value_size, run.blocks[0].restarts_offset);
    EXPECT_GE(walk.value_offset, run.blocks[0].entries_end);
  }
  return step;
}

TEST(SeparatedValues, ValuesOutsideTheirPartOfTheBlockAreCorrupt) {
  EXPECT_EQ(first_step_with_value(0, 3), WalkStep::kEntry);
  EXPECT_EQ(first_step_with_value(0, 21), WalkStep::kEntry);
  EXPECT_EQ(first_step_with_value(21, 0), WalkStep::kEntry);
  EXPECT_EQ(first_step_with_value(5, 16), WalkStep::kEntry);
  EXPECT_EQ(first_step_with_value(0, 22), WalkStep::kCorrupt);
  EXPECT_EQ(first_step_with_value(5, 17), WalkStep::kCorrupt);
  EXPECT_EQ(first_step_with_value(22, 0), WalkStep::kCorrupt);
  EXPECT_EQ(first_step_with_value(127, 127), WalkStep::kCorrupt);
}

TEST(SeparatedValues, ALaterValueBeginsWhereTheOneBeforeEnds) {
  RunData run = seven_entries();
  uint32_t const at = run.blocks[0].offset;
  run.bytes[at + 3] = 18;  // the last three bytes; the next value has no room behind them
  HostRun const host(run);
  EntryWalk walk = host.walk(0);
  ASSERT_EQ(walk.next(), WalkStep::kEntry);
  EXPECT_EQ(run.bytes.substr(walk.value_offset, walk.value_size), "ggg");
  EXPECT_EQ(walk.next(), WalkStep::kCorrupt);
}

TEST(GlobalSequences, StandForTheStoredOnesInSearches) {
  RunData const run = seven_entries(100);
  HostRun const host(run);
  std::string const key = "e";
  uint64_t trailer = 0;
  EXPECT_EQ(newest_visible(host.view(), view_of(key), 99, trailer), Probe::kAbsent);
  EXPECT_EQ(newest_visible(host.view(), view_of(key), 100, trailer), Probe::kFound);
  EXPECT_EQ(trailer, (uint64_t{100} << 8) | kTypeValue);
  // "g" begins the last interval: at a newer place than (g, 100) it is not before it.
  uint32_t count = 0;
  std::string const last = "g";
  ASSERT_TRUE(intervals_before(host.view(), view_of(last), seek_trailer(100), count));
  EXPECT_EQ(count, 2u);
  ASSERT_TRUE(intervals_before(host.view(), view_of(last), seek_trailer(99), count));
  EXPECT_EQ(count, 3u);
}

class GlobalSequenceSuite : public KernelSuite {
 protected:
  std::vector<std::string> scan(std::vector<RunData> const& runs, uint64_t snapshot) {
    WindowSpec window;
    window.snapshot = snapshot;
    std::vector<std::string> first_answer;
    std::vector<Resolution> ways{Resolution::kMark, Resolution::kMerge, Resolution::kProbe};
    if (device().info().runs_in_order) ways.push_back(Resolution::kSplit);
    for (Resolution const by : ways) {
      KernelPipeline pipeline(device(), stream(), runs, window, {});
      EXPECT_EQ(pipeline.run(by).errors, 0u);
      std::vector<std::string> answer;
      for (ModelRow const& row : pipeline.rows()) {
        answer.push_back(row.user_key + "@" + std::to_string(row.sequence) + "=" + row.value);
      }
      if (by != Resolution::kMark) {
        EXPECT_EQ(answer, first_answer);
      }
      first_answer = answer;
    }
    return first_answer;
  }
};
INSTANTIATE_TEST_SUITE_P(Blocks, GlobalSequenceSuite, all_blocks(), block_name);

TEST_P(GlobalSequenceSuite, DecideWhichRunIsNewerAndWhatASnapshotSees) {
  TestEntry const ingested{"k", 50, kTypeValue, "ingested", true};
  TestEntry const tombstone{"m", 50, kTypeDeletion, "", true};
  TestEntry const older_k{"k", 40, kTypeValue, "older"};
  TestEntry const older_m{"m", 40, kTypeValue, "older"};
  TestEntry const newer_k{"k", 60, kTypeValue, "newer"};
  BlockOptions const options{2, true};
  // Newer runs are not always upper ones.
  std::vector<RunData> const runs{build_run({{older_k, older_m}}, options),
                                  build_run({{newer_k}}, options),
                                  build_run({{ingested, tombstone}}, options)};
  using Answer = std::vector<std::string>;
  EXPECT_EQ(scan(runs, 39), Answer{});
  EXPECT_EQ(scan(runs, 49), (Answer{"k@40=older", "m@40=older"}));
  EXPECT_EQ(scan(runs, 50), (Answer{"k@50=ingested"}));
  EXPECT_EQ(scan(runs, 60), (Answer{"k@60=newer"}));
}

}  // namespace
}  // namespace levelscan::test
