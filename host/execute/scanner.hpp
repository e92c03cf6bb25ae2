// Runs queries over one database with one device and one pool. The pool is allocated when the
// scanner is made and serves all its scans, one scan at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "device/device.hpp"
#include "execute/resolve_strategy.hpp"
#include "execute/scan_result.hpp"
#include "output/row_sink.hpp"
#include "plan/backend_choice.hpp"
#include "query/query.hpp"
#include "version/database_version.hpp"

namespace levelscan {

struct ScannerOptions {
  Backend backend = Backend::kAuto;
  int device_ordinal = 0;
  uint32_t threads = 0;             // 0: as many as the machine has cores
  uint32_t scans_max = 0;           // 0: follows from threads and memory
  uint64_t memory_bytes = 0;        // 0: the smaller of 1 GiB and a quarter of RAM
  uint64_t device_cache_bytes = 0;  // of device memory; none where the CPU is the device
  bool verify_checksums = true;
  bool tells_device_times = false;  // see Device::take_stage_times()
  bool map_files = true;  // as many as fit beside the pool; only where the CPU is the device
  // For tests: exact sizes instead of what follows from the memory budget.
  uint32_t data_block_bytes = 0;
  uint32_t candidates_max = 0;
  uint32_t candidate_key_bytes = 0;
  uint32_t result_bytes = 0;
  uint32_t control_bytes = 0;
  uint32_t read_area_bytes = 0;
  uint32_t values_bytes = 0;
  ResolveStrategy resolve = ResolveStrategy::kAuto;
  uint64_t task_bytes = 0;  // 0: follows from the data's size and the threads
};

// What the choice of a backend goes by; without a version, for a scan of nothing, without a query,
// for one of everything.
[[nodiscard]] ScanSize scan_size(ScannerOptions const& options,
                                 DatabaseVersion const* version = nullptr,
                                 Query const* query = nullptr);
// The backend that the options come to on this machine. Throws Error(kDevice) when one was asked
// for by name and is not there.
[[nodiscard]] BackendChoice choose_backend(ScannerOptions const& options,
                                           DatabaseVersion const& version,
                                           Query const* query = nullptr);

class Scanner {
 public:
  // Throws Error(kUnsupported) with the first refusal when the database holds something that cannot
  // be scanned exactly, and Error(kDevice) when the pool or the cache doesn't fit. A backend that
  // was left open is chosen for scans of everything.
  Scanner(DatabaseVersion const& version, ScannerOptions const& options);
  // For tests: on a device of the caller's, which outlives the scanner.
  Scanner(DatabaseVersion const& version, ScannerOptions const& options, Device& device);
  ~Scanner();

  // Rows go to `sink` in key order; with aggregates it may be null. `interrupted` is looked at now
  // and then; once true the scan ends with Error(kInterrupted). Throws Error. Not thread-safe.
  ScanResult run(Query const& query, RowSink* sink, std::atomic<bool> const* interrupted = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace levelscan
