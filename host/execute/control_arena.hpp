// Small things that kernels read, put one after another into a scan buffer's control block: run
// views, bounds, predicates. What is put gets a device address at once and its bytes with upload().
// Not thread-safe: belongs to the task that holds the scan buffer.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "device/memory.hpp"
#include "plan/need_layout.hpp"

namespace levelscan {

class ControlArena {
 public:
  explicit ControlArena(MirroredBytes& block) : block_(block) {}

  // Device address of a copy of `values`. Throws NeedLayout when the block is full.
  template <class T>
  T const* put(std::span<T const> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::size_t const begin = aligned<T>(used_);
    std::size_t const bytes = values.size_bytes();
    if (bytes > block_.size() || begin > block_.size() - bytes) {
      throw NeedLayout{NeedLayout::Space::kControl, 0, begin + bytes + block_.size()};
    }
    if (bytes != 0) std::memcpy(block_.host() + begin, values.data(), bytes);
    used_ = begin + bytes;
    return reinterpret_cast<T const*>(block_.device() + begin);
  }

  Bytes put(std::string_view bytes) {
    auto const* const data = reinterpret_cast<uint8_t const*>(bytes.data());
    return Bytes{put(std::span<uint8_t const>(data, bytes.size())),
                 static_cast<uint32_t>(bytes.size())};
  }

  // Whether `key_bytes` of bytes and then `count` values can be put.
  template <class T>
  [[nodiscard]] bool has_room(std::size_t key_bytes, std::size_t count) const {
    return aligned<T>(used_ + key_bytes) + count * sizeof(T) <= block_.size();
  }

  // Copies what was put since the last upload.
  void upload(Device& device, StreamView stream) {
    if (used_ > uploaded_) {
      device.copy_to_device_async(block_.device() + uploaded_, block_.host() + uploaded_,
                                  used_ - uploaded_, stream);
    }
    uploaded_ = used_;
  }

  [[nodiscard]] std::size_t used() const { return used_; }

  // Forgets what was put after `used`. REQUIRES: no kernel that reads it is in flight.
  void rewind(std::size_t used) {
    used_ = used;
    uploaded_ = used < uploaded_ ? used : uploaded_;
  }

 private:
  template <class T>
  [[nodiscard]] static std::size_t aligned(std::size_t at) {
    return (at + alignof(T) - 1) / alignof(T) * alignof(T);
  }

  MirroredBytes& block_;
  std::size_t used_ = 0;
  std::size_t uploaded_ = 0;
};

}  // namespace levelscan
