// What a sweep can vary: the shape of the database, the query, how levelscan runs it. Each
// parameter has a name and takes text. Values; one thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "execute/scanner.hpp"
#include "peer/bench_database.hpp"
#include "query/query.hpp"

namespace levelscan {

struct Parameters {
  BenchDatabaseShape shape;
  double selectivity = 0.01;     // of the rows, by the value; 1: no condition
  std::string output = "count";  // count, sum (and min, max), rows
  uint64_t ranges = 0;           // so many ranges of keys in one query; 0: all keys
  uint64_t range_rows = 100;     // in each of them
  ScannerOptions scanner;

  // Throws Error(kUsage) for a name or a value that has no meaning.
  void set(std::string_view name, std::string const& value);
  [[nodiscard]] Query query() const;
  // All of them, by name.
  [[nodiscard]] nlohmann::ordered_json json() const;
};

// "name  what it is", a line each.
[[nodiscard]] std::string parameter_help();

// A parameter and the values it takes in turn.
struct Axis {
  std::string name;
  std::vector<std::string> values;
};

// "runs=1,4,16". Throws Error(kUsage).
[[nodiscard]] Axis parse_axis(std::string const& text);

}  // namespace levelscan
