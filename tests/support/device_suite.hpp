// The suite of what every Device promises: its tests are parameterised by the kind of device. Where
// there is no CUDA device, CUDA's instances are reported as skipped.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

#include "device/device.hpp"

namespace levelscan::test {

enum class DeviceKind { kCpuAliasing, kCpuSeparate, kCuda };

inline std::string name_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kCpuAliasing: return "CpuAliasing";
    case DeviceKind::kCpuSeparate: return "CpuSeparate";
    case DeviceKind::kCuda: return "Cuda";
  }
  return {};
}

inline std::ostream& operator<<(std::ostream& out, DeviceKind kind) { return out << name_of(kind); }

class DeviceSuite : public testing::TestWithParam<DeviceKind> {
 protected:
  void SetUp() override {
    switch (GetParam()) {
      case DeviceKind::kCpuAliasing: device_ = make_cpu_device(CpuMirror::kAliasing); break;
      case DeviceKind::kCpuSeparate: device_ = make_cpu_device(CpuMirror::kSeparate); break;
      case DeviceKind::kCuda:
        if (std::string const reason = cuda_unavailable_reason(); !reason.empty()) {
          GTEST_SKIP() << reason;
        }
        device_ = make_cuda_device(0);
        break;
    }
    stream_ = device_->create_stream();
  }
  void TearDown() override {
    if (device_ != nullptr) device_->destroy_stream(stream_);
  }

  Device& device() { return *device_; }
  [[nodiscard]] StreamView stream() const { return stream_; }

 private:
  std::unique_ptr<Device> device_;
  StreamView stream_;
};

#define LEVELSCAN_ON_ALL_DEVICES(suite)                                                            \
  INSTANTIATE_TEST_SUITE_P(Devices, suite,                                                         \
                           testing::Values(::levelscan::test::DeviceKind::kCpuAliasing,            \
                                           ::levelscan::test::DeviceKind::kCpuSeparate,            \
                                           ::levelscan::test::DeviceKind::kCuda),                  \
                           [](testing::TestParamInfo<::levelscan::test::DeviceKind> const& kind) { \
                             return ::levelscan::test::name_of(kind.param);                        \
                           })

}  // namespace levelscan::test
