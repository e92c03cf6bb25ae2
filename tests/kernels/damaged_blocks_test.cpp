// A whole round over damaged data blocks: a fault, or rows that lie inside the bytes. Device memory
// of the test devices is exact, so AddressSanitizer sees every read beyond it.
#include <algorithm>

#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

class DamagedBlocksSuite : public KernelSuite {
 protected:
  void expect_inside(std::vector<RunData> const& runs, WindowSpec const& window,
                     PredicateProgram const& predicate) {
    KernelPipeline pipeline(device(), stream(), runs, window, predicate);
    ScanStatus const status = pipeline.run();
    if (status.errors != 0) {
      EXPECT_NE(status.fault, ScanFault::kNone);
      EXPECT_LT(status.fault_run, runs.size());
      ++faults_;
    } else {
      static_cast<void>(pipeline.rows());  // checks each row's offsets
      ++answers_;
    }
  }

  // Every n-th byte only, where a launch is slow.
  [[nodiscard]] static std::size_t step() { return launch_cost(); }

  uint32_t faults_ = 0;
  uint32_t answers_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Blocks, DamagedBlocksSuite, all_blocks(), block_name);

TEST_P(DamagedBlocksSuite, EveryByteDamagedOrCutOff) {
  PredicateProgram predicate;
  uint16_t const field = predicate.field(bytes_field(FieldSource::kKey, 1, kToTheEnd));
  predicate.test(field, Comparison::kGreaterEqual, predicate.text("a"));

  Random random(mix(base_seed() + 20));
  GeneratorOptions options;
  options.runs_max = 3;
  options.entries_max = 24;
  options.keys_max = 12;
  for (uint32_t round = 0; round < affordable(12); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    GeneratedRuns const runs = generate_runs(random, options);
    WindowSpec const window = random_window(random, runs);
    for (std::size_t r = 0; r < runs.data.size(); ++r) {
      std::string const& bytes = runs.data[r].bytes;
      for (std::size_t at = 0; at < bytes.size(); at += step()) {
        std::vector<RunData> damaged = runs.data;
        damaged[r].bytes[at] = random.damaged(bytes[at]);
        expect_inside(damaged, window, predicate);
      }
      // Entries cut off before the restart array; what the array says stays.
      for (std::size_t b = 0; b < runs.data[r].blocks.size(); ++b) {
        DataBlockRef const& block = runs.data[r].blocks[b];
        for (uint32_t end = block.offset; end < block.restarts_offset;
             end += static_cast<uint32_t>(step())) {
          std::vector<RunData> damaged = runs.data;
          uint32_t const restarts_bytes = 4 * block.restart_count;
          damaged[r].bytes.replace(end, restarts_bytes,
                                   bytes.substr(block.restarts_offset, restarts_bytes));
          damaged[r].blocks[b].entries_end = std::min(end, block.entries_end);
          damaged[r].blocks[b].restarts_offset = end;
          expect_inside(damaged, window, predicate);
        }
      }
    }
    if (HasFailure()) return;
  }
  if (!has_rounds_enough()) return;
  EXPECT_GT(faults_, 0u);
  EXPECT_GT(answers_, 0u);
}

// The restart point claims that the first interval goes on beyond the block, and its entry that its
// value does: the predicate must not look at the value's last byte.
TEST_P(DamagedBlocksSuite, RestartPointBeyondTheEntriesDoesNotLengthenAValue) {
  PredicateProgram predicate;
  uint16_t const field =
      predicate.field(from_end(number_field(FieldSource::kValue, FieldType::kU8, 1)));
  predicate.test(field, Comparison::kEqual, predicate.integer(7));
  RunData run;
  run.bytes = varint(0) + varint(9) + varint(1000) + internal_key("k", 0x101) + "value";
  uint32_t const restarts_offset = static_cast<uint32_t>(run.bytes.size());
  run.bytes += fixed(0, 4) + fixed(0x7fffffff, 4) + fixed(2, 4);
  run.blocks = {DataBlockRef{0, restarts_offset, restarts_offset, 2, 0, 0, kNoGlobalSequence}};
  run.interval_count = 2;
  run.largest_sequence = 1;
  run.smallest_sequence = 1;
  KernelPipeline pipeline(device(), stream(), {run}, {}, predicate);
  EXPECT_EQ(pipeline.run().fault, ScanFault::kCorruptEntry);
}

TEST_P(DamagedBlocksSuite, KeysThatDescendAcrossIntervalsAreReportedToCandidates) {
  std::vector<TestEntry> const first{{"a", 1, kTypeValue, "v"}, {"m", 1, kTypeValue, "v"}};
  std::vector<TestEntry> const second{{"b", 1, kTypeValue, "v"}, {"z", 1, kTypeValue, "v"}};
  RunData const run = build_run({first, second}, {16, true});
  KernelPipeline pipeline(device(), stream(), {run}, {}, {});
  EXPECT_EQ(pipeline.run().fault, ScanFault::kCorruptEntry);
  // Where blocks run in order nothing but the filter looks at them, and it may only count.
  for (bool const counts : {false, true}) {
    if (counts && !device().info().runs_in_order) continue;
    KernelPipeline filtered(device(), stream(), {run}, {}, {});
    if (counts) filtered.count_rows();
    filtered.narrow();
    filtered.filter();
    EXPECT_EQ(filtered.status().fault, ScanFault::kCorruptEntry) << "counts: " << counts;
  }
}

}  // namespace
}  // namespace levelscan::test
