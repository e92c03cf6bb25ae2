#include "version/options_file.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "table/coding.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"
#include "version/directory.hpp"

namespace levelscan {
namespace {

constexpr std::string_view kFileNamePrefix = "OPTIONS-";
constexpr uint64_t kFileBytesMax = uint64_t{64} << 20;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  std::size_t const first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string unescape(std::string_view value) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      text += value[i];
    } else {
      char const escaped = value[++i];
      text += escaped == 'n' ? '\n' : escaped == 'r' ? '\r' : escaped;
    }
  }
  return text;
}

// The line without a comment and without space around it.
std::string_view strip(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '#') {
      return trim(line.substr(0, i));
    }
  }
  return trim(line);
}

OptionsSection parse_section(std::string_view line) {
  std::string_view const inside = line.substr(1, line.size() - 2);
  std::size_t const begin = inside.find('"');
  std::size_t const end = inside.rfind('"');
  OptionsSection section;
  if (begin != std::string_view::npos && begin != end) {
    section.argument = unescape(inside.substr(begin + 1, end - begin - 1));
  }
  section.title = trim(inside.substr(0, begin));
  return section;
}

}  // namespace

OptionsFile OptionsFile::parse(std::string_view text) {
  OptionsFile file;
  while (!text.empty()) {
    std::size_t const line_end = std::min(text.find('\n'), text.size());
    std::string_view const line = strip(text.substr(0, line_end));
    text.remove_prefix(std::min(line_end + 1, text.size()));
    if (line.size() >= 2 && line.front() == '[' && line.back() == ']') {
      file.sections_.push_back(parse_section(line));
      continue;
    }
    std::size_t const equals = line.find('=');
    if (equals == std::string_view::npos || file.sections_.empty()) continue;
    file.sections_.back().values.emplace(trim(line.substr(0, equals)),
                                         unescape(trim(line.substr(equals + 1))));
  }
  return file;
}

std::optional<std::string> OptionsFile::value(std::string_view title, std::string_view argument,
                                              std::string_view key) const {
  for (OptionsSection const& section : sections_) {
    if (section.title != title || section.argument != argument) continue;
    auto const found = section.values.find(std::string(key));
    if (found != section.values.end()) return found->second;
  }
  return std::nullopt;
}

OptionsObject parse_options_object(std::string_view value) {
  value = trim(value);
  OptionsObject object;
  if (value.empty() || value == "nullptr") return object;
  if (value.size() < 2 || value.front() != '{' || value.back() != '}') {
    object.id = value;
    return object;
  }
  value = value.substr(1, value.size() - 2);
  while (!value.empty()) {
    // A semicolon inside braces belongs to an object inside this one.
    std::size_t depth = 0;
    std::size_t end = 0;
    for (; end < value.size() && (depth > 0 || value[end] != ';'); ++end) {
      if (value[end] == '{') ++depth;
      if (value[end] == '}' && depth > 0) --depth;
    }
    std::string_view const setting = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    std::size_t const equals = setting.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view const key = trim(setting.substr(0, equals));
    std::string_view const text = trim(setting.substr(equals + 1));
    if (key == "id") {
      object.id = text == "nullptr" ? std::string_view() : text;
    } else {
      object.settings.emplace(key, text);
    }
  }
  return object;
}

OptionsFile read_newest_options(std::string const& database) {
  std::optional<uint64_t> newest;
  std::string newest_name;
  for (std::string const& name : list_directory(database).value_or(std::vector<std::string>())) {
    if (!name.starts_with(kFileNamePrefix)) continue;
    std::optional<uint64_t> const number =
        parse_file_number(std::string_view(name).substr(kFileNamePrefix.size()));
    if (number && (!newest || *number > *newest)) {
      newest = number;
      newest_name = name;
    }
  }
  if (!newest) return {};
  // One that vanishes now has been replaced by the next; the caller notices that the database
  // changed.
  std::optional<RandomAccessFile> const file =
      RandomAccessFile::open_if_exists(database + "/" + newest_name);
  if (!file) return {};
  if (file->size() > kFileBytesMax) {
    throw corruption_error(file->path(), fmt::format("{} bytes", file->size()));
  }
  std::vector<uint8_t> const bytes = file->read(0, file->size());
  return OptionsFile::parse(as_text(bytes));
}

}  // namespace levelscan
