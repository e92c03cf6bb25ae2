#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "execute/tombstone_set.hpp"
#include "plan/pool_planner.hpp"
#include "version/database_version.hpp"

namespace levelscan {
namespace {

using Json = nlohmann::ordered_json;

struct RunSummary {
  std::string name;  // "L3"
  int level = 0;
  uint64_t tables = 0;
  uint64_t entries = 0;
  uint64_t deletions = 0;
  uint64_t merge_operands = 0;
  uint64_t range_deletions = 0;
  uint64_t file_bytes = 0;
  uint64_t data_bytes = 0;
  uint64_t raw_bytes = 0;  // keys and values before compression
  uint64_t smallest_sequence = UINT64_MAX;
  uint64_t largest_sequence = 0;
};

// What the tables use, in words.
struct Features {
  std::set<std::string> format_versions;
  std::set<std::string> checksums;
  std::set<std::string> compressions;
  std::set<std::string> indexes;
};

struct PoolNeeds {
  PoolLayout layout;
  PoolBytes bytes;
  std::string backend;
};

RunSummary summarize(SortedRun const& run) {
  RunSummary summary;
  summary.level = run.level;
  summary.name = level_name(run.level);
  summary.tables = run.metas.size();
  summary.largest_sequence = run.largest_sequence;
  for (TableMeta const& meta : run.metas) {
    summary.file_bytes += meta.file_bytes;
    summary.smallest_sequence = std::min(summary.smallest_sequence, meta.smallest_sequence);
  }
  for (std::shared_ptr<Table const> const& table : run.tables) {
    if (!table) continue;  // a refusal names it
    TableProperties const& properties = table->properties();
    summary.entries += properties.entries;
    summary.deletions += properties.deletions;
    summary.merge_operands += properties.merge_operands;
    summary.range_deletions += properties.range_deletions;
    summary.data_bytes += properties.data_bytes;
    summary.raw_bytes += properties.raw_key_bytes + properties.raw_value_bytes;
  }
  return summary;
}

RunSummary total_of(std::vector<RunSummary> const& runs) {
  RunSummary total;
  total.name = "all";
  for (RunSummary const& run : runs) {
    total.tables += run.tables;
    total.entries += run.entries;
    total.deletions += run.deletions;
    total.merge_operands += run.merge_operands;
    total.range_deletions += run.range_deletions;
    total.file_bytes += run.file_bytes;
    total.data_bytes += run.data_bytes;
    total.raw_bytes += run.raw_bytes;
    total.smallest_sequence = std::min(total.smallest_sequence, run.smallest_sequence);
    total.largest_sequence = std::max(total.largest_sequence, run.largest_sequence);
  }
  return total;
}

std::string index_text(TableProperties const& properties) {
  std::string text;
  switch (static_cast<IndexType>(properties.index_type)) {
    case IndexType::kBinarySearch: text = "binary search"; break;
    case IndexType::kHash: text = "hash"; break;
    case IndexType::kTwoLevel: text = "two-level"; break;
    case IndexType::kFirstKey: text = "binary search with first key"; break;
    default: text = fmt::format("type {}", properties.index_type); break;
  }
  text += properties.index_key_is_user_key ? ", user keys" : ", internal keys";
  if (properties.index_value_is_delta_encoded) text += ", delta-encoded";
  return text;
}

Features features_of(DatabaseVersion const& version) {
  Features features;
  for (SortedRun const& run : version.runs) {
    for (std::shared_ptr<Table const> const& table : run.tables) {
      if (!table) continue;
      TableProperties const& properties = table->properties();
      features.format_versions.insert(std::to_string(table->format_version()));
      features.checksums.emplace(checksum_name(table->checksum_type()));
      features.compressions.insert(properties.compression.empty() ? "not recorded"
                                                                  : properties.compression);
      features.indexes.insert(index_text(properties));
    }
  }
  return features;
}

// None where the database cannot be scanned, or the pool not be had; `reason` then says why.
std::optional<PoolNeeds> pool_needs(GlobalArguments const& global, DatabaseVersion const& version,
                                    std::string& reason) {
  if (!version.refusals.empty()) {
    reason = "the database cannot be scanned";
    return std::nullopt;
  }
  if (version.runs.empty()) {
    reason = "there is nothing to scan";
    return std::nullopt;
  }
  try {
    ScannerOptions const& options = global.scanner;
    bool const on_cuda = choose_backend(options, version).backend == Backend::kCuda;
    std::unique_ptr<Device> const device =
        on_cuda ? make_cuda_device(options.device_ordinal) : make_cpu_device(CpuMirror::kAliasing);
    uint32_t const threads =
        options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    PoolRequest request;
    request.memory_bytes =
        options.memory_bytes != 0 ? options.memory_bytes : default_memory_bytes();
    request.scans_max = options.scans_max != 0 ? options.scans_max : threads;
    request.tombstone_bytes = TombstoneSet(version.range_tombstones, version.key_order).bytes();
    PoolNeeds needs;
    needs.layout = plan_pool(version, *device, request);
    needs.bytes = needs.layout.pool_bytes(*device);
    needs.backend = on_cuda ? "cuda" : "cpu";
    return needs;
  } catch (std::exception const&) {
    reason = describe_failure(std::current_exception()).message;
    return std::nullopt;
  }
}

uint64_t blob_bytes(DatabaseVersion const& version) {
  uint64_t bytes = 0;
  for (auto const& [number, file] : version.blob_files) bytes += file->file().size();
  return bytes;
}

Json json_of(RunSummary const& run) {
  Json json;
  json["level"] = run.level;
  json["tables"] = run.tables;
  json["entries"] = run.entries;
  json["deletions"] = run.deletions;
  json["merge_operands"] = run.merge_operands;
  json["range_deletions"] = run.range_deletions;
  json["file_bytes"] = run.file_bytes;
  json["data_bytes"] = run.data_bytes;
  json["raw_bytes"] = run.raw_bytes;
  json["smallest_sequence"] =
      run.smallest_sequence == UINT64_MAX ? Json() : Json(run.smallest_sequence);
  json["largest_sequence"] = run.largest_sequence;
  return json;
}

Json json_of(ColumnFamilyInfo const& family) {
  Json json;
  json["name"] = family.name;
  json["comparator"] = family.comparator;
  json["runs"] = family.runs;
  json["tables"] = family.tables;
  json["table_bytes"] = family.table_bytes;
  json["log_number"] = family.log_number;
  return json;
}

Json json_of(Refusal const& refusal) {
  Json json;
  json["feature"] = refusal.feature;
  json["file"] = refusal.file;
  json["offset"] = refusal.offset ? Json(*refusal.offset) : Json();
  json["advice"] = refusal.advice;
  return json;
}

Json json_of(UnflushedRows const& unflushed) {
  Json json;
  json["entries"] = unflushed.entries;
  json["bytes"] = unflushed.bytes;
  json["range_tombstones"] = unflushed.range_tombstones;
  json["memory_needed"] = unflushed.memory_needed;
  json["logs"] = Json::array();
  for (WalSummary const& log : unflushed.logs) {
    json["logs"].push_back({{"file", log.path},
                            {"bytes", log.bytes},
                            {"batches", log.batches},
                            {"entries", log.entries},
                            {"counts", log.counts},
                            {"end", log.end_offset},
                            {"end_reason", log.end_reason}});
  }
  return json;
}

std::string info_json(DatabaseVersion const& version, std::vector<RunSummary> const& runs,
                      std::optional<PoolNeeds> const& needs, std::string const& reason) {
  Json json;
  json["schema_version"] = 1;
  json["path"] = version.path;
  json["column_family"] = version.column_family;
  json["comparator"] = version.comparator;
  json["last_sequence"] = version.last_sequence;
  json["column_families"] = Json::array();
  for (ColumnFamilyInfo const& family : version.column_families) {
    json["column_families"].push_back(json_of(family));
  }
  json["manifest"] = {{"number", version.manifest_number}, {"bytes", version.manifest_bytes}};
  json["write_ahead_log"] = version.unflushed ? json_of(*version.unflushed) : Json();
  json["runs"] = Json::array();
  for (RunSummary const& run : runs) json["runs"].push_back(json_of(run));
  json["total"] = json_of(total_of(runs));
  json["total"].erase("level");
  json["merge_operator"] =
      version.merge_operator ? Json(version.merge_operator->name) : Json(nullptr);
  json["blob_files"] = {{"count", version.blob_files.size()}, {"bytes", blob_bytes(version)}};
  Features const features = features_of(version);
  json["features"] = {{"format_versions", features.format_versions},
                      {"checksums", features.checksums},
                      {"compressions", features.compressions},
                      {"indexes", features.indexes}};
  json["scannable"] = version.refusals.empty();
  json["refusals"] = Json::array();
  for (Refusal const& refusal : version.refusals) json["refusals"].push_back(json_of(refusal));
  if (needs) {
    json["pool"] = {{"backend", needs->backend},
                    {"scans_max", needs->layout.scans_max},
                    {"runs", needs->layout.run_count()},
                    {"pinned_bytes", needs->bytes.pinned},
                    {"device_bytes", needs->bytes.device}};
  } else {
    json["pool"] = nullptr;
    json["pool_reason"] = reason;
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

double mebibytes(uint64_t bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0); }

std::string run_line(RunSummary const& run) {
  std::string const sequences =
      run.smallest_sequence == UINT64_MAX
          ? std::string("-")
          : fmt::format("{}-{}", run.smallest_sequence, run.largest_sequence);
  return fmt::format("{:<4} {:>7} {:>13} {:>11} {:>11.1f} {:>11.1f} {:>11.1f}  {}\n", run.name,
                     run.tables, run.entries, run.deletions, mebibytes(run.file_bytes),
                     mebibytes(run.data_bytes), mebibytes(run.raw_bytes), sequences);
}

std::string size_text(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024.0);
  return fmt::format("{:.1f} MiB", mebibytes(bytes));
}

std::string unflushed_text(DatabaseVersion const& version) {
  if (!version.unflushed) return "left out (--no-wal)";
  UnflushedRows const& unflushed = *version.unflushed;
  uint64_t log_bytes = 0;
  for (WalSummary const& log : unflushed.logs) log_bytes += log.bytes;
  // Rows that a program wrote with the log off are in its memory alone.
  return fmt::format(
      "{} logs of {}: {} unflushed entries ({}), {} range tombstones\n"
      "                 (what a running program wrote with its log off is in no file)",
      unflushed.logs.size(), size_text(log_bytes), unflushed.entries, size_text(unflushed.bytes),
      unflushed.range_tombstones);
}

// All column families by what the MANIFEST says, where there are several.
std::string families_text(DatabaseVersion const& version) {
  if (version.column_families.size() < 2) return {};
  std::string text = fmt::format("\n{:<24} {:>5} {:>7} {:>11}  {}\n", "column family", "runs",
                                 "tables", "file MiB", "comparator");
  for (ColumnFamilyInfo const& family : version.column_families) {
    text += fmt::format("{:<24} {:>5} {:>7} {:>11.1f}  {}\n", family.name, family.runs,
                        family.tables, mebibytes(family.table_bytes), family.comparator);
  }
  return text + "(the others' rows: --cf NAME)\n";
}

std::string info_text(DatabaseVersion const& version, std::vector<RunSummary> const& runs,
                      std::optional<PoolNeeds> const& needs, std::string const& reason) {
  std::string text;
  auto const out = std::back_inserter(text);
  auto const join = [](auto const& words) { return fmt::format("{}", fmt::join(words, "; ")); };
  Features const features = features_of(version);
  fmt::format_to(out, "database         {}\n", version.path);
  fmt::format_to(out, "column family    {}\n", version.column_family);
  fmt::format_to(out, "comparator       {}\n", version.comparator);
  fmt::format_to(out, "newest sequence  {}\n", version.last_sequence);
  fmt::format_to(out, "write-ahead log  {}\n", unflushed_text(version));
  fmt::format_to(out, "manifest         {:06}, {} bytes\n", version.manifest_number,
                 version.manifest_bytes);
  fmt::format_to(out, "format versions  {}\n", join(features.format_versions));
  fmt::format_to(out, "checksums        {}\n", join(features.checksums));
  fmt::format_to(out, "compression      {}\n", join(features.compressions));
  fmt::format_to(out, "index            {}\n", join(features.indexes));
  RunSummary const total = total_of(runs);
  fmt::format_to(out, "merge operands   {}{}\nrange deletions  {}\n", total.merge_operands,
                 version.merge_operator ? ", " + version.merge_operator->name : std::string(),
                 total.range_deletions);
  if (!version.blob_files.empty()) {
    fmt::format_to(out, "blob files       {}, {:.1f} MiB\n", version.blob_files.size(),
                   mebibytes(blob_bytes(version)));
  }
  if (needs) {
    fmt::format_to(out,
                   "pool             {:.1f} MiB pinned, {:.1f} MiB on the device ({}): {} scan "
                   "buffers of {} runs\n",
                   mebibytes(needs->bytes.pinned), mebibytes(needs->bytes.device), needs->backend,
                   needs->layout.scans_max, needs->layout.run_count());
  } else {
    fmt::format_to(out, "pool             none: {}\n", reason);
  }
  fmt::format_to(out, "can be scanned   {}\n", version.refusals.empty() ? "yes" : "no:");
  for (Refusal const& refusal : version.refusals)
    fmt::format_to(out, "  {}\n", refusal_text(refusal));
  fmt::format_to(out, "\n{:<4} {:>7} {:>13} {:>11} {:>11} {:>11} {:>11}  {}\n", "run", "tables",
                 "entries", "deletions", "file MiB", "data MiB", "raw MiB", "sequences");
  for (RunSummary const& run : runs) text += run_line(run);
  text += run_line(total);
  return text + families_text(version);
}

}  // namespace

int run_info_command(GlobalArguments const& global, DatabaseArguments const& arguments) {
  DatabaseVersion const version = open_database(global, arguments);
  std::vector<RunSummary> runs;
  for (SortedRun const& run : version.runs) runs.push_back(summarize(run));
  std::string reason;
  std::optional<PoolNeeds> const needs = pool_needs(global, version, reason);
  return print_to_stdout(global.json ? info_json(version, runs, needs, reason)
                                     : info_text(version, runs, needs, reason));
}

}  // namespace levelscan
