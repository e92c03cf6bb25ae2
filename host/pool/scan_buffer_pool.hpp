// All the pinned and device memory of an open database, allocated once: a fixed number of scan
// buffers, handed out to tasks as leases, and the range tombstones, which tasks share.
//
// Life of a scan buffer: free -> leased (acquire*) -> free (the lease goes, recording the event
// `released` on the scan buffer's stream; whoever gets it next first waits for that event).
// reset() starts a new generation, in which all scan buffers are free. A lease of an older
// generation gives nothing back; using one aborts.
//
// Order: those who wait are served in the order in which they asked, and nobody overtakes them:
// acquire() doesn't take a free scan buffer that somebody already waits for.
//
// Thread-safe, except that one lease is used by one thread at a time and destruction is alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "device/device.hpp"
#include "levelscan/error.hpp"
#include "pool/pool_layout.hpp"
#include "pool/scan_buffer.hpp"

namespace levelscan {

class ScanBufferPool;

// Every scan buffer is in use. The code is kDevice: memory set aside for scans ran out.
class ScansMaxExceeded : public Error {
 public:
  explicit ScansMaxExceeded(uint32_t scans_max);

  [[nodiscard]] uint32_t scans_max() const noexcept { return scans_max_; }

 private:
  uint32_t scans_max_;
};

// The right to use one scan buffer. Gives it back when it goes. REQUIRES: the pool outlives it.
class ScanBufferLease {
 public:
  ScanBufferLease() = default;  // of nothing
  ScanBufferLease(ScanBufferLease&& other) noexcept { swap(other); }
  // What was held before is given back.
  ScanBufferLease& operator=(ScanBufferLease&& other) noexcept {
    ScanBufferLease taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~ScanBufferLease() { release(); }

  // Gives the scan buffer back now; the lease is of nothing then.
  void release() noexcept;

  // False after a move or release().
  [[nodiscard]] explicit operator bool() const noexcept { return pool_ != nullptr; }

  // Abort when the lease is of nothing, or from before a reset.
  [[nodiscard]] ScanBuffer& operator*() const noexcept;
  [[nodiscard]] ScanBuffer* operator->() const noexcept { return &**this; }

 private:
  friend class ScanBufferPool;
  ScanBufferLease(ScanBufferPool& pool, uint32_t index, uint64_t generation)
      : pool_(&pool), index_(index), generation_(generation) {}

  void swap(ScanBufferLease& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(index_, other.index_);
    std::swap(generation_, other.generation_);
  }

  ScanBufferPool* pool_ = nullptr;
  uint32_t index_ = 0;  // of the scan buffer in the pool
  uint64_t generation_ = 0;
};

struct PoolStatistics {
  uint64_t pinned_bytes = 0;  // of the whole pool, slack included
  uint64_t device_bytes = 0;
  uint32_t scans_max = 0;
  uint32_t scans_in_use = 0;
  uint32_t scans_high_water = 0;  // most that were ever in use at once
  uint64_t waits = 0;             // calls of acquire_wait() that found none free
};

class ScanBufferPool {
 public:
  // Allocates everything, or nothing. Throws Error(kDevice) that says which scan buffer, which run
  // or space and how many bytes could not be had, and what the whole pool needs; Error(kUsage) when
  // the layout is none. REQUIRES: the device outlives the pool.
  ScanBufferPool(Device& device, PoolLayout layout);
  ScanBufferPool(ScanBufferPool const&) = delete;
  ScanBufferPool& operator=(ScanBufferPool const&) = delete;
  // Waits for the streams, then frees everything. Aborts when a lease still exists.
  ~ScanBufferPool();

  // The functions that acquire return once nothing of the scan buffer's last holder is in flight,
  // so that the host side may be written at once. They throw Error(kDevice) when the device is
  // lost.

  // Throws ScansMaxExceeded when none is free; the pool is unchanged then.
  [[nodiscard]] ScanBufferLease acquire();
  // Aborts when none is free. REQUIRES: the caller has proved that one is.
  [[nodiscard]] ScanBufferLease acquire_assume_capacity();
  // Waits until one is free.
  [[nodiscard]] ScanBufferLease acquire_wait();

  // Takes all scan buffers back at once; frees and touches no memory. REQUIRES: no work in flight
  // on any stream, and nobody uses a lease.
  void reset() noexcept;

  // The cover of the range tombstones, [tombstone_bytes]; who writes it sees to it that no task
  // runs. Empty without tombstones.
  [[nodiscard]] MirroredBytes const& tombstones() const noexcept { return tombstones_; }

  [[nodiscard]] PoolStatistics statistics() const;
  [[nodiscard]] PoolLayout const& layout() const noexcept { return layout_; }
  [[nodiscard]] Device& device() const noexcept { return device_; }

 private:
  friend class ScanBufferLease;

  // One who waits; stands on the waiting thread's stack, in a list from first_waiter_ on.
  struct Waiter {
    std::condition_variable turn;
    Waiter* next = nullptr;
  };

  // With mutex_ held.
  [[nodiscard]] bool has_spare() const noexcept;  // beyond what those who wait will take
  [[nodiscard]] ScanBufferLease take() noexcept;
  void wake_first_waiter() noexcept;

  // Waits for the last holder's work. Without mutex_ held.
  [[nodiscard]] ScanBufferLease ready(ScanBufferLease lease);
  void give_back(uint32_t index, uint64_t generation) noexcept;
  [[nodiscard]] ScanBuffer& at(uint32_t index, uint64_t generation) noexcept;

  Device& device_;
  PoolLayout const layout_;
  PoolBytes bytes_;
  MirroredBytes tombstones_;
  std::vector<ScanBuffer> buffers_;  // [scans_max], fixed after construction

  mutable std::mutex mutex_;
  // Written with mutex_ held.
  std::atomic<uint64_t> generation_{1};
  std::vector<uint32_t> free_;  // indices into buffers_; the last is handed out next
  Waiter* first_waiter_ = nullptr;
  Waiter* last_waiter_ = nullptr;
  uint32_t waiter_count_ = 0;
  uint32_t lease_count_ = 0;  // of all generations
  uint32_t scans_high_water_ = 0;
  uint64_t waits_ = 0;
};

}  // namespace levelscan
