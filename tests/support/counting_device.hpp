// A decorator over a Device that counts what is taken and given back, and can make the n-th
// allocation or the n-th stream or event fail.
//
//   auto cpu = make_cpu_device(CpuMirror::kSeparate);
//   CountingDevice device(*cpu);
//   device.fail_allocation(3);  // the third one from now on, pinned and device counted together
//
// Gives back everything: a block freed twice, with the wrong size or by the wrong function aborts.
// Thread-safe. The inner device must outlive it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "device/device.hpp"

namespace levelscan {

class CountingDevice final : public Device {
 public:
  explicit CountingDevice(Device& inner) : inner_(inner) {}

  // The n-th allocation from now on (1: the next one) throws DeviceError; 0: none does.
  void fail_allocation(uint64_t n) {
    std::lock_guard const lock(mutex_);
    allocations_until_failure_ = n;
  }
  // The same for streams and events, counted together.
  void fail_handle(uint64_t n) {
    std::lock_guard const lock(mutex_);
    handles_until_failure_ = n;
  }

  // Since construction; failed ones are not counted.
  [[nodiscard]] uint64_t pinned_allocations() const { return pinned_.allocations(mutex_); }
  [[nodiscard]] uint64_t device_allocations() const { return device_.allocations(mutex_); }
  [[nodiscard]] uint64_t allocations() const { return pinned_allocations() + device_allocations(); }

  // Allocated and not yet freed.
  [[nodiscard]] std::size_t pinned_bytes_live() const { return pinned_.bytes_live(mutex_); }
  [[nodiscard]] std::size_t device_bytes_live() const { return device_.bytes_live(mutex_); }
  [[nodiscard]] std::size_t blocks_live() const {
    std::lock_guard const lock(mutex_);
    return pinned_.blocks.size() + device_.blocks.size();
  }
  [[nodiscard]] std::size_t streams_live() const {
    std::lock_guard const lock(mutex_);
    return streams_.size();
  }
  [[nodiscard]] std::size_t events_live() const {
    std::lock_guard const lock(mutex_);
    return events_.size();
  }
  [[nodiscard]] bool nothing_live() const {
    return blocks_live() == 0 && streams_live() == 0 && events_live() == 0;
  }

  // Calls of copies, and the bytes that they were asked to copy.
  [[nodiscard]] uint64_t copies() const noexcept { return copies_; }
  [[nodiscard]] uint64_t bytes_copied() const noexcept { return bytes_copied_; }
  // Calls of kernels and algorithms.
  [[nodiscard]] uint64_t launches() const noexcept { return launches_; }

  [[nodiscard]] DeviceInfo const& info() const noexcept override { return inner_.info(); }

  [[nodiscard]] void* allocate_pinned(std::size_t bytes) override {
    std::lock_guard const lock(mutex_);
    count_down(allocations_until_failure_, "pinned allocation of " + std::to_string(bytes));
    return pinned_.add(inner_.allocate_pinned(bytes), bytes);
  }
  void free_pinned(void* pinned, std::size_t bytes) noexcept override {
    std::lock_guard const lock(mutex_);
    pinned_.remove(pinned, bytes);
    inner_.free_pinned(pinned, bytes);
  }
  [[nodiscard]] void* allocate_device(std::size_t bytes) override {
    std::lock_guard const lock(mutex_);
    count_down(allocations_until_failure_, "device allocation of " + std::to_string(bytes));
    return device_.add(inner_.allocate_device(bytes), bytes);
  }
  void free_device(void* device, std::size_t bytes) noexcept override {
    std::lock_guard const lock(mutex_);
    device_.remove(device, bytes);
    inner_.free_device(device, bytes);
  }

  [[nodiscard]] StreamView create_stream() override {
    std::lock_guard const lock(mutex_);
    count_down(handles_until_failure_, "stream");
    StreamView const stream = inner_.create_stream();
    streams_.insert(stream.handle);
    return stream;
  }
  void destroy_stream(StreamView stream) noexcept override {
    std::lock_guard const lock(mutex_);
    if (streams_.erase(stream.handle) != 1) fail("a stream was destroyed that is not live");
    inner_.destroy_stream(stream);
  }
  void synchronize(StreamView stream) override { inner_.synchronize(stream); }

  [[nodiscard]] EventView create_event() override {
    std::lock_guard const lock(mutex_);
    count_down(handles_until_failure_, "event");
    EventView const event = inner_.create_event();
    events_.insert(event.handle);
    return event;
  }
  void destroy_event(EventView event) noexcept override {
    std::lock_guard const lock(mutex_);
    if (events_.erase(event.handle) != 1) fail("an event was destroyed that is not live");
    inner_.destroy_event(event);
  }
  void record(EventView event, StreamView stream) override { inner_.record(event, stream); }
  void wait_async(StreamView stream, EventView event) override { inner_.wait_async(stream, event); }

  void copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                            StreamView stream) override {
    ++copies_;
    bytes_copied_ += bytes;
    inner_.copy_to_device_async(device, pinned, bytes, stream);
  }
  void copy_to_host_async(void* pinned, void const* device, std::size_t bytes,
                          StreamView stream) override {
    ++copies_;
    bytes_copied_ += bytes;
    inner_.copy_to_host_async(pinned, device, bytes, stream);
  }
  void clear_async(void* device, std::size_t bytes, StreamView stream) override {
    inner_.clear_async(device, bytes, stream);
  }

  void search_index_async(IndexSearch::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.search_index_async(args, stream);
  }
  void narrow_async(Narrow::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.narrow_async(args, stream);
  }
  void filter_async(FilterArgs const& args, uint32_t tile_count, StreamView stream) override {
    ++launches_;
    inner_.filter_async(args, tile_count, stream);
  }
  void gather_async(Gather::Args const& args, uint32_t tile_count, StreamView stream) override {
    ++launches_;
    inner_.gather_async(args, tile_count, stream);
  }
  void resolve_ranges_async(ResolveRanges::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.resolve_ranges_async(args, stream);
  }
  void resolve_mark_async(ResolveMark::Args const& args, uint32_t tile_count,
                          StreamView stream) override {
    ++launches_;
    inner_.resolve_mark_async(args, tile_count, stream);
  }
  void resolve_probe_async(ResolveProbe::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.resolve_probe_async(args, stream);
  }
  void resolve_merge_async(ResolveMerge::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.resolve_merge_async(args, stream);
  }
  void complete_deferred_async(CompleteDeferred::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.complete_deferred_async(args, stream);
  }
  void pick_rows_async(PickRows::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.pick_rows_async(args, stream);
  }
  void measure_rows_async(MeasureRows::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.measure_rows_async(args, stream);
  }
  void fit_rows_async(FitRows::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.fit_rows_async(args, stream);
  }
  void emit_rows_async(EmitRows::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.emit_rows_async(args, stream);
  }
  void locate_segments_async(LocateSegments::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.locate_segments_async(args, stream);
  }
  void verify_blocks_async(VerifyBlocks::Args const& args, StreamView stream) override {
    ++launches_;
    inner_.verify_blocks_async(args, stream);
  }

  [[nodiscard]] std::size_t scratch_bytes(AlgorithmLimits const& limits) const override {
    return inner_.scratch_bytes(limits);
  }
  void scan_counts_async(IntervalCount* counts, uint32_t count, Scratch scratch,
                         StreamView stream) override {
    ++launches_;
    inner_.scan_counts_async(counts, count, scratch, stream);
  }
  void select_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                          uint32_t* row_count, Scratch scratch, StreamView stream) override {
    ++launches_;
    inner_.select_alive_async(candidates, count, rows, row_count, scratch, stream);
  }
  void order_candidates_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                              StreamView stream) override {
    ++launches_;
    inner_.order_candidates_async(rows, count, less, scratch, stream);
  }
  void keep_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                        uint32_t* row_count, Scratch scratch, StreamView stream) override {
    ++launches_;
    inner_.keep_alive_async(candidates, count, rows, row_count, scratch, stream);
  }
  void order_rows_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                        StreamView stream) override {
    ++launches_;
    inner_.order_rows_async(rows, count, less, scratch, stream);
  }
  void scan_row_bytes_async(uint64_t* row_bytes, uint32_t count, Scratch scratch,
                            StreamView stream) override {
    ++launches_;
    inner_.scan_row_bytes_async(row_bytes, count, scratch, stream);
  }
  void aggregate_async(AggregateRow const& source, uint32_t count, Aggregate* sum, Scratch scratch,
                       StreamView stream) override {
    ++launches_;
    inner_.aggregate_async(source, count, sum, scratch, stream);
  }
  void aggregate_segments_async(AggregateRow const& source, uint32_t const* segments,
                                uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                uint32_t* sum_count, Scratch scratch, StreamView stream) override {
    ++launches_;
    inner_.aggregate_segments_async(source, segments, count, sum_segments, sums, sum_count, scratch,
                                    stream);
  }

 private:
  // Live blocks of one kind of memory, and how many there ever were.
  struct Memory {
    std::map<void*, std::size_t> blocks;
    uint64_t allocated = 0;

    void* add(void* block, std::size_t bytes) {
      if (!blocks.emplace(block, bytes).second) fail("the device handed out a block twice");
      ++allocated;
      return block;
    }
    void remove(void* block, std::size_t bytes) noexcept {
      auto const found = blocks.find(block);
      if (found == blocks.end()) fail("a block was freed that is not live");
      if (found->second != bytes) fail("a block was freed with another size than it has");
      blocks.erase(found);
    }
    uint64_t allocations(std::mutex& mutex) const {
      std::lock_guard const lock(mutex);
      return allocated;
    }
    std::size_t bytes_live(std::mutex& mutex) const {
      std::lock_guard const lock(mutex);
      std::size_t bytes = 0;
      for (auto const& block : blocks) bytes += block.second;
      return bytes;
    }
  };

  [[noreturn]] static void fail(char const* what) noexcept {
    std::fprintf(stderr, "CountingDevice: %s\n", what);
    std::abort();
  }
  static void count_down(uint64_t& until_failure, std::string const& what) {
    if (until_failure == 0 || --until_failure != 0) return;
    throw DeviceError("planted failure: " + what);
  }

  Device& inner_;
  mutable std::mutex mutex_;
  uint64_t allocations_until_failure_ = 0;
  uint64_t handles_until_failure_ = 0;
  Memory pinned_;
  Memory device_;
  std::set<void*> streams_;
  std::set<void*> events_;
  std::atomic<uint64_t> copies_ = 0;
  std::atomic<uint64_t> bytes_copied_ = 0;
  std::atomic<uint64_t> launches_ = 0;
};

}  // namespace levelscan
