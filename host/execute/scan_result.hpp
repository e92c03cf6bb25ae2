// What a scan hands back besides its rows: aggregates and statistics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "device/stage_times.hpp"

namespace levelscan {

__extension__ typedef __int128 Int128;

struct AggregateValue {
  enum class Kind { kNull, kInteger, kFloat, kBytes };
  Kind kind = Kind::kNull;
  Int128 integer = 0;
  double floating = 0;
  bool single_precision = false;  // a float that was an f32: print it as one
  std::string bytes;
};

struct ScanStatistics {
  std::string backend;
  uint64_t snapshot = 0;
  uint64_t entries_seen = 0;
  uint64_t entries_filtered = 0;
  uint64_t shadowed_value = 0;
  uint64_t shadowed_tombstone = 0;
  uint64_t shadowed_range = 0;
  uint64_t values_merged = 0;      // of rows with merge operands
  uint64_t values_from_blobs = 0;  // read from blob files
  uint64_t rows_found = 0;
  uint64_t bytes_planned = 0;
  uint64_t bytes_read = 0;
  uint64_t bytes_copied = 0;
  uint64_t bytes_decompressed = 0;
  // Blocks that fills found in the device's cache, and that they read and copied although there is
  // one; and their bytes, as stored in files.
  uint64_t cache_hits = 0;
  uint64_t cache_hit_bytes = 0;
  uint64_t cache_misses = 0;
  uint64_t cache_miss_bytes = 0;
  uint64_t tasks = 0;
  uint64_t windows = 0;
  uint64_t resolve_probe = 0;  // windows resolved by each strategy
  uint64_t resolve_mark = 0;
  uint64_t resolve_merge = 0;
  uint64_t resolve_split = 0;
  // Time in each stage, nanoseconds, added up over tasks.
  uint64_t fill_index_ns = 0;
  uint64_t locate_ns = 0;
  uint64_t fill_data_ns = 0;
  uint64_t filter_ns = 0;
  uint64_t resolve_ns = 0;
  uint64_t complete_ns = 0;  // values that don't stand in blocks
  uint64_t emit_ns = 0;
  uint64_t total_ns = 0;                   // wall clock of the scan
  std::optional<StageTimes> device_times;  // by the device's own clock, where it has one
  // The pool.
  uint64_t pool_pinned_bytes = 0;
  uint64_t pool_device_bytes = 0;
  uint32_t pool_scans_max = 0;
  uint32_t pool_scans_high_water = 0;
  uint64_t pool_waits = 0;
  uint64_t mapped_bytes = 0;  // of files
  // The device's cache.
  uint64_t cache_bytes = 0;
  uint64_t cache_used_bytes = 0;
};

struct ScanResult {
  uint64_t rows_found = 0;                 // rows that passed; with aggregates, rows aggregated
  std::vector<AggregateValue> aggregates;  // one for each of the query's aggregates
  // Of a query of ranges instead: the same for each range.
  std::vector<std::vector<AggregateValue>> range_aggregates;
  ScanStatistics statistics;
};

}  // namespace levelscan
