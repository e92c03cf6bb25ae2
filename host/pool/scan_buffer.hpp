// All the memory that one running task needs: a level buffer for each run, candidate and result
// space, a stream, and an event that tells when its last holder's work is done.
//
// Contents are undefined when a task gets it. Mirrored spaces have a host and a device side;
// nothing is copied between the two but by Device::copy_to_device_async and copy_to_host_async on
// `stream`. Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/device.hpp"
#include "device/memory.hpp"
#include "kernels/candidate.hpp"
#include "kernels/complete_deferred.hpp"
#include "kernels/gather.hpp"
#include "kernels/index_search.hpp"
#include "kernels/narrow.hpp"
#include "kernels/rows.hpp"
#include "kernels/run_view.hpp"
#include "kernels/scan_status.hpp"
#include "kernels/verify_blocks.hpp"
#include "pool/stream_owner.hpp"

namespace levelscan {

// What one scan has for one run.
struct LevelBuffer {
  MirroredBytes index;   // one index block, uncompressed
  MirroredBytes data;    // many SST data blocks, uncompressed
  MirroredBytes blocks;  // DataBlockRef[PoolLayout::blocks_max(run)]: where they are in `data`
  // CheckedBlock[PoolLayout::blocks_max(run)]; empty where mirrors alias the host.
  MirroredBytes checks;

  [[nodiscard]] DataBlockRef* blocks_host() const noexcept {
    return reinterpret_cast<DataBlockRef*>(blocks.host());
  }
  [[nodiscard]] DataBlockRef* blocks_device() const noexcept {
    return reinterpret_cast<DataBlockRef*>(blocks.device());
  }
  [[nodiscard]] CheckedBlock* checks_host() const noexcept {
    return reinterpret_cast<CheckedBlock*>(checks.host());
  }
  [[nodiscard]] CheckedBlock const* checks_device() const noexcept {
    return reinterpret_cast<CheckedBlock const*>(checks.device());
  }
};

struct PoolLayout;

struct ScanBuffer {
  // Allocates everything, or nothing. `scan`: its place in the pool, for the message of the
  // Error(kDevice) that is thrown when something can't be had. REQUIRES: the device outlives it,
  // and layout.check() has passed.
  ScanBuffer(Device& device, PoolLayout const& layout, uint32_t scan);

  StreamView stream;
  EventView released;  // recorded on `stream` when a lease gives the scan buffer back

  std::vector<LevelBuffer> levels;  // [runs]
  MirroredBytes control;            // [control_bytes] host to device: views, windows, programs
  MirroredBytes index_ranges;       // IndexRange[runs]
  DeviceBytes interval_ranges;      // IntervalRange[runs]
  MirroredBytes status;             // ScanStatus, then RunTotals[runs]
  MirroredBytes shares;             // CandidateShare[runs]
  DeviceBytes counts;               // IntervalCount[intervals_max + 1]
  DeviceBytes candidates;           // Candidate[candidates_max + runs]; the runs' are for marks
  DeviceBytes keys;                 // [candidate_key_bytes] internal keys of the candidates
  DeviceBytes rows;                 // uint32_t[candidates_max + runs]
  DeviceBytes row_bytes;            // uint64_t[candidates_max + runs]
  MirroredBytes cells;              // Cell[cells_max]
  MirroredBytes result;             // [result_bytes]
  DeviceBytes scratch;              // for the device's algorithms
  PinnedBytes read_area;            // [read_area_bytes] host only
  MirroredBytes values;             // [values_bytes] that don't stand in blocks
  MirroredBytes value_list;         // DeferredValue[value_list_max]: whose they are

  StreamOwner stream_owner;   // of `stream`
  EventOwner released_owner;  // of `released`

  [[nodiscard]] IndexRange* index_ranges_host() const noexcept {
    return reinterpret_cast<IndexRange*>(index_ranges.host());
  }
  [[nodiscard]] IndexRange* index_ranges_device() const noexcept {
    return reinterpret_cast<IndexRange*>(index_ranges.device());
  }
  [[nodiscard]] IntervalRange* interval_ranges_device() const noexcept {
    return reinterpret_cast<IntervalRange*>(interval_ranges.data());
  }
  [[nodiscard]] ScanStatus* status_host() const noexcept {
    return reinterpret_cast<ScanStatus*>(status.host());
  }
  [[nodiscard]] ScanStatus* status_device() const noexcept {
    return reinterpret_cast<ScanStatus*>(status.device());
  }
  [[nodiscard]] RunTotals* totals_host() const noexcept {
    return reinterpret_cast<RunTotals*>(status.host() + sizeof(ScanStatus));
  }
  [[nodiscard]] RunTotals* totals_device() const noexcept {
    return reinterpret_cast<RunTotals*>(status.device() + sizeof(ScanStatus));
  }
  [[nodiscard]] CandidateShare* shares_host() const noexcept {
    return reinterpret_cast<CandidateShare*>(shares.host());
  }
  [[nodiscard]] CandidateShare* shares_device() const noexcept {
    return reinterpret_cast<CandidateShare*>(shares.device());
  }
  [[nodiscard]] IntervalCount* counts_device() const noexcept {
    return reinterpret_cast<IntervalCount*>(counts.data());
  }
  [[nodiscard]] Candidate* candidates_device() const noexcept {
    return reinterpret_cast<Candidate*>(candidates.data());
  }
  [[nodiscard]] uint8_t* keys_device() const noexcept { return keys.data(); }
  [[nodiscard]] uint32_t* rows_device() const noexcept {
    return reinterpret_cast<uint32_t*>(rows.data());
  }
  [[nodiscard]] uint64_t* row_bytes_device() const noexcept {
    return reinterpret_cast<uint64_t*>(row_bytes.data());
  }
  [[nodiscard]] Cell* cells_host() const noexcept { return reinterpret_cast<Cell*>(cells.host()); }
  [[nodiscard]] Cell* cells_device() const noexcept {
    return reinterpret_cast<Cell*>(cells.device());
  }
  [[nodiscard]] Scratch scratch_device() const noexcept {
    return Scratch{scratch.data(), scratch.size()};
  }
};

static_assert(sizeof(ScanStatus) % alignof(RunTotals) == 0);

}  // namespace levelscan
