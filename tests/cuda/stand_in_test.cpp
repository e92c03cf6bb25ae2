// The stand-in itself: what CUDA would do it does, and each fault planted here is one that it
// catches. Faults in levelscan would look the same.
#include "cuda/stand_in.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace levelscan::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Two streams, an event, and 4 KiB of each kind of memory.
class CudaStandInTest : public testing::Test {
 protected:
  static constexpr std::size_t kBytes = 4096;

  void SetUp() override {
    stand_in_.set_order(OperationOrder::kLate);
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    ASSERT_EQ(cudaStreamCreateWithFlags(&other_, cudaStreamNonBlocking), cudaSuccess);
    ASSERT_EQ(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), cudaSuccess);
    ASSERT_EQ(cudaMalloc(&device_, kBytes), cudaSuccess);
    ASSERT_EQ(cudaHostAlloc(&pinned_, kBytes, 0), cudaSuccess);
  }
  void TearDown() override {
    cudaStreamDestroy(stream_);
    cudaStreamDestroy(other_);
    cudaEventDestroy(event_);
    cudaFree(device_);
    cudaFreeHost(pinned_);
    static_cast<void>(cudaGetLastError());
    if (expects_loss_) stand_in_.reset(0);
  }

  cudaError_t copy_there(cudaStream_t stream) {
    return cudaMemcpyAsync(device_, pinned_, kBytes, cudaMemcpyHostToDevice, stream);
  }
  cudaError_t copy_back(cudaStream_t stream) {
    return cudaMemcpyAsync(pinned_, device_, kBytes, cudaMemcpyDeviceToHost, stream);
  }
  cudaError_t launch(uint32_t blocks, uint32_t threads, std::size_t shared) {
    return stand_in_.call("a launch", [&] {
      return stand_in_.launch("Planted", {blocks, threads, shared}, stream_, [](uint64_t) {});
    });
  }
  // The one violation that the test planted.
  void expect_violation(std::string const& words) {
    EXPECT_THAT(stand_in_.take_violations(), ElementsAre(HasSubstr(words)));
    static_cast<void>(cudaGetLastError());
  }

  CudaStandIn& stand_in_ = CudaStandIn::instance();
  cudaStream_t stream_ = nullptr;
  cudaStream_t other_ = nullptr;
  cudaEvent_t event_ = nullptr;
  void* device_ = nullptr;
  void* pinned_ = nullptr;
  bool expects_loss_ = false;
};

TEST_F(CudaStandInTest, WorkWaitsUntilSomebodyWaitsForIt) {
  std::memset(pinned_, 1, kBytes);
  ASSERT_EQ(copy_there(stream_), cudaSuccess);
  // Too early: the copy takes what stands here when it runs.
  std::memset(pinned_, 2, kBytes);
  EXPECT_EQ(stand_in_.operations_run(), 0u);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(stand_in_.operations_run(), 1u);
  std::memset(pinned_, 3, kBytes);
  ASSERT_EQ(copy_back(stream_), cudaSuccess);
  EXPECT_EQ(*static_cast<char*>(pinned_), 3);  // nobody waited
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(*static_cast<char*>(pinned_), 2);
}

TEST_F(CudaStandInTest, InOtherOrdersWorkMayRunBeforeThat) {
  for (OperationOrder const order : {OperationOrder::kEager, OperationOrder::kMixed}) {
    stand_in_.set_order(order);
    uint64_t early = 0;
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(cudaMemsetAsync(device_, i, kBytes, stream_), cudaSuccess);
      if (stand_in_.operations_pending() == 0) ++early;
      ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    }
    EXPECT_GT(early, 0u);
    EXPECT_EQ(early == 100, order == OperationOrder::kEager);
  }
}

TEST_F(CudaStandInTest, AStreamWaitsForAnEventAndNotForWhatCameAfterIt) {
  ASSERT_EQ(cudaMemsetAsync(device_, 1, kBytes, stream_), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  ASSERT_EQ(cudaMemsetAsync(device_, 2, kBytes, stream_), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(other_, event_, 0), cudaSuccess);
  ASSERT_EQ(copy_back(other_), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
  EXPECT_EQ(*static_cast<char*>(pinned_), 1);
  EXPECT_EQ(stand_in_.operations_pending(), 1u);
}

TEST_F(CudaStandInTest, WithoutAWaitStreamsDontOrderEachOther) {
  ASSERT_EQ(cudaMemsetAsync(device_, 1, kBytes, stream_), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  ASSERT_EQ(cudaMemsetAsync(device_, 2, kBytes, stream_), cudaSuccess);
  ASSERT_EQ(copy_back(other_), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
  EXPECT_EQ(*static_cast<char*>(pinned_), 1);
}

TEST_F(CudaStandInTest, WaitingForAnEventThatWasNeverRecordedDoesNothing) {
  ASSERT_EQ(cudaMemsetAsync(device_, 1, kBytes, stream_), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(other_, event_, 0), cudaSuccess);  // too early
  ASSERT_EQ(cudaEventRecord(event_, stream_), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(other_), cudaSuccess);
  EXPECT_EQ(stand_in_.operations_run(), 0u);
  EXPECT_EQ(stand_in_.event_waits(), 0u);
}

TEST_F(CudaStandInTest, EventsTellWhenTheirStreamReachedThem) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&begin, cudaEventDefault), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&end, cudaEventDefault), cudaSuccess);
  float milliseconds = 0;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaErrorInvalidResourceHandle);
  expect_violation("was never recorded");

  copy_there(stream_);
  cudaEventRecord(begin, stream_);
  copy_there(stream_);
  cudaMemsetAsync(device_, 0, kBytes, stream_);
  cudaEventRecord(end, stream_);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaErrorNotReady);
  expect_violation("was not reached");
  cudaStreamSynchronize(stream_);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaSuccess);
  uint64_t const copy_ns = kBytes / CudaStandIn::kHostBytesPerNs + CudaStandIn::kOperationNs;
  EXPECT_NEAR(milliseconds * 1e6, static_cast<double>(copy_ns + CudaStandIn::kOperationNs), 0.01);

  cudaEventRecord(event_, stream_);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, event_), cudaErrorInvalidResourceHandle);
  expect_violation("tells no time");
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
}

TEST_F(CudaStandInTest, TheHostCannotTouchDeviceMemory) {
  EXPECT_DEATH(std::memset(device_, 0, 1), "the host touched device memory");
  ASSERT_EQ(cudaMemsetAsync(device_, 0, kBytes, stream_), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_DEATH(std::memset(device_, 0, 1), "the host touched device memory");
}

TEST_F(CudaStandInTest, AKernelCannotTouchWhatIsNotAllocated) {
  auto const run = [&](std::byte* address) {
    static_cast<void>(stand_in_.launch("Planted", {1, 32, 0}, stream_,
                                       [=](uint64_t) { *address = std::byte{0}; }));
    cudaStreamSynchronize(stream_);
  };
  auto* const memory = static_cast<std::byte*>(device_);
  EXPECT_DEATH(run(memory + kBytes), "a kernel what isn't allocated");
  void* freed = nullptr;
  ASSERT_EQ(cudaMalloc(&freed, 100), cudaSuccess);
  ASSERT_EQ(cudaFree(freed), cudaSuccess);
  EXPECT_DEATH(run(static_cast<std::byte*>(freed)), "a kernel what isn't allocated");
  run(memory + kBytes - 1);
}

TEST_F(CudaStandInTest, AnErrorOfAnOperationComesLateAndStays) {
  expects_loss_ = true;
  stand_in_.fail_operation(2, cudaErrorIllegalAddress);
  ASSERT_EQ(cudaMemsetAsync(device_, 1, kBytes, stream_), cudaSuccess);
  ASSERT_EQ(cudaMemsetAsync(device_, 2, kBytes, stream_), cudaSuccess);
  ASSERT_EQ(cudaMemsetAsync(device_, 3, kBytes, other_), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaStreamSynchronize(other_), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 1), cudaErrorIllegalAddress);
}

TEST_F(CudaStandInTest, TheCallThatShallFailDoesAndNoOther) {
  stand_in_.fail_call(2, cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(device_, 1, kBytes, stream_), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(device_, 1, kBytes, stream_), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(device_, 1, kBytes, stream_), cudaSuccess);
  EXPECT_EQ(stand_in_.operations_pending(), 2u);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(CudaStandInTest, MemoryIsLimited) {
  stand_in_.limit_memory(2 * kBytes, 2 * kBytes);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, kBytes + 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaHostAlloc(&memory, kBytes + 1, 0), cudaErrorMemoryAllocation);
  static_cast<void>(cudaGetLastError());
}

TEST_F(CudaStandInTest, CopiesFromMemoryThatIsNotPinnedAreCaught) {
  std::vector<char> pageable(kBytes);
  EXPECT_EQ(cudaMemcpyAsync(device_, pageable.data(), kBytes, cudaMemcpyHostToDevice, stream_),
            cudaErrorInvalidValue);
  expect_violation("not all of it is live pinned memory");
  EXPECT_EQ(cudaMemcpyAsync(pageable.data(), device_, kBytes, cudaMemcpyDeviceToHost, stream_),
            cudaErrorInvalidValue);
  expect_violation("not all of it is live pinned memory");
}

TEST_F(CudaStandInTest, CopiesBeyondTheEndAreCaught) {
  EXPECT_NE(cudaMemcpyAsync(device_, pinned_, kBytes + 1, cudaMemcpyHostToDevice, stream_),
            cudaSuccess);
  expect_violation("not all of it is live device memory");
  EXPECT_NE(cudaMemsetAsync(static_cast<char*>(device_) + 1, 0, kBytes, stream_), cudaSuccess);
  expect_violation("not all of it is live device memory");
}

TEST_F(CudaStandInTest, MemoryFreedBeforeItsCopyRanIsCaught) {
  expects_loss_ = true;
  void* freed = nullptr;
  ASSERT_EQ(cudaHostAlloc(&freed, kBytes, 0), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(device_, freed, kBytes, cudaMemcpyHostToDevice, stream_), cudaSuccess);
  ASSERT_EQ(cudaFreeHost(freed), cudaSuccess);
  EXPECT_NE(cudaStreamSynchronize(stream_), cudaSuccess);
  expect_violation("that runs now");
}

TEST_F(CudaStandInTest, LaunchesThatNoGpuTakesAreCaught) {
  EXPECT_EQ(launch(1, 1024, 48 << 10), cudaSuccess);
  EXPECT_EQ(launch(0, 32, 0), cudaErrorInvalidConfiguration);
  expect_violation("an empty grid");
  EXPECT_EQ(launch(1, 0, 0), cudaErrorInvalidConfiguration);
  expect_violation("an empty grid");
  EXPECT_EQ(launch(1, 1025, 0), cudaErrorInvalidConfiguration);
  expect_violation("1025 threads");
  EXPECT_NE(launch(1, 32, (48 << 10) + 1), cudaSuccess);
  expect_violation("did not opt into");
}

TEST_F(CudaStandInTest, AnAlgorithmWithTooLittleStorageIsCaught) {
  uint64_t ran = 0;
  auto const run = [&](void* storage, std::size_t bytes) {
    return stand_in_.call("algorithm", [&] {
      return stand_in_.run_algorithm("sort", {storage, bytes}, 1000, stream_, [&] { ++ran; });
    });
  };
  EXPECT_EQ(run(device_, 1000), cudaSuccess);
  EXPECT_EQ(run(device_, 999), cudaErrorInvalidValue);
  expect_violation("sort: 999 bytes of storage, it needs 1000");
  EXPECT_EQ(run(pinned_, 1000), cudaErrorInvalidValue);
  expect_violation("storage of algorithm sort of 1000 bytes: not all of it is live device memory");
  static_cast<void>(cudaGetLastError());
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  EXPECT_EQ(ran, 1u);
}

TEST_F(CudaStandInTest, TheDefaultStreamIsCaught) {
  EXPECT_NE(cudaMemsetAsync(device_, 0, kBytes, nullptr), cudaSuccess);
  expect_violation("on the default stream");
  cudaStream_t blocking = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&blocking, cudaStreamDefault), cudaSuccess);
  expect_violation("waits for the default stream");
  cudaStreamDestroy(blocking);
}

TEST_F(CudaStandInTest, WhatIsOfADeviceThatIsNotSelectedIsCaught) {
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  static_cast<void>(cudaGetLastError());
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_NE(cudaStreamSynchronize(stream_), cudaSuccess);
  expect_violation("on a stream of a device that is not selected");
  cudaStream_t own = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking), cudaSuccess);
  EXPECT_NE(copy_there(own), cudaSuccess);
  expect_violation("of memory of a device that is not selected");
  EXPECT_NE(cudaEventRecord(event_, own), cudaSuccess);
  expect_violation("of an event of a device that is not selected");
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(own), cudaSuccess);
}

TEST_F(CudaStandInTest, AllocationsDuringATaskAreCaught) {
  stand_in_.forbid_allocations(true);
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, 1), cudaSuccess);
  expect_violation("allocated where nothing may be");
  cudaFree(memory);
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  expect_violation("allocated where nothing may be");
  cudaEventDestroy(event);
}

TEST_F(CudaStandInTest, HandlesThatAreNotLiveAreCaught) {
  cudaStream_t gone = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&gone, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamDestroy(gone), cudaSuccess);
  EXPECT_NE(cudaStreamSynchronize(gone), cudaSuccess);
  expect_violation("a stream that isn't live");
  EXPECT_NE(cudaStreamDestroy(gone), cudaSuccess);
  expect_violation("a stream that isn't live");
  EXPECT_NE(cudaFree(pinned_), cudaSuccess);
  expect_violation("live device memory");
  EXPECT_NE(cudaFreeHost(device_), cudaSuccess);
  expect_violation("live pinned memory");
}

TEST_F(CudaStandInTest, AnErrorThatNobodyTookIsCaughtAtTheNextLaunch) {
  stand_in_.fail_call(1, cudaErrorInvalidValue);
  EXPECT_EQ(cudaEventRecord(event_, stream_), cudaErrorInvalidValue);
  EXPECT_EQ(launch(1, 32, 0), cudaSuccess);
  expect_violation("the error of cudaEventRecord was not taken");
}

TEST_F(CudaStandInTest, WhatIsNotGivenBackIsListed) {
  EXPECT_THAT(stand_in_.live(),
              ElementsAre(HasSubstr("device memory of 4096"), HasSubstr("pinned memory of 4096"),
                          "a stream", "a stream", "an event"));
  EXPECT_THAT(stand_in_.take_violations(), IsEmpty());
}

}  // namespace
}  // namespace levelscan::test
