#include "parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "levelscan/error.hpp"
#include "query/aggregates.hpp"
#include "query/parser.hpp"
#include "query/schema.hpp"

namespace levelscan {
namespace {

using Json = nlohmann::ordered_json;

template <class Number>
void parse(std::string_view name, std::string const& text, Number& number) {
  char const* const end = text.data() + text.size();
  std::from_chars_result const result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) {
    throw Error(ErrorCode::kUsage, fmt::format("{}={}: a number is expected", name, text));
  }
}

struct Parameter {
  char const* name;
  char const* help;
  void (*set)(Parameters&, std::string_view name, std::string const& value);
  Json (*get)(Parameters const&);
};

template <auto Member>
void set_shape(Parameters& all, std::string_view name, std::string const& value) {
  parse(name, value, all.shape.*Member);
}
template <auto Member>
Json get_shape(Parameters const& all) {
  return all.shape.*Member;
}
template <auto Member>
void set_scanner(Parameters& all, std::string_view name, std::string const& value) {
  parse(name, value, all.scanner.*Member);
}
template <auto Member>
Json get_scanner(Parameters const& all) {
  return all.scanner.*Member;
}

using Shape = BenchDatabaseShape;
using Options = ScannerOptions;

constexpr Parameter kParameters[] = {
    {"entries", "written to the database", set_shape<&Shape::entries>, get_shape<&Shape::entries>},
    {"key_size", "bytes", set_shape<&Shape::key_bytes>, get_shape<&Shape::key_bytes>},
    {"value_size", "bytes", set_shape<&Shape::value_bytes>, get_shape<&Shape::value_bytes>},
    {"block_size", "bytes", set_shape<&Shape::block_bytes>, get_shape<&Shape::block_bytes>},
    {"restart_interval", "entries", set_shape<&Shape::restart_interval>,
     get_shape<&Shape::restart_interval>},
    {"compression", "none, snappy, zlib, bzip2, lz4, zstd",
     [](Parameters& all, std::string_view, std::string const& value) {
       all.shape.compression = value;
     },
     get_shape<&Shape::compression>},
    {"table_size", "bytes of a table below L0", set_shape<&Shape::table_bytes>,
     get_shape<&Shape::table_bytes>},
    {"runs", "sorted runs", set_shape<&Shape::runs>, get_shape<&Shape::runs>},
    {"overwritten", "share of the entries that write a key again", set_shape<&Shape::overwritten>,
     get_shape<&Shape::overwritten>},
    {"level0", "1: every run is an L0 file",
     [](Parameters& all, std::string_view name, std::string const& value) {
       int number = 0;
       parse(name, value, number);
       all.shape.level0 = number != 0;
     },
     get_shape<&Shape::level0>},
    {"selectivity", "share of the rows that pass, by a field of the value; 1: no condition",
     [](Parameters& all, std::string_view name, std::string const& value) {
       parse(name, value, all.selectivity);
     },
     [](Parameters const& all) { return Json(all.selectivity); }},
    {"output", "count, sum or rows",
     [](Parameters& all, std::string_view, std::string const& value) { all.output = value; },
     [](Parameters const& all) { return Json(all.output); }},
    {"ranges", "ranges of keys in one query, spread at random; 0: all keys",
     [](Parameters& all, std::string_view name, std::string const& value) {
       parse(name, value, all.ranges);
     },
     [](Parameters const& all) { return Json(all.ranges); }},
    {"range_rows", "rows in each range",
     [](Parameters& all, std::string_view name, std::string const& value) {
       parse(name, value, all.range_rows);
     },
     [](Parameters const& all) { return Json(all.range_rows); }},
    {"threads", "of those contenders that have more than one", set_scanner<&Options::threads>,
     get_scanner<&Options::threads>},
    {"memory", "bytes of levelscan's pool", set_scanner<&Options::memory_bytes>,
     get_scanner<&Options::memory_bytes>},
    {"data_block", "bytes of each run's data block in the pool",
     set_scanner<&Options::data_block_bytes>, get_scanner<&Options::data_block_bytes>},
    {"scans_max", "scan buffers in the pool", set_scanner<&Options::scans_max>,
     get_scanner<&Options::scans_max>},
};

}  // namespace

void Parameters::set(std::string_view name, std::string const& value) {
  for (Parameter const& parameter : kParameters) {
    if (name != parameter.name) continue;
    parameter.set(*this, name, value);
    return;
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("no parameter '{}'; there are\n{}", name, parameter_help()));
}

Query Parameters::query() const {
  Schema schema;
  schema.define("field:u32@value+0");
  Query query;
  if (selectivity < 1) {
    double const bound = selectivity * (1.0 + std::numeric_limits<uint32_t>::max());
    query.where = std::make_shared<Expression const>(
        parse_expression(fmt::format("field < {}", static_cast<uint64_t>(bound)), schema));
  }
  if (ranges != 0) {
    std::mt19937_64 random(1);
    uint64_t const places = std::max(shape.distinct_keys(), range_rows + 1) - range_rows;
    query.ranges.emplace();
    for (uint64_t i = 0; i < ranges; ++i) {
      uint64_t const first = random() % places;
      QueryRange& range = query.ranges->emplace_back();
      range.id = std::to_string(i);
      range.keys.from = shape.key(first);
      range.keys.to = shape.key(first + range_rows);
    }
  }
  if (output == "count") {
    query.aggregates = parse_aggregates("count()", schema);
  } else if (output == "sum") {
    query.aggregates = parse_aggregates("count(),sum(field),min(field),max(field)", schema);
  } else if (output == "rows") {
    query.columns = parse_columns("key,value", schema);
  } else {
    throw Error(ErrorCode::kUsage, fmt::format("output={}: count, sum or rows", output));
  }
  return query;
}

Json Parameters::json() const {
  Json json;
  for (Parameter const& parameter : kParameters) json[parameter.name] = parameter.get(*this);
  return json;
}

std::string parameter_help() {
  std::string text;
  for (Parameter const& parameter : kParameters) {
    text += fmt::format("  {:<17} {}\n", parameter.name, parameter.help);
  }
  return text;
}

Axis parse_axis(std::string const& text) {
  std::size_t const equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw Error(ErrorCode::kUsage, fmt::format("--axis '{}': NAME=VALUE,VALUE,...", text));
  }
  Axis axis{text.substr(0, equals), {}};
  for (std::size_t at = equals + 1; at <= text.size();) {
    std::size_t const comma = std::min(text.find(',', at), text.size());
    axis.values.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return axis;
}

}  // namespace levelscan
