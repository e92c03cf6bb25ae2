// What the data blocks of a table were compressed against: sampled rows, or a dictionary trained by
// Zstandard on them. One for a table, raw in a block of its own.
// Immutable after construction; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct ZSTD_DDict_s;  // zstd.h

namespace levelscan {

class CompressionDictionary {
 public:
  explicit CompressionDictionary(std::vector<uint8_t> bytes);
  ~CompressionDictionary();
  CompressionDictionary(CompressionDictionary const&) = delete;
  CompressionDictionary& operator=(CompressionDictionary const&) = delete;

  // REQUIRES for both: not empty; whoever reads a table makes none of nothing.
  [[nodiscard]] std::span<uint8_t const> bytes() const { return bytes_; }
  // As Zstandard wants it, digested once for all blocks; null where it is no dictionary for it.
  [[nodiscard]] ZSTD_DDict_s const* zstd() const { return zstd_; }

 private:
  std::vector<uint8_t> bytes_;
  ZSTD_DDict_s* zstd_;  // owned
};

}  // namespace levelscan
