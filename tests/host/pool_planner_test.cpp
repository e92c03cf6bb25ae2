// Layouts that are planned from metadata alone.
#include "plan/pool_planner.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "device/device.hpp"

namespace levelscan {
namespace {

// A database whose runs have so many bytes.
DatabaseVersion version_of(std::vector<uint64_t> const& run_bytes) {
  DatabaseVersion version;
  for (uint64_t const bytes : run_bytes) {
    SortedRun run;
    run.tables.push_back(nullptr);
    run.metas.emplace_back().file_bytes = bytes;
    version.runs.push_back(std::move(run));
  }
  return version;
}

// What each run's data block has.
uint32_t data_block_bytes(std::vector<uint64_t> const& run_bytes, uint32_t asked = 0) {
  auto const device = make_cpu_device(CpuMirror::kAliasing);
  PoolRequest request;
  request.memory_bytes = uint64_t{1} << 30;
  request.data_block_bytes = asked;
  PoolLayout const layout = plan_pool(version_of(run_bytes), *device, request);
  for (RunLayout const& run : layout.runs) {
    EXPECT_EQ(run.data_block_bytes, layout.runs.front().data_block_bytes);
  }
  return layout.runs.front().data_block_bytes;
}

TEST(PoolPlanner, RunsOfLikeSizesHaveSmallerDataBlocks) {
  constexpr uint64_t kTerabyte = uint64_t{1} << 40;
  EXPECT_EQ(data_block_bytes({kTerabyte}), 1u << 20);
  EXPECT_EQ(data_block_bytes({0, 0}), 1u << 20);
  EXPECT_EQ(data_block_bytes({1000, 20'000, 9 * kTerabyte}), 1u << 20);
  EXPECT_EQ(data_block_bytes(std::vector<uint64_t>(10, kTerabyte)), 1u << 20);
  EXPECT_EQ(data_block_bytes(std::vector<uint64_t>(20, kTerabyte)), 512u << 10);
  EXPECT_EQ(data_block_bytes(std::vector<uint64_t>(100, 1)), 256u << 10);
  EXPECT_EQ(data_block_bytes(std::vector<uint64_t>(20, kTerabyte), 3000), 3000u);
}

}  // namespace
}  // namespace levelscan
