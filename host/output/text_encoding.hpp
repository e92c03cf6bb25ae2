// Values as text. All functions append to `text`.
//
// Escaped bytes never hold a tab or a line end (byte_text.hpp). Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "execute/scan_result.hpp"
#include "output/byte_text.hpp"
#include "output/text.hpp"

namespace levelscan {

enum class BytesStyle {
  kEscaped,
  kHex,  // lower-case, without 0x
};

inline void append_bytes_text(ByteSpan bytes, BytesWriter write, Text& text) {
  text.append_written(bytes.size() * kByteTextMax + kTextSlack,
                      [&](char* to) { return write(bytes, to); });
}
inline void append_hex(ByteSpan bytes, Text& text) { append_bytes_text(bytes, write_hex, text); }
inline void append_escaped(ByteSpan bytes, Text& text) {
  append_bytes_text(bytes, write_escaped, text);
}

// One cell as RFC 4180 wants it: in quotes where it holds a comma or a quote. Empty bytes are "",
// so that they differ from null, the empty cell.
inline void append_csv_bytes(ByteSpan bytes, BytesStyle style, Text& text) {
  if (bytes.empty()) {
    text += "\"\"";
  } else {
    append_bytes_text(bytes, style == BytesStyle::kHex ? write_hex : write_csv, text);
  }
}

// A JSON string, its quotes included, of the escaped or hex text.
inline void append_json_bytes(ByteSpan bytes, BytesStyle style, Text& text) {
  text += '"';
  append_bytes_text(bytes, style == BytesStyle::kHex ? write_hex : write_json, text);
  text += '"';
}

// Any text as a JSON string; as a CSV cell.
void append_json_text(std::string_view value, Text& text);
void append_csv_text(std::string_view value, Text& text);

// In full; two's complement when negative.
void append_integer(uint64_t bits, bool negative, Text& text);
void append_integer(Int128 value, Text& text);

// The shortest decimal that reads back to the same bits, always with a point or an exponent.
// REQUIRES: finite.
void append_float(double value, Text& text);
void append_float(float value, Text& text);

// "nan", "inf", "-inf". REQUIRES: not finite.
[[nodiscard]] std::string_view nonfinite_name(double value);

}  // namespace levelscan
