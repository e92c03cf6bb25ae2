#include "cli/ranges_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

#include "levelscan/error.hpp"
#include "query/key_argument.hpp"

namespace levelscan {
namespace {

// `place`: the file and line.
QueryRange parse_range(std::string const& line, std::string const& place) {
  std::set<std::string> names;
  auto const note_name = [&](int, nlohmann::json::parse_event_t event, nlohmann::json const& name) {
    if (event == nlohmann::json::parse_event_t::key && !names.insert(name).second) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("{}: '{}' stands there twice", place, name.get<std::string>()));
    }
    return true;
  };
  nlohmann::json const parsed = nlohmann::json::parse(line, note_name, false);
  if (!parsed.is_object()) {
    throw Error(ErrorCode::kUsage, fmt::format("{}: not a JSON object", place));
  }
  QueryRange range;
  bool has_id = false;
  for (auto const& [name, value] : parsed.items()) {
    if (name != "id" && name != "from" && name != "to") {
      throw Error(ErrorCode::kUsage,
                  fmt::format("{}: there is no member '{}' (id, from, to)", place, name));
    }
    if (!value.is_string()) {
      throw Error(ErrorCode::kUsage, fmt::format("{}: '{}' is not a string", place, name));
    }
    std::string const& text = value.get_ref<std::string const&>();
    if (name == "id") {
      range.id = text;
      has_id = true;
    } else {
      std::optional<std::string>& bound = name == "from" ? range.keys.from : range.keys.to;
      bound = parse_key_argument(fmt::format("{}: {}", place, name), text);
    }
  }
  if (!has_id) throw Error(ErrorCode::kUsage, fmt::format("{}: a range without an id", place));
  return range;
}

}  // namespace

std::vector<QueryRange> read_ranges_file(std::string const& path) {
  std::ifstream file(path);
  if (!file) {
    throw Error(ErrorCode::kRuntime,
                fmt::format("--ranges {}: {}", path, std::generic_category().message(errno)));
  }
  std::vector<QueryRange> ranges;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    ranges.push_back(parse_range(line, fmt::format("{}: line {}", path, number)));
  }
  if (file.bad()) throw Error(ErrorCode::kRuntime, fmt::format("--ranges {}: not readable", path));
  return ranges;
}

}  // namespace levelscan
