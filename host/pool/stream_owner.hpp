// Owners of a stream and of an event. Each destroys what it created; none can be copied.
#pragma once

#include <utility>

#include "device/device.hpp"

namespace levelscan {

// REQUIRES: the device outlives it.
class StreamOwner {
 public:
  StreamOwner() = default;
  explicit StreamOwner(Device& device) : view_(device.create_stream()), device_(&device) {}
  StreamOwner(StreamOwner&& other) noexcept { swap(other); }
  StreamOwner& operator=(StreamOwner&& other) noexcept {
    swap(other);
    return *this;
  }
  ~StreamOwner() {
    if (device_ != nullptr) device_->destroy_stream(view_);
  }

  [[nodiscard]] StreamView view() const noexcept { return view_; }

 private:
  void swap(StreamOwner& other) noexcept {
    std::swap(view_, other.view_);
    std::swap(device_, other.device_);
  }

  StreamView view_;
  Device* device_ = nullptr;
};

// REQUIRES: the device outlives it.
class EventOwner {
 public:
  EventOwner() = default;
  explicit EventOwner(Device& device) : view_(device.create_event()), device_(&device) {}
  EventOwner(EventOwner&& other) noexcept { swap(other); }
  EventOwner& operator=(EventOwner&& other) noexcept {
    swap(other);
    return *this;
  }
  ~EventOwner() {
    if (device_ != nullptr) device_->destroy_event(view_);
  }

  [[nodiscard]] EventView view() const noexcept { return view_; }

 private:
  void swap(EventOwner& other) noexcept {
    std::swap(view_, other.view_);
    std::swap(device_, other.device_);
  }

  EventView view_;
  Device* device_ = nullptr;
};

}  // namespace levelscan
