// Hands the memory of a Scratch to Thrust as a stack, so that no algorithm allocates while a scan
// runs. One allocator serves one call of an algorithm.
//
// Not thread-safe. A block given back out of order is reused only when all above it are.
#pragma once

#include <cstddef>
#include <string>

#include "device/device.hpp"

namespace levelscan {

class ScratchAllocator {
 public:
  using value_type = char;  // Thrust asks for bytes

  explicit ScratchAllocator(Scratch scratch) : scratch_(scratch) {}
  ScratchAllocator(ScratchAllocator const&) = delete;
  ScratchAllocator& operator=(ScratchAllocator const&) = delete;

  // Blocks are aligned as the scratch is, up to kBlockAlignment. Throws DeviceError when too little
  // is left.
  char* allocate(std::ptrdiff_t bytes) {
    std::size_t const size = rounded(static_cast<std::size_t>(bytes));
    if (scratch_.device == nullptr || size > scratch_.bytes - used_bytes_) {
      throw DeviceError("scratch memory ran out: an algorithm asked for " + std::to_string(bytes) +
                        " bytes, and " + std::to_string(used_bytes_) + " of " +
                        std::to_string(scratch_.bytes) + " are in use");
    }
    char* const block = static_cast<char*>(scratch_.device) + used_bytes_;
    used_bytes_ += size;
    return block;
  }

  void deallocate(char* block, std::size_t bytes) noexcept {
    std::size_t const offset =
        static_cast<std::size_t>(block - static_cast<char*>(scratch_.device));
    if (offset + rounded(bytes) == used_bytes_) used_bytes_ = offset;
  }

  // What a block of `bytes` takes of the scratch.
  static constexpr std::size_t rounded(std::size_t bytes) {
    return (bytes + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
  }

 private:
  static constexpr std::size_t kBlockAlignment = 256;

  Scratch scratch_;
  std::size_t used_bytes_ = 0;
};

}  // namespace levelscan
