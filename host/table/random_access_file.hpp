// A file opened for reading at any offset, or bytes held in memory that are read like one. Never
// writes, never locks.
// Immutable after open; const member functions are thread-safe. Movable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace levelscan {

class RandomAccessFile {
 public:
  // Throws Error kRuntime naming the path when it cannot be opened or is not a regular file.
  static RandomAccessFile open(std::string const& path);
  // The same, but nothing when there is no such file.
  static std::optional<RandomAccessFile> open_if_exists(std::string const& path);
  // Owns the bytes; `path` is what error texts call them.
  static RandomAccessFile in_memory(std::vector<uint8_t> bytes, std::string path);

  ~RandomAccessFile();
  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&& other) noexcept;
  RandomAccessFile(RandomAccessFile const&) = delete;
  RandomAccessFile& operator=(RandomAccessFile const&) = delete;

  [[nodiscard]] std::string const& path() const { return path_; }
  // Bytes when it was opened.
  [[nodiscard]] uint64_t size() const { return size_; }

  // Fills `out` with the bytes from `offset` on. Throws Error: kCorruption when the file ends
  // before, kRuntime.
  void read(uint64_t offset, std::span<uint8_t> out) const;
  [[nodiscard]] std::vector<uint8_t> read(uint64_t offset, uint64_t bytes) const;

  // Tells the operating system that these bytes will be read soon. A hint; never fails.
  void will_need(uint64_t offset, uint64_t bytes) const noexcept;

 private:
  RandomAccessFile(int descriptor, uint64_t size, std::string path)
      : descriptor_(descriptor), size_(size), path_(std::move(path)) {}

  int descriptor_;  // owned; -1 after a move, and where the bytes are in memory
  uint64_t size_;
  std::string path_;
  std::vector<uint8_t> bytes_;  // in memory: all of them
};

}  // namespace levelscan
