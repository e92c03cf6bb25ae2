// Decompression of table blocks.
//
// The type byte after a block's payload names the codec. The payload is
//   snappy          raw Snappy (it begins with its own varint32 size)
//   zlib            varint32 uncompressed size, raw deflate with windows of 16 KiB
//   bzip2           varint32 uncompressed size, bzip2 stream
//   lz4, lz4hc      varint32 uncompressed size, LZ4 block
//   zstd            varint32 uncompressed size, Zstandard frame
// Format versions 0 and 1 have no size before zlib and bzip2: it is found by decompressing once
// more. They have 8 bytes before lz4 (4 of size, 4 that mean nothing). Where they say zlib but the
// bytes are a Zstandard frame, which no deflate stream begins like, LevelDB wrote it: the frame
// tells its size. Other codecs are refused by name. zlib, lz4 and zstd take a dictionary, the
// others ignore it.
//
// REQUIRES: checksums have been verified. Malformed input is nevertheless an error, never an
// overrun. Functions are thread-safe; a DecompressionContext belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "table/compression_dictionary.hpp"

namespace levelscan {

enum class Compression : uint8_t {
  kNone = 0,
  kSnappy = 1,
  kZlib = 2,
  kBzip2 = 3,
  kLz4 = 4,
  kLz4hc = 5,
  kXpress = 6,
  kZstd = 7,
  kZstdNotFinal = 0x40,  // written by early releases; the bytes are those of kZstd
};

// Lower-case name for messages, for example "zstd"; "codec 0x81" for what has no name.
[[nodiscard]] std::string compression_name(uint8_t type_byte);

// Whether decompress() knows the codec.
[[nodiscard]] bool compression_supported(uint8_t type_byte);

// Working memory of a decompressor, reused from block to block. Movable.
class DecompressionContext {
 public:
  DecompressionContext();
  ~DecompressionContext();
  DecompressionContext(DecompressionContext&&) noexcept;
  DecompressionContext& operator=(DecompressionContext&&) noexcept;

  // One per thread, made at first use and kept until the thread ends.
  static DecompressionContext& of_this_thread();

  struct State;
  [[nodiscard]] State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// Where a block came from, for error texts only.
struct BlockPlace {
  std::string_view file;
  uint64_t offset = 0;  // of the block's first byte in the file
};

// Bytes the payload decompresses to: read from its head, and checked against the most that its
// codec can produce from that many bytes; counted where the head doesn't tell. Less than 4 GiB.
// Throws Error: kUnsupported for a codec not known, kCorruption.
[[nodiscard]] std::size_t uncompressed_size(
    uint8_t type_byte, std::span<uint8_t const> payload, uint32_t format_version,
    BlockPlace const& place, CompressionDictionary const* dictionary = nullptr,
    DecompressionContext& context = DecompressionContext::of_this_thread());

// Decompresses into `out`, whose size must be exactly uncompressed_size() of the payload; kNone
// copies. Throws Error: kUnsupported for a codec not known, kCorruption when the payload is
// malformed or gives another length. For both, `dictionary` is that of the table where the block is
// a data block, else null.
void decompress(uint8_t type_byte, std::span<uint8_t const> payload, uint32_t format_version,
                std::span<uint8_t> out, BlockPlace const& place,
                CompressionDictionary const* dictionary = nullptr,
                DecompressionContext& context = DecompressionContext::of_this_thread());

}  // namespace levelscan
