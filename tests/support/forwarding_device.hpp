// A Device that hands every call on to another one: what test devices derive from to change some.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "device/device.hpp"

namespace levelscan::test {

// Thread-safe as the device behind it.
class ForwardingDevice : public Device {
 public:
  explicit ForwardingDevice(std::unique_ptr<Device> inner) : inner_(std::move(inner)) {}

  DeviceInfo const& info() const noexcept override { return inner_->info(); }

  void* allocate_pinned(std::size_t bytes) override { return inner_->allocate_pinned(bytes); }
  void free_pinned(void* pinned, std::size_t bytes) noexcept override {
    inner_->free_pinned(pinned, bytes);
  }
  void* allocate_device(std::size_t bytes) override { return inner_->allocate_device(bytes); }
  void free_device(void* device, std::size_t bytes) noexcept override {
    inner_->free_device(device, bytes);
  }

  StreamView create_stream() override { return inner_->create_stream(); }
  void destroy_stream(StreamView stream) noexcept override { inner_->destroy_stream(stream); }
  void synchronize(StreamView stream) override { inner_->synchronize(stream); }

  EventView create_event() override { return inner_->create_event(); }
  void destroy_event(EventView event) noexcept override { inner_->destroy_event(event); }
  void record(EventView event, StreamView stream) override { inner_->record(event, stream); }
  void wait_async(StreamView stream, EventView event) override {
    inner_->wait_async(stream, event);
  }

  std::optional<StageTimes> take_stage_times() override { return inner_->take_stage_times(); }

  void copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                            StreamView stream) override {
    inner_->copy_to_device_async(device, pinned, bytes, stream);
  }
  void copy_to_host_async(void* pinned, void const* device, std::size_t bytes,
                          StreamView stream) override {
    inner_->copy_to_host_async(pinned, device, bytes, stream);
  }
  void clear_async(void* device, std::size_t bytes, StreamView stream) override {
    inner_->clear_async(device, bytes, stream);
  }

  void search_index_async(IndexSearch::Args const& args, StreamView stream) override {
    inner_->search_index_async(args, stream);
  }
  void narrow_async(Narrow::Args const& args, StreamView stream) override {
    inner_->narrow_async(args, stream);
  }
  void filter_async(FilterArgs const& args, uint32_t tile_count, StreamView stream) override {
    inner_->filter_async(args, tile_count, stream);
  }
  void gather_async(Gather::Args const& args, uint32_t tile_count, StreamView stream) override {
    inner_->gather_async(args, tile_count, stream);
  }
  void resolve_ranges_async(ResolveRanges::Args const& args, StreamView stream) override {
    inner_->resolve_ranges_async(args, stream);
  }
  void resolve_mark_async(ResolveMark::Args const& args, uint32_t tile_count,
                          StreamView stream) override {
    inner_->resolve_mark_async(args, tile_count, stream);
  }
  void resolve_probe_async(ResolveProbe::Args const& args, StreamView stream) override {
    inner_->resolve_probe_async(args, stream);
  }
  void resolve_merge_async(ResolveMerge::Args const& args, StreamView stream) override {
    inner_->resolve_merge_async(args, stream);
  }
  void complete_deferred_async(CompleteDeferred::Args const& args, StreamView stream) override {
    inner_->complete_deferred_async(args, stream);
  }
  void pick_rows_async(PickRows::Args const& args, StreamView stream) override {
    inner_->pick_rows_async(args, stream);
  }
  void measure_rows_async(MeasureRows::Args const& args, StreamView stream) override {
    inner_->measure_rows_async(args, stream);
  }
  void fit_rows_async(FitRows::Args const& args, StreamView stream) override {
    inner_->fit_rows_async(args, stream);
  }
  void emit_rows_async(EmitRows::Args const& args, StreamView stream) override {
    inner_->emit_rows_async(args, stream);
  }
  void locate_segments_async(LocateSegments::Args const& args, StreamView stream) override {
    inner_->locate_segments_async(args, stream);
  }
  void verify_blocks_async(VerifyBlocks::Args const& args, StreamView stream) override {
    inner_->verify_blocks_async(args, stream);
  }

  std::size_t scratch_bytes(AlgorithmLimits const& limits) const override {
    return inner_->scratch_bytes(limits);
  }
  void scan_counts_async(IntervalCount* counts, uint32_t count, Scratch scratch,
                         StreamView stream) override {
    inner_->scan_counts_async(counts, count, scratch, stream);
  }
  void select_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                          uint32_t* row_count, Scratch scratch, StreamView stream) override {
    inner_->select_alive_async(candidates, count, rows, row_count, scratch, stream);
  }
  void order_candidates_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                              StreamView stream) override {
    inner_->order_candidates_async(rows, count, less, scratch, stream);
  }
  void keep_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                        uint32_t* row_count, Scratch scratch, StreamView stream) override {
    inner_->keep_alive_async(candidates, count, rows, row_count, scratch, stream);
  }
  void order_rows_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                        StreamView stream) override {
    inner_->order_rows_async(rows, count, less, scratch, stream);
  }
  void scan_row_bytes_async(uint64_t* row_bytes, uint32_t count, Scratch scratch,
                            StreamView stream) override {
    inner_->scan_row_bytes_async(row_bytes, count, scratch, stream);
  }
  void aggregate_async(AggregateRow const& source, uint32_t count, Aggregate* sum, Scratch scratch,
                       StreamView stream) override {
    inner_->aggregate_async(source, count, sum, scratch, stream);
  }
  void aggregate_segments_async(AggregateRow const& source, uint32_t const* segments,
                                uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                uint32_t* sum_count, Scratch scratch, StreamView stream) override {
    inner_->aggregate_segments_async(source, segments, count, sum_segments, sums, sum_count,
                                     scratch, stream);
  }

 protected:
  [[nodiscard]] Device& inner() { return *inner_; }

 private:
  std::unique_ptr<Device> inner_;
};

}  // namespace levelscan::test
