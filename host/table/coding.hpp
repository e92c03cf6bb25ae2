// Bounds-checked decoding of the integers of RocksDB files.
//
//   fixed16/32/64   little-endian
//   varint32/64     7 bits a byte, lowest first, high bit set on all but the last; at most 5 / 10
//   bytes zigzag          signed as unsigned: 0, -1, 1, -2, ... -> 0, 1, 2, 3, ... length-prefixed
//   varint32 length, then that many bytes
//
// Stateless functions and a small cursor over caller-owned bytes. Thread-safe where the bytes are
// not written.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace levelscan {

static_assert(std::endian::native == std::endian::little, "fixed integers are read as they stand");

// REQUIRES: sizeof the result readable at `bytes`.
[[nodiscard]] inline uint16_t load_fixed16(uint8_t const* bytes) {
  uint16_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}
[[nodiscard]] inline uint32_t load_fixed32(uint8_t const* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}
[[nodiscard]] inline uint64_t load_fixed64(uint8_t const* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Decode one varint from [bytes, end). Returns the first byte after it, or nullptr when it does not
// end before `end`, is longer than its type allows, or has bits beyond its type.
[[nodiscard]] inline uint8_t const* decode_varint32(uint8_t const* bytes, uint8_t const* end,
                                                    uint32_t& value) {
  uint32_t result = 0;
  for (uint32_t shift = 0; shift <= 28 && bytes < end; shift += 7) {
    uint32_t const byte = *bytes++;
    if (shift == 28 && byte > 0x0f) return nullptr;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = result;
      return bytes;
    }
  }
  return nullptr;
}
[[nodiscard]] inline uint8_t const* decode_varint64(uint8_t const* bytes, uint8_t const* end,
                                                    uint64_t& value) {
  uint64_t result = 0;
  for (uint32_t shift = 0; shift <= 63 && bytes < end; shift += 7) {
    uint64_t const byte = *bytes++;
    if (shift == 63 && byte > 0x01) return nullptr;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = result;
      return bytes;
    }
  }
  return nullptr;
}

[[nodiscard]] constexpr int64_t zigzag_decode(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

[[nodiscard]] inline std::string_view as_text(std::span<uint8_t const> bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline std::span<uint8_t const> as_bytes(std::string_view text) {
  return {reinterpret_cast<uint8_t const*>(text.data()), text.size()};
}

// Walks forward over bytes owned by the caller. Each read says whether it succeeded; a failed one
// does not move.
class ByteReader {
 public:
  explicit ByteReader(std::span<uint8_t const> bytes)
      : begin_(bytes.data()), cursor_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // Bytes read so far, bytes left.
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(cursor_ - begin_); }
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - cursor_); }
  [[nodiscard]] bool empty() const { return cursor_ == end_; }

  [[nodiscard]] bool read_fixed32(uint32_t& value) {
    if (remaining() < sizeof value) return false;
    value = load_fixed32(cursor_);
    cursor_ += sizeof value;
    return true;
  }
  [[nodiscard]] bool read_fixed64(uint64_t& value) {
    if (remaining() < sizeof value) return false;
    value = load_fixed64(cursor_);
    cursor_ += sizeof value;
    return true;
  }
  [[nodiscard]] bool read_varint32(uint32_t& value) {
    return move_to(decode_varint32(cursor_, end_, value));
  }
  [[nodiscard]] bool read_varint64(uint64_t& value) {
    return move_to(decode_varint64(cursor_, end_, value));
  }
  [[nodiscard]] bool read_bytes(std::size_t count, std::span<uint8_t const>& bytes) {
    if (remaining() < count) return false;
    bytes = {cursor_, count};
    cursor_ += count;
    return true;
  }
  [[nodiscard]] bool read_length_prefixed(std::span<uint8_t const>& bytes) {
    uint32_t length = 0;
    uint8_t const* const after = decode_varint32(cursor_, end_, length);
    if (after == nullptr || static_cast<std::size_t>(end_ - after) < length) return false;
    bytes = {after, length};
    cursor_ = after + length;
    return true;
  }

 private:
  bool move_to(uint8_t const* after) {
    if (after == nullptr) return false;
    cursor_ = after;
    return true;
  }

  uint8_t const* begin_;
  uint8_t const* cursor_;
  uint8_t const* end_;
};

}  // namespace levelscan
