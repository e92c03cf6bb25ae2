// Which backend a scan runs on. `auto` compares two times, in seconds, for `bytes` of tables and
// T threads:
//
//   cpu    bytes / (T * cpu rate)
//   cuda   context creation + pinned bytes / pinning rate
//          + max(bytes / (T * feeding rate), bytes / copy rate)
//
// On the CPU a thread does everything; for a GPU it still reads the blocks, while the copies of
// other tasks run. Left out, because both have it alike: verifying and decompressing compressed
// blocks, the text of rows, reading a disk. Left out, because it is not known before: what the
// kernels take, which may be no slower than the copies for the estimate to hold, and how much of
// the tables is skipped.
//
// Pure functions over plain numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace levelscan {

enum class Backend { kAuto, kCpu, kCuda };

// What the estimate goes by. Those of the CPU were measured (docs/PERFORMANCE.md: the usual
// database of two million entries, one thread); those of CUDA are assumptions.
struct BackendRates {
  // Bytes of tables a second that a thread scans: where a condition selects few rows, and where
  // every row is resolved.
  double cpu_selecting = 5.2e9;
  double cpu_taking_all = 2.6e9;
  double feed = 5.9e9;  // that a thread reads
  double copy = 12e9;   // to the device: PCIe 3 with 16 lanes
  double pin = 2e9;
  double context_seconds = 0.3;
};

struct ScanSize {
  uint64_t bytes_planned = 0;  // of tables
  uint64_t pinned_bytes = 0;   // of the pool
  uint32_t threads = 1;
  bool selects = false;     // there is a condition
  bool ends_early = false;  // a limit of rows: how much is read of what is planned isn't known
};

struct BackendEstimate {
  double cpu_seconds = 0;
  double cuda_start_seconds = 0;  // context and pinning
  double cuda_scan_seconds = 0;
  // From how many planned bytes on CUDA is faster; none: never.
  std::optional<uint64_t> cuda_wins_from_bytes;

  [[nodiscard]] bool cuda_wins() const {
    return cuda_start_seconds + cuda_scan_seconds < cpu_seconds;
  }
};

// REQUIRES: threads > 0.
[[nodiscard]] BackendEstimate estimate_backends(ScanSize const& size,
                                                BackendRates const& rates = {});

struct BackendChoice {
  Backend backend = Backend::kCpu;  // kCpu or kCuda
  std::string reason;               // one line, with the numbers of the estimate where it decided

  // "backend cpu: ...".
  [[nodiscard]] std::string text() const;
};

// `cuda_problem`: what stands in the way of CUDA; empty: nothing does. Throws Error(kDevice) when
// CUDA was asked for by name and is not there.
[[nodiscard]] BackendChoice choose_backend(Backend wanted, std::string const& cuda_problem,
                                           ScanSize const& size);

// For people: from which size of scan on CUDA is chosen, with this size's threads and pool.
[[nodiscard]] std::string describe_threshold(ScanSize const& size);

}  // namespace levelscan
