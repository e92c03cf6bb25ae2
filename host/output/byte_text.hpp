// Bytes as they stand in text: 0x20-0x7e as they are, a backslash as \\, any other byte as
// lower-case \xNN. Within quotes, a quote has a second one before it in CSV and a backslash in
// JSON, where the escape's own backslash is escaped too.
//
// All functions write to `to`, which has room for kByteTextMax characters a byte and kTextSlack
// more, and return where the text ends. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace levelscan {

using ByteSpan = std::span<uint8_t const>;

inline constexpr std::size_t kByteTextMax = 5;
// For quotes around them, and for writes that reach beyond the end.
inline constexpr std::size_t kTextSlack = 2 + 64;

using BytesWriter = char* (*)(ByteSpan bytes, char* to);

[[nodiscard]] char* write_escaped(ByteSpan bytes, char* to);
// With quotes around it where it holds a comma or a quote.
[[nodiscard]] char* write_csv(ByteSpan bytes, char* to);
// Without the quotes around it.
[[nodiscard]] char* write_json(ByteSpan bytes, char* to);
// Every byte as two lower-case digits, without 0x.
[[nodiscard]] char* write_hex(ByteSpan bytes, char* to);

// The same, as processors do it that have no wide instructions for it.
[[nodiscard]] char* write_escaped_by_table(ByteSpan bytes, char* to);
[[nodiscard]] char* write_csv_by_table(ByteSpan bytes, char* to);

}  // namespace levelscan
