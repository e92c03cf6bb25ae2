// Owners of device memory: the slack around each block is allocated here and nowhere else.
#include "device/memory.hpp"

#include <limits>
#include <string>

namespace levelscan {
namespace {

// Bytes to ask the device for.
std::size_t with_slack(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() - 2 * kSlackBytes) {
    throw DeviceError("no device has " + std::to_string(bytes) + " bytes");
  }
  return bytes + 2 * kSlackBytes;
}

}  // namespace

PinnedBytes::PinnedBytes(Device& device, std::size_t bytes) {
  if (bytes == 0) return;
  data_ = static_cast<uint8_t*>(device.allocate_pinned(with_slack(bytes))) + kSlackBytes;
  device_ = &device;
  bytes_ = bytes;
}

PinnedBytes::~PinnedBytes() {
  if (device_ != nullptr) device_->free_pinned(data_ - kSlackBytes, bytes_ + 2 * kSlackBytes);
}

DeviceBytes::DeviceBytes(Device& device, std::size_t bytes) {
  if (bytes == 0) return;
  data_ = static_cast<uint8_t*>(device.allocate_device(with_slack(bytes))) + kSlackBytes;
  device_ = &device;
  bytes_ = bytes;
}

DeviceBytes::~DeviceBytes() {
  if (device_ != nullptr) device_->free_device(data_ - kSlackBytes, bytes_ + 2 * kSlackBytes);
}

MirroredBytes::MirroredBytes(Device& device, std::size_t bytes) : pinned_(device, bytes) {
  if (!device.info().mirrors_alias_host) mirror_ = DeviceBytes(device, bytes);
}

}  // namespace levelscan
