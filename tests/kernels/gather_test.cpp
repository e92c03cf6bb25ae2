// Gather where the candidates don't fit: what fits is written, the first that doesn't is the mark,
// and nothing else is touched.
#include "kernels/gather.hpp"

#include <cstring>

#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

bool everything(std::string const&, uint64_t, std::string const&) { return true; }

class GatherSuite : public KernelSuite {};
INSTANTIATE_TEST_SUITE_P(Blocks, GatherSuite, all_blocks(), block_name);

// Candidates of a run that fit: the longest prefix within both bounds.
std::size_t fitting(std::vector<ModelRow> const& candidates, CandidateShare const& share) {
  std::size_t count = 0;
  uint64_t key_bytes = 0;
  for (ModelRow const& row : candidates) {
    key_bytes += row.user_key.size() + 8;
    if (count == share.candidates_max || key_bytes > share.key_bytes_max) break;
    ++count;
  }
  return count;
}

// Where items run in order the filter has written down what gathering would, if there was room.
TEST_P(GatherSuite, AFilterInOrderWritesTheCandidatesThatGatheringDoes) {
  Random random(mix(base_seed() + 12));
  uint64_t candidates = 0;
  for (uint32_t round = 0; round < affordable(400); ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    GeneratedRuns const runs = generate_runs(random, {});
    WindowSpec const window = random_window(random, runs);
    KernelPipeline gathered(device(), stream(), runs.data, window, {});
    gathered.narrow();
    gathered.filter();
    gathered.scan_counts();
    gathered.gather_all();
    ASSERT_EQ(gathered.status().errors, 0u);
    std::vector<Candidate> const expected = gathered.candidates();
    std::string const expected_keys = gathered.keys();

    KernelPipeline pipeline(device(), stream(), runs.data, window, {});
    uint32_t const all = static_cast<uint32_t>(expected.size());
    uint32_t const all_bytes = static_cast<uint32_t>(expected_keys.size());
    bool const is_room = random.one_in(2);
    pipeline.give_filter_space(is_room ? all : random.between(0, all),
                               is_room ? all_bytes : random.between(0, all_bytes));
    pipeline.narrow();
    pipeline.filter();
    ScanStatus const status = pipeline.status();
    ASSERT_EQ(status.errors, 0u);
    if (GetParam() != BlockKind::kSerial) {
      ASSERT_EQ(status.written, 0u);
      continue;
    }
    ASSERT_LE(status.written, all);
    if (is_room) {
      ASSERT_EQ(status.written, all);
    }
    if (status.written != all) continue;
    EXPECT_EQ(status.written_key_bytes, all_bytes);
    EXPECT_EQ(pipeline.keys(), expected_keys);
    std::vector<Candidate> const written = pipeline.candidates();
    for (uint32_t i = 0; i < all; ++i) {
      EXPECT_EQ(std::memcmp(&written[i], &expected[i], sizeof(Candidate)), 0) << "candidate " << i;
    }
    candidates += all;
    if (HasFailure()) return;
  }
  if (GetParam() == BlockKind::kSerial && has_rounds_enough()) {
    EXPECT_GT(candidates, 0u);
  }
}

TEST_P(GatherSuite, WhatFitsIsWrittenAndThenAMark) {
  Random random(mix(base_seed() + 10));
  uint32_t marks = 0;
  uint32_t by_bytes = 0;
  for (uint32_t round = 0; round < affordable(600); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    GeneratedRuns const runs = generate_runs(random, {});
    WindowSpec const window = random_window(random, runs);
    ModelAnswer const expected = model_scan(runs.entries, window, everything);
    KernelPipeline pipeline(device(), stream(), runs.data, window, {});
    pipeline.narrow();
    pipeline.filter();
    pipeline.scan_counts();
    std::vector<CandidateShare> shares;
    uint32_t candidate_base = 0;
    uint32_t key_base = 0;
    for (auto const& candidates : expected.candidates) {
      uint32_t const count = static_cast<uint32_t>(candidates.size());
      uint32_t key_bytes = 0;
      for (ModelRow const& row : candidates)
        key_bytes += static_cast<uint32_t>(row.user_key.size()) + 8;
      CandidateShare share{};
      share.candidate_base = candidate_base;
      share.candidates_max = random.one_in(3) ? count : random.between(0, count);
      share.key_base = key_base;
      share.key_bytes_max = random.one_in(3) ? key_bytes : random.between(0, key_bytes);
      share.mark_key_bytes_max = 200;
      shares.push_back(share);
      candidate_base += share.candidates_max + 1;
      key_base += share.key_bytes_max + share.mark_key_bytes_max;
    }
    pipeline.gather(shares, candidate_base, key_base);
    ASSERT_EQ(pipeline.status().errors, 0u);

    std::vector<Candidate> const candidates = pipeline.candidates();
    std::string untouched = pipeline.keys();
    for (uint32_t r = 0; r < shares.size(); ++r) {
      SCOPED_TRACE("run " + std::to_string(r));
      CandidateShare const share = pipeline.shares()[r];
      std::vector<ModelRow> const& all = expected.candidates[r];
      std::size_t const fit = fitting(all, shares[r]);
      EXPECT_EQ(share.marked, fit < all.size() ? 1u : 0u);
      std::size_t const written = fit + (fit < all.size() ? 1 : 0);
      for (std::size_t i = 0; i < written; ++i) {
        Candidate const& candidate = candidates[share.candidate_base + i];
        EXPECT_EQ(pipeline.row_of(candidate), all[i]);
        untouched.replace(candidate.key_offset, candidate.user_size + 8,
                          std::string(candidate.user_size + 8, '\x5a'));
        EXPECT_GE(candidate.key_offset, share.key_base);
      }
      if (share.marked != 0) {
        EXPECT_EQ(share.mark, share.candidate_base + fit);
        ++marks;
        by_bytes += fit < share.candidates_max;
      }
      // Its own places behind what was written, up to the next run's.
      for (std::size_t i = written; i < share.candidates_max + 1; ++i) {
        EXPECT_EQ(candidates[share.candidate_base + i].flags, 0u);
      }
    }
    EXPECT_EQ(untouched, std::string(untouched.size(), '\x5a')) << "other bytes were written";
    if (HasFailure()) return;
  }
  if (!has_rounds_enough()) return;
  EXPECT_GT(marks, 0u);
  EXPECT_GT(by_bytes, 0u);
}

TEST_P(GatherSuite, MarkWhoseKeyHasNoRoomIsReported) {
  std::vector<TestEntry> entries;
  for (char c = 'a'; c < 'k'; ++c) {
    entries.push_back({std::string(c == 'e' ? 40 : 3, c), 7, kTypeValue, "v"});
  }
  KernelPipeline pipeline(device(), stream(), {RunData{}, build_run({entries}, {3, true})}, {}, {});
  pipeline.narrow();
  pipeline.filter();
  pipeline.scan_counts();
  std::vector<CandidateShare> shares(2);
  shares[1].candidates_max = 10;
  shares[1].key_bytes_max = 4 * 11 + 20;
  shares[1].mark_key_bytes_max = 47;  // a byte less than it needs
  pipeline.gather(shares, 11, 4 * 11 + 20 + 47);
  ScanStatus const status = pipeline.status();
  EXPECT_EQ(status.errors, 1u);
  EXPECT_EQ(status.fault, ScanFault::kKeyTooLarge);
  EXPECT_EQ(status.fault_run, 1u);
  EXPECT_EQ(status.fault_detail, 48u);
  EXPECT_EQ(pipeline.shares()[1].marked, 0u);
}

// The sums run over all runs, so those before a run can take them past 32 bits.
TEST_P(GatherSuite, KeyBytesOfEarlierRunsMayPassFourGibibytes) {
  std::vector<TestEntry> entries;
  for (uint32_t i = 0; i < 100; ++i) {
    entries.push_back({"key" + std::to_string(1000 + i), i + 1, kTypeValue, std::to_string(i)});
  }
  RunData const run = build_run({entries}, {4, true});
  ModelAnswer const expected = model_scan({entries, entries}, {}, everything);
  KernelPipeline pipeline(device(), stream(), {run, run}, {}, {});
  pipeline.narrow();
  pipeline.filter();
  // As if two intervals of the first run held that many, but nothing of it were in the window.
  std::vector<IntervalCount> counts = pipeline.counts();
  counts[0].key_bytes = UINT32_MAX - 100;
  counts[1].key_bytes = UINT32_MAX - 100;
  pipeline.device_counts().write(counts);
  std::vector<IntervalRange> ranges = pipeline.ranges();
  ranges[0] = IntervalRange{0, 0, 0, 0};
  pipeline.device_ranges().write(ranges);
  pipeline.scan_counts();
  std::vector<CandidateShare> shares = pipeline.shares_for_all();
  shares[1].candidate_base = 0;
  shares[1].key_base = 0;
  pipeline.gather(shares, shares[1].candidates_max, shares[1].key_bytes_max);
  ASSERT_EQ(pipeline.status().errors, 0u);
  EXPECT_EQ(pipeline.shares()[1].marked, 0u);
  EXPECT_EQ(pipeline.candidate_rows(1), expected.candidates[1]);
}

}  // namespace
}  // namespace levelscan::test
