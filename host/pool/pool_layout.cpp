#include "pool/pool_layout.hpp"

#include <fmt/format.h>

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
#include "levelscan/error.hpp"

namespace levelscan {
namespace {

// At least one element, because nothing of zero bytes is allocated.
template <class T>
std::size_t array_bytes(std::size_t count) {
  return std::max<std::size_t>(count, 1) * sizeof(T);
}

uint64_t intervals_sum(PoolLayout const& layout) {
  uint64_t sum = 0;
  for (uint32_t r = 0; r < layout.run_count(); ++r) sum += layout.intervals_max(r);
  return sum;
}

void check_size(char const* name, uint32_t size) {
  if (size == 0) throw Error(ErrorCode::kUsage, fmt::format("pool layout: {} is 0", name));
}

// Adds up allocations as the owners in device/memory.hpp make them.
class AllocationSum {
 public:
  explicit AllocationSum(bool mirrors_alias_host) : mirrors_alias_host_(mirrors_alias_host) {}

  void add_pinned(std::size_t bytes) { sum_.pinned += bytes + 2 * kSlackBytes; }
  void add_device(std::size_t bytes) { sum_.device += bytes + 2 * kSlackBytes; }
  void add_mirrored(std::size_t bytes) {
    add_pinned(bytes);
    if (!mirrors_alias_host_) add_device(bytes);
  }
  [[nodiscard]] PoolBytes sum() const { return sum_; }

 private:
  bool mirrors_alias_host_;
  PoolBytes sum_;
};

}  // namespace

uint32_t PoolLayout::intervals_max() const { return static_cast<uint32_t>(intervals_sum(*this)); }

AlgorithmLimits PoolLayout::algorithm_limits() const {
  // Counts have one slot more, for the total.
  return AlgorithmLimits{intervals_max() + 1, candidate_slots()};
}

std::size_t PoolLayout::blocks_bytes(uint32_t run) const {
  return array_bytes<DataBlockRef>(blocks_max(run));
}
std::size_t PoolLayout::checks_bytes(uint32_t run) const {
  return array_bytes<CheckedBlock>(blocks_max(run));
}
std::size_t PoolLayout::index_ranges_bytes() const { return array_bytes<IndexRange>(runs.size()); }
std::size_t PoolLayout::interval_ranges_bytes() const {
  return array_bytes<IntervalRange>(runs.size());
}
std::size_t PoolLayout::status_bytes() const {
  return sizeof(ScanStatus) + array_bytes<RunTotals>(runs.size());
}
std::size_t PoolLayout::shares_bytes() const { return array_bytes<CandidateShare>(runs.size()); }
std::size_t PoolLayout::counts_bytes() const {
  return array_bytes<IntervalCount>(std::size_t{intervals_max()} + 1);
}
std::size_t PoolLayout::candidates_bytes() const {
  return array_bytes<Candidate>(candidate_slots());
}
std::size_t PoolLayout::rows_bytes() const { return array_bytes<uint32_t>(candidate_slots()); }
std::size_t PoolLayout::row_bytes_bytes() const { return array_bytes<uint64_t>(candidate_slots()); }
std::size_t PoolLayout::cells_bytes() const { return array_bytes<Cell>(cells_max); }
std::size_t PoolLayout::value_list_bytes() const {
  return array_bytes<DeferredValue>(value_list_max);
}
std::size_t PoolLayout::scratch_bytes(Device const& device) const {
  return std::max<std::size_t>(device.scratch_bytes(algorithm_limits()), 1);
}

void PoolLayout::check() const {
  check_size("scans_max", scans_max);
  for (RunLayout const& run : runs) {
    check_size("index_block_bytes", run.index_block_bytes);
    check_size("data_block_bytes", run.data_block_bytes);
  }
  check_size("candidates_max", candidates_max);
  check_size("candidate_key_bytes", candidate_key_bytes);
  check_size("cells_max", cells_max);
  check_size("result_bytes", result_bytes);
  check_size("control_bytes", control_bytes);
  check_size("read_area_bytes", read_area_bytes);
  check_size("values_bytes", values_bytes);
  check_size("value_list_max", value_list_max);
  uint64_t const run_total = runs.size();
  if (candidates_max < 2 * run_total) {
    throw Error(ErrorCode::kUsage,
                fmt::format("pool layout: candidates_max is {}, less than 2 for each of {} runs",
                            candidates_max, run_total));
  }
  if (candidates_max + run_total > UINT32_MAX || intervals_sum(*this) >= UINT32_MAX) {
    throw Error(
        ErrorCode::kUsage,
        fmt::format("pool layout: {} candidates and {} restart intervals in {} runs are more "
                    "than 32 bits can count",
                    candidates_max, intervals_sum(*this), run_total));
  }
}

PoolBytes PoolLayout::scan_buffer_bytes(Device const& device) const {
  check();
  AllocationSum sum(device.info().mirrors_alias_host);
  for (uint32_t r = 0; r < run_count(); ++r) {
    sum.add_mirrored(runs[r].index_block_bytes);
    sum.add_mirrored(runs[r].data_block_bytes);
    sum.add_mirrored(blocks_bytes(r));
    if (!device.info().mirrors_alias_host) sum.add_mirrored(checks_bytes(r));
  }
  sum.add_mirrored(control_bytes);
  sum.add_mirrored(index_ranges_bytes());
  sum.add_device(interval_ranges_bytes());
  sum.add_mirrored(status_bytes());
  sum.add_mirrored(shares_bytes());
  sum.add_device(counts_bytes());
  sum.add_device(candidates_bytes());
  sum.add_device(candidate_key_bytes);
  sum.add_device(rows_bytes());
  sum.add_device(row_bytes_bytes());
  sum.add_mirrored(cells_bytes());
  sum.add_mirrored(result_bytes);
  sum.add_device(scratch_bytes(device));
  sum.add_pinned(read_area_bytes);
  sum.add_mirrored(values_bytes);
  sum.add_mirrored(value_list_bytes());
  return sum.sum();
}

PoolBytes PoolLayout::pool_bytes(Device const& device) const {
  PoolBytes const one = scan_buffer_bytes(device);
  if (one.total() > UINT64_MAX / scans_max) {
    throw Error(ErrorCode::kUsage, fmt::format("pool layout: {} scan buffers of {} bytes are more "
                                               "than 64 bits can count",
                                               scans_max, one.total()));
  }
  AllocationSum shared(device.info().mirrors_alias_host);
  if (tombstone_bytes != 0) shared.add_mirrored(tombstone_bytes);
  return PoolBytes{one.pinned * scans_max + shared.sum().pinned,
                   one.device * scans_max + shared.sum().device};
}

}  // namespace levelscan
