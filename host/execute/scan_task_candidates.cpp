// How a round of a task finds its candidates and drops those that something newer shadows.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "execute/scan_task.hpp"
#include "levelscan/error.hpp"

namespace levelscan {
namespace {

// Where the lowest run has so many times the bytes of those above it, they are split: an entry that
// is put in order costs more than one that is held against those.
constexpr uint64_t kTimesBeneath = 2;
// After one whose candidates did not fit, which then has to be filtered again.
constexpr uint32_t kRoundsWithoutMerging = 16;

}  // namespace

// Counts the window's candidates and writes them down, those of a smaller window where they don't
// fit. Returns how many there are.
uint64_t ScanTask::find_candidates(KeyRange& window) {
  uint64_t total = 0;
  bool placed = false;
  while (!placed) {
    timed(&ScanStatistics::filter_ns, [&] { begin_filter(window); });
    if (splits_ && !filter_above()) {
      rounds_without_merging_ = kRoundsWithoutMerging;
      continue;
    }
    timed(&ScanStatistics::filter_ns, [&] {
      device_.filter_async(filter_args_, tile_count_ - filter_args_.first_tile, stream_);
      read_status();
    });
    total = 0;
    runs_with_candidates_ = 0;
    for (std::size_t r = 0; r < readers_.size(); ++r) {
      uint64_t const candidates = buffer_.totals_host()[r].candidates;
      total += candidates;
      if (candidates != 0) ++runs_with_candidates_;
    }
    if (total == 0) break;
    timed(&ScanStatistics::filter_ns, [&] {
      placed = share_candidates(total);
      if (!placed && (merges_ || splits_)) {
        // A run may have kept several versions of one key, between which no window can end.
        rounds_without_merging_ = kRoundsWithoutMerging;
        return;
      }
      upload_shares();
      if (placed && buffer_.status_host()->written == total) return;
      device_.scan_counts_async(buffer_.counts_device(), slot_count_ + 1, buffer_.scratch_device(),
                                stream_);
      device_.gather_async(Gather::Args{filter_args_, buffer_.shares_device(),
                                        buffer_.candidates_device(), buffer_.keys_device()},
                           tile_count_, stream_);
      if (!placed) window.upper = cut_window(window);
    });
  }
  return total;
}

// Segments for which there is no room end the window.
void ScanTask::begin_filter(KeyRange& window) {
  arena_.rewind(query_bytes_);
  views_.clear();
  slot_count_ = 0;
  tile_count_ = 0;
  resident_runs_ = 0;
  for (RunReader const& reader : readers_) {
    RunView view = reader.view();
    if (view.interval_count != 0) {
      ++resident_runs_;
      lowest_run_ = static_cast<uint32_t>(views_.size());
    }
    view.first_slot = slot_count_;
    view.first_tile = tile_count_;
    slot_count_ += view.interval_count;
    tile_count_ += tiles_of(view.interval_count);
    views_.push_back(view);
  }
  uint32_t const run_count = static_cast<uint32_t>(views_.size());
  // Behind the runs: where the values lie that don't stand in blocks.
  views_.push_back(RunView{buffer_.values.device(), nullptr, 0, 0, 0, 0, 0});
  filter_args_.runs = arena_.put(std::span<RunView const>(views_));
  filter_args_.ranges = buffer_.interval_ranges_device();
  filter_args_.run_count = run_count;
  filter_args_.window.lower = {arena_.put(std::string_view(window.lower.key)), window.lower.side};
  filter_args_.window.upper = {arena_.put(std::string_view(window.upper.key)), window.upper.side};
  filter_args_.window.snapshot = context_.snapshot;
  if (!segments().empty()) list_segments(window);
  filter_args_.predicate = predicate_;
  AbsentValue const absent = context_.reads_values ? AbsentValue::kDeferred : AbsentValue::kUnread;
  filter_args_.merge_operands = context_.version->merge_operator ? absent : AbsentValue::kRefused;
  filter_args_.blob_references = absent;
  filter_args_.counts = buffer_.counts_device();
  filter_args_.totals = buffer_.totals_device();
  filter_args_.space = CandidateSpace{
      buffer_.candidates_device(), buffer_.keys_device(), context_.layout->candidates_max,
      context_.layout->candidate_key_bytes, segments().empty() ? nullptr : candidate_segments()};
  choose_strategy();
  filter_args_.keeps_shadows = merges_ ? 1 : 0;
  filter_args_.first_tile = 0;
  filter_args_.shadows = ShadowList{};
  filter_args_.counts_rows = counts_rows_ && resident_runs_ == 1 ? 1 : 0;
  resolved_count_ = 0;
  filter_args_.status = buffer_.status_device();
  arena_.upload(device_, stream_);
  round_bytes_ = arena_.used();

  device_.clear_async(buffer_.status.device(), buffer_.status.size(), stream_);
  device_.clear_async(buffer_.counts_device() + slot_count_, sizeof(IntervalCount), stream_);
  // First, so that a damaged block is told as one whatever else is made of it.
  for (RunReader& reader : readers_) reader.verify_data(device_, buffer_.status_device(), stream_);
  device_.narrow_async(Narrow::Args{filter_args_.runs, buffer_.interval_ranges_device(), run_count,
                                    filter_args_.window, buffer_.status_device()},
                       stream_);
}

void ScanTask::choose_strategy() {
  ResolveStrategy const asked = context_.resolve;
  bool const in_order = device_.info().runs_in_order;
  bool const puts_in_order = resident_runs_ > 1 && rounds_without_merging_ == 0;
  bool const pays =
      asked == ResolveStrategy::kAuto && (most_entries_pass_ || predicate_.instruction_count == 0);
  uint64_t bytes_above = 0;
  for (uint32_t r = 0; r < lowest_run_; ++r) bytes_above += run_bytes_[r];
  uint64_t const bytes_beneath = run_bytes_[lowest_run_];
  // What the filter leaves undecided is decided when it's a candidate.
  splits_ =
      puts_in_order && in_order && predicate_.reads_key == 0 &&
      (asked == ResolveStrategy::kSplit || (pays && bytes_above < bytes_beneath / kTimesBeneath));
  merges_ = puts_in_order && !splits_ &&
            (pays || asked == ResolveStrategy::kMerge || asked == ResolveStrategy::kSplit);
  counts_rows_ = in_order && context_.sink == nullptr && context_.segments == nullptr &&
                 context_.aggregate_inputs.empty() && predicate_.reads_key == 0 &&
                 context_.tombstones_device.bound_count == 0;
}

bool ScanTask::filter_above() {
  uint32_t const first_beneath = views_[lowest_run_].first_tile;
  uint64_t total = 0;
  timed(&ScanStatistics::filter_ns, [&] {
    filter_args_.keeps_shadows = 1;
    device_.filter_async(filter_args_, first_beneath, stream_);
    read_status();
    for (uint32_t r = 0; r < lowest_run_; ++r) total += buffer_.totals_host()[r].candidates;
  });
  if (buffer_.status_host()->written != total) return false;
  uint32_t const count = static_cast<uint32_t>(total);
  uint32_t* const shadows = shadow_order();
  timed(&ScanStatistics::resolve_ns, [&] {
    resolve_ranges(0, count);
    resolve_in_order(shadows, count);
  });
  resolved_count_ = count;
  filter_args_.keeps_shadows = 0;
  filter_args_.first_tile = first_beneath;
  filter_args_.shadows =
      ShadowList{shadows, count, buffer_.candidates_device(), buffer_.keys_device()};
  filter_args_.counts_rows = counts_rows_ ? 1 : 0;
  filter_args_.space.rows = buffer_.rows_device();
  return true;
}

bool ScanTask::share_candidates(uint64_t total) {
  RunTotals const* const totals = buffer_.totals_host();
  CandidateShare* const shares = buffer_.shares_host();
  uint32_t const run_count = static_cast<uint32_t>(readers_.size());
  uint64_t key_bytes = 0;
  for (uint32_t r = 0; r < run_count; ++r) key_bytes += totals[r].key_bytes;
  uint64_t const limit =
      buffer_.status_host()->deferred == 0 ? UINT32_MAX : deferring_candidates_max_;
  uint32_t const candidates_max =
      static_cast<uint32_t>(std::min<uint64_t>(context_.layout->candidates_max, limit));
  uint32_t const key_bytes_max = context_.layout->candidate_key_bytes;
  if (total <= candidates_max && key_bytes <= key_bytes_max) {
    uint32_t candidate_base = 0;
    uint32_t key_base = 0;
    for (uint32_t r = 0; r < run_count; ++r) {
      uint32_t const candidates = static_cast<uint32_t>(totals[r].candidates);
      uint32_t const bytes = static_cast<uint32_t>(totals[r].key_bytes);
      shares[r] = CandidateShare{candidate_base, candidates, key_base, bytes, 0, 0, 0};
      candidate_base += candidates;
      key_base += bytes;
    }
    return true;
  }
  // Equal shares, each with room for a mark.
  uint32_t const candidates_each = candidates_max / run_count;
  uint32_t const bytes_each = key_bytes_max / run_count;
  for (uint32_t r = 0; r < run_count; ++r) {
    shares[r] = CandidateShare{r * candidates_each,
                               candidates_each - 1,
                               r * bytes_each,
                               bytes_each / 2,
                               bytes_each / 2,
                               0,
                               0};
  }
  return false;
}

void ScanTask::upload_shares() {
  device_.copy_to_device_async(buffer_.shares.device(), buffer_.shares.host(),
                               readers_.size() * sizeof(CandidateShare), stream_);
}

// The smallest user key whose candidate did not fit: the window has to end there. It lies inside
// the window, or keys are out of order; then rounds would turn in circles.
KeyBound ScanTask::cut_window(KeyRange const& window) {
  device_.copy_to_host_async(buffer_.shares.host(), buffer_.shares.device(),
                             readers_.size() * sizeof(CandidateShare), stream_);
  read_status();
  std::optional<KeyBound> cut;
  for (std::size_t r = 0; r < readers_.size(); ++r) {
    CandidateShare const& share = buffer_.shares_host()[r];
    if (share.marked == 0) continue;
    // The result space is free now: the mark and its key come through it, in pieces.
    Candidate mark;
    device_.copy_to_host_async(buffer_.result.host(), buffer_.candidates_device() + share.mark,
                               sizeof mark, stream_);
    device_.synchronize(stream_);
    std::memcpy(&mark, buffer_.result.host(), sizeof mark);
    std::string key(mark.user_size, '\0');
    copy_from_device(key.data(), buffer_.keys_device() + mark.key_offset, key.size());
    KeyBound const before = KeyBound::before(key);
    if (compare_bounds(key_order_, before, window.lower) <= 0 ||
        compare_bounds(key_order_, before, window.upper) >= 0) {
      throw Error(
          ErrorCode::kCorruption,
          fmt::format("{}: keys are out of order", readers_[r].place_of_data(mark.value_offset)));
    }
    if (!cut || compare_bounds(key_order_, before, *cut) < 0) cut = before;
  }
  if (!cut) {
    throw Error(ErrorCode::kCorruption, "candidates were counted that could not be found again");
  }
  return *cut;
}

void ScanTask::resolve(uint32_t candidate_count) {
  resolve_ranges(resolved_count_, candidate_count - resolved_count_);
  if (splits_) {
    ++state_.statistics.resolve_split;
    return;
  }
  bool const several = resident_runs_ > 1;
  bool const mark = several && !merges_ &&
                    (context_.resolve == ResolveStrategy::kMark ||
                     (context_.resolve == ResolveStrategy::kAuto &&
                      marking_costs_less(candidate_count, resident_runs_)));
  if (merges_) {
    resolve_in_order(buffer_.rows_device(), candidate_count);
    ++state_.statistics.resolve_merge;
  } else if (mark) {
    device_.resolve_mark_async(
        ResolveMark::Args{filter_args_, buffer_.shares_device(), buffer_.candidates_device(),
                          buffer_.keys_device()},
        tile_count_, stream_);
    ++state_.statistics.resolve_mark;
  } else if (several) {
    ++state_.statistics.resolve_probe;
  }
  // Probing also decides what the filter could not; without runs to probe it does only that.
  bool const probe = several && !mark && !merges_;
  if (probe || predicate_.reads_key != 0) {
    device_.resolve_probe_async(
        ResolveProbe::Args{filter_args_.runs, probe ? filter_args_.run_count : 0, candidate_count,
                           context_.snapshot, buffer_.candidates_device(), buffer_.keys_device(),
                           predicate_, buffer_.status_device()},
        stream_);
  }
}

void ScanTask::resolve_ranges(uint32_t first, uint32_t count) {
  if (context_.tombstones_device.bound_count == 0 || count == 0) return;
  device_.resolve_ranges_async(
      ResolveRanges::Args{context_.tombstones_device, buffer_.candidates_device() + first,
                          buffer_.keys_device(), count, buffer_.status_device()},
      stream_);
}

// `order`: [candidate_count] out.
void ScanTask::resolve_in_order(uint32_t* order, uint32_t candidate_count) {
  device_.order_candidates_async(
      order, candidate_count,
      CandidateLess{buffer_.candidates_device(), buffer_.keys_device(), key_order_},
      buffer_.scratch_device(), stream_);
  device_.resolve_merge_async(
      ResolveMerge::Args{order, candidate_count, buffer_.candidates_device(), buffer_.keys_device(),
                         buffer_.status_device()},
      stream_);
}

// A probe searches a run's blocks and walks half an interval; a mark decodes one entry and searches
// the candidates, which stand side by side.
bool ScanTask::marking_costs_less(uint32_t candidate_count, uint32_t resident_runs) const {
  constexpr uint64_t kMarksPerProbe = 20;
  uint64_t const probes = uint64_t{candidate_count} * (resident_runs - 1);
  uint64_t const marks = buffer_.status_host()->entries_seen * resident_runs;
  return probes * kMarksPerProbe > marks;
}

}  // namespace levelscan
