// The times that a CUDA device tells of its streams, by the stand-in's clock, on which an operation
// takes kOperationNs and a copy its bytes besides.
#include <gtest/gtest.h>

#include <memory>

#include "cuda/stand_in.hpp"
#include "cuda/stream_clock.hpp"
#include "device/device.hpp"
#include "device/memory.hpp"

namespace levelscan::test {
namespace {

constexpr std::size_t kBytes = 16000;
constexpr uint64_t kOperationNs = CudaStandIn::kOperationNs;
constexpr uint64_t kCopyNs = kOperationNs + kBytes / CudaStandIn::kHostBytesPerNs;

class CudaStreamClock : public testing::Test {
 protected:
  void SetUp() override {
    stand_in_.set_order(OperationOrder::kLate);
    device_ = make_cuda_device(0, true);
    memory_ = std::make_unique<MirroredBytes>(*device_, kBytes);
    stream_ = device_->create_stream();
    other_ = device_->create_stream();
  }
  void TearDown() override {
    device_->destroy_stream(stream_);
    device_->destroy_stream(other_);
  }

  void copy(StreamView stream) {
    device_->copy_to_device_async(memory_->device(), memory_->host(), kBytes, stream);
  }
  void clear(StreamView stream) { device_->clear_async(memory_->device(), kBytes, stream); }

  CudaStandIn& stand_in_ = CudaStandIn::instance();
  std::unique_ptr<Device> device_;
  std::unique_ptr<MirroredBytes> memory_;
  StreamView stream_;
  StreamView other_;
};

TEST_F(CudaStreamClock, WhatOneStreamDoesAddsUp) {
  copy(stream_);
  clear(stream_);
  clear(stream_);
  EXPECT_EQ(device_->take_stage_times()->of(DeviceStage::kCopyIn), 0u) << "nobody waited";
  device_->synchronize(stream_);
  StageTimes const times = *device_->take_stage_times();
  EXPECT_EQ(times.of(DeviceStage::kCopyIn), kCopyNs);
  EXPECT_EQ(times.of(DeviceStage::kClear), 2 * kOperationNs);
  EXPECT_EQ(times.copying, kCopyNs);
  EXPECT_EQ(times.computing, 2 * kOperationNs);
  EXPECT_EQ(times.both, 0u);
  EXPECT_EQ(device_->take_stage_times()->copying, 0u) << "they were taken";
}

TEST_F(CudaStreamClock, CopiesAndKernelsOfTwoStreamsOverlap) {
  copy(stream_);
  clear(other_);  // both streams come to their first operation at once
  device_->synchronize(stream_);
  device_->synchronize(other_);
  StageTimes const times = *device_->take_stage_times();
  EXPECT_EQ(times.copying, kCopyNs);
  EXPECT_EQ(times.computing, kCopyNs + kOperationNs);
  EXPECT_EQ(times.both, kCopyNs);
}

TEST_F(CudaStreamClock, CopiesOfTwoStreamsAreNoOverlap) {
  copy(stream_);
  copy(other_);
  device_->synchronize(stream_);
  device_->synchronize(other_);
  StageTimes const times = *device_->take_stage_times();
  EXPECT_EQ(times.of(DeviceStage::kCopyIn), kCopyNs + 2 * kCopyNs);
  EXPECT_EQ(times.copying, 2 * kCopyNs);
  EXPECT_EQ(times.computing, 0u);
  EXPECT_EQ(times.both, 0u);
}

TEST_F(CudaStreamClock, MoreOperationsThanThereAreEventsForLoseNothing) {
  constexpr uint32_t kMany = 3 * StreamClock::kOperationsMax + 1;
  stand_in_.forbid_allocations(true);
  for (uint32_t i = 0; i < kMany; ++i) clear(stream_);
  device_->synchronize(stream_);
  stand_in_.forbid_allocations(false);
  EXPECT_EQ(device_->take_stage_times()->of(DeviceStage::kClear), kMany * kOperationNs);
}

TEST_F(CudaStreamClock, AnOperationThatFailedTakesNoTime) {
  stand_in_.fail_call(3, cudaErrorInvalidValue);  // behind cudaSetDevice and cudaEventRecord
  EXPECT_THROW(copy(stream_), DeviceError);
  clear(stream_);
  device_->synchronize(stream_);
  StageTimes const times = *device_->take_stage_times();
  EXPECT_EQ(times.copying, 0u);
  EXPECT_EQ(times.computing, kOperationNs);
}

TEST_F(CudaStreamClock, NobodyIsTimedWhoDidNotAskForIt) {
  auto const device = make_cuda_device(0);
  uint64_t const calls = stand_in_.calls();
  StreamView const stream = device->create_stream();
  device->synchronize(stream);
  EXPECT_FALSE(device->take_stage_times().has_value());
  EXPECT_EQ(stand_in_.calls(), calls + 4);
  device->destroy_stream(stream);
  EXPECT_FALSE(make_cpu_device(CpuMirror::kAliasing)->take_stage_times().has_value());
}

}  // namespace
}  // namespace levelscan::test
