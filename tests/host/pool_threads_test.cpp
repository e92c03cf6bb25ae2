// The scan buffer pool with many threads: back-pressure, order, and no scan buffer in two hands.
// std::thread only, so that ThreadSanitizer sees all there is.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "pool/scan_buffer_pool.hpp"
#include "support/counting_device.hpp"
#include "support/tiny_pool_layout.hpp"

namespace levelscan {
namespace {

class PoolThreads : public ::testing::TestWithParam<CpuMirror> {
 protected:
  std::unique_ptr<Device> const cpu_ = make_cpu_device(GetParam());
  CountingDevice device_{*cpu_};
};
INSTANTIATE_TEST_SUITE_P(Mirrors, PoolThreads,
                         ::testing::Values(CpuMirror::kAliasing, CpuMirror::kSeparate));

void wait_for_waits(ScanBufferPool const& pool, uint64_t waits) {
  while (pool.statistics().waits < waits) std::this_thread::yield();
}

TEST_P(PoolThreads, AcquireWaitServesInTheOrderOfAsking) {
  constexpr uint32_t kThreads = 8;
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  ScanBufferLease lease = pool.acquire();
  std::vector<uint32_t> served;  // written by whoever holds the only scan buffer
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      ScanBufferLease const mine = pool.acquire_wait();
      served.push_back(i);
      std::this_thread::yield();
    });
    wait_for_waits(pool, i + 1);
  }
  EXPECT_TRUE(served.empty());
  EXPECT_EQ(pool.statistics().scans_in_use, 1u);
  lease.release();
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(served.size(), kThreads);
  for (uint32_t i = 0; i < kThreads; ++i) EXPECT_EQ(served[i], i);
  EXPECT_EQ(pool.statistics().waits, kThreads);
  EXPECT_EQ(pool.statistics().scans_in_use, 0u);
  EXPECT_EQ(pool.statistics().scans_high_water, 1u);
}

TEST_P(PoolThreads, SeveralGivenBackAtOnceServeSeveral) {
  constexpr uint32_t kScans = 3;
  ScanBufferPool pool(device_, tiny_pool_layout(kScans));
  std::vector<ScanBufferLease> leases;
  for (uint32_t i = 0; i < kScans; ++i) leases.push_back(pool.acquire());
  std::atomic<uint32_t> holding = 0;
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kScans; ++i) {
    threads.emplace_back([&] {
      ScanBufferLease const mine = pool.acquire_wait();
      // Goes on only when all of them have one at the same time.
      ++holding;
      while (holding < kScans) std::this_thread::yield();
    });
    wait_for_waits(pool, i + 1);
  }
  leases.clear();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.statistics().waits, kScans);
}

TEST_P(PoolThreads, AcquireDoesNotOvertakeWhoWaits) {
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  for (int round = 0; round < 50; ++round) {
    ScanBufferLease lease = pool.acquire();
    std::atomic<bool> go = false;
    std::thread waiter([&] {
      ScanBufferLease const mine = pool.acquire_wait();
      while (!go) std::this_thread::yield();
    });
    wait_for_waits(pool, static_cast<uint64_t>(round) + 1);
    lease.release();
    // Whether the waiter has woken up or not.
    EXPECT_THROW(static_cast<void>(pool.acquire()), ScansMaxExceeded);
    go = true;
    waiter.join();
  }
}

TEST_P(PoolThreads, ResetServesWhoWaits) {
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  ScanBufferLease stale = pool.acquire();
  std::atomic<bool> served = false;
  std::atomic<bool> go = false;
  std::thread waiter([&] {
    ScanBufferLease const mine = pool.acquire_wait();
    mine->status_host()->errors = 7;
    served = true;
    while (!go) std::this_thread::yield();
  });
  wait_for_waits(pool, 1);
  pool.reset();
  while (!served) std::this_thread::yield();
  stale.release();
  EXPECT_EQ(pool.statistics().scans_in_use, 1u);
  go = true;
  waiter.join();
  EXPECT_EQ(pool.statistics().scans_in_use, 0u);
}

// Each holder writes its number all over the scan buffer with plain stores and reads it back: two
// holders of one scan buffer are a wrong number here, and a data race under ThreadSanitizer.
void use(ScanBuffer& buffer, uint32_t number, std::atomic<uint32_t>& failures) {
  uint32_t* const rows = buffer.rows_device();
  std::size_t const count = buffer.rows.size() / sizeof(uint32_t);
  for (std::size_t i = 0; i < count; ++i) rows[i] = number;
  buffer.status_host()->fault_detail = number;
  std::this_thread::yield();
  for (std::size_t i = 0; i < count; ++i) {
    if (rows[i] != number) ++failures;
  }
  if (buffer.status_host()->fault_detail != number) ++failures;
}

TEST_P(PoolThreads, NoTwoLeasesShareAScanBuffer) {
  constexpr uint32_t kThreads = 8;
  constexpr uint32_t kScans = 3;
  constexpr uint32_t kRounds = 400;
  uint32_t const seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  ScanBufferPool pool(device_, tiny_pool_layout(kScans));
  uint64_t const allocations = device_.allocations();
  std::atomic<uint32_t> failures = 0;
  std::atomic<uint32_t> held = 0;
  std::atomic<uint32_t> acquired = 0;
  std::atomic<uint32_t> running = kThreads;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(seed + t);
      for (uint32_t round = 0; round < kRounds; ++round) {
        ScanBufferLease lease;
        if (random() % 4 == 0) {
          try {
            lease = pool.acquire();
          } catch (ScansMaxExceeded const&) {
            continue;
          }
        } else {
          lease = pool.acquire_wait();
        }
        ++acquired;
        if (++held > kScans) ++failures;
        use(*lease, t * kRounds + round, failures);
        --held;
        if (random() % 2 == 0) lease.release();
      }
      --running;
    });
  }
  while (running > 0) {
    PoolStatistics const statistics = pool.statistics();
    if (statistics.scans_in_use > kScans || statistics.scans_high_water > kScans) ++failures;
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0u);
  EXPECT_GE(acquired, kThreads * kRounds / 2);
  PoolStatistics const statistics = pool.statistics();
  EXPECT_EQ(statistics.scans_in_use, 0u);
  EXPECT_GE(statistics.scans_high_water, 1u);
  EXPECT_LE(statistics.scans_high_water, kScans);
  EXPECT_EQ(device_.allocations(), allocations);
}

TEST_P(PoolThreads, StaleLeasesGoInManyThreadsWhileTheNewGenerationWorks) {
  constexpr uint32_t kScans = 4;
  ScanBufferPool pool(device_, tiny_pool_layout(kScans));
  std::atomic<uint32_t> failures = 0;
  for (uint32_t round = 0; round < 50; ++round) {
    std::vector<ScanBufferLease> stale;
    for (uint32_t i = 0; i < kScans; ++i) stale.push_back(pool.acquire());
    pool.reset();
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < kScans; ++i) {
      threads.emplace_back([&, i] {
        ScanBufferLease const lease = pool.acquire_wait();
        stale[i].release();
        use(*lease, i, failures);
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(pool.statistics().scans_in_use, 0u);
  }
  EXPECT_EQ(failures, 0u);
}

}  // namespace
}  // namespace levelscan
