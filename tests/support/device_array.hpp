// An array in device memory with its pinned twin, for tests. Allocated at its exact size.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "device/device.hpp"

namespace levelscan::test {

// REQUIRES: device and stream outlive it. Its functions wait for the stream.
template <class T>
class DeviceArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // Contents undefined.
  DeviceArray(Device& device, StreamView stream, std::size_t count)
      : device_(&device),
        stream_(stream),
        count_(count),
        pinned_(static_cast<T*>(device.allocate_pinned(bytes()))),
        mirror_(device.info().mirrors_alias_host
                    ? pinned_
                    : static_cast<T*>(device.allocate_device(bytes()))) {}
  DeviceArray(Device& device, StreamView stream, std::vector<T> const& items)
      : DeviceArray(device, stream, items.size()) {
    write(items.data());
  }
  DeviceArray(Device& device, StreamView stream, std::string const& text)
      : DeviceArray(device, stream, text.size()) {
    static_assert(sizeof(T) == 1);
    write(reinterpret_cast<T const*>(text.data()));
  }
  DeviceArray(DeviceArray const&) = delete;
  DeviceArray& operator=(DeviceArray const&) = delete;
  ~DeviceArray() {
    if (mirror_ != pinned_) device_->free_device(mirror_, bytes());
    device_->free_pinned(pinned_, bytes());
  }

  [[nodiscard]] T* device() const { return mirror_; }
  [[nodiscard]] std::size_t size() const { return count_; }

  void write(T const* items) {
    if (count_ == 0) return;
    std::memcpy(pinned_, items, count_ * sizeof(T));
    device_->copy_to_device_async(mirror_, pinned_, count_ * sizeof(T), stream_);
    device_->synchronize(stream_);
  }
  void write(std::vector<T> const& items) { write(items.data()); }

  [[nodiscard]] std::vector<T> read() const {
    std::vector<T> items(count_);
    if (count_ == 0) return items;
    device_->copy_to_host_async(pinned_, mirror_, count_ * sizeof(T), stream_);
    device_->synchronize(stream_);
    std::memcpy(items.data(), pinned_, count_ * sizeof(T));
    return items;
  }

 private:
  // One byte at least: nothing can't be allocated.
  [[nodiscard]] std::size_t bytes() const { return count_ == 0 ? 1 : count_ * sizeof(T); }

  Device* device_;
  StreamView stream_;
  std::size_t count_;
  T* pinned_;
  T* mirror_;
};

// REQUIRES: the bytes outlive what they are given to.
inline Bytes view_of(std::string const& text) {
  return Bytes{reinterpret_cast<uint8_t const*>(text.data()), static_cast<uint32_t>(text.size())};
}
inline Bytes view_of(DeviceArray<uint8_t> const& array) {
  return Bytes{array.device(), static_cast<uint32_t>(array.size())};
}

}  // namespace levelscan::test
