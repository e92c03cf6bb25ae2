// What a round of a task hands over: the rows that are left, or aggregates of them, of each segment
// where many ranges are asked about.
#include <algorithm>
#include <cstring>

#include "execute/scan_task.hpp"
#include "pool/segment_space.hpp"

namespace levelscan {
namespace {

// Rows whose cells stay in a processor's nearest cache between the two who look at them.
constexpr uint32_t kRowsInPlace = 128;

}  // namespace

RowsArgs ScanTask::rows_args(uint32_t row_count) const {
  return RowsArgs{filter_args_.runs,
                  buffer_.candidates_device(),
                  buffer_.keys_device(),
                  buffer_.rows_device(),
                  columns_,
                  static_cast<uint32_t>(context_.columns.size()),
                  row_count};
}

void ScanTask::emit_rows(uint32_t row_count) {
  uint64_t const wanted = std::min<uint64_t>(row_count, context_.limit);
  row_count = static_cast<uint32_t>(wanted);
  round_rows_ = row_count;
  uint32_t const column_count = static_cast<uint32_t>(context_.columns.size());
  uint32_t const rows_max = context_.layout->cells_max / column_count;
  if (rows_max == 0) throw NeedLayout{NeedLayout::Space::kCells, 0, column_count};
  if (context_.segments != nullptr) {
    locate_rows(row_count, reinterpret_cast<uint32_t*>(buffer_.result.device()));
    row_segments_.resize(row_count);
    copy_from_device(row_segments_.data(), buffer_.row_bytes_device(),
                     row_count * sizeof(uint32_t));
  }
  if (device_.info().mirrors_alias_host) {
    format_in_place(row_count, rows_max);
    return;
  }
  uint64_t* const row_bytes_end = buffer_.row_bytes_device();
  device_.measure_rows_async(MeasureRows::Args{rows_args(row_count), row_bytes_end}, stream_);
  device_.scan_row_bytes_async(row_bytes_end, row_count, buffer_.scratch_device(), stream_);
  // Waits for whatever was enqueued before, and learns which rows from `first` on go over next.
  auto const fit = [&](uint32_t first) {
    if (first < row_count) {
      device_.fit_rows_async(
          FitRows::Args{row_bytes_end, first, first + std::min(row_count - first, rows_max),
                        buffer_.result.size(), &buffer_.status_device()->fitted},
          stream_);
    }
    read_status();
    return buffer_.status_host()->fitted;
  };
  FittedRows fitted = fit(0);
  for (uint32_t first = 0; first < row_count;) {
    uint32_t const count = fitted.count;
    uint64_t const bytes = fitted.bytes;
    if (count == 0) throw NeedLayout{NeedLayout::Space::kResult, 0, bytes};
    device_.emit_rows_async(EmitRows::Args{rows_args(count), first, row_bytes_end,
                                           buffer_.cells_device(), buffer_.result.device()},
                            stream_);
    std::size_t const cell_count = std::size_t{count} * column_count;
    device_.copy_to_host_async(buffer_.cells.host(), buffer_.cells.device(),
                               cell_count * sizeof(Cell), stream_);
    if (bytes != 0) {
      device_.copy_to_host_async(buffer_.result.host(), buffer_.result.device(), bytes, stream_);
    }
    fitted = fit(first + count);
    format(RowBatch{buffer_.cells_host(), buffer_.result.host(), count, column_count}, first);
    first += count;
  }
}

// Nothing is copied where the host reads the device's memory.
void ScanTask::format_in_place(uint32_t row_count, uint32_t rows_max) {
  uint32_t const column_count = static_cast<uint32_t>(context_.columns.size());
  for (uint32_t first = 0; first < row_count;) {
    uint32_t const count = std::min({row_count - first, rows_max, kRowsInPlace});
    device_.emit_rows_async(
        EmitRows::Args{rows_args(count), first, nullptr, buffer_.cells_device(), nullptr}, stream_);
    device_.synchronize(stream_);
    format(RowBatch{buffer_.cells_host(), nullptr, count, column_count}, first);
    first += count;
  }
}

// Appends the rows from `first_row` of the round on to what is formatted: each once, or once for
// each range that holds it.
void ScanTask::format(RowBatch const& batch, uint32_t first_row) {
  if (context_.segments == nullptr && context_.limit == UINT64_MAX) {
    context_.sink->format(batch, formatted_.text);
    formatted_.row_count += batch.row_count;
    return;
  }
  auto const append = [&](RowBatch const& row) {
    context_.sink->format(row, formatted_.text);
    ++formatted_.row_count;
    if (context_.limit != UINT64_MAX) formatted_.row_ends.push_back(formatted_.text.size());
  };
  for (uint32_t i = 0; i < batch.row_count; ++i) {
    RowBatch row{batch.cells + std::size_t{i} * batch.column_count, batch.bytes, 1,
                 batch.column_count};
    if (context_.segments == nullptr) {
      append(row);
      continue;
    }
    uint32_t const segment = first_segment_ + row_segments_[first_row + i];
    for (std::string_view const& id : ids_of_ranges_with(segment)) {
      row.range = &id;
      append(row);
    }
  }
}

std::vector<std::string_view> const& ScanTask::ids_of_ranges_with(uint32_t segment) {
  if (range_ids_of_ != segment) {
    range_ids_.clear();
    for (std::size_t r = 0; r < context_.ranges.size(); ++r) {
      if (context_.segments->spans[r].holds(segment)) range_ids_.push_back(context_.ranges[r].id);
    }
    range_ids_of_ = segment;
  }
  return range_ids_;
}

// Writes each row's segment, counted from first_segment_ on, over the space of the rows' sizes, and
// how many rows each has to segment_rows[filter_args_.segments.count].
void ScanTask::locate_rows(uint32_t row_count, uint32_t* segment_rows) {
  device_.clear_async(segment_rows, filter_args_.segments.count * sizeof(uint32_t), stream_);
  device_.locate_segments_async(
      LocateSegments::Args{candidate_segments(), buffer_.rows_device(), row_count,
                           reinterpret_cast<uint32_t*>(buffer_.row_bytes_device()), segment_rows},
      stream_);
}

// [candidates and marks] in which segment each lies. They stand in the space of the rows' sizes,
// behind the rows' segments.
uint32_t* ScanTask::candidate_segments() const {
  return shadow_order() + context_.layout->candidate_slots();
}

// [candidates and marks] what is held against the lowest run, in order. It stands where the rows'
// segments, or their sizes, come when rows are found.
uint32_t* ScanTask::shadow_order() const {
  return reinterpret_cast<uint32_t*>(buffer_.row_bytes_device());
}

// Through the result space, in pieces.
void ScanTask::copy_from_device(void* to, void const* from, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += buffer_.result.size()) {
    std::size_t const piece = std::min(buffer_.result.size(), bytes - at);
    device_.copy_to_host_async(buffer_.result.host(), static_cast<uint8_t const*>(from) + at, piece,
                               stream_);
    device_.synchronize(stream_);
    std::memcpy(static_cast<uint8_t*>(to) + at, buffer_.result.host(), piece);
  }
}

void ScanTask::aggregate_rows(uint32_t row_count) {
  std::size_t const input_count = context_.aggregate_inputs.size();
  if (input_count == 0) return;
  std::size_t const bytes = input_count * sizeof(Aggregate);
  if (bytes > buffer_.result.size()) throw NeedLayout{NeedLayout::Space::kResult, 0, bytes};
  for (std::size_t i = 0; i < input_count; ++i) {
    device_.aggregate_async(AggregateRow{rows_args(row_count), aggregate_inputs_[i],
                                         context_.aggregate_inputs[i].extremes},
                            row_count, reinterpret_cast<Aggregate*>(buffer_.result.device()) + i,
                            buffer_.scratch_device(), stream_);
  }
  std::vector<Aggregate> windows(input_count);
  copy_from_device(windows.data(), buffer_.result.device(), bytes);
  for (std::size_t i = 0; i < input_count; ++i) {
    Field const& field = aggregate_inputs_[i];
    Aggregate const& window = windows[i];
    AggregateState& state = round_aggregates_[i];
    state.add(window);
    if (window.min_row != kNoRow) {
      state.offer_min(fetch_scalar(field, aggregate_fields_ + i, window.min_row));
    }
    if (window.max_row != kNoRow) {
      state.offer_max(fetch_scalar(field, aggregate_fields_ + i, window.max_row));
    }
  }
}

// One reduction for each field over all the segments of the window; then, where they are asked for,
// the extremes of each segment. A run's candidates stand together, so a segment has one sum for
// each run that has rows in it.
void ScanTask::aggregate_segments(uint32_t row_count) {
  uint32_t const segment_count = filter_args_.segments.count;
  std::size_t const input_count = context_.aggregate_inputs.size();
  std::size_t const summed_runs = input_count == 0 ? 0 : runs_with_candidates_;
  std::size_t const sums_max =
      std::min<std::size_t>(row_count, std::size_t{segment_count} * summed_runs);
  Aggregate* const sums = reinterpret_cast<Aggregate*>(buffer_.result.device());
  uint32_t* const sum_segments = reinterpret_cast<uint32_t*>(sums + sums_max);
  uint32_t* const segment_rows = sum_segments + sums_max;
  auto const* const host_sums = reinterpret_cast<Aggregate const*>(buffer_.result.host());
  auto const* const host_segments = reinterpret_cast<uint32_t const*>(host_sums + sums_max);
  auto const* const host_rows = host_segments + sums_max;

  locate_rows(row_count, segment_rows);
  device_.copy_to_host_async(buffer_.result.host() + sums_max * kSegmentSumBytes, segment_rows,
                             segment_count * sizeof(uint32_t), stream_);
  device_.synchronize(stream_);
  std::vector<TotalsBySegment::Entry>& totals = round_segment_totals_.entries();
  totals_places_.assign(segment_count, 0);
  for (uint32_t s = 0; s < segment_count; ++s) {
    if (host_rows[s] == 0) continue;
    totals_places_[s] = static_cast<uint32_t>(totals.size());
    totals.push_back({first_segment_ + s, SegmentTotals(input_count)});
    totals.back().totals.rows = host_rows[s];
  }

  struct Extremes {
    std::size_t input;
    uint32_t place;
    Aggregate sum;
  };
  std::vector<Extremes> extremes;  // that are yet to be fetched
  for (std::size_t i = 0; i < input_count; ++i) {
    bool const wants_extremes = context_.aggregate_inputs[i].extremes;
    AggregateRow const source{rows_args(row_count), aggregate_inputs_[i], wants_extremes};
    device_.aggregate_segments_async(
        source, reinterpret_cast<uint32_t const*>(buffer_.row_bytes_device()), row_count,
        sum_segments, sums, &buffer_.status_device()->sum_count, buffer_.scratch_device(), stream_);
    device_.copy_to_host_async(buffer_.result.host(), buffer_.result.device(),
                               sums_max * kSegmentSumBytes, stream_);
    read_status();
    // What the device has lies where the host sees it.
    bool const at_hand =
        device_.info().mirrors_alias_host && aggregate_inputs_[i].type != FieldType::kBytes;
    auto const value_at = [&](uint32_t row) {
      Scalar const value = source.scalar(row);
      return OwnedScalar{value.kind, value.negative, value.bits, {}};
    };
    for (uint32_t s = 0; s < buffer_.status_host()->sum_count; ++s) {
      Aggregate const& sum = host_sums[s];
      uint32_t const place = totals_places_[host_segments[s]];
      AggregateState& state = totals[place].totals.aggregates[i];
      state.add(sum);
      if (!wants_extremes || sum.min_row == kNoRow) continue;
      if (at_hand) {
        state.offer_min(value_at(sum.min_row));
        state.offer_max(value_at(sum.max_row));
      } else {
        extremes.push_back({i, place, sum});
      }
    }
  }
  // The sums have been taken: the result space serves for values again.
  for (Extremes const& found : extremes) {
    AggregateState& state = totals[found.place].totals.aggregates[found.input];
    Field const& field = aggregate_inputs_[found.input];
    Field const* const device_field = aggregate_fields_ + found.input;
    state.offer_min(fetch_scalar(field, device_field, found.sum.min_row));
    state.offer_max(fetch_scalar(field, device_field, found.sum.max_row));
  }
}

// The field's value in one row.
OwnedScalar ScanTask::fetch_scalar(Field const& field, Field const* device_field, uint32_t row) {
  RowsArgs args = rows_args(1);
  args.rows = buffer_.rows_device() + row;
  args.columns = device_field;
  args.column_count = 1;
  uint64_t bytes = 0;
  if (field.type == FieldType::kBytes) {
    device_.measure_rows_async(MeasureRows::Args{args, buffer_.row_bytes_device()}, stream_);
    device_.copy_to_host_async(buffer_.result.host(), buffer_.row_bytes_device(), sizeof bytes,
                               stream_);
    device_.synchronize(stream_);
    std::memcpy(&bytes, buffer_.result.host(), sizeof bytes);
    if (bytes > buffer_.result.size()) throw NeedLayout{NeedLayout::Space::kResult, 0, bytes};
  }
  device_.emit_rows_async(
      EmitRows::Args{args, 0, nullptr, buffer_.cells_device(), buffer_.result.device()}, stream_);
  device_.copy_to_host_async(buffer_.cells.host(), buffer_.cells.device(), sizeof(Cell), stream_);
  if (bytes != 0) {
    device_.copy_to_host_async(buffer_.result.host(), buffer_.result.device(), bytes, stream_);
  }
  device_.synchronize(stream_);
  Cell const& cell = *buffer_.cells_host();
  OwnedScalar value{cell.kind, cell.negative, cell.bits, {}};
  if (cell.kind == ScalarKind::kBytes) {
    value.bits = 0;
    value.bytes.assign(reinterpret_cast<char const*>(buffer_.result.host()), cell.size);
  }
  return value;
}

}  // namespace levelscan
