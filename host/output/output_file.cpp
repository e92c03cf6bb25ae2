#include "output/output_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "levelscan/error.hpp"

namespace levelscan {
namespace {

constexpr int kLinksMax = 40;  // as many as Linux follows
constexpr std::size_t kPendingBytesMax = std::size_t{256} << 10;

std::string error_text(int error_number) { return std::generic_category().message(error_number); }

unsigned file_creation_mode() {
  mode_t const mask = ::umask(0);
  ::umask(mask);
  return 0666U & ~static_cast<unsigned>(mask);
}

}  // namespace

std::string OutputFile::target_of(std::string const& path) {
  std::error_code error;
  std::filesystem::path target = path;
  for (int links = 0; links < kLinksMax && std::filesystem::is_symlink(target, error); ++links) {
    std::filesystem::path const next = std::filesystem::read_symlink(target, error);
    if (error) break;
    target = target.parent_path() / next;
  }
  return target.string();
}

OutputFile::OutputFile()
    : descriptor_(STDOUT_FILENO), flush_at_once_(::isatty(STDOUT_FILENO) == 1) {}

OutputFile::OutputFile(std::string path) : path_(std::move(path)), target_(target_of(path_)) {
  struct stat status {};
  bool const exists = ::stat(target_.c_str(), &status) == 0;
  if (!exists || S_ISREG(status.st_mode)) {
    open_temporary(exists ? status.st_mode & 07777U : file_creation_mode());
    return;
  }
  descriptor_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor_ < 0) fail("cannot open", errno);
}

void OutputFile::open_temporary(unsigned mode) {
  std::string name = target_ + ".XXXXXX";
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail("cannot create", errno);
  temporary_path_ = std::move(name);
  if (::fchmod(descriptor_, mode) != 0 && errno != EPERM) {
    int const error_number = errno;
    ::close(descriptor_);
    ::unlink(temporary_path_.c_str());
    fail("cannot create", error_number);
  }
}

OutputFile::~OutputFile() {
  if (path_.empty() || descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_path_.empty()) ::unlink(temporary_path_.c_str());
}

void OutputFile::write(std::string_view text) {
  if (pending_.size() + text.size() <= kPendingBytesMax) {
    pending_ += text;
    if (flush_at_once_) flush();
    return;
  }
  flush();
  write_all(text);
}

void OutputFile::flush() {
  std::string const text = std::exchange(pending_, std::string());
  write_all(text);
}

void OutputFile::write_all(std::string_view text) {
  while (!text.empty()) {
    ssize_t const written = ::write(descriptor_, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      reader_gone_ = errno == EPIPE;
      fail("cannot write", errno);
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void OutputFile::commit() {
  flush();
  if (path_.empty()) return;
  // The name must not come to the disk before the bytes do, and only fsync tells of errors in
  // writing them that came late.
  if (!temporary_path_.empty() && ::fsync(descriptor_) != 0) fail("cannot write", errno);
  int const descriptor = std::exchange(descriptor_, -1);
  bool const closed = ::close(descriptor) == 0;
  int error_number = errno;
  if (temporary_path_.empty()) {
    if (!closed) fail("cannot write", error_number);
    return;
  }
  if (closed && ::rename(temporary_path_.c_str(), target_.c_str()) == 0) return;
  if (closed) error_number = errno;
  ::unlink(temporary_path_.c_str());
  fail("cannot write", error_number);
}

void OutputFile::fail(std::string_view what, int error_number) const {
  throw Error(ErrorCode::kRuntime,
              fmt::format("{} {}: {}", what, path_.empty() ? std::string("stdout") : path_,
                          error_text(error_number)));
}

}  // namespace levelscan
