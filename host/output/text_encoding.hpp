// Values as text. All functions append to `text`.
//
// Escaped bytes: 0x20-0x7e stand as they are, a backslash as \\, any other byte as lower-case \xNN,
// so that they never hold a tab or a line end. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "execute/scan_result.hpp"

namespace levelscan {

enum class BytesStyle {
  kEscaped,
  kHex,  // lower-case, without 0x
};

using ByteSpan = std::span<uint8_t const>;

void append_hex(ByteSpan bytes, std::string& text);
void append_escaped(ByteSpan bytes, std::string& text);

// One cell as RFC 4180 wants it: in quotes where it holds a comma or a quote. Empty bytes are "",
// so that they differ from null, the empty cell.
void append_csv_bytes(ByteSpan bytes, BytesStyle style, std::string& text);

// A JSON string, its quotes included, of the escaped or hex text.
void append_json_bytes(ByteSpan bytes, BytesStyle style, std::string& text);

// Any text as a JSON string; as a CSV cell.
void append_json_text(std::string_view value, std::string& text);
void append_csv_text(std::string_view value, std::string& text);

// In full; two's complement when negative.
void append_integer(uint64_t bits, bool negative, std::string& text);
void append_integer(Int128 value, std::string& text);

// The shortest decimal that reads back to the same bits, always with a point or an exponent.
// REQUIRES: finite.
void append_float(double value, std::string& text);
void append_float(float value, std::string& text);

// "nan", "inf", "-inf". REQUIRES: not finite.
[[nodiscard]] std::string_view nonfinite_name(double value);

}  // namespace levelscan
