#include "version/database_files.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "table/coding.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMetaBytesMax = uint64_t{1} << 30;

// Of what cannot be asked it is said that it isn't there: opening it tells why.
bool exists(std::string const& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::optional<uint64_t> parse_number(std::string_view digits) {
  uint64_t number = 0;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// The backup with the highest number that is wholly there; empty: there is none.
std::string newest_backup(std::string const& root) {
  std::optional<uint64_t> newest;
  std::error_code error;
  for (fs::directory_iterator entry(root + "/meta", error), end; !error && entry != end;
       entry.increment(error)) {
    // Names that are no numbers are of backups in the making.
    std::optional<uint64_t> const id = parse_number(entry->path().filename().string());
    if (id && (!newest || *id > *newest)) newest = id;
  }
  if (error && error != std::errc::no_such_file_or_directory &&
      error != std::errc::not_a_directory) {
    throw Error(ErrorCode::kRuntime, fmt::format("cannot list {}/meta: {}", root, error.message()));
  }
  return newest ? std::to_string(*newest) : std::string();
}

}  // namespace

DatabaseFiles DatabaseFiles::find(std::string const& path,
                                  std::vector<std::string> const& table_directories) {
  DatabaseFiles files;
  files.directory_ = without_slashes(path);
  for (std::string const& directory : table_directories) {
    files.table_directories_.push_back(without_slashes(directory));
  }
  fs::path const given = files.directory_;
  if (!exists(files.directory_ + "/CURRENT")) {
    std::string const id = newest_backup(files.directory_);
    if (!id.empty()) files.read_backup(files.directory_, id);
  } else if (given.parent_path().filename() == "private") {
    std::string const root = given.parent_path().parent_path().string();
    std::string const id = given.filename().string();
    if (exists(fmt::format("{}/meta/{}", root, id))) files.read_backup(root, id);
  }
  return files;
}

void DatabaseFiles::read_backup(std::string root, std::string const& id) {
  std::string const meta = fmt::format("{}/meta/{}", root, id);
  RandomAccessFile const file = RandomAccessFile::open(meta);
  if (file.size() > kMetaBytesMax) {
    throw corruption_error(meta, fmt::format("a list of {} bytes", file.size()));
  }
  directory_ = fmt::format("{}/private/{}", root, id);
  std::vector<uint8_t> const bytes = file.read(0, file.size());
  std::string_view text = as_text(bytes);
  while (!text.empty()) {
    std::size_t const line_end = std::min(text.find('\n'), text.size());
    std::string_view const line = text.substr(0, line_end);
    text.remove_prefix(std::min(line_end + 1, text.size()));
    std::string_view const name = line.substr(0, line.find(' '));
    if (!name.starts_with("shared") && !name.starts_with("private/")) continue;
    // N.SUFFIX, or N_ and what tells equal numbers of several databases apart.
    std::size_t const slash = name.rfind('/');
    std::size_t const dot = name.rfind('.');
    if (slash == std::string_view::npos || dot == std::string_view::npos || dot < slash) continue;
    std::string_view const stem = name.substr(slash + 1, dot - slash - 1);
    std::optional<uint64_t> const number = parse_number(stem.substr(0, stem.find('_')));
    if (name.find("..") != std::string_view::npos) {
      throw corruption_error(meta, fmt::format("the file name {}", name));
    }
    if (number) {
      backed_up_.insert_or_assign(std::pair(*number, std::string(name.substr(dot))),
                                  fmt::format("{}/{}", root, name));
    }
  }
}

std::string DatabaseFiles::locate(uint64_t number, std::string_view suffix) const {
  auto const found = backed_up_.find(std::pair(number, std::string(suffix)));
  if (found != backed_up_.end()) return found->second;
  std::string const name = fmt::format("{:06}{}", number, suffix);
  std::string const path = directory_ + "/" + name;
  if (exists(path)) return path;
  for (std::string const& directory : table_directories_) {
    std::string const elsewhere = directory + "/" + name;
    if (exists(elsewhere)) return elsewhere;
  }
  return path;
}

std::string DatabaseFiles::table(uint64_t number) const {
  std::string const path = locate(number, ".sst");
  if (exists(path)) return path;
  // LevelDB's suffix, which RocksDB takes too.
  std::string const old_path = locate(number, ".ldb");
  return exists(old_path) ? old_path : path;
}

std::string DatabaseFiles::blob_file(uint64_t number) const { return locate(number, ".blob"); }

}  // namespace levelscan
