// One task: the rounds that scan one contiguous key range in one scan buffer.
//
// A round looks at a window, the keys from the cursor up to the smallest frontier of all runs:
//   fill     index and data blocks of the runs that are dry       (RunReader, kernel index search)
//   filter   candidates of each run                               (kernels narrow, filter, gather)
//   resolve  drop what newer runs shadow                          (kernel resolve)
//   emit     compact, order, then rows or aggregates to the host  (algorithms, kernels of rows.hpp)
//   advance  the cursor goes to the window's end
//
// When the versions of one user key fill a data block the window would be empty. Then it is that
// key alone, and the runs that are full of it are read at (key, snapshot) instead, which is where
// their newest visible version is.
//
// What a round found is handed over at its end, so a round that needs a larger layout has done
// nothing, and the task goes on from its cursor in another pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.hpp"
#include "execute/aggregate_state.hpp"
#include "execute/control_arena.hpp"
#include "execute/deferred_values.hpp"
#include "execute/ordered_output.hpp"
#include "execute/resolve_strategy.hpp"
#include "execute/run_reader.hpp"
#include "execute/scan_result.hpp"
#include "execute/stage_timer.hpp"
#include "kernels/tombstone_cover.hpp"
#include "plan/range_segments.hpp"
#include "plan/task_planner.hpp"
#include "pool/scan_buffer.hpp"
#include "query/compiled_predicate.hpp"
#include "query/query.hpp"
#include "version/database_version.hpp"

namespace levelscan {

// A field that aggregates need, and whether min or max is among them.
struct AggregateInput {
  NamedField field;
  bool extremes = false;
};

// What all tasks of a scan share. Immutable while they run, except for the flags.
struct ScanContext {
  DatabaseVersion const* version = nullptr;
  Device* device = nullptr;
  PoolLayout const* layout = nullptr;
  CompiledPredicate predicate;
  std::vector<NamedField> columns;               // of rows; empty with aggregates
  std::vector<AggregateInput> aggregate_inputs;  // distinct fields
  uint64_t limit = UINT64_MAX;
  // Of a query of ranges: those, and what they are cut into.
  std::span<QueryRange const> ranges;
  RangeSegments const* segments = nullptr;  // null: everything is asked for
  uint64_t snapshot = 0;
  // What range tombstones hide at the snapshot: the same on both sides.
  TombstoneCover tombstones_host{};
  TombstoneCover tombstones_device{};
  MappedTables const* mapped = nullptr;
  DeviceCache* cache = nullptr;  // null: there is none
  bool reads_values = true;      // else rows are told by their keys alone
  bool verify_checksums = true;
  ResolveStrategy resolve = ResolveStrategy::kAuto;
  RowSink const* sink = nullptr;    // null with aggregates
  OrderedOutput* output = nullptr;  // null with aggregates
  std::atomic<bool> const* interrupted = nullptr;
  // Tasks of this number or a later one return at their next round.
  std::atomic<std::size_t> stop_from{SIZE_MAX};
};

// A task's progress: it survives the pool.
struct TaskState {
  std::size_t number = 0;  // in output order
  KeyRange range;
  KeyBound cursor;  // everything below it is done
  bool done = false;
  uint64_t rows_found = 0;
  std::vector<AggregateState> aggregates;  // [aggregate_inputs]
  TotalsBySegment segment_totals;          // instead, of a query of ranges
  ScanStatistics statistics;
};

class ScanTask final : private EntrySource {
 public:
  // All references outlive the task.
  ScanTask(ScanContext& context, ScanBuffer& buffer, TaskState& state);
  // Waits for work in flight that looks at the cache, if there is one.
  ~ScanTask();

  // Runs rounds until the range is done, the limit is reached, or context.stop_from says so. Throws
  // Error, DeviceError, NeedLayout.
  void run();

 private:
  void upload_query();
  [[nodiscard]] Field device_field(Field field, std::string_view column);
  [[nodiscard]] std::vector<Field> device_fields(std::vector<NamedField> const& named);
  void fill(uint64_t trailer, uint32_t blocks_max, bool only_stuck);
  void read_blocks(std::vector<RunReader*> const& filling, std::size_t kept_bytes);
  // True when the host has to look at blocks that it can't see: the round is to begin anew.
  [[nodiscard]] bool has_to_leave_cache();
  [[nodiscard]] KeyBound smallest_frontier() const;
  [[nodiscard]] std::span<KeyRange const> segments() const;
  // Moves the cursor on to the first segment from there on. False when none is left.
  bool enter_segment();
  [[nodiscard]] uint32_t segments_max() const;
  void list_segments(KeyRange& window);
  void process(KeyRange window);
  [[nodiscard]] uint64_t find_candidates(KeyRange& window);
  void emit(uint32_t candidate_count);
  void begin_filter(KeyRange& window);
  void choose_strategy();
  // Filters and resolves the runs above the lowest. False when their candidates don't fit.
  [[nodiscard]] bool filter_above();
  void resolve_in_order(uint32_t* order, uint32_t candidate_count);
  void read_status();
  [[noreturn]] void throw_fault(ScanStatus const& status) const;
  // Sets the candidates' places. False when they don't fit.
  bool share_candidates(uint64_t total);
  [[nodiscard]] KeyBound cut_window(KeyRange const& window);
  void upload_shares();
  void resolve(uint32_t candidate_count);
  void resolve_ranges(uint32_t first, uint32_t count);
  // Works out values that don't stand in blocks. False when there is room only for those of a
  // smaller window, which it then sets.
  bool complete_values(uint32_t candidate_count, KeyRange& window);
  [[nodiscard]] std::string_view stored(Candidate const& candidate) const override;
  void find_versions(std::string const& user_key, MergeHistory& history) override;
  [[nodiscard]] std::string place(Candidate const& candidate) const override;
  void end_at_tombstone(Bytes user_key, std::vector<EntryVersion>& versions) const;
  [[nodiscard]] Error corrupt_versions(std::size_t reader) const;
  void append_versions_of_stuck(std::size_t reader, std::string const& user_key,
                                MergeHistory& history);
  [[nodiscard]] bool marking_costs_less(uint32_t candidate_count, uint32_t resident_runs) const;
  [[nodiscard]] RowsArgs rows_args(uint32_t row_count) const;
  void emit_rows(uint32_t row_count);
  void hand_over(RowsArgs const& rows, bool have_bytes,
                 std::function<void(RowBatch const&, uint32_t)> const& take);
  void format_in_place(uint32_t row_count, uint32_t rows_max);
  void format(RowBatch const& batch, uint32_t first_row);
  void locate_rows(uint32_t row_count, uint32_t* segment_rows);
  [[nodiscard]] uint32_t* candidate_segments() const;
  [[nodiscard]] uint32_t* shadow_order() const;
  void copy_from_device(void* to, void const* from, std::size_t bytes);
  [[nodiscard]] std::vector<std::string_view> const& ids_of_ranges_with(uint32_t segment);
  void aggregate_rows(uint32_t row_count);
  void aggregate_segments(uint32_t row_count);
  void offer_extremes(std::size_t input, std::vector<ExtremeRows> const& extremes);
  void commit_round(KeyRange const& window);
  template <class Function>
  void timed(uint64_t ScanStatistics::*stage, Function&& function) {
    StageTimer const timer(state_.statistics, stage);
    function();
  }

  ScanContext& context_;
  Device& device_;
  ScanBuffer& buffer_;
  TaskState& state_;
  StreamView stream_;
  KeyOrder key_order_;
  ControlArena arena_;
  std::vector<RunReader> readers_;     // [runs]
  std::vector<uint64_t> run_bytes_;    // [runs] of their tables
  std::vector<bool> stuck_;            // [runs] which were filled for the window of a single key
  uint64_t deferring_candidates_max_;  // of a window that holds values which aren't in blocks
  DeferredValues deferred_;

  // Device addresses of what the query needs, valid for the task.
  Predicate predicate_{};
  Field const* columns_ = nullptr;
  Field const* aggregate_fields_ = nullptr;
  std::vector<Field> aggregate_inputs_;  // what stands there
  std::size_t query_bytes_ = 0;          // of the arena
  std::size_t round_bytes_ = 0;          // of the arena, with what kernels of the round read

  // The round.
  FilterArgs filter_args_{};
  uint32_t tile_count_ = 0;
  uint32_t slot_count_ = 0;
  uint32_t runs_with_candidates_ = 0;
  uint32_t resident_runs_ = 0;
  bool merges_ = false;  // its candidates are resolved by putting them in order
  bool splits_ = false;  // those of the runs above the lowest are; the lowest run's beneath them
  bool counts_rows_ = false;     // of the lowest run only the number is wanted
  uint32_t lowest_run_ = 0;      // that has anything
  uint32_t resolved_count_ = 0;  // of the candidates, before resolve()
  uint32_t rounds_without_merging_ = 0;
  bool most_entries_pass_ = false;  // the predicate, in the round before
  uint64_t round_rows_ = 0;
  uint32_t first_segment_ = 0;               // of the window
  std::vector<uint32_t> row_segments_;       // [rows] of the round, counted from first_segment_
  std::vector<std::string_view> range_ids_;  // of the ranges that hold segment range_ids_of_
  std::optional<uint32_t> range_ids_of_;
  TotalsBySegment round_segment_totals_;
  std::vector<uint32_t> totals_places_;  // [segments of the window] among them
  FormattedRows formatted_;
  std::vector<AggregateState> round_aggregates_;
  std::vector<RunView> views_;
  std::vector<IndexView> index_views_;
};

}  // namespace levelscan
