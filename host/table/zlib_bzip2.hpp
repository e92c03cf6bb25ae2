// Deflate and bzip2 streams, as blocks hold them.
//
// Malformed input is a result, never an overrun. Functions are thread-safe; an Inflater belongs to
// one thread at a time.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <span>

namespace levelscan {

// Raw deflate with windows of 16 KiB.
class Inflater {
 public:
  // Throws Error(kDevice) when there is no memory for it.
  Inflater();
  ~Inflater();
  Inflater(Inflater const&) = delete;
  Inflater& operator=(Inflater const&) = delete;

  // Whether `stream` is whole and gives exactly `out.size()` bytes. `dictionary`: what it was
  // compressed against; empty: nothing.
  [[nodiscard]] bool decompress(std::span<uint8_t const> stream, std::span<uint8_t> out,
                                std::span<uint8_t const> dictionary);
  // The bytes that it gives; nothing when it is malformed, or gives more than `bytes_max`.
  [[nodiscard]] std::optional<uint64_t> measure(std::span<uint8_t const> stream,
                                                std::span<uint8_t const> dictionary,
                                                uint64_t bytes_max);

 private:
  bool begin(std::span<uint8_t const> stream, std::span<uint8_t const> dictionary);

  z_stream state_{};
};

// The same for bzip2.
[[nodiscard]] bool decompress_bzip2(std::span<uint8_t const> stream, std::span<uint8_t> out);
[[nodiscard]] std::optional<uint64_t> measure_bzip2(std::span<uint8_t const> stream,
                                                    uint64_t bytes_max);

}  // namespace levelscan
