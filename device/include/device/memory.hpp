// Owners of device memory. Each frees what it allocated; none can be copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "device/device.hpp"

namespace levelscan {

// Kernels may read up to this many bytes before and after a block that the pool owns.
inline constexpr std::size_t kSlackBytes = 16;

// Pinned host memory. REQUIRES: the device outlives it.
class PinnedBytes {
 public:
  PinnedBytes() = default;
  PinnedBytes(Device& device, std::size_t bytes);
  PinnedBytes(PinnedBytes&& other) noexcept { swap(other); }
  PinnedBytes& operator=(PinnedBytes&& other) noexcept {
    swap(other);
    return *this;
  }
  ~PinnedBytes();

  [[nodiscard]] uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

 private:
  void swap(PinnedBytes& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  Device* device_ = nullptr;
  uint8_t* data_ = nullptr;  // kSlackBytes allocated on both sides
  std::size_t bytes_ = 0;
};

// Device memory without a host side. REQUIRES: the device outlives it.
class DeviceBytes {
 public:
  DeviceBytes() = default;
  DeviceBytes(Device& device, std::size_t bytes);
  DeviceBytes(DeviceBytes&& other) noexcept { swap(other); }
  DeviceBytes& operator=(DeviceBytes&& other) noexcept {
    swap(other);
    return *this;
  }
  ~DeviceBytes();

  [[nodiscard]] uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }

 private:
  void swap(DeviceBytes& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }

  Device* device_ = nullptr;
  uint8_t* data_ = nullptr;  // kSlackBytes allocated on both sides
  std::size_t bytes_ = 0;
};

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
