#include "version/wal_check.hpp"

#include <dirent.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "table/coding.hpp"
#include "table/random_access_file.hpp"

namespace levelscan {
namespace {

constexpr std::string_view kFlushAdvice =
    "open the database with RocksDB, call Flush() and close it, or run `ldb --db=PATH compact`; "
    "then scan again";

std::optional<uint64_t> parse_number(std::string_view digits) {
  uint64_t number = 0;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    return std::nullopt;
  return number;
}

// Names of a directory's entries; nothing when there is no such directory.
std::optional<std::vector<std::string>> list_directory(std::string const& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> const directory(::opendir(path.c_str()), &::closedir);
  if (!directory) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error(ErrorCode::kRuntime, fmt::format("cannot list {}: {}", path, std::strerror(errno)));
  }
  std::vector<std::string> names;
  errno = 0;
  while (dirent const* const entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
  if (errno != 0) {
    throw Error(ErrorCode::kRuntime, fmt::format("cannot list {}: {}", path, std::strerror(errno)));
  }
  return names;
}

bool same_directory(std::string const& a, std::string const& b) {
  struct stat a_status {};
  struct stat b_status {};
  return ::stat(a.c_str(), &a_status) == 0 && ::stat(b.c_str(), &b_status) == 0 &&
         a_status.st_dev == b_status.st_dev && a_status.st_ino == b_status.st_ino;
}

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
        parse_number(std::string_view(name).substr(0, name.size() - kSuffix.size()));
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

// Values in OPTIONS files have some characters escaped.
std::string unescape(std::string_view value) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      text += value[i];
    } else {
      char const escaped = value[++i];
      text += escaped == 'n' ? '\n' : escaped == 'r' ? '\r' : escaped;
    }
  }
  return text;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::string wal_directory_option(std::string const& database) {
  constexpr std::string_view kPrefix = "OPTIONS-";
  constexpr uint64_t kOptionsBytesMax = uint64_t{64} << 20;
  std::optional<uint64_t> newest;
  std::string newest_name;
  for (std::string const& name : list_directory(database).value_or(std::vector<std::string>())) {
    if (!name.starts_with(kPrefix)) continue;
    std::optional<uint64_t> const number =
        parse_number(std::string_view(name).substr(kPrefix.size()));
    if (number && (!newest || *number > *newest)) {
      newest = number;
      newest_name = name;
    }
  }
  if (!newest) return {};
  std::optional<RandomAccessFile> const file =
      RandomAccessFile::open_if_exists(database + "/" + newest_name);
  if (!file) return {};
  if (file->size() > kOptionsBytesMax)
    throw corruption_error(file->path(), fmt::format("{} bytes", file->size()));
  std::vector<uint8_t> const bytes = file->read(0, file->size());
  std::string_view text = as_text(bytes);
  bool in_database_options = false;
  while (!text.empty()) {
    std::size_t const line_end = std::min(text.find('\n'), text.size());
    std::string_view const line = trim(text.substr(0, line_end));
    text.remove_prefix(std::min(line_end + 1, text.size()));
    if (line.starts_with('[')) in_database_options = line == "[DBOptions]";
    std::size_t const equals = line.find('=');
    if (!in_database_options || equals == std::string_view::npos) continue;
    if (trim(line.substr(0, equals)) == "wal_dir") return unescape(trim(line.substr(equals + 1)));
  }
  return {};
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
