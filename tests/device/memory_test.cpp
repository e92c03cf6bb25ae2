// The owners of device memory, and what a device says about its memory.
#include "device/memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/counting_device.hpp"
#include "support/device_suite.hpp"

namespace levelscan::test {
namespace {

using testing::HasSubstr;

static_assert(!std::is_copy_constructible_v<PinnedBytes>);
static_assert(!std::is_copy_constructible_v<DeviceBytes>);
static_assert(!std::is_copy_constructible_v<MirroredBytes>);
static_assert(std::is_nothrow_move_constructible_v<MirroredBytes>);

class DeviceMemory : public DeviceSuite {};
LEVELSCAN_ON_ALL_DEVICES(DeviceMemory);

TEST_P(DeviceMemory, OwnersFreeWhatTheyAllocated) {
  CountingDevice counting(device());
  {
    PinnedBytes const pinned(counting, 100);
    DeviceBytes const bytes(counting, 200);
    MirroredBytes const mirrored(counting, 300);
    EXPECT_EQ(pinned.size(), 100u);
    EXPECT_EQ(bytes.size(), 200u);
    EXPECT_EQ(mirrored.size(), 300u);
    bool const aliases = counting.info().mirrors_alias_host;
    EXPECT_EQ(counting.pinned_bytes_live(), 100 + 300 + 2 * 2 * kSlackBytes);
    EXPECT_EQ(counting.device_bytes_live(),
              200 + 2 * kSlackBytes + (aliases ? 0 : 300 + 2 * kSlackBytes));
  }
  EXPECT_TRUE(counting.nothing_live());
}

TEST_P(DeviceMemory, SlackIsAllocatedOnBothSides) {
  PinnedBytes const pinned(device(), 1);
  // AddressSanitizer sees it when one of these bytes is not ours.
  std::memset(pinned.data() - kSlackBytes, 1, 2 * kSlackBytes + 1);
  DeviceBytes const bytes(device(), 1);
  device().clear_async(bytes.data() - kSlackBytes, 2 * kSlackBytes + 1, stream());
  device().synchronize(stream());
}

TEST_P(DeviceMemory, NothingIsAllocatedForNoBytes) {
  CountingDevice counting(device());
  PinnedBytes const pinned(counting, 0);
  DeviceBytes const bytes(counting, 0);
  MirroredBytes const mirrored(counting, 0);
  EXPECT_EQ(counting.allocations(), 0u);
  EXPECT_EQ(pinned.data(), nullptr);
  EXPECT_EQ(bytes.data(), nullptr);
  EXPECT_EQ(mirrored.host(), nullptr);
  EXPECT_EQ(mirrored.device(), nullptr);
  EXPECT_EQ(mirrored.size(), 0u);
}

TEST_P(DeviceMemory, MovingHandsOverTheBlock) {
  CountingDevice counting(device());
  {
    PinnedBytes first(counting, 64);
    uint8_t* const data = first.data();
    PinnedBytes second(std::move(first));
    EXPECT_EQ(second.data(), data);
    EXPECT_EQ(second.size(), 64u);
    second = PinnedBytes(counting, 32);
    EXPECT_EQ(second.size(), 32u);
    MirroredBytes mirrored(counting, 16);
    mirrored = MirroredBytes();
    EXPECT_EQ(mirrored.size(), 0u);
  }
  EXPECT_TRUE(counting.nothing_live());
}

TEST_P(DeviceMemory, WhicheverAllocationFailsNothingLeaks) {
  CountingDevice counting(device());
  auto const allocate_all = [&] {
    std::vector<MirroredBytes> blocks;
    for (std::size_t i = 1; i <= 4; ++i) blocks.emplace_back(counting, 100 * i);
  };
  allocate_all();
  uint64_t const allocations = counting.allocations();
  for (uint64_t n = 1; n <= allocations; ++n) {
    counting.fail_allocation(n);
    EXPECT_THROW(allocate_all(), DeviceError) << "allocation " << n;
    EXPECT_TRUE(counting.nothing_live()) << "allocation " << n;
  }
  counting.fail_allocation(allocations + 1);
  EXPECT_NO_THROW(allocate_all());
}

TEST_P(DeviceMemory, AMirrorIsTheBlockItselfOnlyWhereTheDeviceSaysSo) {
  MirroredBytes const mirrored(device(), 64);
  EXPECT_EQ(mirrored.host() == mirrored.device(), device().info().mirrors_alias_host);
}

TEST_P(DeviceMemory, BlocksAreAligned) {
  for (std::size_t const bytes : {1u, 7u, 255u, 256u, 257u, 100000u}) {
    void* const pinned = device().allocate_pinned(bytes);
    void* const block = device().allocate_device(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pinned) % kAllocationAlignment, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % kAllocationAlignment, 0u);
    device().free_device(block, bytes);
    device().free_pinned(pinned, bytes);
  }
}

#if !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)  // whose allocators end the process instead
TEST_P(DeviceMemory, AnAllocationThatIsTooLargeSaysHowMuchWasAsked) {
  std::size_t const too_many_bytes = std::numeric_limits<std::size_t>::max() / 4;
  for (bool const pinned : {true, false}) {
    try {
      static_cast<void>(pinned ? device().allocate_pinned(too_many_bytes)
                               : device().allocate_device(too_many_bytes));
      FAIL() << "allocated";
    } catch (DeviceError const& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(too_many_bytes)));
    }
  }
  // The device goes on working.
  MirroredBytes const mirrored(device(), 64);
  device().copy_to_device_async(mirrored.device(), mirrored.host(), 64, stream());
  device().synchronize(stream());
}
#endif

TEST_P(DeviceMemory, SlackThatOverflowsIsRefused) {
  EXPECT_THROW(PinnedBytes(device(), std::numeric_limits<std::size_t>::max()), DeviceError);
  EXPECT_THROW(DeviceBytes(device(), std::numeric_limits<std::size_t>::max() - kSlackBytes),
               DeviceError);
}

TEST_P(DeviceMemory, InfoNamesTheBackend) {
  DeviceInfo const& info = device().info();
  EXPECT_EQ(info.backend, GetParam() == DeviceKind::kCuda ? "cuda" : "cpu");
  EXPECT_FALSE(info.name.empty());
  EXPECT_GT(info.memory_bytes, 0u);
  EXPECT_EQ(info.mirrors_alias_host, GetParam() == DeviceKind::kCpuAliasing);
}

std::vector<uint8_t> numbered(std::size_t count) {
  std::vector<uint8_t> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i + 1);
  return bytes;
}

TEST_P(DeviceMemory, WhatIsCopiedThereAndBackIsTheSame) {
  std::vector<uint8_t> const bytes = numbered(200);
  MirroredBytes const mirrored(device(), bytes.size());
  std::memcpy(mirrored.host(), bytes.data(), bytes.size());
  device().copy_to_device_async(mirrored.device(), mirrored.host(), bytes.size(), stream());
  device().synchronize(stream());
  if (!device().info().mirrors_alias_host) std::memset(mirrored.host(), 0, bytes.size());
  device().copy_to_host_async(mirrored.host(), mirrored.device(), bytes.size(), stream());
  device().synchronize(stream());
  EXPECT_EQ(std::vector<uint8_t>(mirrored.host(), mirrored.host() + bytes.size()), bytes);
}

TEST_P(DeviceMemory, ClearingTouchesOnlyTheBytesItWasGiven) {
  std::vector<uint8_t> bytes = numbered(100);
  MirroredBytes const mirrored(device(), bytes.size());
  std::memcpy(mirrored.host(), bytes.data(), bytes.size());
  device().copy_to_device_async(mirrored.device(), mirrored.host(), bytes.size(), stream());
  device().clear_async(mirrored.device() + 3, 50, stream());
  device().clear_async(mirrored.device() + 70, 0, stream());
  device().copy_to_host_async(mirrored.host(), mirrored.device(), bytes.size(), stream());
  device().synchronize(stream());
  std::memset(bytes.data() + 3, 0, 50);
  EXPECT_EQ(std::vector<uint8_t>(mirrored.host(), mirrored.host() + bytes.size()), bytes);
}

TEST_P(DeviceMemory, CopiesOfNothingAndToItselfDoNothing) {
  MirroredBytes const mirrored(device(), 8);
  std::memset(mirrored.host(), 7, 8);
  device().copy_to_device_async(mirrored.host(), mirrored.host(), 8, stream());
  device().copy_to_host_async(mirrored.host(), mirrored.host(), 8, stream());
  device().copy_to_device_async(nullptr, nullptr, 0, stream());
  device().copy_to_device_async(mirrored.device(), mirrored.host(), 0, stream());
  device().synchronize(stream());
  EXPECT_EQ(mirrored.host()[0], 7);
  EXPECT_EQ(mirrored.host()[7], 7);
}

TEST(CpuMirror, OnASeparateMirrorACopyThatWasForgottenIsSeen) {
  auto const device = make_cpu_device(CpuMirror::kSeparate);
  StreamView const stream = device->create_stream();
  std::size_t const bytes = 64;
  MirroredBytes const to_device(*device, bytes);
  std::vector<uint8_t> const data = numbered(bytes);
  std::memcpy(to_device.host(), data.data(), bytes);
  EXPECT_NE(std::memcmp(to_device.device(), data.data(), bytes), 0);
  device->copy_to_device_async(to_device.device(), to_device.host(), bytes, stream);
  EXPECT_EQ(std::memcmp(to_device.device(), data.data(), bytes), 0);

  MirroredBytes const to_host(*device, bytes);
  std::memcpy(to_host.device(), data.data(), bytes);
  EXPECT_NE(std::memcmp(to_host.host(), data.data(), bytes), 0);
  device->copy_to_host_async(to_host.host(), to_host.device(), bytes, stream);
  EXPECT_EQ(std::memcmp(to_host.host(), data.data(), bytes), 0);
  device->destroy_stream(stream);
}

TEST(CpuMirror, OnASeparateMirrorNewMemoryOfBothKindsIsFilledDifferently) {
  auto const device = make_cpu_device(CpuMirror::kSeparate);
  MirroredBytes const mirrored(*device, 1000);
  for (std::size_t i = 0; i < mirrored.size(); ++i) {
    ASSERT_EQ(mirrored.host()[i], 0xa5) << i;
    ASSERT_EQ(mirrored.device()[i], 0x5a) << i;
  }
}

}  // namespace
}  // namespace levelscan::test
