#include "table/random_access_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "table/refusal.hpp"

namespace levelscan {
namespace {

Error system_error(std::string_view action, std::string const& path, int error_number) {
  std::string_view advice;
  if (error_number == EMFILE) {
    advice = "; every table keeps its file open: raise the limit of open files (ulimit -n)";
  } else if (error_number == ENFILE) {
    advice = "; the whole system has too many open files (sysctl fs.file-max)";
  }
  return {ErrorCode::kRuntime,
          fmt::format("cannot {} {}: {}{}", action, path, std::strerror(error_number), advice)};
}

int open_for_reading(std::string const& path) {
  int descriptor = -1;
  do {
    // Not blocking: a pipe of that name would otherwise hold the open up forever.
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

}  // namespace

std::optional<RandomAccessFile> RandomAccessFile::open_if_exists(std::string const& path) {
  int const descriptor = open_for_reading(path);
  if (descriptor < 0) {
    if (errno == ENOENT) return std::nullopt;
    throw system_error("open", path, errno);
  }
  RandomAccessFile file(descriptor, 0, path);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw system_error("inspect", path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kRuntime, fmt::format("cannot open {}: not a regular file", path));
  }
  file.size_ = static_cast<uint64_t>(status.st_size);
  file.inode_ = {status.st_dev, status.st_ino};
  return file;
}

FileVanished::FileVanished(std::string const& path)
    : Error(ErrorCode::kRuntime,
            fmt::format("{} was deleted or replaced while it could not be kept open for want of "
                        "file descriptors (ulimit -n): the database has changed",
                        path)) {}

void RandomAccessFile::close_until_read() {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  closed_until_read_ = true;
}

RandomAccessFile RandomAccessFile::open(std::string const& path) {
  std::optional<RandomAccessFile> file = open_if_exists(path);
  if (!file) throw system_error("open", path, ENOENT);
  return std::move(*file);
}

RandomAccessFile RandomAccessFile::in_memory(std::vector<uint8_t> bytes, std::string path) {
  RandomAccessFile file(-1, bytes.size(), std::move(path));
  file.bytes_ = std::move(bytes);
  return file;
}

RandomAccessFile::~RandomAccessFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RandomAccessFile::RandomAccessFile(RandomAccessFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(std::exchange(other.size_, 0)),
      inode_(other.inode_),
      closed_until_read_(std::exchange(other.closed_until_read_, false)),
      path_(std::move(other.path_)),
      bytes_(std::move(other.bytes_)) {}

RandomAccessFile& RandomAccessFile::operator=(RandomAccessFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(inode_, other.inode_);
  std::swap(closed_until_read_, other.closed_until_read_);
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void RandomAccessFile::read(uint64_t offset, std::span<uint8_t> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    throw corruption_error(
        path_, offset,
        fmt::format("{} bytes wanted, but the file has {} bytes", out.size(), size_));
  }
  if (closed_until_read_) {
    std::optional<RandomAccessFile> const now = open_if_exists(path_);
    if (!now || now->inode_ != inode_ || now->size_ != size_) throw FileVanished(path_);
    now->read_from(now->descriptor_, offset, out);
    return;
  }
  if (descriptor_ < 0) {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return;
  }
  read_from(descriptor_, offset, out);
}

void RandomAccessFile::read_from(int descriptor, uint64_t offset, std::span<uint8_t> out) const {
  // Linux moves at most 2 GiB in one call.
  constexpr std::size_t kPieceBytesMax = std::size_t{1} << 30;
  while (!out.empty()) {
    ssize_t const bytes = ::pread(descriptor, out.data(), std::min(out.size(), kPieceBytesMax),
                                  static_cast<off_t>(offset));
    if (bytes < 0) {
      if (errno == EINTR) continue;
      throw system_error("read", path_, errno);
    }
    if (bytes == 0)
      throw corruption_error(path_, offset, "the file became shorter while it was read");
    out = out.subspan(static_cast<std::size_t>(bytes));
    offset += static_cast<uint64_t>(bytes);
  }
}

std::vector<uint8_t> RandomAccessFile::read(uint64_t offset, uint64_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) {
    throw corruption_error(path_, offset,
                           fmt::format("{} bytes wanted, but the file has {} bytes", bytes, size_));
  }
  std::vector<uint8_t> out(bytes);
  read(offset, std::span<uint8_t>(out));
  return out;
}

void RandomAccessFile::will_need(uint64_t offset, uint64_t bytes) const noexcept {
  if (descriptor_ < 0) return;
  // The result is of no use: reading works without it.
  static_cast<void>(::posix_fadvise(descriptor_, static_cast<off_t>(offset),
                                    static_cast<off_t>(bytes), POSIX_FADV_WILLNEED));
}

}  // namespace levelscan
