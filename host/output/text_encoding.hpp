// Values as text. All functions write to `to`, which has room for what they say, and return where
// the text ends; they may write beyond that, within the room.
//
// Escaped bytes never hold a tab or a line end (byte_text.hpp). Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "execute/scan_result.hpp"
#include "output/byte_text.hpp"

namespace levelscan {

enum class BytesStyle {
  kEscaped,
  kHex,  // lower-case, without 0x
};

// Room for any number.
inline constexpr std::size_t kNumberTextMax = 64;
// Room for so many bytes, or characters of the user's own, in whatever form, quotes included.
constexpr std::size_t bytes_text_max(std::size_t size) { return size * kByteTextMax + kTextSlack; }
constexpr std::size_t words_text_max(std::size_t size) { return size * 6 + kTextSlack; }

inline char* write_text(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// One cell as RFC 4180 wants it: in quotes where it holds a comma or a quote. Empty bytes are "",
// so that they differ from null, the empty cell. Room: bytes_text_max().
inline char* write_csv_bytes(ByteSpan bytes, BytesStyle style, char* to) {
  if (bytes.empty()) return write_text("\"\"", to);
  return style == BytesStyle::kHex ? write_hex(bytes, to) : write_csv(bytes, to);
}

// A JSON string, its quotes included, of the escaped or hex text. Room: bytes_text_max().
inline char* write_json_bytes(ByteSpan bytes, BytesStyle style, char* to) {
  *to++ = '"';
  to = style == BytesStyle::kHex ? write_hex(bytes, to) : write_json(bytes, to);
  *to++ = '"';
  return to;
}

// Any text as a JSON string; as a CSV cell. Room: words_text_max().
[[nodiscard]] char* write_json_text(std::string_view value, char* to);
[[nodiscard]] char* write_csv_text(std::string_view value, char* to);

// In full; two's complement when negative. Room: kNumberTextMax.
[[nodiscard]] char* write_integer(uint64_t bits, bool negative, char* to);
[[nodiscard]] char* write_integer(Int128 value, char* to);

// The shortest decimal that reads back to the same bits, always with a point or an exponent. Room:
// kNumberTextMax. REQUIRES: finite.
[[nodiscard]] char* write_float(double value, char* to);
[[nodiscard]] char* write_float(float value, char* to);

// "nan", "inf", "-inf". REQUIRES: not finite.
[[nodiscard]] std::string_view nonfinite_name(double value);

}  // namespace levelscan
