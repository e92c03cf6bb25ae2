#include "cpu/cpu_device.hpp"

#include <unistd.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <new>
#include <string>

#include "cpu/cpu_algorithms.hpp"
#include "cpu/launch.hpp"

namespace levelscan {
namespace {

// The kernels load little-endian words as they lie in memory.
static_assert(std::endian::native == std::endian::little);

constexpr std::align_val_t kAlignment{kAllocationAlignment};

// The exact size, so that AddressSanitizer sees every overrun.
void* allocate(std::size_t bytes) {
  try {
    return ::operator new(bytes, kAlignment);
  } catch (std::bad_alloc const&) {
    throw DeviceError("no memory for " + std::to_string(bytes) + " bytes");
  }
}

// /proc/cpuinfo: "model name\t: Intel(R) Xeon(R) ...".
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) != 0) continue;
    std::size_t const colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unnamed processor";
}

std::size_t physical_memory_bytes() {
  long const pages = sysconf(_SC_PHYS_PAGES);
  long const page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return 0;
  return static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_bytes);
}

uint32_t tiles_over(uint32_t count, uint32_t tile) { return count / tile + (count % tile != 0); }

void copy(void* to, void const* from, std::size_t bytes) {
  if (to != from && bytes != 0) std::memcpy(to, from, bytes);
}

}  // namespace

CpuDevice::CpuDevice(CpuMirror mirror) {
  info_.backend = "cpu";
  info_.name = processor_name();
  info_.memory_bytes = physical_memory_bytes();
  info_.runs_in_order = SerialBlock::kInOrder;
  info_.mirrors_alias_host = mirror == CpuMirror::kAliasing;
}

void* CpuDevice::allocate_pinned(std::size_t bytes) {
  void* const pinned = allocate(bytes);
  if (!info_.mirrors_alias_host) std::memset(pinned, kNewPinnedByte, bytes);
  return pinned;
}

void CpuDevice::free_pinned(void* pinned, std::size_t) noexcept {
  ::operator delete(pinned, kAlignment);
}

void* CpuDevice::allocate_device(std::size_t bytes) {
  void* const device = allocate(bytes);
  if (!info_.mirrors_alias_host) std::memset(device, kNewDeviceByte, bytes);
  return device;
}

void CpuDevice::free_device(void* device, std::size_t) noexcept {
  ::operator delete(device, kAlignment);
}

// A stream or event is a byte of its own: a handle unlike all others, and one that a leak checker
// misses when it is not destroyed.
StreamView CpuDevice::create_stream() { return StreamView{new char(0)}; }

void CpuDevice::destroy_stream(StreamView stream) noexcept {
  delete static_cast<char*>(stream.handle);
}

void CpuDevice::synchronize(StreamView) {}

EventView CpuDevice::create_event() { return EventView{new char(0)}; }

void CpuDevice::destroy_event(EventView event) noexcept { delete static_cast<char*>(event.handle); }

void CpuDevice::record(EventView, StreamView) {}

void CpuDevice::wait_async(StreamView, EventView) {}

void CpuDevice::copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                                     StreamView) {
  copy(device, pinned, bytes);
}

void CpuDevice::copy_to_host_async(void* pinned, void const* device, std::size_t bytes,
                                   StreamView) {
  copy(pinned, device, bytes);
}

void CpuDevice::clear_async(void* device, std::size_t bytes, StreamView) {
  if (bytes != 0) std::memset(device, 0, bytes);
}

void CpuDevice::search_index_async(IndexSearch::Args const& args, StreamView) {
  launch<IndexSearch>(args, args.run_count);
}

void CpuDevice::narrow_async(Narrow::Args const& args, StreamView) { launch<Narrow>(args, 1); }

void CpuDevice::filter_async(FilterArgs const& args, uint32_t tile_count, StreamView) {
  launch<Filter>(args, tile_count);
}

void CpuDevice::gather_async(Gather::Args const& args, uint32_t tile_count, StreamView) {
  launch<Gather>(args, tile_count);
}

void CpuDevice::resolve_ranges_async(ResolveRanges::Args const& args, StreamView) {
  launch<ResolveRanges>(args, tiles_over(args.candidate_count, kTileCandidates));
}

void CpuDevice::resolve_mark_async(ResolveMark::Args const& args, uint32_t tile_count, StreamView) {
  launch<ResolveMark>(args, tile_count);
}

void CpuDevice::resolve_probe_async(ResolveProbe::Args const& args, StreamView) {
  launch<ResolveProbe>(args, tiles_over(args.candidate_count, kTileCandidates));
}

void CpuDevice::resolve_merge_async(ResolveMerge::Args const& args, StreamView) {
  launch<ResolveMerge>(args, tiles_over(args.candidate_count, kTileCandidates));
}

void CpuDevice::complete_deferred_async(CompleteDeferred::Args const& args, StreamView) {
  launch<CompleteDeferred>(args, tiles_over(args.value_count, kTileDeferred));
}

void CpuDevice::pick_rows_async(PickRows::Args const& args, StreamView) {
  launch<PickRows>(args, tiles_over(args.count, kTileRows));
}

void CpuDevice::measure_rows_async(MeasureRows::Args const& args, StreamView) {
  launch<MeasureRows>(args, tiles_over(args.rows.row_count, kTileRows));
}

void CpuDevice::fit_rows_async(FitRows::Args const& args, StreamView) { launch<FitRows>(args, 1); }

void CpuDevice::emit_rows_async(EmitRows::Args const& args, StreamView) {
  launch<EmitRows>(args, tiles_over(args.rows.row_count, kTileRows));
}

void CpuDevice::locate_segments_async(LocateSegments::Args const& args, StreamView) {
  launch<LocateSegments>(args, tiles_over(args.row_count, kTileLocatedRows));
}

void CpuDevice::verify_blocks_async(VerifyBlocks::Args const& args, StreamView) {
  launch<VerifyBlocks>(args, tiles_over(args.block_count, kTileCheckedBlocks));
}

std::size_t CpuDevice::scratch_bytes(AlgorithmLimits const& limits) const {
  return cpu_algorithms::scratch_bytes(limits);
}

void CpuDevice::scan_counts_async(IntervalCount* counts, uint32_t count, Scratch scratch,
                                  StreamView) {
  cpu_algorithms::scan_counts(counts, count, scratch);
}

void CpuDevice::select_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                   uint32_t* row_count, Scratch scratch, StreamView) {
  *row_count = cpu_algorithms::select_alive(candidates, count, rows, scratch);
}

void CpuDevice::order_candidates_async(uint32_t* rows, uint32_t count, CandidateLess less,
                                       Scratch scratch, StreamView) {
  if (count != 0) cpu_algorithms::order_candidates(rows, count, less, scratch);
}

void CpuDevice::keep_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                 uint32_t* row_count, Scratch scratch, StreamView) {
  *row_count = cpu_algorithms::keep_alive(candidates, count, rows, scratch);
}

void CpuDevice::order_rows_async(uint32_t* rows, uint32_t count, CandidateLess less,
                                 Scratch scratch, StreamView) {
  if (count > 1) cpu_algorithms::order_rows(rows, count, less, scratch);
}

void CpuDevice::scan_row_bytes_async(uint64_t* row_bytes, uint32_t count, Scratch scratch,
                                     StreamView) {
  cpu_algorithms::scan_row_bytes(row_bytes, count, scratch);
}

void CpuDevice::aggregate_async(AggregateRow const& source, uint32_t count, Aggregate* sum, Scratch,
                                StreamView) {
  *sum = cpu_algorithms::aggregate(source, count);
}

void CpuDevice::aggregate_segments_async(AggregateRow const& source, uint32_t const* segments,
                                         uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                         uint32_t* sum_count, Scratch, StreamView) {
  *sum_count = cpu_algorithms::aggregate_segments(source, segments, count, sum_segments, sums);
}

std::unique_ptr<Device> make_cpu_device(CpuMirror mirror) {
  return std::make_unique<CpuDevice>(mirror);
}

}  // namespace levelscan
