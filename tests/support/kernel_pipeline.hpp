// Runs in device memory, and the kernels of one round over them, each step a call of its own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "support/device_array.hpp"
#include "support/predicate_program.hpp"
#include "support/sst_builder.hpp"
#include "support/version_model.hpp"

namespace levelscan::test {

// Runs laid out in device memory. REQUIRES: device and stream outlive it.
class DeviceRuns {
 public:
  DeviceRuns(Device& device, StreamView stream, std::vector<RunData> const& runs) {
    std::vector<RunView> views;
    for (RunData const& run : runs) {
      data_.push_back(std::make_unique<DeviceArray<uint8_t>>(device, stream, run.bytes));
      blocks_.push_back(std::make_unique<DeviceArray<DataBlockRef>>(device, stream, run.blocks));
      views.push_back(RunView{data_.back()->device(), blocks_.back()->device(),
                              static_cast<uint32_t>(run.blocks.size()), run.interval_count,
                              slot_count_, tile_count_, run.largest_sequence, run.smallest_sequence,
                              run.order, run.prefix_skip});
      slot_count_ += run.interval_count;
      tile_count_ += tiles_of(run.interval_count);
    }
    views_ = std::make_unique<DeviceArray<RunView>>(device, stream, views);
  }

  [[nodiscard]] RunView const* views() const { return views_->device(); }
  [[nodiscard]] std::vector<RunView> host_views() const { return views_->read(); }
  [[nodiscard]] uint32_t run_count() const { return static_cast<uint32_t>(views_->size()); }
  [[nodiscard]] uint32_t slot_count() const { return slot_count_; }  // intervals of all runs
  [[nodiscard]] uint32_t tile_count() const { return tile_count_; }

 private:
  std::vector<std::unique_ptr<DeviceArray<uint8_t>>> data_;
  std::vector<std::unique_ptr<DeviceArray<DataBlockRef>>> blocks_;
  std::unique_ptr<DeviceArray<RunView>> views_;
  uint32_t slot_count_ = 0;
  uint32_t tile_count_ = 0;
};

// kSplit: only where blocks run in order and the predicate doesn't read keys.
enum class Resolution { kProbe, kMark, kMerge, kSplit };

class KernelPipeline {
 public:
  KernelPipeline(Device& device, StreamView stream, std::vector<RunData> const& runs,
                 WindowSpec const& window, PredicateProgram const& predicate)
      : device_(device),
        stream_(stream),
        run_data_(runs),
        runs_(device, stream, runs),
        order_(window.order),
        lower_(device, stream, window.lower.value_or("")),
        upper_(device, stream, window.upper.value_or("")),
        predicate_(device, stream, predicate),
        ranges_(device, stream, runs.size()),
        counts_(device, stream, std::size_t{runs_.slot_count()} + 1),
        totals_(device, stream, std::vector<RunTotals>(runs.size(), RunTotals{0, 0})),
        status_(device, stream, std::vector<ScanStatus>(1)) {
    args_.runs = runs_.views();
    args_.ranges = ranges_.device();
    args_.run_count = runs_.run_count();
    args_.window.lower = {view_of(lower_), !window.lower        ? BoundSide::kStart
                                           : window.lower_after ? BoundSide::kAfter
                                                                : BoundSide::kBefore};
    args_.window.upper = {view_of(upper_), !window.upper        ? BoundSide::kEnd
                                           : window.upper_after ? BoundSide::kAfter
                                                                : BoundSide::kBefore};
    args_.window.snapshot = window.snapshot;
    args_.predicate = predicate_.view();
    args_.counts = counts_.device();
    args_.totals = totals_.device();
    args_.status = status_.device();
  }

  // Looks at these parts of the window only. REQUIRES: they ascend, none lies over another.
  void look_at(std::vector<WindowSpec> const& parts) {
    std::vector<Segment> list;
    auto const bound = [&](std::optional<std::string> const& key, bool after, BoundSide otherwise) {
      bounds_.push_back(std::make_unique<DeviceArray<uint8_t>>(device_, stream_, key.value_or("")));
      BoundSide const side = after ? BoundSide::kAfter : BoundSide::kBefore;
      return KeyBoundView{view_of(*bounds_.back()), key ? side : otherwise};
    };
    for (WindowSpec const& part : parts) {
      list.push_back({bound(part.lower, part.lower_after, BoundSide::kStart),
                      bound(part.upper, part.upper_after, BoundSide::kEnd)});
    }
    segments_ = std::make_unique<DeviceArray<Segment>>(device_, stream_, list);
    args_.segments = {segments_->device(), static_cast<uint32_t>(list.size())};
  }

  // In which of those parts each row lies. REQUIRES: select_and_order().
  // `part_rows` gets how many lie in each.
  [[nodiscard]] std::vector<uint32_t> row_parts(std::vector<uint32_t>& part_rows) {
    DeviceArray<uint32_t> const counts(device_, stream_,
                                       std::vector<uint32_t>(args_.segments.count, 0));
    DeviceArray<uint32_t> const parts(device_, stream_,
                                      std::vector<uint32_t>(row_count_, UINT32_MAX));
    device_.locate_segments_async(LocateSegments::Args{candidate_parts_->device(), rows_->device(),
                                                       row_count_, parts.device(), counts.device()},
                                  stream_);
    part_rows = counts.read();
    return parts.read();
  }

  void narrow() {
    device_.narrow_async(
        Narrow::Args{args_.runs, ranges_.device(), args_.run_count, args_.window, args_.status},
        stream_);
  }

  // Room for the candidates that the filter writes down itself, exactly.
  void give_filter_space(uint32_t candidates_max, uint32_t key_bytes_max) {
    candidates_ = std::make_unique<DeviceArray<Candidate>>(device_, stream_,
                                                           std::vector<Candidate>(candidates_max));
    keys_ = std::make_unique<DeviceArray<uint8_t>>(device_, stream_,
                                                   std::string(key_bytes_max, '\x5a'));
    args_.space = CandidateSpace{candidates_->device(), keys_->device(), candidates_max,
                                 key_bytes_max, candidate_parts(candidates_max)};
  }

  // Counts and totals; the counts are then scanned.
  void filter() {
    device_.clear_async(counts_.device() + runs_.slot_count(), sizeof(IntervalCount), stream_);
    device_.filter_async(args_, runs_.tile_count(), stream_);
  }
  void scan_counts() {
    device_.scan_counts_async(counts_.device(), runs_.slot_count() + 1, scratch(0), stream_);
  }

  // Room for all candidates that were counted, one run's after another's.
  [[nodiscard]] std::vector<CandidateShare> shares_for_all() const {
    std::vector<CandidateShare> shares;
    uint32_t candidates = 0;
    uint32_t key_bytes = 0;
    for (RunTotals const& total : totals_.read()) {
      CandidateShare share{};
      share.candidate_base = candidates;
      share.candidates_max = static_cast<uint32_t>(total.candidates);
      share.key_base = key_bytes;
      share.key_bytes_max = static_cast<uint32_t>(total.key_bytes);
      candidates += share.candidates_max;
      key_bytes += share.key_bytes_max;
      shares.push_back(share);
    }
    return shares;
  }

  // `candidates_max`, `key_bytes_max`: the whole spaces, exactly.
  void gather(std::vector<CandidateShare> const& shares, uint32_t candidates_max,
              uint32_t key_bytes_max) {
    shares_ = std::make_unique<DeviceArray<CandidateShare>>(device_, stream_, shares);
    candidates_ = std::make_unique<DeviceArray<Candidate>>(device_, stream_,
                                                           std::vector<Candidate>(candidates_max));
    keys_ = std::make_unique<DeviceArray<uint8_t>>(device_, stream_,
                                                   std::string(key_bytes_max, '\x5a'));
    args_.space.segments = candidate_parts(candidates_max);
    device_.gather_async(
        Gather::Args{args_, shares_->device(), candidates_->device(), keys_->device()},
        runs_.tile_count(), stream_);
  }
  void gather_all() {
    std::vector<CandidateShare> const shares = shares_for_all();
    uint32_t candidates = 0;
    uint32_t key_bytes = 0;
    for (CandidateShare const& share : shares) {
      candidates += share.candidates_max;
      key_bytes += share.key_bytes_max;
    }
    gather(shares, candidates, key_bytes);
  }

  // Rows are counted instead of being candidates, where blocks run in order.
  void count_rows() { args_.counts_rows = 1; }

  // What only shadows is a candidate as well, for Resolution::kMerge.
  void keep_shadows() { args_.keeps_shadows = 1; }

  void resolve(Resolution by = Resolution::kProbe) {
    if (by == Resolution::kMerge) {
      uint32_t const count = static_cast<uint32_t>(candidates_->size());
      rows_ = std::make_unique<DeviceArray<uint32_t>>(device_, stream_, count);
      device_.order_candidates_async(rows_->device(), count,
                                     CandidateLess{candidates_->device(), keys_->device(), order_},
                                     scratch(count), stream_);
      device_.resolve_merge_async(ResolveMerge::Args{rows_->device(), count, candidates_->device(),
                                                     keys_->device(), args_.status},
                                  stream_);
      merged_ = true;
    }
    if (by == Resolution::kMark) {
      device_.resolve_mark_async(
          ResolveMark::Args{args_, shares_->device(), candidates_->device(), keys_->device()},
          runs_.tile_count(), stream_);
    }
    // After marking only what the filter left undecided is looked at.
    uint32_t const probed_runs = by == Resolution::kProbe ? args_.run_count : 0;
    device_.resolve_probe_async(
        ResolveProbe::Args{args_.runs, probed_runs, static_cast<uint32_t>(candidates_->size()),
                           args_.window.snapshot, candidates_->device(), keys_->device(),
                           args_.predicate, args_.status},
        stream_);
  }

  // Range tombstones over the candidates. `cover`: in device memory.
  void hide_under(TombstoneCover const& cover) {
    device_.resolve_ranges_async(
        ResolveRanges::Args{cover, candidates_->device(), keys_->device(),
                            static_cast<uint32_t>(candidates_->size()), args_.status},
        stream_);
    device_.synchronize(stream_);
  }

  // Entries without a value in the block become candidates.
  void defer_values() {
    args_.merge_operands = AbsentValue::kDeferred;
    args_.blob_references = AbsentValue::kDeferred;
  }

  // Puts values in the place of those that are not in the blocks. Offsets are into `bytes`.
  void complete(std::string const& bytes, std::vector<DeferredValue> const& values) {
    value_bytes_ = bytes;
    values_ = std::make_unique<DeviceArray<uint8_t>>(device_, stream_, bytes);
    std::vector<RunView> views = runs_.host_views();
    views.push_back(RunView{values_->device(), nullptr, 0, 0, 0, 0, 0});
    views_ = std::make_unique<DeviceArray<RunView>>(device_, stream_, views);
    args_.runs = views_->device();
    DeviceArray<DeferredValue> const list(device_, stream_, values);
    device_.complete_deferred_async(
        CompleteDeferred::Args{args_.runs, args_.run_count, static_cast<uint32_t>(values.size()),
                               list.device(), candidates_->device(), keys_->device(),
                               args_.predicate, args_.status},
        stream_);
    device_.synchronize(stream_);
  }

  // Places of the candidates that are alive, in key order.
  void select_and_order() {
    uint32_t const count = static_cast<uint32_t>(candidates_->size());
    if (merged_) {
      device_.keep_alive_async(candidates_->device(), count, rows_->device(),
                               &status_.device()->row_count, scratch(count), stream_);
      row_count_ = status_.read().at(0).row_count;
      return;
    }
    rows_ = std::make_unique<DeviceArray<uint32_t>>(device_, stream_, count);
    device_.select_alive_async(candidates_->device(), count, rows_->device(),
                               &status_.device()->row_count, scratch(count), stream_);
    row_count_ = status_.read().at(0).row_count;
    device_.order_rows_async(rows_->device(), row_count_,
                             CandidateLess{candidates_->device(), keys_->device(), order_},
                             scratch(count), stream_);
  }

  // All of it. Stops after a step that reported a fault; returns the status.
  ScanStatus run(Resolution by = Resolution::kProbe) {
    if (by == Resolution::kSplit) return run_split(false);
    if (by == Resolution::kMerge) keep_shadows();
    narrow();
    if (status().errors != 0) return status();
    filter();
    scan_counts();
    if (status().errors != 0) return status();
    gather_all();
    if (status().errors != 0) return status();
    resolve(by);
    if (status().errors != 0) return status();
    select_and_order();
    return status();
  }

  // The lowest run that has anything beneath the others, where the filter lists the rows; with
  // `counts` what is left of it is only counted.
  ScanStatus run_split(bool counts) {
    narrow();
    if (status().errors != 0) return status();
    std::vector<RunView> const views = runs_.host_views();
    uint32_t first_beneath = 0;
    std::size_t bytes = 0;
    for (RunView const& view : views) {
      if (view.interval_count != 0) first_beneath = view.first_tile;
    }
    for (RunData const& run : run_data_) bytes += run.bytes.size();
    // No entry and no key takes more than these; a key that is shared takes no byte in its block.
    give_filter_space(static_cast<uint32_t>(bytes), 1u << 20);
    args_.keeps_shadows = 1;
    device_.filter_async(args_, first_beneath, stream_);
    if (status().errors != 0) return status();
    uint32_t const above = static_cast<uint32_t>(status().written);
    DeviceArray<uint32_t> const order(device_, stream_, above);
    device_.order_candidates_async(order.device(), above,
                                   CandidateLess{candidates_->device(), keys_->device(), order_},
                                   scratch(above), stream_);
    device_.resolve_merge_async(ResolveMerge::Args{order.device(), above, candidates_->device(),
                                                   keys_->device(), args_.status},
                                stream_);
    args_.keeps_shadows = 0;
    args_.first_tile = first_beneath;
    args_.shadows = ShadowList{order.device(), above, candidates_->device(), keys_->device()};
    args_.counts_rows = counts ? 1 : 0;
    rows_ = std::make_unique<DeviceArray<uint32_t>>(device_, stream_, args_.space.candidates_max);
    args_.space.rows = rows_->device();
    device_.filter_async(args_, runs_.tile_count() - first_beneath, stream_);
    if (status().errors != 0) return status();
    row_count_ = status().row_count;
    std::vector<Candidate> written = candidates_->read();
    written.resize(status().written);
    candidates_ = std::make_unique<DeviceArray<Candidate>>(device_, stream_, written);
    return status();
  }

  [[nodiscard]] ScanStatus status() const { return status_.read()[0]; }
  [[nodiscard]] std::vector<IntervalRange> ranges() const { return ranges_.read(); }
  [[nodiscard]] std::vector<IntervalCount> counts() const { return counts_.read(); }
  [[nodiscard]] std::vector<RunTotals> totals() const { return totals_.read(); }
  [[nodiscard]] std::vector<CandidateShare> shares() const { return shares_->read(); }
  [[nodiscard]] std::vector<Candidate> candidates() const { return candidates_->read(); }
  [[nodiscard]] std::string keys() const {
    std::vector<uint8_t> const bytes = keys_->read();
    return std::string(bytes.begin(), bytes.end());
  }

  // Scanned counts, ranges: for tests that plant their own.
  DeviceArray<IntervalCount>& device_counts() { return counts_; }
  DeviceArray<IntervalRange>& device_ranges() { return ranges_; }

  // What a candidate stands for, as a row shows it; its offsets are checked.
  [[nodiscard]] ModelRow row_of(Candidate const& candidate) const {
    std::string const key_space = keys();
    bool const completed = candidate.run == run_data_.size();
    std::string const& data = completed ? value_bytes_ : run_data_.at(candidate.run).bytes;
    EXPECT_LE(uint64_t{candidate.key_offset} + candidate.user_size + 8, key_space.size());
    EXPECT_LE(uint64_t{candidate.value_offset} + candidate.value_size, data.size());
    std::string const user_key = key_space.substr(candidate.key_offset, candidate.user_size);
    if (!completed) {
      uint64_t const stored =
          little_endian_word(key_space, candidate.key_offset + candidate.user_size);
      uint64_t const global_sequence = block_of(candidate).global_sequence;
      EXPECT_EQ(candidate.trailer, global_sequence == kNoGlobalSequence
                                       ? stored
                                       : (global_sequence << 8) | (stored & 0xff))
          << "the rebuilt key ends in another trailer";
    }
    uint64_t prefix = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      prefix = (prefix << 8) | (i < user_key.size() ? static_cast<uint8_t>(user_key[i]) : 0);
    }
    EXPECT_EQ(candidate.key_prefix, prefix);
    return {user_key, candidate.trailer >> 8,
            shown_value(static_cast<uint8_t>(candidate.trailer),
                        data.substr(candidate.value_offset, candidate.value_size)),
            candidate.run};
  }

  // Candidates of one run, in the order of their places.
  [[nodiscard]] std::vector<ModelRow> candidate_rows(uint32_t run) const {
    std::vector<ModelRow> rows;
    CandidateShare const share = shares_->read()[run];
    std::vector<Candidate> const all = candidates();
    for (uint32_t i = 0; i < share.candidates_max; ++i) {
      rows.push_back(row_of(all[share.candidate_base + i]));
    }
    return rows;
  }

  [[nodiscard]] std::vector<ModelRow> rows() const {
    std::vector<ModelRow> found;
    std::vector<uint32_t> const places = rows_->read();
    std::vector<Candidate> const all = candidates();
    for (uint32_t i = 0; i < row_count_; ++i) found.push_back(row_of(all.at(places[i])));
    return found;
  }

  [[nodiscard]] uint32_t row_count() const { return row_count_; }

  // For the kernels over rows. `columns`: in device memory.
  [[nodiscard]] RowsArgs rows_args(DeviceArray<Field> const& columns) const {
    return RowsArgs{args_.runs,      candidates_->device(), keys_->device(),
                    rows_->device(), columns.device(),      static_cast<uint32_t>(columns.size()),
                    row_count_};
  }

  // Memory for an algorithm over `candidates_max` items.
  [[nodiscard]] Scratch scratch(uint32_t candidates_max) {
    std::size_t const bytes =
        device_.scratch_bytes(AlgorithmLimits{runs_.slot_count() + 1, candidates_max});
    if (scratch_ == nullptr || scratch_->size() < bytes) {
      scratch_ = std::make_unique<DeviceArray<uint8_t>>(device_, stream_, bytes);
    }
    return Scratch{scratch_->device(), scratch_->size()};
  }

 private:
  // Room for the parts of so many candidates, where the filter looks at parts.
  uint32_t* candidate_parts(uint32_t candidates_max) {
    if (args_.segments.count == 0) return nullptr;
    candidate_parts_ = std::make_unique<DeviceArray<uint32_t>>(device_, stream_, candidates_max);
    return candidate_parts_->device();
  }

  static uint64_t little_endian_word(std::string const& bytes, std::size_t at) {
    uint64_t value = 0;
    for (std::size_t i = 8; i > 0; --i) {
      value = (value << 8) | static_cast<uint8_t>(bytes.at(at + i - 1));
    }
    return value;
  }

  [[nodiscard]] DataBlockRef const& block_of(Candidate const& candidate) const {
    std::vector<DataBlockRef> const& blocks = run_data_.at(candidate.run).blocks;
    auto const after = std::upper_bound(
        blocks.begin(), blocks.end(), candidate.value_offset,
        [](uint32_t offset, DataBlockRef const& block) { return offset < block.offset; });
    return *std::prev(after);
  }

  Device& device_;
  StreamView stream_;
  std::vector<RunData> run_data_;
  DeviceRuns runs_;
  KeyOrder order_;
  DeviceArray<uint8_t> lower_;
  DeviceArray<uint8_t> upper_;
  DevicePredicate predicate_;
  DeviceArray<IntervalRange> ranges_;
  DeviceArray<IntervalCount> counts_;
  DeviceArray<RunTotals> totals_;
  DeviceArray<ScanStatus> status_;
  FilterArgs args_{};
  std::vector<std::unique_ptr<DeviceArray<uint8_t>>> bounds_;  // of the segments
  std::unique_ptr<DeviceArray<Segment>> segments_;
  std::unique_ptr<DeviceArray<uint32_t>> candidate_parts_;
  bool merged_ = false;
  std::unique_ptr<DeviceArray<CandidateShare>> shares_;
  std::unique_ptr<DeviceArray<Candidate>> candidates_;
  std::unique_ptr<DeviceArray<uint8_t>> keys_;
  std::unique_ptr<DeviceArray<uint32_t>> rows_;
  std::unique_ptr<DeviceArray<uint8_t>> scratch_;
  std::string value_bytes_;
  std::unique_ptr<DeviceArray<uint8_t>> values_;
  std::unique_ptr<DeviceArray<RunView>> views_;  // with that of the values
  uint32_t row_count_ = 0;
};

}  // namespace levelscan::test
