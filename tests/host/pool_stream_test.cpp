// The scan buffer pool on a device that lags behind: what one holder left in flight must not reach
// the next one's memory, nor memory that is freed.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>

#include "pool/scan_buffer_pool.hpp"
#include "support/counting_device.hpp"
#include "support/expect_error.hpp"
#include "support/lagging_device.hpp"
#include "support/tiny_pool_layout.hpp"

namespace levelscan {
namespace {

using testing::expect_error;

class PoolStream : public ::testing::Test {
 protected:
  std::unique_ptr<Device> const cpu_ = make_cpu_device(CpuMirror::kSeparate);
  CountingDevice counting_{*cpu_};
  LaggingDevice device_{counting_};
};

// Leaves a copy of 0x11 into the host side of the result space in flight.
void leave_a_copy_in_flight(Device& device, ScanBuffer& buffer) {
  std::memset(buffer.result.device(), 0x11, buffer.result.size());
  device.copy_to_host_async(buffer.result.host(), buffer.result.device(), buffer.result.size(),
                            buffer.stream);
}

TEST_F(PoolStream, NextHolderGetsTheScanBufferWhenTheLastOnesWorkIsDone) {
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  EXPECT_EQ(device_.event_waits(), 0u);
  auto const acquire = [&](int way) {
    return way == 0   ? pool.acquire()
           : way == 1 ? pool.acquire_wait()
                      : pool.acquire_assume_capacity();
  };
  for (int way = 0; way < 3; ++way) {
    uint64_t const event_waits = device_.event_waits();
    {
      ScanBufferLease const lease = pool.acquire();
      leave_a_copy_in_flight(device_, *lease);
    }
    EXPECT_EQ(device_.pending(), 1u);  // giving back doesn't wait
    ScanBufferLease const lease = acquire(way);
    EXPECT_EQ(device_.pending(), 0u);
    EXPECT_EQ(lease->result.host()[0], 0x11);
    std::memset(lease->result.host(), 0x22, lease->result.size());
    device_.synchronize(lease->stream);
    EXPECT_EQ(lease->result.host()[0], 0x22);
    EXPECT_GT(device_.event_waits(), event_waits);
  }
}

TEST_F(PoolStream, DestructionWaitsForWorkInFlight) {
  {
    ScanBufferPool pool(device_, tiny_pool_layout(2));
    leave_a_copy_in_flight(device_, *pool.acquire());
  }
  EXPECT_EQ(device_.pending(), 0u);
  EXPECT_EQ(counting_.copies(), 1u);
  EXPECT_TRUE(counting_.nothing_live());
}

TEST_F(PoolStream, StaleLeaseRecordsNothing) {
  ScanBufferPool pool(device_, tiny_pool_layout(1));
  ScanBufferLease stale = pool.acquire();
  pool.reset();
  stale.release();
  uint64_t const event_waits = device_.event_waits();
  ScanBufferLease const lease = pool.acquire();
  EXPECT_EQ(device_.event_waits(), event_waits);  // never recorded
}

TEST_F(PoolStream, LostDeviceIsAnErrorAndTheScanBufferIsNotLostWithIt) {
  std::optional<ScanBufferPool> pool;
  pool.emplace(device_, tiny_pool_layout(1));
  {
    ScanBufferLease const lease = pool->acquire();
    device_.lose();
  }
  for (int i = 0; i < 3; ++i) {
    expect_error(ErrorCode::kDevice, "the device is lost",
                 [&] { static_cast<void>(pool->acquire()); });
    EXPECT_EQ(pool->statistics().scans_in_use, 0u);
  }
  pool.reset();
  EXPECT_TRUE(counting_.nothing_live());
}

}  // namespace
}  // namespace levelscan
