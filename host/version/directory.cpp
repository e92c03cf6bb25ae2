#include "version/directory.hpp"

#include <dirent.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "levelscan/error.hpp"

namespace levelscan {

std::optional<std::vector<std::string>> list_directory(std::string const& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> const directory(::opendir(path.c_str()), &::closedir);
  if (!directory) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error(ErrorCode::kRuntime, fmt::format("cannot list {}: {}", path, std::strerror(errno)));
  }
  std::vector<std::string> names;
  errno = 0;
  while (dirent const* const entry = ::readdir(directory.get())) {
    names.emplace_back(entry->d_name);
    errno = 0;
  }
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

std::optional<uint64_t> parse_file_number(std::string_view digits) {
  uint64_t number = 0;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace levelscan
