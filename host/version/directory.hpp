// Names in a database's directory. Functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace levelscan {

// Names of a directory's entries, in no order; nothing when there is no such directory.
// Throws Error kRuntime when it cannot be listed.
[[nodiscard]] std::optional<std::vector<std::string>> list_directory(std::string const& path);

// Whether both paths lead to one directory that is there.
[[nodiscard]] bool same_directory(std::string const& a, std::string const& b);

// "000012" -> 12; nothing unless it is all digits and fits.
[[nodiscard]] std::optional<uint64_t> parse_file_number(std::string_view digits);

}  // namespace levelscan
