#include "table/zlib_bzip2.hpp"

#include <bzlib.h>

#include <array>

#include "levelscan/error.hpp"

namespace levelscan {
namespace {

constexpr int kRawWindowBits = -14;  // negative: no header
constexpr std::size_t kPieceBytes = 16 << 10;

// Neither library takes a null pointer, not even for nothing.
uint8_t g_nothing = 0;

uint8_t* at_least_a_byte(std::span<uint8_t> bytes) {
  return bytes.empty() ? &g_nothing : bytes.data();
}
// Both read through pointers that lack a const.
uint8_t* at_least_a_byte(std::span<uint8_t const> bytes) {
  return bytes.empty() ? &g_nothing : const_cast<uint8_t*>(bytes.data());
}

struct Bunzipper {
  bz_stream state{};
  bool good = BZ2_bzDecompressInit(&state, 0, 0) == BZ_OK;

  Bunzipper() = default;
  Bunzipper(Bunzipper const&) = delete;
  Bunzipper& operator=(Bunzipper const&) = delete;
  ~Bunzipper() {
    if (good) BZ2_bzDecompressEnd(&state);
  }
};

Error no_memory(char const* codec) {
  return {ErrorCode::kDevice, std::string("no memory for a ") + codec + " decompression context"};
}

}  // namespace

Inflater::Inflater() {
  if (inflateInit2(&state_, kRawWindowBits) != Z_OK) throw no_memory("zlib");
}

Inflater::~Inflater() { inflateEnd(&state_); }

bool Inflater::begin(std::span<uint8_t const> stream, std::span<uint8_t const> dictionary) {
  inflateReset(&state_);
  state_.next_in = at_least_a_byte(stream);
  state_.avail_in = static_cast<uInt>(stream.size());
  return dictionary.empty() || (dictionary.size() <= UINT32_MAX &&
                                inflateSetDictionary(&state_, dictionary.data(),
                                                     static_cast<uInt>(dictionary.size())) == Z_OK);
}

bool Inflater::decompress(std::span<uint8_t const> stream, std::span<uint8_t> out,
                          std::span<uint8_t const> dictionary) {
  if (!begin(stream, dictionary)) return false;
  state_.next_out = at_least_a_byte(out);
  state_.avail_out = static_cast<uInt>(out.size());
  return inflate(&state_, Z_FINISH) == Z_STREAM_END && state_.avail_out == 0;
}

std::optional<uint64_t> Inflater::measure(std::span<uint8_t const> stream,
                                          std::span<uint8_t const> dictionary, uint64_t bytes_max) {
  if (!begin(stream, dictionary)) return std::nullopt;
  std::array<uint8_t, kPieceBytes> piece;
  uint64_t bytes = 0;
  int status = Z_OK;
  while (status == Z_OK && bytes <= bytes_max) {
    state_.next_out = piece.data();
    state_.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&state_, Z_NO_FLUSH);
    bytes += piece.size() - state_.avail_out;
  }
  if (status != Z_STREAM_END || bytes > bytes_max) return std::nullopt;
  return bytes;
}

bool decompress_bzip2(std::span<uint8_t const> stream, std::span<uint8_t> out) {
  auto bytes = static_cast<unsigned>(out.size());
  int const status = BZ2_bzBuffToBuffDecompress(
      reinterpret_cast<char*>(at_least_a_byte(out)), &bytes,
      reinterpret_cast<char*>(at_least_a_byte(stream)), static_cast<unsigned>(stream.size()), 0, 0);
  if (status == BZ_MEM_ERROR) throw no_memory("bzip2");
  return status == BZ_OK && bytes == out.size();
}

std::optional<uint64_t> measure_bzip2(std::span<uint8_t const> stream, uint64_t bytes_max) {
  Bunzipper bunzipper;
  if (!bunzipper.good) throw no_memory("bzip2");
  bz_stream& state = bunzipper.state;
  state.next_in = reinterpret_cast<char*>(at_least_a_byte(stream));
  state.avail_in = static_cast<unsigned>(stream.size());
  std::array<char, kPieceBytes> piece;
  uint64_t bytes = 0;
  int status = BZ_OK;
  while (status == BZ_OK && bytes <= bytes_max) {
    state.next_out = piece.data();
    state.avail_out = static_cast<unsigned>(piece.size());
    status = BZ2_bzDecompress(&state);
    // Without an end the library would go on asking for more input.
    if (status == BZ_OK && state.avail_out == piece.size() && state.avail_in == 0)
      return std::nullopt;
    bytes += piece.size() - state.avail_out;
  }
  if (status == BZ_MEM_ERROR) throw no_memory("bzip2");
  if (status != BZ_STREAM_END || bytes > bytes_max) return std::nullopt;
  return bytes;
}

}  // namespace levelscan
