// Keys as the command line writes them.
//
//   text with escapes   user\x00\xff\\   any byte but a backslash stands for itself
//   0x and hex digits   0x757365720aff   two digits a byte
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace levelscan {

// Throws Error(kUsage) that names `option` and the offending text.
[[nodiscard]] std::string parse_key_argument(std::string_view option, std::string_view argument);

// Undoes the escapes \xNN and \\ ; none when another follows a backslash. `error_offset` then is
// the place of that backslash in `text`.
[[nodiscard]] std::optional<std::string> unescape(std::string_view text, std::size_t& error_offset);

// Bytes of an even number of hex digits; none when that's not what it is.
[[nodiscard]] std::optional<std::string> parse_hex(std::string_view digits);

}  // namespace levelscan
