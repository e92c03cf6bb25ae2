#include "version/unflushed_rows.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pool/memory_budget.hpp"
#include "version/options_file.hpp"
#include "version/wal_files.hpp"

namespace levelscan {
namespace {

// Without two-phase commits, logs before those that some column family needs are passed over.
uint64_t first_log_number(ManifestVersion const& manifest, bool two_phase_commit) {
  uint64_t unflushed = UINT64_MAX;
  for (ManifestFamily const& family : manifest.families) {
    unflushed = std::min(unflushed, family.log_number);
  }
  return two_phase_commit ? manifest.log_number_to_keep_min
                          : std::max(manifest.log_number_to_keep_min, unflushed);
}

// REQUIRES: there are some.
std::string names_of_logs(WalContents const& contents) {
  std::string const& first = contents.logs.front().path;
  if (contents.logs.size() == 1) return first;
  return fmt::format("{} to {:06}.log", first, contents.logs.back().number);
}

// Where rows are lost that a reader who knows nothing of it would miss. A record that the end of a
// file cuts off is what a killed writer leaves, and no loss that anybody was promised.
void add_remarks(WalContents const& contents, DatabaseVersion& version) {
  for (WalSummary const& log : contents.logs) {
    if (!log.counts) {
      version.remarks.push_back(fmt::format(
          "{}: not counted, since a log before it is torn and it does not go on where that one "
          "ends; RocksDB's recovery passes it over too",
          log.path));
    } else if (log.is_damaged) {
      version.remarks.push_back(fmt::format(
          "{} at offset {}: {}; nothing of this log counts from there on, as in RocksDB's "
          "recovery ({} bytes)",
          log.path, log.end_offset, log.end_reason, log.bytes - log.end_offset));
    }
  }
}

void add_run(WalContents& contents, DatabaseVersion& version) {
  UnflushedEntries::Built built =
      contents.entries.build(version.comparator, version.key_order,
                             fmt::format("unflushed rows of {}", names_of_logs(contents)));
  TableMeta meta;
  meta.file_number = contents.logs.back().number;
  meta.path = built.table.path();
  meta.file_bytes = built.table.size();
  meta.level = kUnflushedLevel;
  meta.smallest = std::move(built.smallest);
  meta.largest = std::move(built.largest);
  meta.smallest_sequence = built.smallest_sequence;
  meta.largest_sequence = built.largest_sequence;
  std::shared_ptr<Table const> table =
      Table::open(std::move(built.table), meta.file_number, version.key_order, version.refusals);
  version.refusals.insert(version.refusals.end(), table->refusals().begin(),
                          table->refusals().end());
  SortedRun& run = version.runs.emplace_back();
  run.level = meta.level;
  run.largest_sequence = meta.largest_sequence;
  run.tables.push_back(std::move(table));
  run.metas.push_back(std::move(meta));
}

Refusal memory_refusal(WalContents const& contents, uint64_t memory_bytes) {
  uint64_t const needed = contents.entries.memory_needed();
  return {fmt::format("{} bytes to hold the write-ahead log's rows, where {} may be used", needed,
                      memory_bytes),
          names_of_logs(contents), std::nullopt,
          fmt::format("raise --memory to at least {}KiB, or open the database with RocksDB, call "
                      "Flush() and close it",
                      needed / 1024 + 1),
          ErrorCode::kDevice};
}

}  // namespace

void add_unflushed_rows(ManifestVersion const& manifest, ManifestFamily const& family,
                        OpenOptions const& options, DatabaseVersion& version) {
  auto const add_refusals = [&version](std::vector<Refusal> const& refusals) {
    version.refusals.insert(version.refusals.end(), refusals.begin(), refusals.end());
  };
  OptionsFile const options_file = read_newest_options(version.path);
  bool const two_phase_commit = options_file.database_option("allow_2pc") == "true";
  WalSearch search;
  search.database = version.path;
  search.directory = options.wal_directory;
  search.directory_option = options_file.database_option("wal_dir");
  search.log_number_min = first_log_number(manifest, two_phase_commit);
  search.tracked_logs = manifest.tracked_logs;
  search.tracked_number_min = family.log_number;
  WalSearchResult found = find_write_ahead_logs(search);
  add_refusals(found.refusals);

  WalReplayRequest request;
  request.logs = std::move(found.logs);
  for (ManifestFamily const& other : manifest.families) {
    request.families.emplace(other.id,
                             WalFamily{other.name, other.log_number, other.table_count() > 0,
                                       known_key_order(other.comparator)});
  }
  request.column_family = family.id;
  request.two_phase_commit = two_phase_commit;
  request.memory_bytes = options.memory_bytes != 0 ? options.memory_bytes : default_memory_bytes();
  WalContents contents = replay_write_ahead_logs(request);
  add_refusals(contents.refusals);
  add_remarks(contents, version);
  version.last_sequence = std::max(version.last_sequence, contents.last_sequence.value_or(0));
  version.unflushed = {contents.logs, contents.entries.count(), contents.entries.bytes(),
                       contents.range_tombstones.size(), contents.entries.memory_needed()};
  version.range_tombstones.insert(version.range_tombstones.end(),
                                  std::make_move_iterator(contents.range_tombstones.begin()),
                                  std::make_move_iterator(contents.range_tombstones.end()));
  if (contents.entries.exceeds_memory()) {
    version.refusals.push_back(memory_refusal(contents, request.memory_bytes));
  } else if (contents.entries.count() > 0) {
    add_run(contents, version);
  }
}

}  // namespace levelscan
