// Bytes under a path, without a file system: what opens files by name can be fed by a fuzzer.
//
// One buffer (memfd_create) that is filled anew; not thread-safe.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <span>
#include <string>

#include "fuzz/fuzz_support.hpp"

namespace levelscan::fuzz {

class MemoryFile {
 public:
  MemoryFile()
      : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)),
        path_("/proc/self/fd/" + std::to_string(descriptor_)) {
    require(descriptor_ >= 0, "no memfd");
  }
  MemoryFile(MemoryFile const&) = delete;
  MemoryFile& operator=(MemoryFile const&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  void fill(std::span<uint8_t const> bytes) {
    bool const filled =
        ::ftruncate(descriptor_, 0) == 0 &&
        ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
    require(filled, "memfd");
  }
  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  int descriptor_;
  std::string path_;
};

}  // namespace levelscan::fuzz
