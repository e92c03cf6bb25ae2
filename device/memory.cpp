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

template <MemoryKind kKind>
OwnedBytes<kKind>::OwnedBytes(Device& device, std::size_t bytes) {
  if (bytes == 0) return;
  std::size_t const allocated_bytes = with_slack(bytes);
  void* const allocated = kKind == MemoryKind::kPinned ? device.allocate_pinned(allocated_bytes)
                                                       : device.allocate_device(allocated_bytes);
  data_ = static_cast<uint8_t*>(allocated) + kSlackBytes;
  device_ = &device;
  bytes_ = bytes;
}

template <MemoryKind kKind>
OwnedBytes<kKind>::~OwnedBytes() {
  if (device_ == nullptr) return;
  if constexpr (kKind == MemoryKind::kPinned) {
    device_->free_pinned(data_ - kSlackBytes, bytes_ + 2 * kSlackBytes);
  } else {
    device_->free_device(data_ - kSlackBytes, bytes_ + 2 * kSlackBytes);
  }
}

template class OwnedBytes<MemoryKind::kPinned>;
template class OwnedBytes<MemoryKind::kDevice>;

MirroredBytes::MirroredBytes(Device& device, std::size_t bytes) : pinned_(device, bytes) {
  if (!device.info().mirrors_alias_host) mirror_ = DeviceBytes(device, bytes);
}

}  // namespace levelscan
