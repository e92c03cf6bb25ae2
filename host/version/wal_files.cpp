#include "version/wal_files.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "version/directory.hpp"

namespace levelscan {
namespace {

std::vector<WalFile> logs_in(std::string const& directory, std::vector<std::string> const& names,
                             uint64_t log_number_min) {
  constexpr std::string_view kSuffix = ".log";
  std::vector<WalFile> logs;
  for (std::string const& name : names) {
    if (!name.ends_with(kSuffix)) continue;
    std::optional<uint64_t> const number =
        parse_file_number(std::string_view(name).substr(0, name.size() - kSuffix.size()));
    if (number && *number >= log_number_min) logs.push_back({*number, directory + "/" + name});
  }
  std::sort(logs.begin(), logs.end(),
            [](WalFile const& a, WalFile const& b) { return a.number < b.number; });
  return logs;
}

bool has_bytes(std::vector<WalFile> const& logs) {
  return std::any_of(logs.begin(), logs.end(), [](WalFile const& log) {
    std::error_code ignored;
    uint64_t const bytes = std::filesystem::file_size(log.path, ignored);
    return !ignored && bytes > 0;
  });
}

// The logs at `directory`, which the OPTIONS file names, or a refusal.
void look_elsewhere(WalSearch const& search, std::string const& directory,
                    WalSearchResult& result) {
  std::optional<std::vector<std::string>> const names = list_directory(directory);
  bool const is_another_database =
      names && std::find(names->begin(), names->end(), "CURRENT") != names->end();
  if (!names || is_another_database) {
    if (!result.logs.empty()) return;
    result.refusals.push_back(
        {names ? "write-ahead log directory that is another database"
               : "write-ahead log directory that is missing",
         directory, std::nullopt,
         fmt::format("the OPTIONS file of {} names it as wal_dir; say where its *.log files are "
                     "with --wal-dir, or leave them out with --no-wal",
                     search.database)});
    return;
  }
  std::vector<WalFile> logs = logs_in(directory, *names, search.log_number_min);
  bool const own_has_bytes = has_bytes(result.logs);
  if (own_has_bytes && has_bytes(logs)) {
    result.refusals.push_back(
        {"write-ahead logs in two directories", directory, std::nullopt,
         fmt::format("the OPTIONS file of {} names it as wal_dir, but there are *.log files with "
                     "the database too; say which count with --wal-dir",
                     search.database)});
  } else if (!own_has_bytes) {
    result.logs = std::move(logs);
  }
}

}  // namespace

WalSearchResult find_write_ahead_logs(WalSearch const& search) {
  WalSearchResult result;
  std::string const& directory = search.directory ? *search.directory : search.database;
  std::optional<std::vector<std::string>> const names = list_directory(directory);
  if (!names && search.directory) {
    throw Error(ErrorCode::kRuntime,
                fmt::format("no directory {} to read write-ahead logs from", directory));
  }
  if (names) result.logs = logs_in(directory, *names, search.log_number_min);
  std::string const elsewhere = search.directory_option.value_or("");
  if (!search.directory && !elsewhere.empty() && !same_directory(elsewhere, search.database)) {
    look_elsewhere(search, elsewhere, result);
  }
  if (!result.refusals.empty()) return result;

  for (auto const& [number, synced_bytes] : search.tracked_logs) {
    bool const found =
        std::any_of(result.logs.begin(), result.logs.end(),
                    [wanted = number](WalFile const& log) { return log.number == wanted; });
    if (number < search.tracked_number_min || synced_bytes == 0 || found) continue;
    result.refusals.push_back(
        {fmt::format("missing write-ahead log {:06} ({} bytes by the MANIFEST)", number,
                     synced_bytes),
         search.database, std::nullopt,
         "restore the log, or open the database with RocksDB to repair it"});
  }
  return result;
}

}  // namespace levelscan
