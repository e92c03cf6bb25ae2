// A decorator over a Device that does nothing before it must: what is enqueued on a stream waits
// there until somebody synchronizes with it or asks for a value. A host that reads or overwrites
// memory too early, which a CPU device forgives, gets wrong bytes here.
//
//   auto cpu = make_cpu_device(CpuMirror::kSeparate);
//   LaggingDevice device(*cpu);
//
// Thread-safe; work runs in the thread that waits for it, under one mutex. The inner device must
// outlive it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "device/device.hpp"

namespace levelscan {

class LaggingDevice final : public Device {
 public:
  explicit LaggingDevice(Device& inner) : inner_(inner) {}

  // From now on every call about streams and events throws, as on a GPU that was lost.
  void lose() noexcept { lost_ = true; }

  // Enqueued and not yet run, on all streams.
  [[nodiscard]] uint64_t pending() const noexcept { return pending_; }
  // Calls of wait_async with an event that had been recorded.
  [[nodiscard]] uint64_t event_waits() const noexcept { return event_waits_; }

  [[nodiscard]] DeviceInfo const& info() const noexcept override { return inner_.info(); }

  [[nodiscard]] void* allocate_pinned(std::size_t bytes) override {
    return inner_.allocate_pinned(bytes);
  }
  void free_pinned(void* pinned, std::size_t bytes) noexcept override {
    inner_.free_pinned(pinned, bytes);
  }
  [[nodiscard]] void* allocate_device(std::size_t bytes) override {
    return inner_.allocate_device(bytes);
  }
  void free_device(void* device, std::size_t bytes) noexcept override {
    inner_.free_device(device, bytes);
  }

  [[nodiscard]] StreamView create_stream() override {
    return StreamView{new Stream{inner_.create_stream(), {}, 0, 0}};
  }
  void destroy_stream(StreamView stream) noexcept override {
    Stream* const queue = queue_of(stream);
    pending_ -= queue->work.size();
    inner_.destroy_stream(queue->inner);
    delete queue;
  }
  void synchronize(StreamView stream) override { drain(stream); }

  [[nodiscard]] EventView create_event() override { return EventView{new Event{nullptr, 0}}; }
  void destroy_event(EventView event) noexcept override {
    delete static_cast<Event*>(event.handle);
  }
  void record(EventView event, StreamView stream) override {
    check();
    std::lock_guard const lock(mutex_);
    *static_cast<Event*>(event.handle) = Event{queue_of(stream), queue_of(stream)->enqueued};
  }
  void wait_async(StreamView stream, EventView event) override {
    std::lock_guard const lock(mutex_);
    Event const recorded = *static_cast<Event*>(event.handle);
    if (recorded.stream != nullptr) ++event_waits_;
    enqueue(stream, [this, recorded](StreamView) {
      if (recorded.stream != nullptr) run_until(*recorded.stream, recorded.enqueued);
    });
  }

  void copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                            StreamView stream) override {
    enqueue(stream,
            [=, this](StreamView s) { inner_.copy_to_device_async(device, pinned, bytes, s); });
  }
  void copy_to_host_async(void* pinned, void const* device, std::size_t bytes,
                          StreamView stream) override {
    enqueue(stream,
            [=, this](StreamView s) { inner_.copy_to_host_async(pinned, device, bytes, s); });
  }
  void clear_async(void* device, std::size_t bytes, StreamView stream) override {
    enqueue(stream, [=, this](StreamView s) { inner_.clear_async(device, bytes, s); });
  }

  void search_index_async(IndexSearch::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.search_index_async(args, s); });
  }
  void narrow_async(Narrow::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.narrow_async(args, s); });
  }
  void filter_async(FilterArgs const& args, uint32_t tile_count, StreamView stream) override {
    enqueue(stream, [=, this](StreamView s) { inner_.filter_async(args, tile_count, s); });
  }
  void gather_async(Gather::Args const& args, uint32_t tile_count, StreamView stream) override {
    enqueue(stream, [=, this](StreamView s) { inner_.gather_async(args, tile_count, s); });
  }
  void resolve_ranges_async(ResolveRanges::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.resolve_ranges_async(args, s); });
  }
  void resolve_mark_async(ResolveMark::Args const& args, uint32_t tile_count,
                          StreamView stream) override {
    enqueue(stream, [=, this](StreamView s) { inner_.resolve_mark_async(args, tile_count, s); });
  }
  void resolve_probe_async(ResolveProbe::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.resolve_probe_async(args, s); });
  }
  void resolve_merge_async(ResolveMerge::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.resolve_merge_async(args, s); });
  }
  void complete_deferred_async(CompleteDeferred::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.complete_deferred_async(args, s); });
  }
  void pick_rows_async(PickRows::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.pick_rows_async(args, s); });
  }
  void measure_rows_async(MeasureRows::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.measure_rows_async(args, s); });
  }
  void fit_rows_async(FitRows::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.fit_rows_async(args, s); });
  }
  void emit_rows_async(EmitRows::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.emit_rows_async(args, s); });
  }
  void locate_segments_async(LocateSegments::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.locate_segments_async(args, s); });
  }
  void verify_blocks_async(VerifyBlocks::Args const& args, StreamView stream) override {
    enqueue(stream, [this, args](StreamView s) { inner_.verify_blocks_async(args, s); });
  }

  [[nodiscard]] std::size_t scratch_bytes(AlgorithmLimits const& limits) const override {
    return inner_.scratch_bytes(limits);
  }
  void scan_counts_async(IntervalCount* counts, uint32_t count, Scratch scratch,
                         StreamView stream) override {
    enqueue(stream,
            [=, this](StreamView s) { inner_.scan_counts_async(counts, count, scratch, s); });
  }
  void select_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                          uint32_t* row_count, Scratch scratch, StreamView stream) override {
    enqueue(stream, [=, this](StreamView s) {
      inner_.select_alive_async(candidates, count, rows, row_count, scratch, s);
    });
  }
  void order_candidates_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                              StreamView stream) override {
    enqueue(stream, [=, this](StreamView s) {
      inner_.order_candidates_async(rows, count, less, scratch, s);
    });
  }
  void keep_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                        uint32_t* row_count, Scratch scratch, StreamView stream) override {
    enqueue(stream, [=, this](StreamView s) {
      inner_.keep_alive_async(candidates, count, rows, row_count, scratch, s);
    });
  }
  void order_rows_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                        StreamView stream) override {
    enqueue(stream,
            [=, this](StreamView s) { inner_.order_rows_async(rows, count, less, scratch, s); });
  }
  void scan_row_bytes_async(uint64_t* row_bytes, uint32_t count, Scratch scratch,
                            StreamView stream) override {
    enqueue(stream,
            [=, this](StreamView s) { inner_.scan_row_bytes_async(row_bytes, count, scratch, s); });
  }
  void aggregate_async(AggregateRow const& source, uint32_t count, Aggregate* sum, Scratch scratch,
                       StreamView stream) override {
    enqueue(stream,
            [=, this](StreamView s) { inner_.aggregate_async(source, count, sum, scratch, s); });
  }
  void aggregate_segments_async(AggregateRow const& source, uint32_t const* segments,
                                uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                uint32_t* sum_count, Scratch scratch, StreamView stream) override {
    enqueue(stream, [=, this](StreamView s) {
      inner_.aggregate_segments_async(source, segments, count, sum_segments, sums, sum_count,
                                      scratch, s);
    });
  }

 private:
  struct Stream {
    StreamView inner;
    std::deque<std::function<void(StreamView)>> work;
    uint64_t enqueued;  // ever
    uint64_t run;       // ever
  };
  // The place in a stream where it was recorded last.
  struct Event {
    Stream* stream;
    uint64_t enqueued;
  };

  static Stream* queue_of(StreamView stream) noexcept {
    return static_cast<Stream*>(stream.handle);
  }

  void check() const {
    if (lost_) throw DeviceError("planted failure: the device is lost");
  }
  void enqueue(StreamView stream, std::function<void(StreamView)> work) {
    check();
    std::lock_guard const lock(mutex_);
    Stream& queue = *queue_of(stream);
    queue.work.push_back(std::move(work));
    ++queue.enqueued;
    ++pending_;
  }
  // Runs what was enqueued first, until `count` have run. With mutex_ held.
  void run_until(Stream& queue, uint64_t count) {
    while (queue.run < count && !queue.work.empty()) {
      auto const work = std::move(queue.work.front());
      queue.work.pop_front();
      ++queue.run;
      --pending_;
      work(queue.inner);
    }
  }
  // The inner stream, after all work on it.
  StreamView drain(StreamView stream) {
    check();
    std::lock_guard const lock(mutex_);
    Stream& queue = *queue_of(stream);
    run_until(queue, queue.enqueued);
    inner_.synchronize(queue.inner);
    return queue.inner;
  }

  Device& inner_;
  std::recursive_mutex mutex_;  // work can wait for another stream's
  std::atomic<bool> lost_ = false;
  std::atomic<uint64_t> pending_ = 0;
  std::atomic<uint64_t> event_waits_ = 0;
};

}  // namespace levelscan
