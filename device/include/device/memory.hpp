// Owners of device memory. Each frees what it allocated; none can be copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "device/device.hpp"

namespace levelscan {

// Kernels may read up to this many bytes before and after a block that the pool owns.
inline constexpr std::size_t kSlackBytes = 16;

enum class MemoryKind { kPinned, kDevice };

// REQUIRES: the device outlives it. Throws DeviceError.
template <MemoryKind kKind>
class OwnedBytes {
 public:
  OwnedBytes() = default;
  OwnedBytes(Device& device, std::size_t bytes);
  OwnedBytes(OwnedBytes&& other) noexcept { swap(other); }
  OwnedBytes& operator=(OwnedBytes&& other) noexcept {
    swap(other);
    return *this;
  }
  ~OwnedBytes();

  [[nodiscard]] uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

 private:
  void swap(OwnedBytes& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  Device* device_ = nullptr;
  uint8_t* data_ = nullptr;  // kSlackBytes allocated on both sides
  std::size_t bytes_ = 0;
};

using PinnedBytes = OwnedBytes<MemoryKind::kPinned>;
using DeviceBytes = OwnedBytes<MemoryKind::kDevice>;  // without a host side

// A pinned block and its mirror on the device: the same memory where the device says so.
class MirroredBytes {
 public:
  MirroredBytes() = default;
  MirroredBytes(Device& device, std::size_t bytes);

  [[nodiscard]] uint8_t* host() const noexcept { return pinned_.data(); }
  [[nodiscard]] uint8_t* device() const noexcept {
    return mirror_.size() != 0 ? mirror_.data() : pinned_.data();
  }
  [[nodiscard]] std::size_t size() const noexcept { return pinned_.size(); }

 private:
  PinnedBytes pinned_;
  DeviceBytes mirror_;  // empty where the mirror aliases the pinned block
};

}  // namespace levelscan
