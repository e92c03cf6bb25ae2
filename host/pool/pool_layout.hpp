// How large everything in a scan buffer is, and so what a pool of them needs.
//
// A layout is plain data; its functions are const and thread-safe. All sizes are in bytes or in
// elements as their names say. The totals are exactly what a ScanBufferPool's construction asks the
// device for, slack included.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/device.hpp"

namespace levelscan {

// One level buffer.
struct RunLayout {
  uint32_t index_block_bytes = 0;
  uint32_t data_block_bytes = 0;

  bool operator==(RunLayout const&) const = default;
};

// What is asked of the device, slack included. Where mirrors alias the host, only what has no host
// side counts as device memory.
struct PoolBytes {
  uint64_t pinned = 0;
  uint64_t device = 0;

  [[nodiscard]] uint64_t total() const noexcept { return pinned + device; }
};

struct PoolLayout {
  uint32_t scans_max = 0;       // scan buffers
  std::vector<RunLayout> runs;  // level buffers of each scan buffer
  uint32_t candidates_max = 0;  // at least 2 for each run; one more for each run's mark is added
  uint32_t candidate_key_bytes = 0;
  uint32_t cells_max = 0;        // of a batch of result rows
  uint32_t result_bytes = 0;     // bytes that a batch's cells point into
  uint32_t control_bytes = 0;    // what the host writes for the kernels of a round
  uint32_t read_area_bytes = 0;  // compressed bytes on their way; host only
  // Values that don't stand in blocks: blobs, merged operands.
  uint32_t values_bytes = 0;
  uint32_t value_list_max = 0;   // that are put in place at once
  uint64_t tombstone_bytes = 0;  // cover of the range tombstones, which all scan buffers share

  [[nodiscard]] uint32_t run_count() const noexcept { return static_cast<uint32_t>(runs.size()); }

  // SST data blocks that run `run`'s data block may list.
  [[nodiscard]] uint32_t blocks_max(uint32_t run) const {
    return std::max<uint32_t>(64, runs[run].data_block_bytes / 256);
  }
  // Restart intervals that those SST data blocks may have together.
  [[nodiscard]] uint32_t intervals_max(uint32_t run) const {
    return std::max<uint32_t>(256, runs[run].data_block_bytes / 64);
  }
  // The data block that may have `intervals` of them.
  [[nodiscard]] static uint64_t data_block_bytes_for_intervals(uint32_t intervals) {
    return uint64_t{intervals} * 64;
  }
  // Restart intervals of all runs. REQUIRES: check() has passed.
  [[nodiscard]] uint32_t intervals_max() const;
  // Candidates and marks of all runs.
  [[nodiscard]] uint32_t candidate_slots() const noexcept { return candidates_max + run_count(); }

  // The largest inputs of the device's algorithms.
  [[nodiscard]] AlgorithmLimits algorithm_limits() const;

  // Bytes of the spaces that follow from the above.
  [[nodiscard]] std::size_t blocks_bytes(uint32_t run) const;
  [[nodiscard]] std::size_t checks_bytes(uint32_t run) const;
  [[nodiscard]] std::size_t index_ranges_bytes() const;
  [[nodiscard]] std::size_t interval_ranges_bytes() const;
  [[nodiscard]] std::size_t status_bytes() const;
  [[nodiscard]] std::size_t shares_bytes() const;
  [[nodiscard]] std::size_t counts_bytes() const;
  [[nodiscard]] std::size_t candidates_bytes() const;
  [[nodiscard]] std::size_t rows_bytes() const;
  [[nodiscard]] std::size_t row_bytes_bytes() const;
  [[nodiscard]] std::size_t cells_bytes() const;
  [[nodiscard]] std::size_t value_list_bytes() const;
  [[nodiscard]] std::size_t scratch_bytes(Device const& device) const;

  bool operator==(PoolLayout const&) const = default;

  // Throws Error(kUsage) when a size is zero, there are fewer than 2 candidates for a run, or a
  // count doesn't fit 32 bits. The totals below check too.
  void check() const;

  // What one scan buffer needs; what all scans_max of them and the tombstones need.
  [[nodiscard]] PoolBytes scan_buffer_bytes(Device const& device) const;
  [[nodiscard]] PoolBytes pool_bytes(Device const& device) const;
};

}  // namespace levelscan
