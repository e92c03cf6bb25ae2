// A file opened for reading at any offset, or bytes held in memory that are read like one. Never
// writes, never locks.
//
// A file that is kept open stays readable when it is deleted. Where there are more files than
// descriptors, one may give its descriptor back: each read then opens it anew.
//
// Immutable after open and close_until_read(); const member functions are thread-safe. Movable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "levelscan/error.hpp"

namespace levelscan {

// A file that had given its descriptor back is gone, or another one stands in its place.
class FileVanished final : public Error {
 public:
  explicit FileVanished(std::string const& path);
};

class RandomAccessFile {
 public:
  // Throws Error kRuntime naming the path when it cannot be opened or is not a regular file.
  static RandomAccessFile open(std::string const& path);
  // The same, but nothing when there is no such file.
  static std::optional<RandomAccessFile> open_if_exists(std::string const& path);
  // Gives the descriptor back; reads open the file for themselves from now on.
  void close_until_read();

  // Owns the bytes; `path` is what error texts call them.
  static RandomAccessFile in_memory(std::vector<uint8_t> bytes, std::string path);

  ~RandomAccessFile();
  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&& other) noexcept;
  RandomAccessFile(RandomAccessFile const&) = delete;
  RandomAccessFile& operator=(RandomAccessFile const&) = delete;

  [[nodiscard]] std::string const& path() const { return path_; }
  // Stays the file's; -1: none is kept open.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  // Bytes when it was opened.
  [[nodiscard]] uint64_t size() const { return size_; }

  // Fills `out` with the bytes from `offset` on. Throws Error: kCorruption when the file ends
  // before, kRuntime; FileVanished.
  void read(uint64_t offset, std::span<uint8_t> out) const;
  [[nodiscard]] std::vector<uint8_t> read(uint64_t offset, uint64_t bytes) const;

  // Tells the operating system that these bytes will be read soon. A hint; never fails.
  void will_need(uint64_t offset, uint64_t bytes) const noexcept;

 private:
  // A file's identity: another one under its name has another.
  struct Inode {
    uint64_t device = 0;
    uint64_t number = 0;
    bool operator==(Inode const&) const = default;
  };

  RandomAccessFile(int descriptor, uint64_t size, std::string path)
      : descriptor_(descriptor), size_(size), path_(std::move(path)) {}

  void read_from(int descriptor, uint64_t offset, std::span<uint8_t> out) const;

  int descriptor_;  // owned; -1 after a move, when closed until read, and where bytes are in memory
  uint64_t size_;
  Inode inode_;
  bool closed_until_read_ = false;
  std::string path_;
  std::vector<uint8_t> bytes_;  // in memory: all of them
};

}  // namespace levelscan
