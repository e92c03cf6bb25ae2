#include "table/compression_property.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "table/refusal.hpp"

namespace levelscan {
namespace {

constexpr uint32_t kFormatVersionWithManager = 7;
constexpr char kSeparator = ';';
constexpr std::array<std::string_view, 9> kReadableNames = {
    "NoCompression", "Snappy", "Zlib", "BZip2", "LZ4", "LZ4HC", "ZSTD", "ZSTDNotFinal", ""};
// No manager at all, under either of its names.
constexpr std::array<std::string_view, 3> kReadableManagers = {"BuiltinV2", "", "nullptr"};

template <std::size_t count>
bool contains(std::array<std::string_view, count> const& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> refused_compressions(std::string_view property, uint32_t format_version,
                                              BlockPlace const& place) {
  if (property.empty()) return {};
  if (format_version < kFormatVersionWithManager) {
    if (contains(kReadableNames, property)) return {};
    return {fmt::format("{} compression", property)};
  }
  auto const malformed = [&] {
    return corruption_error(place.file, place.offset,
                            fmt::format("malformed property rocksdb.compression: {}", property));
  };
  std::size_t const manager_end = property.find(kSeparator);
  if (manager_end == std::string_view::npos) throw malformed();
  std::string_view const manager = property.substr(0, manager_end);
  // Another manager gives the codecs' numbers meanings of its own.
  if (!contains(kReadableManagers, manager))
    return {fmt::format("compression manager '{}'", manager)};

  std::string_view digits = property.substr(manager_end + 1);
  std::size_t const digits_end = digits.find(kSeparator);
  if (digits_end == std::string_view::npos || digits_end % 2 != 0) throw malformed();
  digits = digits.substr(0, digits_end);
  std::vector<std::string> refused;
  for (; !digits.empty(); digits.remove_prefix(2)) {
    uint8_t type_byte = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + 2, type_byte, 16);
    if (error != std::errc() || end != digits.data() + 2) throw malformed();
    if (!compression_supported(type_byte))
      refused.push_back(fmt::format("{} compression", compression_name(type_byte)));
  }
  return refused;
}

}  // namespace levelscan
