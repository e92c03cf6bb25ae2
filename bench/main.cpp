// Sweeps: writes a database for each combination of the axes' values and measures a query over it,
// as `levelscan bench` does, against librocksdb's iterator and the machine's limits. Without an
// axis: the one database that most figures are about.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "levelscan/error.hpp"
#include "parameters.hpp"
#include "peer/bench.hpp"
#include "peer/bench_report.hpp"

namespace levelscan {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> axes;
  std::string sweep;
  std::string directory;  // databases stay there; empty: each is removed before the next is written
  std::string output;
  bool write_only = false;
  bool open = false;
  BenchOptions options;
};

// Where databases are written; what is temporary goes with it.
class Databases {
 public:
  explicit Databases(std::string const& directory) : is_kept_(!directory.empty()) {
    if (is_kept_) {
      directory_ = directory;
      fs::create_directories(directory_);
      return;
    }
    std::string pattern = (fs::temp_directory_path() / "levelscan-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw Error(ErrorCode::kRuntime, "cannot make a directory " + pattern);
    }
    directory_ = pattern;
  }
  Databases(Databases const&) = delete;
  Databases& operator=(Databases const&) = delete;
  ~Databases() {
    std::error_code ignored;
    if (!is_kept_) fs::remove_all(directory_, ignored);
  }

  // A finished database is renamed to its name, so one that stands there is whole.
  std::string of(BenchDatabaseShape const& shape) {
    fs::path const path = directory_ / shape.name();
    if (fs::exists(path)) return path.string();
    if (!last_.empty() && !is_kept_) fs::remove_all(last_);
    fs::path const unfinished = path.string() + ".unfinished";
    fs::remove_all(unfinished);
    fmt::print(stderr, "writing {}\n", path.string());
    write_bench_database(unfinished.string(), shape);
    fs::rename(unfinished, path);
    last_ = path;
    return path.string();
  }

 private:
  bool is_kept_;
  fs::path directory_;
  fs::path last_;
};

// All combinations of the axes' values; the last axis varies first.
std::vector<Parameters> combinations(std::vector<Axis> const& axes) {
  std::vector<Parameters> all(1);
  for (Axis const& axis : axes) {
    std::vector<Parameters> next;
    for (Parameters const& parameters : all) {
      for (std::string const& value : axis.values) {
        next.push_back(parameters);
        next.back().set(axis.name, value);
      }
    }
    all = std::move(next);
  }
  return all;
}

void run(Arguments const& arguments) {
  std::vector<Axis> axes;
  for (std::string const& text : arguments.axes) axes.push_back(parse_axis(text));
  std::ofstream lines;
  if (!arguments.output.empty()) {
    lines.open(arguments.output, std::ios::app);
    if (!lines) throw Error(ErrorCode::kRuntime, "cannot write " + arguments.output);
  }
  Databases databases(arguments.directory);
  for (Parameters const& parameters : combinations(axes)) {
    Query const query = parameters.query();
    std::string const path = databases.of(parameters.shape);
    if (arguments.write_only) {
      fmt::print("{}\n", path);
      continue;
    }
    BenchOptions options = arguments.options;
    options.scanner = parameters.scanner;
    BenchReport const report =
        arguments.open ? run_open_bench(path, options) : run_bench(path, query, options);
    for (Axis const& axis : axes) {
      fmt::print("{} = {}  ", axis.name, parameters.json()[axis.name].dump());
    }
    fmt::print("\n{}\n", bench_text(report));
    std::fflush(stdout);
    if (!lines.is_open()) continue;
    nlohmann::ordered_json more;
    more["sweep"] = arguments.sweep;
    more["parameters"] = parameters.json();
    lines << bench_json(report, more) << std::flush;
  }
}

}  // namespace
}  // namespace levelscan

int main(int argument_count, char** argument_values) {
  using namespace levelscan;
  Arguments arguments;
  CLI::App app("Measures scans of databases that are written for it.");
  app.footer("Parameters:\n" + parameter_help());
  app.add_option("--axis", arguments.axes,
                 "A parameter and its values; with several axes, all combinations")
      ->type_name("NAME=VALUE,...")
      ->allow_extra_args(false);
  app.add_option("--rounds", arguments.options.rounds, "Measured rounds, after one to warm up")
      ->check(CLI::PositiveNumber);
  app.add_option("--only", arguments.options.only, "Only these contenders")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--cold", arguments.options.cold,
               "Each reader once more with the files dropped from memory before");
  app.add_flag("--peak-memory", arguments.options.peak_memory,
               "Each reader once in a process of its own, whose peak memory is told");
  app.add_flag("--open", arguments.open, "Measure opening the database instead of scanning it");
  app.add_flag("--write-only", arguments.write_only, "Only write the databases, and print where");
  app.add_option("--directory", arguments.directory,
                 "Keep the databases here, and use those there");
  app.add_option("-o,--output", arguments.output, "Add a line of JSON for each measurement here");
  app.add_option("--sweep", arguments.sweep, "A name for these measurements in that file");
  CLI11_PARSE(app, argument_count, argument_values);
  try {
    run(arguments);
    return 0;
  } catch (Error const& error) {
    fmt::print(stderr, "levelscan_bench: {}\n", error.what());
    return static_cast<int>(error.code());
  } catch (std::exception const& error) {
    fmt::print(stderr, "levelscan_bench: {}\n", error.what());
    return static_cast<int>(ErrorCode::kRuntime);
  }
}
