// A directory of its own for a test, removed with all it holds when it goes. Not thread-safe.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace levelscan::testing {

// In memory where there is such a place: many small files are slow elsewhere.
inline std::filesystem::path quick_directory() {
  char const* const memory = "/dev/shm";
  return ::access(memory, W_OK) == 0 ? std::filesystem::path(memory)
                                     : std::filesystem::temp_directory_path();
}

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(
      std::filesystem::path const& parent = std::filesystem::temp_directory_path()) {
    std::string path = (parent / "levelscan-test-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), path);
    path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;

  [[nodiscard]] std::string const& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string const& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace levelscan::testing
