#include "execute/scan_task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/integer_test.hpp"
#include "levelscan/error.hpp"
#include "pool/segment_space.hpp"

namespace levelscan {
namespace {

// Where more than one in so many entries pass, all are put in order: that costs an entry a fraction
// of what it costs a candidate to ask the other runs.
constexpr uint64_t kMergedShare = 8;
// Any trailer is below it, so that every version of a user key comes after (key, this).
constexpr uint64_t kFirstVersion = UINT64_MAX;

}  // namespace

ScanTask::ScanTask(ScanContext& context, ScanBuffer& buffer, TaskState& state)
    : context_(context),
      device_(*context.device),
      buffer_(buffer),
      state_(state),
      stream_(buffer.stream),
      key_order_(context.version->key_order),
      arena_(buffer.control),
      stuck_(context.version->runs.size(), false),
      deferring_candidates_max_(context.layout->candidates_max),
      deferred_(*context.version, buffer, *context.device, context.verify_checksums,
                state.statistics) {
  std::size_t const run_count = context.version->runs.size();
  ChecksumsBy checksums = ChecksumsBy::kNobody;
  if (context.verify_checksums) {
    checksums = device_.info().mirrors_alias_host ? ChecksumsBy::kHost : ChecksumsBy::kDevice;
  }
  readers_.reserve(run_count);
  for (std::size_t r = 0; r < run_count; ++r) {
    uint64_t& bytes = run_bytes_.emplace_back(0);
    for (TableMeta const& meta : context.version->runs[r].metas) bytes += meta.file_bytes;
    readers_.emplace_back(*context.version, static_cast<uint32_t>(r), buffer.levels[r],
                          buffer.read_area, *context.layout, state.range.upper, segments(),
                          context.tombstones_host, *context.mapped, context.cache, checksums,
                          state.statistics);
  }
}

ScanTask::~ScanTask() {
  if (context_.cache == nullptr) return;
  try {
    device_.synchronize(stream_);
  } catch (DeviceError const&) {
    // A device that is lost has no work in flight.
  }
}

void ScanTask::run() {
  upload_query();
  while (!state_.done && state_.number < context_.stop_from.load(std::memory_order_relaxed)) {
    if (context_.interrupted != nullptr && context_.interrupted->load(std::memory_order_relaxed)) {
      throw Error(ErrorCode::kInterrupted, "interrupted");
    }
    if (!enter_segment()) {
      state_.done = true;
      return;
    }
    stuck_.assign(readers_.size(), false);
    fill(kFirstVersion, RunReader::kAnyBlocks, false);
    KeyRange window{state_.cursor, smallest_frontier()};
    if (window.is_empty(key_order_)) {
      // Only a cursor before a key can be as far as a frontier: that key fills a buffer.
      fill(seek_trailer(context_.snapshot), 2, true);
      window.upper = smallest_frontier();
    }
    if (compare_bounds(key_order_, window.upper, state_.range.upper) > 0) {
      window.upper = state_.range.upper;
    }
    process(std::move(window));
  }
}

std::span<KeyRange const> ScanTask::segments() const {
  return context_.segments == nullptr ? std::span<KeyRange const>{}
                                      : std::span<KeyRange const>(context_.segments->segments);
}

bool ScanTask::enter_segment() {
  if (segments().empty()) return true;
  first_segment_ = first_segment_beyond(segments(), state_.cursor, key_order_);
  if (first_segment_ == segments().size()) return false;
  KeyBound const& lower = segments()[first_segment_].lower;
  if (compare_bounds(key_order_, lower, state_.cursor) > 0) state_.cursor = lower;
  return compare_bounds(key_order_, state_.cursor, state_.range.upper) < 0;
}

// How many segments a window may have, so that what is counted and summed up of each has room in
// the result.
uint32_t ScanTask::segments_max() const {
  std::size_t const summed_runs = context_.aggregate_inputs.empty() ? 0 : resident_runs_;
  std::size_t const needed = segment_result_bytes(summed_runs);
  std::size_t const room = buffer_.result.size() / needed;
  if (room == 0) throw NeedLayout{NeedLayout::Space::kResult, 0, needed};
  return static_cast<uint32_t>(room);
}

// Puts the parts of the segments that lie in the window where kernels find them. The window ends
// with the last of them that there is room for. REQUIRES: its bounds stand in filter_args_.window.
void ScanTask::list_segments(KeyRange& window) {
  std::size_t const list_max = segments_max();
  std::vector<Segment> list;
  auto const view = [&](KeyBound const& bound) {
    return KeyBoundView{arena_.put(std::string_view(bound.key)), bound.side};
  };
  for (std::size_t s = first_segment_; s < segments().size(); ++s) {
    KeyRange const& segment = segments()[s];
    if (compare_bounds(key_order_, segment.lower, window.upper) >= 0) break;
    bool const begins_inside = compare_bounds(key_order_, segment.lower, window.lower) >= 0;
    bool const ends_inside = compare_bounds(key_order_, segment.upper, window.upper) <= 0;
    std::size_t const key_bytes = (begins_inside ? segment.lower.key.size() : 0) +
                                  (ends_inside ? segment.upper.key.size() : 0);
    bool const has_room =
        list.size() < list_max && arena_.has_room<Segment>(key_bytes, list.size() + 1);
    // Without room for the first another layout is asked for.
    if (!has_room && !list.empty()) {
      window.upper = segments()[s - 1].upper;
      filter_args_.window.upper = list.back().upper;
      break;
    }
    list.push_back({begins_inside ? view(segment.lower) : filter_args_.window.lower,
                    ends_inside ? view(segment.upper) : filter_args_.window.upper});
  }
  filter_args_.segments = {arena_.put(std::span<Segment const>(list)),
                           static_cast<uint32_t>(list.size())};
}

// A field as kernels load it: the name of its column lies where they can read it.
Field ScanTask::device_field(Field field, std::string_view column) {
  if (field.source == FieldSource::kColumn) field.column = arena_.put(column);
  return field;
}

std::vector<Field> ScanTask::device_fields(std::vector<NamedField> const& named) {
  std::vector<Field> fields;
  for (NamedField const& field : named) fields.push_back(device_field(field.field, field.column));
  return fields;
}

void ScanTask::upload_query() {
  CompiledPredicate const& compiled = context_.predicate;
  std::vector<Field> fields;
  for (std::size_t i = 0; i < compiled.fields.size(); ++i) {
    fields.push_back(device_field(compiled.fields[i], compiled.column_names[i]));
  }
  predicate_.instructions = arena_.put(std::span<Instruction const>(compiled.instructions));
  predicate_.fields = arena_.put(std::span<Field const>(fields));
  predicate_.constants = arena_.put(std::span<Constant const>(compiled.constants));
  predicate_.constant_bytes = arena_.put(std::span<uint8_t const>(compiled.constant_bytes));
  predicate_.instruction_count = static_cast<uint32_t>(compiled.instructions.size());
  predicate_.reads_key = compiled.reads_key ? 1 : 0;
  predicate_.integer_test =
      integer_test_of(compiled.instructions.data(), predicate_.instruction_count,
                      compiled.fields.data(), compiled.constants.data());
  columns_ = arena_.put(std::span<Field const>(device_fields(context_.columns)));
  for (AggregateInput const& input : context_.aggregate_inputs) {
    aggregate_inputs_.push_back(device_field(input.field.field, input.field.column));
  }
  aggregate_fields_ = arena_.put(std::span<Field const>(aggregate_inputs_));
  arena_.upload(device_, stream_);
  query_bytes_ = arena_.used();
}

// Fills the runs that are dry; with `only_stuck` for the window of the cursor's key alone.
void ScanTask::fill(uint64_t trailer, uint32_t blocks_max, bool only_stuck) {
  // What the readers give up others may have at once.
  if (context_.cache != nullptr) device_.synchronize(stream_);
  std::vector<RunReader*> filling;
  for (std::size_t r = 0; r < readers_.size(); ++r) {
    RunReader& reader = readers_[r];
    if (!reader.is_dry(state_.cursor)) continue;
    reader.begin_fill(state_.cursor, trailer, blocks_max);
    filling.push_back(&reader);
    stuck_[r] = only_stuck;
  }
  read_blocks(filling, query_bytes_);
  timed(&ScanStatistics::fill_data_ns, [&] {
    for (RunReader* reader : filling) {
      if (only_stuck) reader->set_frontier(KeyBound::after(state_.cursor.key));
      reader->mirror_data(device_, stream_);
    }
  });
}

bool ScanTask::has_to_leave_cache() {
  if (buffer_.status_host()->deferred == 0 ||
      std::none_of(readers_.begin(), readers_.end(),
                   [](RunReader const& reader) { return reader.is_from_cache(); })) {
    return false;
  }
  for (RunReader& reader : readers_) reader.leave_cache();
  return true;
}

// Brings what the fills that have begun are to hold into host memory. The first `kept_bytes` of the
// arena stay.
void ScanTask::read_blocks(std::vector<RunReader*> const& filling, std::size_t kept_bytes) {
  for (;;) {
    bool const any = std::any_of(filling.begin(), filling.end(),
                                 [](RunReader const* reader) { return reader->wants_index(); });
    if (!any) break;
    timed(&ScanStatistics::fill_index_ns, [&] {
      arena_.rewind(kept_bytes);
      index_views_.assign(readers_.size(), IndexView{});
      for (std::size_t r = 0; r < readers_.size(); ++r) {
        if (readers_[r].wants_index()) {
          index_views_[r] = readers_[r].prepare_index(arena_, device_, stream_);
        }
      }
    });
    timed(&ScanStatistics::locate_ns, [&] {
      IndexView const* const views = arena_.put(std::span<IndexView const>(index_views_));
      arena_.upload(device_, stream_);
      device_.clear_async(buffer_.status.device(), sizeof(ScanStatus), stream_);
      device_.search_index_async(
          IndexSearch::Args{views, buffer_.index_ranges_device(),
                            static_cast<uint32_t>(readers_.size()), buffer_.status_device()},
          stream_);
      device_.copy_to_host_async(buffer_.index_ranges.host(), buffer_.index_ranges.device(),
                                 readers_.size() * sizeof(IndexRange), stream_);
      read_status();
    });
    timed(&ScanStatistics::fill_data_ns, [&] {
      for (std::size_t r = 0; r < readers_.size(); ++r) {
        if (readers_[r].wants_index()) readers_[r].read_located(buffer_.index_ranges_host()[r]);
      }
    });
  }
}

KeyBound ScanTask::smallest_frontier() const {
  KeyBound smallest = KeyBound::end();
  for (RunReader const& reader : readers_) {
    if (compare_bounds(key_order_, reader.frontier(), smallest) < 0) smallest = reader.frontier();
  }
  return smallest;
}

void ScanTask::process(KeyRange window) {
  round_rows_ = 0;
  formatted_.clear();
  round_aggregates_.assign(context_.aggregate_inputs.size(), AggregateState{});
  round_segment_totals_.clear();

  deferred_.begin_round();
  uint64_t total = 0;
  bool cut = false;
  for (bool done = false; !done;) {
    total = find_candidates(window);
    for (RunReader& reader : readers_) reader.enter_cache();
    if (has_to_leave_cache()) return;
    if (total == 0) break;
    uint32_t const candidate_count = static_cast<uint32_t>(total);
    timed(&ScanStatistics::resolve_ns, [&] { resolve(candidate_count); });
    done = buffer_.status_host()->deferred == 0 || complete_values(candidate_count, window);
    cut |= !done;
  }
  // Where values end windows, the next ones need not bring many more candidates to the host.
  uint64_t const met = cut ? total : deferring_candidates_max_;
  deferring_candidates_max_ = std::min<uint64_t>(context_.layout->candidates_max,
                                                 2 * std::max<uint64_t>(met, readers_.size()));
  if (total != 0) emit(static_cast<uint32_t>(total));
  for (RunReader const& each : readers_) each.require_whole();
  commit_round(window);
}

// Rows or aggregates of the candidates that are left.
void ScanTask::emit(uint32_t candidate_count) {
  timed(&ScanStatistics::resolve_ns, [&] {
    ScanStatus const& found = *buffer_.status_host();
    uint32_t* const row_count = &buffer_.status_device()->row_count;
    bool const may_be_dropped = found.deferred != 0 || context_.tombstones_device.bound_count != 0;
    if (splits_ && !may_be_dropped) return;  // the filter has listed them, and counted
    if (merges_ || splits_) {
      device_.keep_alive_async(buffer_.candidates_device(),
                               splits_ ? found.row_count : candidate_count, buffer_.rows_device(),
                               row_count, buffer_.scratch_device(), stream_);
    } else {
      device_.select_alive_async(buffer_.candidates_device(), candidate_count,
                                 buffer_.rows_device(), row_count, buffer_.scratch_device(),
                                 stream_);
    }
    read_status();
  });
  uint32_t const row_count = buffer_.status_host()->row_count;
  timed(&ScanStatistics::emit_ns, [&] {
    round_rows_ = row_count;
    if (row_count == 0) return;
    if (context_.sink != nullptr) {
      if (runs_with_candidates_ > 1 && !merges_ && !splits_) {
        device_.order_rows_async(
            buffer_.rows_device(), row_count,
            CandidateLess{buffer_.candidates_device(), buffer_.keys_device(), key_order_},
            buffer_.scratch_device(), stream_);
      }
      emit_rows(row_count);
    } else if (context_.segments != nullptr) {
      aggregate_segments(row_count);
    } else {
      aggregate_rows(row_count);
    }
  });
}

// Waits for the stream; throws what the kernels reported.
void ScanTask::read_status() {
  device_.copy_to_host_async(buffer_.status.host(), buffer_.status.device(), buffer_.status.size(),
                             stream_);
  device_.synchronize(stream_);
  if (buffer_.status_host()->errors != 0) throw_fault(*buffer_.status_host());
}

void ScanTask::throw_fault(ScanStatus const& status) const {
  RunReader const& reader = readers_.at(status.fault_run);
  reader.require_whole();
  switch (status.fault) {
    case ScanFault::kCorruptIndex:
      throw Error(ErrorCode::kCorruption,
                  fmt::format("{}: an entry cannot be decoded", reader.place_of_index()));
    case ScanFault::kUnknownType:
      throw Error(ErrorCode::kCorruption,
                  fmt::format("{}: entry of unknown type 0x{:02x}",
                              reader.place_of_data(status.fault_offset), status.fault_detail));
    case ScanFault::kUnsupportedType: {
      char const* feature = "an entry type";
      switch (static_cast<EntryType>(status.fault_detail)) {
        case EntryType::kMerge: feature = "merge operands of an unknown operator"; break;
        case EntryType::kDeletionWithTimestamp: feature = "user-defined timestamps"; break;
        default: break;
      }
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{}: {} (type 0x{:02x}) are not supported; scan a range without "
                      "them, or export with RocksDB",
                      reader.place_of_data(status.fault_offset), feature, status.fault_detail));
    }
    case ScanFault::kCorruptValue:
      throw Error(ErrorCode::kCorruption,
                  fmt::format("{}: the value of an entry of type 0x{:02x} cannot be decoded",
                              reader.place_of_data(status.fault_offset), status.fault_detail));
    case ScanFault::kEntityVersion:
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: wide-column entities of another version than 1 (columns in blob "
                              "files) are not supported; scan a range without them, or export with "
                              "RocksDB",
                              reader.place_of_data(status.fault_offset)));
    case ScanFault::kBlockChecksum:
      for (RunReader const& each : readers_) each.verify_data_on_host();
      throw Error(ErrorCode::kDevice,
                  fmt::format("{}: the device computes another checksum than the host: its memory "
                              "or the copy to it is damaged",
                              reader.place_of_data(status.fault_offset)));
    case ScanFault::kKeyTooLarge:
      // Twice: a run's share of the space has to hold the key and the next one's mark.
      throw NeedLayout{NeedLayout::Space::kCandidateKeys, 0,
                       4 * status.fault_detail * readers_.size()};
    case ScanFault::kCorruptEntry:
    case ScanFault::kNone: break;
  }
  throw Error(ErrorCode::kCorruption,
              fmt::format("{}: an entry cannot be decoded, or keys are out of order",
                          reader.place_of_data(status.fault_offset)));
}

bool ScanTask::complete_values(uint32_t candidate_count, KeyRange& window) {
  std::optional<std::string> cut;
  timed(&ScanStatistics::complete_ns, [&] {
    CompleteDeferred::Args const args{
        filter_args_.runs,           filter_args_.run_count, 0,          nullptr,
        buffer_.candidates_device(), buffer_.keys_device(),  predicate_, buffer_.status_device()};
    cut = deferred_.complete(args, candidate_count, *this);
  });
  if (!cut) return true;
  window.upper = KeyBound::before(*cut);
  return false;
}

std::string_view ScanTask::stored(Candidate const& candidate) const {
  RunView const view = readers_[candidate.run].host_view();
  return {reinterpret_cast<char const*>(view.data + candidate.value_offset), candidate.value_size};
}

std::string ScanTask::place(Candidate const& candidate) const {
  return readers_[candidate.run].place_of_data(candidate.value_offset);
}

void ScanTask::find_versions(std::string const& user_key, MergeHistory& history) {
  Bytes const key{reinterpret_cast<uint8_t const*>(user_key.data()),
                  static_cast<uint32_t>(user_key.size())};
  for (std::size_t r = 0; r < readers_.size(); ++r) {
    if (stuck_[r]) {
      append_versions_of_stuck(r, user_key, history);
      continue;
    }
    VersionsEnd const end = append_versions(readers_[r].host_view(), static_cast<uint32_t>(r), key,
                                            seek_trailer(context_.snapshot), history.versions);
    if (end == VersionsEnd::kCorrupt) throw corrupt_versions(r);
  }
  sort_versions(history.versions);
  end_at_tombstone(key, history.versions);
}

// Versions that a range tombstone hides are as good as none: what they are merged to is nothing.
void ScanTask::end_at_tombstone(Bytes user_key, std::vector<EntryVersion>& versions) const {
  if (context_.tombstones_host.bound_count == 0) return;
  auto const hidden =
      std::find_if(versions.begin(), versions.end(), [&](EntryVersion const& version) {
        uint64_t const sequence = sequence_of(version.trailer);
        return newest_tombstone_over(context_.tombstones_host, user_key, sequence) > sequence;
      });
  versions.erase(hidden, versions.end());
}

Error ScanTask::corrupt_versions(std::size_t reader) const {
  readers_[reader].require_whole();
  return Error(ErrorCode::kCorruption,
               fmt::format("{}: an entry cannot be decoded, or keys are out of order",
                           readers_[reader].place_of_data(0)));
}

// The versions of the only key of the window, of which more may follow than the run's data block
// holds: it is filled again from the oldest one on, until nothing older is asked for. On the device
// stays what was there: only the host looks at these.
void ScanTask::append_versions_of_stuck(std::size_t r, std::string const& user_key,
                                        MergeHistory& history) {
  ScanStatus const status = *buffer_.status_host();
  Bytes const key{reinterpret_cast<uint8_t const*>(user_key.data()),
                  static_cast<uint32_t>(user_key.size())};
  RunReader& reader = readers_[r];
  uint64_t trailer = seek_trailer(context_.snapshot);
  bool refilled = false;
  for (;;) {
    std::vector<EntryVersion> found;
    VersionsEnd const end =
        append_versions(reader.host_view(), static_cast<uint32_t>(r), key, trailer, found);
    if (end == VersionsEnd::kCorrupt) throw corrupt_versions(r);
    for (EntryVersion& version : found) {
      history.copies.emplace_back(version.stored);
      version.stored = history.copies.back();
      history.versions.push_back(version);
    }
    if (end == VersionsEnd::kKnown || found.empty() || found.back().trailer == 0) break;
    trailer = found.back().trailer - 1;
    reader.begin_fill(KeyBound::before(user_key), trailer, 2);
    read_blocks({&reader}, round_bytes_);
    refilled = true;
  }
  if (!refilled) return;
  reader.set_frontier(KeyBound::after(user_key));
  // Index searches report their status where the round's stands.
  *buffer_.status_host() = status;
  device_.copy_to_device_async(buffer_.status.device(), buffer_.status.host(), sizeof status,
                               stream_);
}

void ScanTask::commit_round(KeyRange const& window) {
  ScanStatus const& status = *buffer_.status_host();
  ScanStatistics& statistics = state_.statistics;
  if (rounds_without_merging_ != 0) --rounds_without_merging_;
  most_entries_pass_ =
      status.entries_filtered < status.entries_seen - status.entries_seen / kMergedShare;
  statistics.entries_seen += status.entries_seen;
  statistics.entries_filtered += status.entries_filtered;
  statistics.shadowed_value += status.shadowed_value;
  statistics.shadowed_tombstone += status.shadowed_tombstone;
  statistics.shadowed_range += status.shadowed_range;
  ++statistics.windows;
  state_.rows_found += round_rows_ + status.counted;
  for (std::size_t i = 0; i < round_aggregates_.size(); ++i) {
    state_.aggregates[i].combine(round_aggregates_[i]);
  }
  state_.segment_totals.append(std::move(round_segment_totals_));
  if (context_.output != nullptr && !context_.output->commit(state_.number, formatted_)) {
    state_.done = true;
    return;
  }
  state_.done = window.upper.side == BoundSide::kEnd ||
                compare_bounds(key_order_, window.upper, state_.range.upper) >= 0;
  state_.cursor = window.upper;
}

}  // namespace levelscan
