#include "pool/scan_buffer_pool.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pool/fatal.hpp"

namespace levelscan {

namespace {

MirroredBytes make_tombstone_space(Device& device, PoolLayout const& layout,
                                   PoolBytes const& needed) {
  try {
    return MirroredBytes(device, layout.tombstone_bytes);
  } catch (DeviceError const& error) {
    throw Error(ErrorCode::kDevice,
                fmt::format("range tombstones of {} bytes: {}; the whole pool needs {} bytes of "
                            "pinned memory and {} bytes of device memory",
                            layout.tombstone_bytes, error.what(), needed.pinned, needed.device));
  }
}

}  // namespace

ScansMaxExceeded::ScansMaxExceeded(uint32_t scans_max)
    : Error(ErrorCode::kDevice, fmt::format("all {} scan buffers are in use", scans_max)),
      scans_max_(scans_max) {}

void ScanBufferLease::release() noexcept {
  if (pool_ == nullptr) return;
  std::exchange(pool_, nullptr)->give_back(index_, generation_);
}

ScanBuffer& ScanBufferLease::operator*() const noexcept {
  if (pool_ == nullptr) fatal("a lease of no scan buffer was used");
  return pool_->at(index_, generation_);
}

ScanBufferPool::ScanBufferPool(Device& device, PoolLayout layout)
    : device_(device), layout_(std::move(layout)), bytes_(layout_.pool_bytes(device)) {
  // What was made before a failure is freed as the members go.
  if (layout_.tombstone_bytes != 0) {
    tombstones_ = make_tombstone_space(device_, layout_, bytes_);
  }
  buffers_.reserve(layout_.scans_max);
  free_.reserve(layout_.scans_max);
  for (uint32_t scan = 0; scan < layout_.scans_max; ++scan) {
    buffers_.emplace_back(device_, layout_, scan);
  }
  reset();
}

ScanBufferPool::~ScanBufferPool() {
  if (lease_count_ != 0) fatal("a scan buffer pool was destroyed before its leases");
  if (waiter_count_ != 0) fatal("a scan buffer pool was destroyed while somebody waits for it");
  for (ScanBuffer const& buffer : buffers_) {
    try {
      device_.synchronize(buffer.stream);
    } catch (DeviceError const&) {
      // A device that is lost has no work in flight.
    }
  }
}

ScanBufferLease ScanBufferPool::acquire() {
  ScanBufferLease lease;
  {
    std::lock_guard const lock(mutex_);
    if (!has_spare()) throw ScansMaxExceeded(layout_.scans_max);
    lease = take();
  }
  return ready(std::move(lease));
}

ScanBufferLease ScanBufferPool::acquire_assume_capacity() {
  ScanBufferLease lease;
  {
    std::lock_guard const lock(mutex_);
    if (!has_spare()) fatal("acquire_assume_capacity: all scan buffers are in use");
    lease = take();
  }
  return ready(std::move(lease));
}

ScanBufferLease ScanBufferPool::acquire_wait() {
  ScanBufferLease lease;
  {
    std::unique_lock lock(mutex_);
    if (!has_spare()) {
      Waiter self;
      if (last_waiter_ != nullptr) {
        last_waiter_->next = &self;
      } else {
        first_waiter_ = &self;
      }
      last_waiter_ = &self;
      ++waiter_count_;
      ++waits_;
      self.turn.wait(lock, [&] { return first_waiter_ == &self && !free_.empty(); });
      first_waiter_ = self.next;
      if (first_waiter_ == nullptr) last_waiter_ = nullptr;
      --waiter_count_;
    }
    lease = take();
    wake_first_waiter();
  }
  return ready(std::move(lease));
}

void ScanBufferPool::reset() noexcept {
  std::lock_guard const lock(mutex_);
  generation_.fetch_add(1);
  free_.clear();  // its capacity stays
  for (uint32_t scan = layout_.scans_max; scan > 0; --scan) free_.push_back(scan - 1);
  wake_first_waiter();
}

PoolStatistics ScanBufferPool::statistics() const {
  std::lock_guard const lock(mutex_);
  PoolStatistics statistics;
  statistics.pinned_bytes = bytes_.pinned;
  statistics.device_bytes = bytes_.device;
  statistics.scans_max = layout_.scans_max;
  statistics.scans_in_use = layout_.scans_max - static_cast<uint32_t>(free_.size());
  statistics.scans_high_water = scans_high_water_;
  statistics.waits = waits_;
  return statistics;
}

bool ScanBufferPool::has_spare() const noexcept { return free_.size() > waiter_count_; }

ScanBufferLease ScanBufferPool::take() noexcept {
  uint32_t const index = free_.back();
  free_.pop_back();
  ++lease_count_;
  scans_high_water_ =
      std::max(scans_high_water_, layout_.scans_max - static_cast<uint32_t>(free_.size()));
  return ScanBufferLease(*this, index, generation_.load());
}

// Notifies with mutex_ held: the waiter is on a stack that can't go before it has the mutex.
void ScanBufferPool::wake_first_waiter() noexcept {
  if (first_waiter_ != nullptr && !free_.empty()) first_waiter_->turn.notify_one();
}

ScanBufferLease ScanBufferPool::ready(ScanBufferLease lease) {
  ScanBuffer const& buffer = *lease;
  try {
    device_.wait_async(buffer.stream, buffer.released);
    // No stream orders what the host writes to pinned memory.
    device_.synchronize(buffer.stream);
  } catch (DeviceError const& error) {
    throw Error(ErrorCode::kDevice, error.what());
  }
  return lease;
}

void ScanBufferPool::give_back(uint32_t index, uint64_t generation) noexcept {
  std::lock_guard const lock(mutex_);
  --lease_count_;
  if (generation != generation_.load()) return;
  ScanBuffer const& buffer = buffers_[index];
  try {
    device_.record(buffer.released, buffer.stream);
  } catch (DeviceError const&) {
    // The device is lost; ready() tells the next holder.
  }
  free_.push_back(index);
  wake_first_waiter();
}

ScanBuffer& ScanBufferPool::at(uint32_t index, uint64_t generation) noexcept {
  if (generation != generation_.load()) {
    fatal("a lease from before the scan buffer pool's reset was used");
  }
  return buffers_[index];
}

}  // namespace levelscan
