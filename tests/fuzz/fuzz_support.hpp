// What the fuzz targets share. A finding ends the process: libFuzzer keeps the input then.
//
// Each target defines LLVMFuzzerTestOneInput, and LLVMFuzzerCustomMutator where random bytes alone
// would not come past checksums or lengths. With LEVELSCAN_PLANTED_BUG in the environment a target
// has one more bug, of its own, which it must find: that shows that the code behind it is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "levelscan/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size);
extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned int seed);
// libFuzzer's own mutations: returns the new size.
extern "C" std::size_t LLVMFuzzerMutate(uint8_t* data, std::size_t size, std::size_t size_max);

namespace levelscan::fuzz {

inline bool const has_planted_bug = std::getenv("LEVELSCAN_PLANTED_BUG") != nullptr;

[[noreturn]] inline void report(std::string const& finding) {
  std::fprintf(stderr, "finding: %s\n", finding.c_str());
  std::abort();
}
inline void require(bool good, char const* what) {
  if (!good) report(what);
}

// A copy that ends where its bytes do, so that AddressSanitizer sees a read beyond them.
class ExactBytes {
 public:
  explicit ExactBytes(std::span<uint8_t const> bytes)
      : bytes_(new uint8_t[bytes.size()]), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }

  [[nodiscard]] std::span<uint8_t const> span() const { return {bytes_.get(), size_}; }
  [[nodiscard]] uint8_t const* data() const { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  std::size_t size_;
};

// Runs `parse` over bytes that stand for the file `path`. True when it returns; false when it
// throws what a parser of files may throw: an Error that says corruption or unsupported, and names
// the file.
template <class Parse>
bool accepts(std::string_view path, Parse&& parse) {
  try {
    parse();
    return true;
  } catch (Error const& error) {
    if (error.code() != ErrorCode::kCorruption && error.code() != ErrorCode::kUnsupported) {
      report(std::string("an error of another kind: ") + error.what());
    }
    if (std::string_view(error.what()).find(path) == std::string_view::npos) {
      report(std::string("an error that names no file: ") + error.what());
    }
    return false;
  }
}

}  // namespace levelscan::fuzz
