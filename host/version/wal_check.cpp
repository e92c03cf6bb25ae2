#include "version/wal_check.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "table/random_access_file.hpp"
#include "version/directory.hpp"
#include "version/options_file.hpp"

namespace levelscan {
namespace {

constexpr std::string_view kFlushAdvice =
    "open the database with RocksDB, call Flush() and close it, or run `ldb --db=PATH compact`; "
    "then scan again";

struct LiveLog {
  uint64_t number = 0;
  std::string path;
};

std::vector<LiveLog> live_logs(std::string const& directory, std::vector<std::string> const& names,
                               uint64_t log_number) {
  constexpr std::string_view kSuffix = ".log";
  std::vector<LiveLog> logs;
  for (std::string const& name : names) {
    if (!name.ends_with(kSuffix)) continue;
    std::optional<uint64_t> const number =
        parse_file_number(std::string_view(name).substr(0, name.size() - kSuffix.size()));
    if (number && *number >= log_number) logs.push_back({*number, directory + "/" + name});
  }
  std::sort(logs.begin(), logs.end(),
            [](LiveLog const& a, LiveLog const& b) { return a.number < b.number; });
  return logs;
}

bool holds_nothing_but_zeros(RandomAccessFile const& file) {
  constexpr uint64_t kPieceBytes = uint64_t{1} << 20;
  for (uint64_t offset = 0; offset < file.size(); offset += kPieceBytes) {
    std::vector<uint8_t> const piece =
        file.read(offset, std::min(kPieceBytes, file.size() - offset));
    if (std::any_of(piece.begin(), piece.end(), [](uint8_t byte) { return byte != 0; }))
      return false;
  }
  return true;
}

void check_logs(std::vector<LiveLog> const& logs, std::vector<Refusal>& refusals) {
  for (LiveLog const& log : logs) {
    // One that vanishes now was flushed now; whoever opens the database notices that the MANIFEST
    // changed.
    std::optional<RandomAccessFile> const file = RandomAccessFile::open_if_exists(log.path);
    if (!file || holds_nothing_but_zeros(*file)) continue;
    refusals.push_back(
        {fmt::format("unflushed data in the write-ahead log ({} bytes)", file->size()), log.path,
         std::nullopt, std::string(kFlushAdvice)});
  }
}

}  // namespace

std::string wal_directory_option(std::string const& database) {
  return read_newest_options(database).database_option("wal_dir").value_or("");
}

std::vector<Refusal> check_write_ahead_logs(std::string const& database, uint64_t log_number,
                                            std::map<uint64_t, uint64_t> const& tracked_logs) {
  std::vector<Refusal> refusals;
  std::vector<std::string> const names =
      list_directory(database).value_or(std::vector<std::string>());
  std::vector<LiveLog> logs = live_logs(database, names, log_number);
  bool const has_own_logs = !logs.empty();

  std::string const directory = wal_directory_option(database);
  if (!directory.empty() && !same_directory(directory, database)) {
    std::optional<std::vector<std::string>> const log_names = list_directory(directory);
    // A copied or moved database may name the place where it stood. Then that is another database,
    // or gone, and the logs stand with the copy.
    bool const is_another_database =
        log_names && std::find(log_names->begin(), log_names->end(), "CURRENT") != log_names->end();
    if (log_names && !is_another_database) {
      std::vector<LiveLog> const more = live_logs(directory, *log_names, log_number);
      logs.insert(logs.end(), more.begin(), more.end());
    } else if (!has_own_logs) {
      refusals.push_back(
          {log_names ? "write-ahead log directory that is another database"
                     : "write-ahead log directory that is missing",
           directory, std::nullopt,
           fmt::format(
               "the OPTIONS file of {} names it as wal_dir; put its *.log files next to CURRENT "
               "(an empty {:06}.log if there are none)",
               database, log_number)});
    }
  }
  check_logs(logs, refusals);

  for (auto const& [number, synced_bytes] : tracked_logs) {
    bool const found =
        std::any_of(logs.begin(), logs.end(),
                    [&, wanted = number](LiveLog const& log) { return log.number == wanted; });
    if (number < log_number || synced_bytes == 0 || found) continue;
    refusals.push_back({fmt::format("missing write-ahead log {:06} ({} bytes by the MANIFEST)",
                                    number, synced_bytes),
                        database, std::nullopt,
                        "restore the log, or open the database with RocksDB to repair it"});
  }
  return refusals;
}

}  // namespace levelscan
