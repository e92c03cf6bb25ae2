#include "output/statistics_json.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <string_view>

#include "output/text.hpp"
#include "output/text_encoding.hpp"

namespace levelscan {
namespace {

struct Number {
  std::string_view name;
  uint64_t value;
};

// "name":value, for each.
std::string members(std::initializer_list<Number> numbers) {
  std::string text;
  for (Number const& number : numbers) {
    fmt::format_to(std::back_inserter(text), "{}\"{}\":{}", text.empty() ? "" : ",", number.name,
                   number.value);
  }
  return text;
}

double seconds(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }
double mebibytes(uint64_t bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0); }

std::string device_times_json(StageTimes const& times) {
  std::string text = R"({"stages":{)";
  for (std::size_t i = 0; i < kDeviceStageCount; ++i) {
    text += (i == 0 ? "" : ",") + members({{kDeviceStageNames[i], times.stages[i] / 1000}});
  }
  return text + "}," +
         members({{"copying", times.copying / 1000},
                  {"computing", times.computing / 1000},
                  {"both", times.both / 1000}}) +
         "}";
}

std::string device_times_text(StageTimes const& times) {
  std::string text =
      fmt::format("device      {:.3f} s copying, {:.3f} s computing, {:.3f} s of these at once;",
                  seconds(times.copying), seconds(times.computing), seconds(times.both));
  for (std::size_t i = 0; i < kDeviceStageCount; ++i) {
    fmt::format_to(std::back_inserter(text), "{} {} {:.3f}", i == 0 ? " over streams:" : ",",
                   kDeviceStageNames[i], seconds(times.stages[i]));
  }
  return text + "\n";
}

}  // namespace

std::string statistics_json(ScanStatistics const& s) {
  Text backend;
  backend.append_written(words_text_max(s.backend.size()),
                         [&](char* to) { return write_json_text(s.backend, to); });
  std::string text = fmt::format(R"({{"schema_version":1,"backend":{},)", backend.view());
  text += members({{"snapshot", s.snapshot},
                   {"entries_seen", s.entries_seen},
                   {"entries_filtered", s.entries_filtered},
                   {"shadowed_value", s.shadowed_value},
                   {"shadowed_tombstone", s.shadowed_tombstone},
                   {"shadowed_range", s.shadowed_range},
                   {"values_merged", s.values_merged},
                   {"values_from_blobs", s.values_from_blobs},
                   {"rows_found", s.rows_found},
                   {"bytes_planned", s.bytes_planned},
                   {"bytes_read", s.bytes_read},
                   {"bytes_copied", s.bytes_copied},
                   {"bytes_decompressed", s.bytes_decompressed},
                   {"tasks", s.tasks},
                   {"windows", s.windows}});
  text += R"(,"resolve":{)" + members({{"probe", s.resolve_probe},
                                       {"mark", s.resolve_mark},
                                       {"merge", s.resolve_merge},
                                       {"split", s.resolve_split}});
  text += R"(},"time_us":{)" + members({{"fill_index", s.fill_index_ns / 1000},
                                        {"locate", s.locate_ns / 1000},
                                        {"fill_data", s.fill_data_ns / 1000},
                                        {"filter", s.filter_ns / 1000},
                                        {"resolve", s.resolve_ns / 1000},
                                        {"complete", s.complete_ns / 1000},
                                        {"emit", s.emit_ns / 1000},
                                        {"total", s.total_ns / 1000}});
  text += '}';
  if (s.device_times) text += R"(,"device_time_us":)" + device_times_json(*s.device_times);
  text += R"(,"pool":{)" + members({{"pinned_bytes", s.pool_pinned_bytes},
                                    {"device_bytes", s.pool_device_bytes},
                                    {"scans_max", s.pool_scans_max},
                                    {"scans_high_water", s.pool_scans_high_water},
                                    {"waits", s.pool_waits},
                                    {"mapped_bytes", s.mapped_bytes}});
  text += R"(},"device_cache":{)" + members({{"bytes", s.cache_bytes},
                                             {"used_bytes", s.cache_used_bytes},
                                             {"hits", s.cache_hits},
                                             {"hit_bytes", s.cache_hit_bytes},
                                             {"misses", s.cache_misses},
                                             {"miss_bytes", s.cache_miss_bytes}});
  return text + "}}";
}

std::string statistics_text(ScanStatistics const& s) {
  std::string text;
  auto const out = std::back_inserter(text);
  double const rate =
      s.total_ns == 0 ? 0.0 : static_cast<double>(s.entries_seen) / seconds(s.total_ns);
  fmt::format_to(out, "backend     {}, snapshot {}\n", s.backend, s.snapshot);
  fmt::format_to(out, "entries     {} seen, {} filtered, {} rows found\n", s.entries_seen,
                 s.entries_filtered, s.rows_found);
  fmt::format_to(out, "shadowed    {} by values, {} by tombstones, {} by range tombstones\n",
                 s.shadowed_value, s.shadowed_tombstone, s.shadowed_range);
  fmt::format_to(out, "values      {} merged, {} from blob files\n", s.values_merged,
                 s.values_from_blobs);
  fmt::format_to(out,
                 "MiB         {:.1f} planned, {:.1f} read, {:.1f} decompressed, {:.1f} copied\n",
                 mebibytes(s.bytes_planned), mebibytes(s.bytes_read),
                 mebibytes(s.bytes_decompressed), mebibytes(s.bytes_copied));
  fmt::format_to(
      out, "work        {} tasks, {} windows (resolved: {} probe, {} mark, {} merge, {} split)\n",
      s.tasks, s.windows, s.resolve_probe, s.resolve_mark, s.resolve_merge, s.resolve_split);
  fmt::format_to(
      out,
      "seconds     {:.3f} in all, {:.0f} entries/s; over tasks: index {:.3f}, locate {:.3f}, "
      "data {:.3f}, filter {:.3f}, resolve {:.3f}, complete {:.3f}, emit {:.3f}\n",
      seconds(s.total_ns), rate, seconds(s.fill_index_ns), seconds(s.locate_ns),
      seconds(s.fill_data_ns), seconds(s.filter_ns), seconds(s.resolve_ns), seconds(s.complete_ns),
      seconds(s.emit_ns));
  if (s.device_times) text += device_times_text(*s.device_times);
  fmt::format_to(out,
                 "pool        {:.1f} MiB pinned, {:.1f} MiB device, {} of {} scans used, {} waits; "
                 "{:.1f} MiB of files mapped\n",
                 mebibytes(s.pool_pinned_bytes), mebibytes(s.pool_device_bytes),
                 s.pool_scans_high_water, s.pool_scans_max, s.pool_waits,
                 mebibytes(s.mapped_bytes));
  if (s.cache_bytes != 0) {
    fmt::format_to(out,
                   "cache       {:.1f} of {:.1f} MiB on the device used; {} blocks of {:.1f} MiB "
                   "found there, {} of {:.1f} MiB read\n",
                   mebibytes(s.cache_used_bytes), mebibytes(s.cache_bytes), s.cache_hits,
                   mebibytes(s.cache_hit_bytes), s.cache_misses, mebibytes(s.cache_miss_bytes));
  }
  return text;
}

}  // namespace levelscan
