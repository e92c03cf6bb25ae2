// The scan buffer pool with one thread: construction that fails, leases, reset, and what is
// counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "device/memory.hpp"
#include "pool/scan_buffer_pool.hpp"
#include "support/counting_device.hpp"
#include "support/expect_error.hpp"
#include "support/tiny_pool_layout.hpp"

namespace levelscan {
namespace {

using testing::expect_error;
using ::testing::HasSubstr;

class Pool : public ::testing::TestWithParam<CpuMirror> {
 protected:
  std::unique_ptr<Device> const cpu_ = make_cpu_device(GetParam());
  CountingDevice device_{*cpu_};
};
using PoolDeathTest = Pool;
INSTANTIATE_TEST_SUITE_P(Mirrors, Pool,
                         ::testing::Values(CpuMirror::kAliasing, CpuMirror::kSeparate));
INSTANTIATE_TEST_SUITE_P(Mirrors, PoolDeathTest,
                         ::testing::Values(CpuMirror::kAliasing, CpuMirror::kSeparate));

// A span of memory that a scan buffer owns, with its slack.
struct Space {
  std::string name;
  uint8_t* first;
  std::size_t bytes;
};

void add_space(std::vector<Space>& spaces, std::string const& name, uint8_t* data,
               std::size_t bytes) {
  spaces.push_back(Space{name, data - kSlackBytes, bytes + 2 * kSlackBytes});
}

void add_space(std::vector<Space>& spaces, std::string const& name, MirroredBytes const& mirrored) {
  add_space(spaces, name + " (host)", mirrored.host(), mirrored.size());
  if (mirrored.device() != mirrored.host()) {
    add_space(spaces, name + " (device)", mirrored.device(), mirrored.size());
  }
}

// All spaces of a scan buffer; on a CPU device the device side can be touched as well.
std::vector<Space> spaces_of(ScanBuffer const& buffer) {
  std::vector<Space> spaces;
  for (LevelBuffer const& level : buffer.levels) {
    add_space(spaces, "index", level.index);
    add_space(spaces, "data", level.data);
    add_space(spaces, "blocks", level.blocks);
  }
  add_space(spaces, "control", buffer.control);
  add_space(spaces, "index_ranges", buffer.index_ranges);
  add_space(spaces, "interval_ranges", buffer.interval_ranges.data(),
            buffer.interval_ranges.size());
  add_space(spaces, "status", buffer.status);
  add_space(spaces, "shares", buffer.shares);
  add_space(spaces, "counts", buffer.counts.data(), buffer.counts.size());
  add_space(spaces, "candidates", buffer.candidates.data(), buffer.candidates.size());
  add_space(spaces, "keys", buffer.keys.data(), buffer.keys.size());
  add_space(spaces, "rows", buffer.rows.data(), buffer.rows.size());
  add_space(spaces, "row_bytes", buffer.row_bytes.data(), buffer.row_bytes.size());
  add_space(spaces, "cells", buffer.cells);
  add_space(spaces, "result", buffer.result);
  add_space(spaces, "values", buffer.values);
  add_space(spaces, "value list", buffer.value_list);
  add_space(spaces, "scratch", buffer.scratch.data(), buffer.scratch.size());
  add_space(spaces, "read_area", buffer.read_area.data(), buffer.read_area.size());
  return spaces;
}

// What the n-th allocation is for, by the order that the message must tell.
std::string without_run_number(std::string const& message) {
  std::size_t const run = message.find("run ");
  return run == std::string::npos ? "" : message.substr(run, message.find(" of ", run) - run);
}

TEST_P(Pool, NothingLeaksWhicheverAllocationFails) {
  PoolLayout const layout = tiny_pool_layout(3);
  uint64_t pinned_bytes = 0;
  uint64_t device_bytes = 0;
  uint64_t allocation_count = 0;
  {
    ScanBufferPool const pool(device_, layout);
    pinned_bytes = device_.pinned_bytes_live();
    device_bytes = device_.device_bytes_live();
    allocation_count = device_.allocations();
  }
  ASSERT_TRUE(device_.nothing_live());
  ASSERT_EQ(allocation_count % layout.scans_max, 0u);
  uint64_t const allocations_per_scan = allocation_count / layout.scans_max;
  std::string const needs = "the whole pool needs " + std::to_string(pinned_bytes) +
                            " bytes of pinned memory and " + std::to_string(device_bytes) +
                            " bytes of device memory";

  std::set<std::string> runs_named;
  uint64_t n = 1;
  for (; n <= allocation_count; ++n) {
    SCOPED_TRACE(::testing::Message() << "allocation " << n << " of " << allocation_count);
    device_.fail_allocation(n);
    uint64_t const before = device_.allocations();
    std::optional<Error> error;
    try {
      ScanBufferPool const pool(device_, layout);
    } catch (Error const& caught) {
      error = caught;
    }
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code(), ErrorCode::kDevice);
    std::string const message = error->what();
    uint64_t const scan = (n - 1) / allocations_per_scan + 1;
    EXPECT_THAT(message, HasSubstr("scan buffer " + std::to_string(scan) + " of 3: "));
    EXPECT_THAT(message, HasSubstr(needs));
    // The device was asked for the bytes that the message names, and the slack.
    std::size_t const asked = message.find("allocation of ");
    ASSERT_NE(asked, std::string::npos) << message;
    uint64_t const asked_bytes = std::stoull(message.substr(asked + std::strlen("allocation of ")));
    EXPECT_THAT(message, HasSubstr(" of " + std::to_string(asked_bytes - 2 * kSlackBytes) +
                                   " bytes: planted failure"));
    runs_named.insert(without_run_number(message));
    EXPECT_EQ(device_.allocations() - before, n - 1);
    EXPECT_TRUE(device_.nothing_live());
  }
  EXPECT_EQ(runs_named, (std::set<std::string>{"", "run 1", "run 2"}));

  device_.fail_allocation(n);
  { ScanBufferPool const pool(device_, layout); }
  EXPECT_TRUE(device_.nothing_live());
}

TEST_P(Pool, NothingLeaksWhicheverStreamOrEventFails) {
  PoolLayout const layout = tiny_pool_layout(3);
  for (uint64_t n = 1; n <= 6; ++n) {
    device_.fail_handle(n);
    expect_error(ErrorCode::kDevice, n % 2 == 1 ? ": stream: " : ": event: ", [&] {
      ScanBufferPool const pool(device_, layout);
    });
    EXPECT_TRUE(device_.nothing_live()) << n;
  }
  device_.fail_handle(7);
  ScanBufferPool const pool(device_, layout);
}

TEST_P(Pool, FailureNamesTheRunAndTheBlock) {
  PoolLayout const layout = tiny_pool_layout(2);
  device_.fail_allocation(1);
  expect_error(ErrorCode::kDevice, "scan buffer 1 of 2: run 1 of 2, index block of 301 bytes: ",
               [&] { ScanBufferPool const pool(device_, layout); });
  device_.fail_allocation(GetParam() == CpuMirror::kAliasing ? 2 : 4);
  expect_error(ErrorCode::kDevice, "scan buffer 1 of 2: run 1 of 2, data block of 40003 bytes: ",
               [&] { ScanBufferPool const pool(device_, layout); });
}

TEST_P(Pool, EverySpaceIsWritableInFullAndSharedByNobody) {
  ScanBufferPool pool(device_, tiny_pool_layout(3));
  std::vector<ScanBufferLease> leases;
  for (uint32_t i = 0; i < 3; ++i) leases.push_back(pool.acquire());
  std::vector<Space> spaces;
  for (ScanBufferLease const& lease : leases) {
    for (Space const& space : spaces_of(*lease)) spaces.push_back(space);
  }
  for (std::size_t i = 0; i < spaces.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(spaces[i].first) % 16, 0u) << spaces[i].name;
    std::memset(spaces[i].first, static_cast<int>(i), spaces[i].bytes);
  }
  for (std::size_t i = 0; i < spaces.size(); ++i) {
    for (std::size_t b = 0; b < spaces[i].bytes; ++b) {
      ASSERT_EQ(spaces[i].first[b], static_cast<uint8_t>(i)) << spaces[i].name << " at " << b;
    }
  }
}

TEST_P(Pool, SpacesHaveTheSizesOfTheLayout) {
  PoolLayout const layout = tiny_pool_layout(1);
  ScanBufferPool pool(device_, layout);
  ScanBufferLease const lease = pool.acquire();
  ASSERT_EQ(lease->levels.size(), 2u);
  for (uint32_t r = 0; r < 2; ++r) {
    EXPECT_EQ(lease->levels[r].index.size(), layout.runs[r].index_block_bytes);
    EXPECT_EQ(lease->levels[r].data.size(), layout.runs[r].data_block_bytes);
    EXPECT_EQ(lease->levels[r].blocks.size(), layout.blocks_max(r) * sizeof(DataBlockRef));
  }
  EXPECT_EQ(lease->control.size(), layout.control_bytes);
  EXPECT_EQ(lease->index_ranges.size(), 2 * sizeof(IndexRange));
  EXPECT_EQ(lease->interval_ranges.size(), 2 * sizeof(IntervalRange));
  EXPECT_EQ(lease->status.size(), sizeof(ScanStatus) + 2 * sizeof(RunTotals));
  EXPECT_EQ(lease->shares.size(), 2 * sizeof(CandidateShare));
  EXPECT_EQ(lease->counts.size(), (layout.intervals_max() + 1) * sizeof(IntervalCount));
  EXPECT_EQ(lease->candidates.size(), (layout.candidates_max + 2) * sizeof(Candidate));
  EXPECT_EQ(lease->keys.size(), layout.candidate_key_bytes);
  EXPECT_EQ(lease->rows.size(), (layout.candidates_max + 2) * sizeof(uint32_t));
  EXPECT_EQ(lease->row_bytes.size(), (layout.candidates_max + 2) * sizeof(uint64_t));
  EXPECT_EQ(lease->cells.size(), layout.cells_max * sizeof(Cell));
  EXPECT_EQ(lease->result.size(), layout.result_bytes);
  EXPECT_EQ(lease->values.size(), layout.values_bytes);
  EXPECT_GE(lease->scratch.size(), device_.scratch_bytes(layout.algorithm_limits()));
  EXPECT_EQ(lease->read_area.size(), layout.read_area_bytes);

  EXPECT_EQ(static_cast<void*>(lease->totals_host()), lease->status.host() + sizeof(ScanStatus));
  EXPECT_EQ(static_cast<void*>(lease->totals_device()),
            lease->status.device() + sizeof(ScanStatus));
  EXPECT_EQ(lease->scratch_device().bytes, lease->scratch.size());
}

TEST_P(Pool, AcquireFailsWithScansMaxExceededAndLeavesThePoolUnchanged) {
  ScanBufferPool pool(device_, tiny_pool_layout(2));
  ScanBufferLease const first = pool.acquire();
  ScanBufferLease second = pool.acquire();
  uint8_t* const second_keys = second->keys.data();
  uint64_t const allocations = device_.allocations();
  for (int i = 0; i < 3; ++i) {
    try {
      ScanBufferLease const third = pool.acquire();
      FAIL() << "a third of two scan buffers";
    } catch (ScansMaxExceeded const& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDevice);
      EXPECT_EQ(error.scans_max(), 2u);
      EXPECT_THAT(error.what(), HasSubstr("2"));
    }
    PoolStatistics const statistics = pool.statistics();
    EXPECT_EQ(statistics.scans_in_use, 2u);
    EXPECT_EQ(statistics.scans_high_water, 2u);
    EXPECT_EQ(statistics.waits, 0u);
    EXPECT_EQ(device_.allocations(), allocations);
  }
  second.release();
  EXPECT_EQ(pool.acquire()->keys.data(), second_keys);
  EXPECT_EQ(pool.statistics().scans_in_use, 1u);
}

TEST_P(Pool, LeaseGivesBackWhenItGoesAndOnlyOnce) {
  ScanBufferPool pool(device_, tiny_pool_layout(2));
  {
    ScanBufferLease lease = pool.acquire();
    EXPECT_TRUE(static_cast<bool>(lease));
    ScanBufferLease moved(std::move(lease));
    EXPECT_FALSE(static_cast<bool>(lease));  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(pool.statistics().scans_in_use, 1u);

    ScanBufferLease other = pool.acquire();
    uint8_t* const moved_keys = moved->keys.data();
    other = std::move(moved);  // gives back what `other` held
    EXPECT_EQ(pool.statistics().scans_in_use, 1u);
    EXPECT_EQ(other->keys.data(), moved_keys);

    ScanBufferLease& self = other;
    other = std::move(self);
    EXPECT_TRUE(static_cast<bool>(other));
    EXPECT_EQ(pool.statistics().scans_in_use, 1u);

    other.release();
    other.release();
    EXPECT_FALSE(static_cast<bool>(other));
    EXPECT_EQ(pool.statistics().scans_in_use, 0u);
  }
  EXPECT_EQ(pool.statistics().scans_in_use, 0u);
  ScanBufferLease const first = pool.acquire();
  ScanBufferLease const second = pool.acquire();
  EXPECT_NE(first->keys.data(), second->keys.data());
}

TEST_P(Pool, HighWaterMarkIsTheMostThatWereInUseAtOnce) {
  ScanBufferPool pool(device_, tiny_pool_layout(4));
  EXPECT_EQ(pool.statistics().scans_max, 4u);
  EXPECT_EQ(pool.statistics().scans_high_water, 0u);
  for (int i = 0; i < 10; ++i) pool.acquire().release();
  EXPECT_EQ(pool.statistics().scans_high_water, 1u);
  {
    ScanBufferLease const a = pool.acquire();
    ScanBufferLease const b = pool.acquire_wait();
    ScanBufferLease const c = pool.acquire_assume_capacity();
  }
  EXPECT_EQ(pool.statistics().scans_in_use, 0u);
  EXPECT_EQ(pool.statistics().scans_high_water, 3u);
  pool.reset();
  EXPECT_EQ(pool.statistics().scans_high_water, 3u);
  EXPECT_EQ(pool.statistics().waits, 0u);
}

TEST_P(Pool, ResetTakesAllBackWithoutFreeingOrTouchingMemory) {
  ScanBufferPool pool(device_, tiny_pool_layout(3));
  std::vector<ScanBufferLease> leases;
  std::vector<Space> spaces;
  for (uint32_t i = 0; i < 3; ++i) {
    leases.push_back(pool.acquire());
    for (Space const& space : spaces_of(*leases.back())) spaces.push_back(space);
  }
  for (Space const& space : spaces) std::memset(space.first, 0x3c, space.bytes);
  uint64_t const allocations = device_.allocations();
  std::size_t const blocks = device_.blocks_live();

  pool.reset();
  EXPECT_EQ(pool.statistics().scans_in_use, 0u);
  EXPECT_EQ(device_.allocations(), allocations);
  EXPECT_EQ(device_.blocks_live(), blocks);
  for (Space const& space : spaces) {
    for (std::size_t b = 0; b < space.bytes; ++b) ASSERT_EQ(space.first[b], 0x3c) << space.name;
  }

  std::vector<ScanBufferLease> again;
  std::set<uint8_t*> keys;
  for (uint32_t i = 0; i < 3; ++i) {
    again.push_back(pool.acquire());
    keys.insert(again.back()->keys.data());
  }
  EXPECT_EQ(keys.size(), 3u);
}

TEST_P(Pool, LeaseFromBeforeAResetReleasesNothingIntoTheNewGeneration) {
  ScanBufferPool pool(device_, tiny_pool_layout(2));
  ScanBufferLease stale = pool.acquire();
  {
    ScanBufferLease const also_stale = pool.acquire();
    pool.reset();
    ScanBufferLease const first = pool.acquire();
    ScanBufferLease const second = pool.acquire();
    stale.release();
    EXPECT_EQ(pool.statistics().scans_in_use, 2u);
    EXPECT_THROW(static_cast<void>(pool.acquire()), ScansMaxExceeded);
  }
  EXPECT_EQ(pool.statistics().scans_in_use, 0u);
  ScanBufferLease const first = pool.acquire();
  ScanBufferLease const second = pool.acquire();
  EXPECT_NE(first->keys.data(), second->keys.data());
  EXPECT_THROW(static_cast<void>(pool.acquire()), ScansMaxExceeded);
}

TEST_P(Pool, LeaseSurvivesManyResetsHarmlessly) {
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  std::vector<ScanBufferLease> stale;
  for (int i = 0; i < 5; ++i) {
    stale.push_back(pool.acquire());
    pool.reset();
  }
  ScanBufferLease const current = pool.acquire();
  stale.clear();
  EXPECT_EQ(pool.statistics().scans_in_use, 1u);
  current->status_host()->errors = 0;
}

TEST_P(Pool, AllocatesNothingBetweenConstructionAndDestruction) {
  ScanBufferPool pool(device_, tiny_pool_layout(2));
  uint64_t const allocations = device_.allocations();
  std::size_t const handles = device_.streams_live() + device_.events_live();
  for (int round = 0; round < 3; ++round) {
    ScanBufferLease const a = pool.acquire();
    ScanBufferLease const b = pool.acquire_wait();
    EXPECT_THROW(static_cast<void>(pool.acquire()), ScansMaxExceeded);
    pool.reset();
    ScanBufferLease const c = pool.acquire_assume_capacity();
    c->status_host()->errors = 0;
    static_cast<void>(pool.statistics());
  }
  EXPECT_EQ(device_.allocations(), allocations);
  EXPECT_EQ(device_.streams_live() + device_.events_live(), handles);

  // The counter is no decoration.
  { PinnedBytes const planted(device_, 1); }
  EXPECT_EQ(device_.allocations(), allocations + 1);
  { DeviceBytes const planted(device_, 1); }
  EXPECT_EQ(device_.allocations(), allocations + 2);
}

TEST_P(PoolDeathTest, AcquireAssumeCapacityAbortsWhenAllAreInUse) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  ScanBufferLease const lease = pool.acquire_assume_capacity();
  EXPECT_DEATH(static_cast<void>(pool.acquire_assume_capacity()),
               "fatal: acquire_assume_capacity: all scan buffers are in use");
}

TEST_P(PoolDeathTest, UseAfterResetAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  ScanBufferLease const stale = pool.acquire();
  pool.reset();
  EXPECT_DEATH(static_cast<void>(stale->keys.size()),
               "fatal: a lease from before the scan buffer pool's reset was used");
  ScanBufferLease const current = pool.acquire();  // of the same scan buffer
  EXPECT_DEATH(static_cast<void>((*stale).keys.size()), "from before the scan buffer pool's reset");
}

TEST_P(PoolDeathTest, UseOfALeaseOfNothingAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  ScanBufferLease lease;
  EXPECT_DEATH(static_cast<void>(lease->keys.size()), "a lease of no scan buffer was used");
  lease = pool.acquire();
  lease.release();
  EXPECT_DEATH(static_cast<void>(lease->keys.size()), "a lease of no scan buffer was used");
}

TEST_P(PoolDeathTest, DestructionBeforeALeaseAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ScanBufferLease lease;
        ScanBufferPool pool(device_, tiny_pool_layout(1));
        lease = pool.acquire();
      },
      "destroyed before its leases");
}

}  // namespace
}  // namespace levelscan
