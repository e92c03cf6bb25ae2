// A file's bytes where the page cache has them, so that reading copies nothing.
//
// What is mapped can become shorter, or its disk can fail, and then touching it raises SIGBUS. A
// handler, installed with the first mapping, puts a page of zeros there and marks the mapping as
// damaged: whoever read from it asks afterwards, before anything that was made of it goes out.
// A SIGBUS from anywhere else goes on to whoever handled it before.
//
// Immutable but for that mark; const member functions are thread-safe. Movable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace levelscan {

class RandomAccessFile;

class MappedFile {
 public:
  // Nothing where the operating system doesn't map it, or the file isn't kept open. The file must
  // outlive the mapping.
  static std::optional<MappedFile> map(RandomAccessFile const& file);

  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(MappedFile const&) = delete;
  MappedFile& operator=(MappedFile const&) = delete;

  [[nodiscard]] uint64_t size() const { return size_; }

  // Bytes [offset, offset + bytes). Throws Error kCorruption when the file hadn't that many. A page
  // before the file and one after it can be read, too: the slack that memory of the pool has.
  [[nodiscard]] std::span<uint8_t const> bytes(uint64_t offset, uint64_t bytes) const;

  // Throws Error kCorruption if the file is shorter now, so that zeros may have been read, and
  // kRuntime if it could not be read.
  void require_whole() const;

  // What the handler knows of a mapping. They are never freed, so that it can go through them.
  struct Registration;

 private:
  MappedFile(uint8_t const* data, RandomAccessFile const& file, Registration* registration);

  uint8_t const* data_;
  uint64_t size_;
  int descriptor_;  // the file's own
  std::string path_;
  Registration* registration_;  // null after a move
};

}  // namespace levelscan
