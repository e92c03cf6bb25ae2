// The arithmetic of pool layouts, against numbers worked out by hand and against what a device saw.
#include "pool/pool_layout.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>

#include "device/device.hpp"
#include "pool/scan_buffer_pool.hpp"
#include "support/counting_device.hpp"
#include "support/expect_error.hpp"
#include "support/tiny_pool_layout.hpp"

namespace levelscan {
namespace {

using testing::expect_error;

TEST(PoolLayout, DerivesCountsFromTheDataBlockWithAFloor) {
  PoolLayout const layout = tiny_pool_layout(1);
  EXPECT_EQ(layout.blocks_max(0), 156u);  // 40003 / 256
  EXPECT_EQ(layout.blocks_max(1), 64u);
  EXPECT_EQ(layout.intervals_max(0), 625u);  // 40003 / 64
  EXPECT_EQ(layout.intervals_max(1), 256u);
  EXPECT_EQ(layout.intervals_max(), 881u);
  EXPECT_EQ(layout.candidate_slots(), 15u);
  EXPECT_EQ(layout.algorithm_limits().intervals_max, 882u);
  EXPECT_EQ(layout.algorithm_limits().candidates_max, 15u);
}

TEST(PoolLayout, DerivesBytesFromCounts) {
  PoolLayout const layout = tiny_pool_layout(1);
  EXPECT_EQ(layout.blocks_bytes(0), 156 * sizeof(DataBlockRef));
  EXPECT_EQ(layout.checks_bytes(0), 156 * sizeof(CheckedBlock));
  EXPECT_EQ(layout.index_ranges_bytes(), 2 * sizeof(IndexRange));
  EXPECT_EQ(layout.interval_ranges_bytes(), 2 * sizeof(IntervalRange));
  EXPECT_EQ(layout.status_bytes(), sizeof(ScanStatus) + 2 * sizeof(RunTotals));
  EXPECT_EQ(layout.shares_bytes(), 2 * sizeof(CandidateShare));
  EXPECT_EQ(layout.counts_bytes(), 882 * sizeof(IntervalCount));
  EXPECT_EQ(layout.candidates_bytes(), 15 * sizeof(Candidate));
  EXPECT_EQ(layout.rows_bytes(), 15 * sizeof(uint32_t));
  EXPECT_EQ(layout.row_bytes_bytes(), 15 * sizeof(uint64_t));
  EXPECT_EQ(layout.cells_bytes(), 7 * sizeof(Cell));
}

class PoolLayoutOnDevice : public ::testing::TestWithParam<CpuMirror> {
 protected:
  std::unique_ptr<Device> const cpu_ = make_cpu_device(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Mirrors, PoolLayoutOnDevice,
                         ::testing::Values(CpuMirror::kAliasing, CpuMirror::kSeparate));

TEST_P(PoolLayoutOnDevice, TotalsAreWhatConstructionAllocates) {
  for (uint32_t scans_max = 1; scans_max <= 3; ++scans_max) {
    for (uint32_t run_count = 0; run_count <= 4; ++run_count) {
      SCOPED_TRACE(::testing::Message() << scans_max << " scans, " << run_count << " runs");
      PoolLayout layout = tiny_pool_layout(scans_max);
      layout.runs.resize(run_count, RunLayout{97, 30011});
      CountingDevice device(*cpu_);
      {
        ScanBufferPool const pool(device, layout);
        PoolBytes const bytes = layout.pool_bytes(device);
        EXPECT_EQ(bytes.pinned, device.pinned_bytes_live());
        EXPECT_EQ(bytes.device, device.device_bytes_live());
        EXPECT_EQ(bytes.total(), bytes.pinned + bytes.device);
        EXPECT_EQ(pool.statistics().pinned_bytes, device.pinned_bytes_live());
        EXPECT_EQ(pool.statistics().device_bytes, device.device_bytes_live());
        EXPECT_EQ(layout.scan_buffer_bytes(device).pinned * scans_max, bytes.pinned);
        EXPECT_EQ(layout.scan_buffer_bytes(device).device * scans_max, bytes.device);
        EXPECT_EQ(device.streams_live(), scans_max);
        EXPECT_EQ(device.events_live(), scans_max);
      }
      EXPECT_TRUE(device.nothing_live());
    }
  }
}

TEST_P(PoolLayoutOnDevice, AliasingSparesTheDeviceSideOfMirrors) {
  PoolLayout const layout = tiny_pool_layout(1);
  PoolBytes const bytes = layout.scan_buffer_bytes(*cpu_);
  auto const with_slack = [](std::initializer_list<std::size_t> sizes) {
    uint64_t sum = 0;
    for (std::size_t const size : sizes) sum += size + 32;
    return sum;
  };
  uint64_t const device_only =
      with_slack({2 * sizeof(IntervalRange), 882 * sizeof(IntervalCount), 15 * sizeof(Candidate),
                  211, 15 * sizeof(uint32_t), 15 * sizeof(uint64_t), layout.scratch_bytes(*cpu_)});
  uint64_t const mirrored = with_slack(
      {301, 40003, 156 * sizeof(DataBlockRef), 523, 1009, 64 * sizeof(DataBlockRef), 401,
       2 * sizeof(IndexRange), sizeof(ScanStatus) + 2 * sizeof(RunTotals),
       2 * sizeof(CandidateShare), 7 * sizeof(Cell), 307, 409, 5 * sizeof(DeferredValue)});
  bool const separate = GetParam() == CpuMirror::kSeparate;
  // Who scans what it reads itself has no list for the device of what to verify.
  uint64_t const checks =
      separate ? with_slack({156 * sizeof(CheckedBlock), 64 * sizeof(CheckedBlock)}) : uint64_t{0};
  EXPECT_EQ(bytes.pinned, mirrored + checks + 503 + 32);
  EXPECT_EQ(bytes.device, device_only + (separate ? mirrored + checks : uint64_t{0}));
}

TEST(PoolLayout, RefusesWhatIsNoLayout) {
  auto const refuses = [](char const* words, auto const& spoil) {
    PoolLayout layout = tiny_pool_layout(2);
    layout.check();
    spoil(layout);
    std::unique_ptr<Device> const cpu = make_cpu_device(CpuMirror::kAliasing);
    CountingDevice device(*cpu);
    expect_error(ErrorCode::kUsage, words, [&] { ScanBufferPool const pool(device, layout); });
    EXPECT_EQ(device.allocations(), 0u);
  };
  refuses("scans_max", [](PoolLayout& layout) { layout.scans_max = 0; });
  refuses("index_block_bytes", [](PoolLayout& layout) { layout.runs[1].index_block_bytes = 0; });
  refuses("data_block_bytes", [](PoolLayout& layout) { layout.runs[0].data_block_bytes = 0; });
  refuses("candidates_max", [](PoolLayout& layout) { layout.candidates_max = 0; });
  refuses("less than 2 for each of 2 runs", [](PoolLayout& layout) { layout.candidates_max = 3; });
  refuses("candidate_key_bytes", [](PoolLayout& layout) { layout.candidate_key_bytes = 0; });
  refuses("cells_max", [](PoolLayout& layout) { layout.cells_max = 0; });
  refuses("result_bytes", [](PoolLayout& layout) { layout.result_bytes = 0; });
  refuses("control_bytes", [](PoolLayout& layout) { layout.control_bytes = 0; });
  refuses("read_area_bytes", [](PoolLayout& layout) { layout.read_area_bytes = 0; });
  refuses("values_bytes", [](PoolLayout& layout) { layout.values_bytes = 0; });
  refuses("value_list_max", [](PoolLayout& layout) { layout.value_list_max = 0; });
  refuses("32 bits", [](PoolLayout& layout) { layout.candidates_max = UINT32_MAX; });
  refuses("32 bits", [](PoolLayout& layout) {
    layout.runs.assign(65, RunLayout{1, UINT32_MAX});
    layout.candidates_max = 130;
  });
  refuses("64 bits", [](PoolLayout& layout) {
    layout.scans_max = UINT32_MAX;
    layout.runs.assign(3, RunLayout{UINT32_MAX, UINT32_MAX});
  });
}

TEST(PoolLayout, HoldsFourGibibytesWithoutWrapping) {
  PoolLayout layout = tiny_pool_layout(3);
  layout.runs.assign(2, RunLayout{UINT32_MAX, UINT32_MAX});
  std::unique_ptr<Device> const cpu = make_cpu_device(CpuMirror::kAliasing);
  EXPECT_GT(layout.pool_bytes(*cpu).pinned, uint64_t{3} * 2 * 2 * UINT32_MAX);
}

}  // namespace
}  // namespace levelscan
