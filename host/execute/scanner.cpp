#include "execute/scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "execute/mapped_tables.hpp"
#include "execute/ordered_output.hpp"
#include "execute/scan_task.hpp"
#include "execute/tombstone_set.hpp"
#include "levelscan/error.hpp"
#include "plan/pool_planner.hpp"
#include "plan/range_segments.hpp"
#include "plan/task_planner.hpp"
#include "pool/scan_buffer_pool.hpp"

namespace levelscan {
namespace {

// How finely a scan is cut: more tasks even out what they cost, and each has to start.
struct TaskSizes {
  uint64_t bytes_min;
  uint64_t per_thread;
};
// Several windows each.
constexpr TaskSizes kTasksByCpu{4 << 20, 16};
constexpr TaskSizes kTasksByCuda{16 << 20, 4};

uint32_t thread_count(ScannerOptions const& options) {
  if (options.threads != 0) return options.threads;
  return std::max(1u, std::thread::hardware_concurrency());
}

// What the whole of the query's keys, or of its ranges, lies in.
KeyRange hull_of(Query const& query, RangeSegments const& segments, KeyOrder key_order) {
  if (!query.ranges) return query.keys.range(key_order);
  if (segments.segments.empty()) return KeyRange{KeyBound::end(), KeyBound::end()};
  return KeyRange{segments.segments.front().lower, segments.segments.back().upper};
}

std::unique_ptr<Device> make_device(ScannerOptions const& options, DatabaseVersion const& version) {
  BackendChoice const choice = choose_backend(options, version);
  try {
    return choice.backend == Backend::kCuda
               ? make_cuda_device(options.device_ordinal, options.tells_device_times)
               : make_cpu_device(CpuMirror::kAliasing);
  } catch (DeviceError const& error) {
    throw Error(ErrorCode::kDevice, error.what());
  }
}

// The distinct fields that the aggregates need.
std::vector<AggregateInput> aggregate_inputs(Query const& query,
                                             std::vector<std::size_t>& input_of) {
  std::vector<AggregateInput> inputs;
  for (AggregateColumn const& column : query.aggregates) {
    if (column.function == AggregateFunction::kCountRows) {
      input_of.push_back(0);
      continue;
    }
    Field const& field = column.field.field;
    std::string const& name = column.field.column;
    auto const found = std::find_if(inputs.begin(), inputs.end(), [&](AggregateInput const& input) {
      Field const& other = input.field.field;
      return other.source == field.source && other.type == field.type &&
             other.big_endian == field.big_endian && other.from_end == field.from_end &&
             other.offset == field.offset && other.size == field.size && input.field.column == name;
    });
    input_of.push_back(static_cast<std::size_t>(found - inputs.begin()));
    if (found == inputs.end()) inputs.push_back({column.field, false});
    if (column.function == AggregateFunction::kMin || column.function == AggregateFunction::kMax) {
      inputs[input_of.back()].extremes = true;
    }
  }
  return inputs;
}

void add_statistics(ScanStatistics& total, ScanStatistics const& task) {
  for (auto const member : {&ScanStatistics::entries_seen,      &ScanStatistics::entries_filtered,
                            &ScanStatistics::shadowed_value,    &ScanStatistics::shadowed_tombstone,
                            &ScanStatistics::shadowed_range,    &ScanStatistics::values_merged,
                            &ScanStatistics::values_from_blobs, &ScanStatistics::bytes_read,
                            &ScanStatistics::bytes_copied,      &ScanStatistics::bytes_decompressed,
                            &ScanStatistics::cache_hits,        &ScanStatistics::cache_hit_bytes,
                            &ScanStatistics::cache_misses,      &ScanStatistics::cache_miss_bytes,
                            &ScanStatistics::windows,           &ScanStatistics::resolve_probe,
                            &ScanStatistics::resolve_mark,      &ScanStatistics::resolve_merge,
                            &ScanStatistics::resolve_split,     &ScanStatistics::fill_index_ns,
                            &ScanStatistics::locate_ns,         &ScanStatistics::fill_data_ns,
                            &ScanStatistics::filter_ns,         &ScanStatistics::resolve_ns,
                            &ScanStatistics::complete_ns,       &ScanStatistics::emit_ns}) {
    total.*member += task.*member;
  }
}

// Each range's aggregates, from what the tasks found in its segments. `input_of`: the field of each
// of the query's aggregates.
std::vector<std::vector<AggregateValue>> range_aggregates(Query const& query,
                                                          std::vector<std::size_t> const& input_of,
                                                          RangeSegments const& segments,
                                                          std::vector<TaskState>& tasks) {
  std::size_t field_count = 1;  // one that nothing was added to, for aggregates without a field
  for (std::size_t const input : input_of) field_count = std::max(field_count, input + 1);
  TotalsBySegment totals;  // tasks are in key order, and so are segments
  for (TaskState& task : tasks) totals.append(std::move(task.segment_totals));
  std::vector<TotalsBySegment::Entry> const& entries = totals.entries();
  // [segments + 1] how many of the entries are of segments before each.
  std::vector<uint32_t> entries_before;
  entries_before.reserve(segments.segments.size() + 1);
  for (uint32_t e = 0; e < entries.size(); ++e) entries_before.resize(entries[e].segment + 1, e);
  entries_before.resize(segments.segments.size() + 1, static_cast<uint32_t>(entries.size()));

  std::vector<std::vector<AggregateValue>> rows;
  rows.reserve(segments.spans.size());
  SegmentTotals const none(field_count);
  SegmentTotals combined(field_count);
  for (RangeSegments::Span const& span : segments.spans) {
    std::span<TotalsBySegment::Entry const> const parts{
        entries.begin() + entries_before[span.first], entries.begin() + entries_before[span.last]};
    bool const is_one = parts.size() == 1 && parts.front().totals.aggregates.size() == field_count;
    if (!is_one) {
      combined = none;
      for (TotalsBySegment::Entry const& part : parts) combined.combine(part.totals);
    }
    SegmentTotals const& range = is_one ? parts.front().totals : combined;
    std::vector<AggregateValue>& values = rows.emplace_back();
    values.reserve(query.aggregates.size());
    for (std::size_t i = 0; i < query.aggregates.size(); ++i) {
      values.push_back(
          aggregate_value(query.aggregates[i], range.aggregates[input_of[i]], range.rows));
    }
  }
  return rows;
}

}  // namespace

ScanSize scan_size(ScannerOptions const& options, DatabaseVersion const* version,
                   Query const* query) {
  ScanSize size;
  // Of what the pool takes one half is pinned, the other its mirror; it takes all that it may.
  size.pinned_bytes =
      (options.memory_bytes != 0 ? options.memory_bytes : default_memory_bytes()) / 2;
  size.threads = thread_count(options);
  KeyRange range{};
  if (query != nullptr) {
    size.selects = query->where != nullptr;
    size.ends_early = query->aggregates.empty() && query->limit != UINT64_MAX;
    if (version != nullptr) {
      RangeSegments const segments =
          query->ranges ? cut_ranges(*query->ranges, version->key_order) : RangeSegments{};
      range = hull_of(*query, segments, version->key_order);
    }
  }
  if (version != nullptr && !range.is_empty(version->key_order)) {
    size.bytes_planned = overlapping_bytes(*version, range);
  }
  return size;
}

BackendChoice choose_backend(ScannerOptions const& options, DatabaseVersion const& version,
                             Query const* query) {
  if (options.backend == Backend::kCpu) return choose_backend(options.backend, {}, {});
  return choose_backend(options.backend, cuda_unavailable_reason(),
                        scan_size(options, &version, query));
}

struct Scanner::Impl {
  DatabaseVersion const& version;
  ScannerOptions options;
  std::unique_ptr<Device> own_device;
  Device& device;
  uint32_t threads;
  TombstoneSet tombstones;
  PoolRequest request;
  std::unique_ptr<DeviceCache> cache;    // null: there is none
  std::unique_ptr<ScanBufferPool> pool;  // null: there are no runs
  MappedTables mapped;
  // Of what the pool holds of the tombstones; none: nothing yet.
  std::optional<uint64_t> tombstone_snapshot;

  Impl(DatabaseVersion const& database, ScannerOptions const& scanner_options, Device* given)
      : version(database),
        options(scanner_options),
        own_device(given == nullptr ? make_device(options, database) : nullptr),
        device(given == nullptr ? *own_device : *given),
        threads(thread_count(options)) {
    require_scannable(version);
    tombstones = TombstoneSet(version.range_tombstones, version.key_order);
    request.memory_bytes =
        options.memory_bytes != 0 ? options.memory_bytes : default_memory_bytes();
    request.scans_max = options.scans_max != 0 ? options.scans_max : threads;
    request.data_block_bytes = options.data_block_bytes;
    request.candidates_max = options.candidates_max;
    request.candidate_key_bytes = options.candidate_key_bytes;
    request.result_bytes = options.result_bytes;
    request.control_bytes = options.control_bytes;
    request.read_area_bytes = options.read_area_bytes;
    request.tombstone_bytes = tombstones.bytes();
    request.values_bytes = options.values_bytes;
    if (version.runs.empty()) return;
    if (options.device_cache_bytes != 0 && !device.info().mirrors_alias_host) make_cache();
    make_pool(plan_pool(version, device, request));
  }

  void make_cache() {
    try {
      cache = std::make_unique<DeviceCache>(device, options.device_cache_bytes);
    } catch (DeviceError const& error) {
      throw Error(ErrorCode::kDevice, fmt::format("a device cache of {} bytes: {}",
                                                  options.device_cache_bytes, error.what()));
    }
  }

  void make_pool(PoolLayout layout) {
    tombstone_snapshot.reset();
    mapped = MappedTables();
    pool = std::make_unique<ScanBufferPool>(device, std::move(layout));
    if (!device.info().mirrors_alias_host || !options.map_files) return;
    PoolStatistics const used = pool->statistics();
    uint64_t const pool_bytes = used.pinned_bytes + used.device_bytes;
    if (pool_bytes < request.memory_bytes) {
      mapped = MappedTables(version, pool->layout(), request.memory_bytes - pool_bytes);
    }
  }

  void place_tombstones(ScanContext& context);
  void run_tasks(ScanContext& context, std::vector<TaskState>& tasks);
};

// Puts the tombstones that the context's snapshot sees where its tasks find them. REQUIRES: none of
// them runs.
void Scanner::Impl::place_tombstones(ScanContext& context) {
  if (tombstones.empty()) return;
  MirroredBytes const& space = pool->tombstones();
  context.tombstones_host = tombstones.cover(space.host());
  context.tombstones_device = tombstones.cover(space.device());
  if (tombstone_snapshot == context.snapshot) return;
  std::size_t begin = 0;
  std::size_t bytes = space.size();
  if (tombstone_snapshot) {
    begin = tombstones.newest_offset();
    bytes = tombstones.newest_bytes();
  } else {
    tombstones.write_bounds(space.host());
  }
  tombstone_snapshot.reset();
  tombstones.write_newest(context.snapshot, space.host());
  ScanBufferLease const lease = pool->acquire();
  try {
    device.copy_to_device_async(space.device() + begin, space.host() + begin, bytes, lease->stream);
    device.synchronize(lease->stream);
  } catch (DeviceError const& error) {
    throw Error(ErrorCode::kDevice, error.what());
  }
  tombstone_snapshot = context.snapshot;
}

// Runs every unfinished task, rebuilding the pool when a task needs a larger layout.
void Scanner::Impl::run_tasks(ScanContext& context, std::vector<TaskState>& tasks) {
  for (;;) {
    // A pool that could not be grown left none behind.
    if (!pool) make_pool(plan_pool(version, device, request));
    place_tombstones(context);
    context.layout = &pool->layout();
    context.mapped = &mapped;
    context.cache = cache.get();
    context.stop_from = SIZE_MAX;
    if (context.output != nullptr) context.output->wait_again();

    std::mutex mutex;  // guards what follows
    std::size_t next = 0;
    std::exception_ptr failure;
    std::size_t failed_task = tasks.size();
    std::optional<NeedLayout> need;
    std::size_t need_task = tasks.size();
    // Stops the tasks that come after what was met in task `number`. Those before it are running,
    // and their rows are wanted whatever happens there: with a limit they may be all that are.
    auto const stop_from = [&](std::size_t number) {
      if (context.output == nullptr) number = 0;
      context.stop_from = std::min(context.stop_from.load(), number);
      if (context.output != nullptr) context.output->stop_waiting(number);
    };

    auto const drive = [&] {
      for (;;) {
        TaskState* task = nullptr;
        ScanBufferLease lease;
        try {
          // Acquired in output order: whoever holds the lock gets the next task and its buffer.
          std::unique_lock lock(mutex);
          while (next < tasks.size() && tasks[next].done) ++next;
          if (next >= std::min(tasks.size(), context.stop_from.load())) return;
          task = &tasks[next++];
          lease = pool->acquire_wait();
          lock.unlock();
          ScanTask(context, *lease, *task).run();
          if (task->done && context.output != nullptr) {
            context.output->finish(task->number);
            if (context.output->limit_reached()) {
              lock.lock();
              stop_from(0);
            }
          }
        } catch (NeedLayout const& met) {
          std::unique_lock const lock(mutex);
          if (!need || task->number < need_task) {
            need = met;
            need_task = task->number;
          }
          stop_from(task->number);
          return;
        } catch (...) {
          std::unique_lock const lock(mutex);
          std::size_t const number = task == nullptr ? 0 : task->number;
          if (!failure || number < failed_task) {
            failure = std::current_exception();
            failed_task = number;
          }
          stop_from(number);
          return;
        }
      }
    };

    std::size_t const driver_count =
        std::min<std::size_t>({threads, pool->layout().scans_max, tasks.size()});
    if (driver_count <= 1) {
      drive();
    } else {
      std::vector<std::jthread> drivers;
      drivers.reserve(driver_count);
      try {
        while (drivers.size() < driver_count) drivers.emplace_back(drive);
      } catch (std::system_error const&) {
        // The machine has no thread more to give: those that run do all of it.
        if (drivers.empty()) drive();
      }
    }
    if (context.output != nullptr && context.output->limit_reached()) return;
    // A task before the failed one that needs another layout goes on first.
    if (failure && !(need && need_task < failed_task)) {
      try {
        std::rethrow_exception(failure);
      } catch (DeviceError const& error) {
        throw Error(ErrorCode::kDevice, error.what());
      }
    }
    if (!need) return;
    PoolLayout const grown = grow_pool(pool->layout(), *need, device, request);
    if (grown == pool->layout()) {
      throw Error(ErrorCode::kRuntime, "a task asks for more than a layout that has it already");
    }
    pool.reset();  // the old one goes first: both together may be beyond the budget
    make_pool(grown);
  }
}

Scanner::Scanner(DatabaseVersion const& version, ScannerOptions const& options)
    : impl_(std::make_unique<Impl>(version, options, nullptr)) {}

Scanner::Scanner(DatabaseVersion const& version, ScannerOptions const& options, Device& device)
    : impl_(std::make_unique<Impl>(version, options, &device)) {}

Scanner::~Scanner() = default;

ScanResult Scanner::run(Query const& query, RowSink* sink, std::atomic<bool> const* interrupted) {
  auto const begin = std::chrono::steady_clock::now();
  static_cast<void>(impl_->device.take_stage_times());
  DatabaseVersion const& version = impl_->version;
  bool const aggregating = !query.aggregates.empty();
  if (!aggregating && sink == nullptr) {
    throw Error(ErrorCode::kUsage, "rows need somewhere to go");
  }
  if (!aggregating && query.columns.empty()) throw Error(ErrorCode::kUsage, "no columns selected");
  if (query.snapshot && *query.snapshot > version.last_sequence) {
    throw Error(ErrorCode::kUsage,
                fmt::format("snapshot {} is above the newest sequence number, {}", *query.snapshot,
                            version.last_sequence));
  }

  ScanContext context;
  context.version = &version;
  context.device = &impl_->device;
  if (query.where != nullptr) context.predicate = compile_predicate(*query.where);
  std::vector<std::size_t> input_of;
  if (aggregating) {
    context.aggregate_inputs = aggregate_inputs(query, input_of);
  } else {
    context.columns = query.columns;
    context.sink = sink;
    context.limit = query.limit;
  }
  context.reads_values = reads(query, FieldSource::kValue) ||
                         reads(query, FieldSource::kValueSize) ||
                         reads(query, FieldSource::kColumn);
  context.snapshot = query.snapshot.value_or(version.last_sequence);
  context.verify_checksums = impl_->options.verify_checksums;
  context.resolve = impl_->options.resolve;
  context.interrupted = interrupted;

  RangeSegments segments;
  if (query.ranges) {
    context.ranges = *query.ranges;
    segments = cut_ranges(context.ranges, version.key_order);
    context.segments = &segments;
  }
  KeyRange const range = hull_of(query, segments, version.key_order);
  uint64_t task_bytes = impl_->options.task_bytes;
  if (task_bytes == 0 && impl_->threads > 1) {
    TaskSizes const& sizes = impl_->device.info().backend == "cuda" ? kTasksByCuda : kTasksByCpu;
    task_bytes = std::max(sizes.bytes_min,
                          overlapping_bytes(version, range) / (impl_->threads * sizes.per_thread));
  }
  ScanPlan const plan = version.runs.empty() || context.limit == 0
                            ? ScanPlan{}
                            : plan_tasks(version, range, task_bytes);
  std::vector<TaskState> tasks(plan.tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].number = i;
    tasks[i].range = plan.tasks[i];
    tasks[i].cursor = plan.tasks[i].lower;
    tasks[i].aggregates.resize(context.aggregate_inputs.size());
  }

  std::optional<OrderedOutput> output;
  if (!aggregating) {
    output.emplace(*sink, tasks.size(), query.limit);
    context.output = &*output;
  }
  if (impl_->cache) impl_->cache->begin_scan();
  if (!tasks.empty()) impl_->run_tasks(context, tasks);

  ScanResult result;
  ScanStatistics& statistics = result.statistics;
  std::vector<AggregateState> aggregates(context.aggregate_inputs.size());
  for (TaskState const& task : tasks) {
    result.rows_found += task.rows_found;
    for (std::size_t i = 0; i < aggregates.size(); ++i) aggregates[i].combine(task.aggregates[i]);
    add_statistics(statistics, task.statistics);
  }
  if (output) result.rows_found = output->rows_written();
  if (aggregating && query.ranges) {
    result.range_aggregates = range_aggregates(query, input_of, segments, tasks);
  }
  for (std::size_t i = 0; i < query.aggregates.size() && !query.ranges; ++i) {
    AggregateState const& state = aggregates.empty() ? AggregateState{} : aggregates[input_of[i]];
    result.aggregates.push_back(aggregate_value(query.aggregates[i], state, result.rows_found));
  }

  statistics.device_times = impl_->device.take_stage_times();
  statistics.backend = impl_->device.info().backend;
  statistics.snapshot = context.snapshot;
  statistics.rows_found = result.rows_found;
  statistics.bytes_planned = plan.bytes_planned;
  statistics.tasks = tasks.size();
  statistics.total_ns = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin)
          .count());
  if (impl_->pool) {
    PoolStatistics const pool = impl_->pool->statistics();
    statistics.pool_pinned_bytes = pool.pinned_bytes;
    statistics.pool_device_bytes = pool.device_bytes;
    statistics.pool_scans_max = pool.scans_max;
    statistics.pool_scans_high_water = pool.scans_high_water;
    statistics.pool_waits = pool.waits;
    statistics.mapped_bytes = impl_->mapped.bytes();
  }
  if (impl_->cache) {
    statistics.cache_bytes = impl_->cache->bytes();
    statistics.cache_used_bytes = impl_->cache->used_bytes();
  }
  return result;
}

}  // namespace levelscan
