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

// What a cell that points into `bytes` holds.
Scalar scalar_of(Cell const& cell, uint8_t const* bytes) {
  if (cell.kind != ScalarKind::kBytes) {
    return Scalar{cell.kind, cell.negative, cell.bits, {nullptr, 0}};
  }
  return Scalar{cell.kind, false, 0, {bytes + cell.bits, cell.size}};
}

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
  bool const have_bytes =
      std::any_of(context_.columns.begin(), context_.columns.end(),
                  [](NamedField const& column) { return column.field.type == FieldType::kBytes; });
  hand_over(rows_args(row_count), have_bytes,
            [&](RowBatch const& batch, uint32_t first) { format(batch, first); });
}

// Brings rows to the host in as many batches as their cells and bytes need, and has each taken,
// with which row is its first. `have_bytes`: whether there are columns of bytes.
void ScanTask::hand_over(RowsArgs const& rows, bool have_bytes,
                         std::function<void(RowBatch const&, uint32_t)> const& take) {
  uint32_t const rows_max = context_.layout->cells_max / rows.column_count;
  uint64_t* const row_bytes_end = have_bytes ? buffer_.row_bytes_device() : nullptr;
  if (have_bytes) {
    device_.measure_rows_async(MeasureRows::Args{rows, row_bytes_end}, stream_);
    device_.scan_row_bytes_async(row_bytes_end, rows.row_count, buffer_.scratch_device(), stream_);
  }
  // Which rows from `first` on go over next. Where the device has to tell, this waits for whatever
  // was enqueued before.
  auto const fit = [&](uint32_t first) {
    uint32_t const count = std::min(rows.row_count - first, rows_max);
    if (!have_bytes) return FittedRows{0, count, 0};
    if (count != 0) {
      device_.fit_rows_async(FitRows::Args{row_bytes_end, first, first + count,
                                           buffer_.result.size(), &buffer_.status_device()->fitted},
                             stream_);
    }
    read_status();
    return buffer_.status_host()->fitted;
  };
  FittedRows fitted = fit(0);
  for (uint32_t first = 0; first < rows.row_count;) {
    uint32_t const count = fitted.count;
    uint64_t const bytes = fitted.bytes;
    if (count == 0) throw NeedLayout{NeedLayout::Space::kResult, 0, bytes};
    RowsArgs batch = rows;
    batch.row_count = count;
    device_.emit_rows_async(EmitRows::Args{batch, first, row_bytes_end, buffer_.cells_device(),
                                           have_bytes ? buffer_.result.device() : nullptr},
                            stream_);
    device_.copy_to_host_async(buffer_.cells.host(), buffer_.cells.device(),
                               std::size_t{count} * rows.column_count * sizeof(Cell), stream_);
    if (bytes != 0) {
      device_.copy_to_host_async(buffer_.result.host(), buffer_.result.device(), bytes, stream_);
    }
    fitted = fit(first + count);
    if (!have_bytes) device_.synchronize(stream_);
    take(RowBatch{buffer_.cells_host(), buffer_.result.host(), count, rows.column_count}, first);
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
    AggregateState& state = round_aggregates_[i];
    state.add(windows[i]);
    if (windows[i].min_row == kNoRow) continue;
    offer_extremes(i, {{&state, windows[i].min_row, windows[i].max_row}});
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

  std::vector<std::vector<ExtremeRows>> extremes(input_count);
  for (std::size_t i = 0; i < input_count; ++i) {
    AggregateRow const source{rows_args(row_count), aggregate_inputs_[i],
                              context_.aggregate_inputs[i].extremes};
    device_.aggregate_segments_async(
        source, reinterpret_cast<uint32_t const*>(buffer_.row_bytes_device()), row_count,
        sum_segments, sums, &buffer_.status_device()->sum_count, buffer_.scratch_device(), stream_);
    device_.copy_to_host_async(buffer_.result.host(), buffer_.result.device(),
                               sums_max * kSegmentSumBytes, stream_);
    read_status();
    for (uint32_t s = 0; s < buffer_.status_host()->sum_count; ++s) {
      Aggregate const& sum = host_sums[s];
      AggregateState& state = totals[totals_places_[host_segments[s]]].totals.aggregates[i];
      state.add(sum);
      if (sum.min_row != kNoRow) extremes[i].push_back({&state, sum.min_row, sum.max_row});
    }
  }
  for (std::size_t i = 0; i < input_count; ++i) offer_extremes(i, extremes[i]);
}

// Offers each state the field's values in its rows. REQUIRES: what is in the result space and what
// the device has of the rows' segments has been taken.
void ScanTask::offer_extremes(std::size_t input, std::vector<ExtremeRows> const& extremes) {
  Field const& field = aggregate_inputs_[input];
  if (device_.info().mirrors_alias_host) {
    AggregateRow const source{rows_args(0), field, true};
    for (ExtremeRows const& each : extremes) {
      each.state->offer_min(source.scalar(each.min_row));
      each.state->offer_max(source.scalar(each.max_row));
    }
    return;
  }
  struct Wanted {
    AggregateState* state;
    uint32_t row;
    bool is_min;
    bool is_max;
  };
  std::vector<Wanted> wanted;
  wanted.reserve(2 * extremes.size());
  for (ExtremeRows const& each : extremes) {
    bool const is_one = each.min_row == each.max_row;
    wanted.push_back({each.state, each.min_row, true, is_one});
    if (!is_one) wanted.push_back({each.state, each.max_row, false, true});
  }
  // Their sizes come where those of all rows would, and their places behind that.
  std::size_t const rows_max =
      std::min(buffer_.row_bytes.size() / (sizeof(uint64_t) + sizeof(uint32_t)),
               buffer_.result.size() / sizeof(uint32_t));
  auto* const picked = reinterpret_cast<uint32_t*>(buffer_.row_bytes_device() + rows_max);
  auto* const picked_host = reinterpret_cast<uint32_t*>(buffer_.result.host());
  for (std::size_t begin = 0; begin < wanted.size(); begin += rows_max) {
    uint32_t const count = static_cast<uint32_t>(std::min(rows_max, wanted.size() - begin));
    for (uint32_t i = 0; i < count; ++i) picked_host[i] = wanted[begin + i].row;
    device_.copy_to_device_async(picked, picked_host, count * sizeof(uint32_t), stream_);
    device_.pick_rows_async(PickRows::Args{buffer_.rows_device(), picked, count}, stream_);
    RowsArgs rows = rows_args(count);
    rows.rows = picked;
    rows.columns = aggregate_fields_ + input;
    rows.column_count = 1;
    hand_over(rows, field.type == FieldType::kBytes, [&](RowBatch const& batch, uint32_t first) {
      for (uint32_t i = 0; i < batch.row_count; ++i) {
        Wanted const& each = wanted[begin + first + i];
        Scalar const value = scalar_of(batch.cells[i], batch.bytes);
        if (each.is_min) each.state->offer_min(value);
        if (each.is_max) each.state->offer_max(value);
      }
    });
  }
}

}  // namespace levelscan
