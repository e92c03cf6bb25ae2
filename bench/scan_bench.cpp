// Counts the rows of a database whose u32 at value+0 is below a bound, once with librocksdb's
// iterator and once with levelscan on one CPU thread, round after round in one process, and reads
// the same files plainly for comparison. Prints medians and spreads.
//
// The iterator gets what makes it fast at this: it is reused, doesn't fill the block cache, reads
// 4 MiB ahead, and its comparison is compiled in.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <vector>

#include "execute/scanner.hpp"
#include "levelscan/error.hpp"
#include "peer/bench_database.hpp"
#include "peer/rocksdb_reader.hpp"

namespace levelscan {
namespace {

struct Arguments {
  std::string database;
  uint64_t entries = 4'000'000;
  uint32_t bound = 42'949'673;  // 1 % of what 32 random bits can be
  uint32_t rounds = 7;
};

struct Contender {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds;

  [[nodiscard]] double median() {
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
  }
};

Query count_below(uint32_t bound) {
  auto expression = std::make_shared<Expression>();
  expression->fields = {
      {"field", Field{FieldSource::kValue, FieldType::kU32, false, false, 0, sizeof(uint32_t)}}};
  expression->root = std::make_unique<ExpressionNode>();
  expression->root->comparison = Comparison::kLess;
  expression->root->left.is_field = true;
  expression->root->right.literal = Literal{ScalarKind::kInteger, false, bound, {}};
  Query query;
  query.where = expression;
  query.aggregates.emplace_back();
  query.aggregates.back().label = "count()";
  return query;
}

// Reads every table in 1 MiB pieces; `use` sees each piece.
uint64_t read_tables(DatabaseVersion const& version,
                     std::function<void(char const*, std::size_t)> const& use) {
  std::vector<char> piece(1 << 20);
  uint64_t total = 0;
  for (SortedRun const& run : version.runs) {
    for (TableMeta const& meta : run.metas) {
      int const file = ::open(meta.path.c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) throw Error(ErrorCode::kRuntime, "cannot open " + meta.path);
      for (off_t at = 0;;) {
        ssize_t const bytes = ::pread(file, piece.data(), piece.size(), at);
        if (bytes <= 0) break;
        use(piece.data(), static_cast<std::size_t>(bytes));
        at += bytes;
        total += static_cast<uint64_t>(bytes);
      }
      ::close(file);
    }
  }
  return total;
}

void run_bench(Arguments const& arguments) {
  std::string path = arguments.database;
  std::filesystem::path made;
  if (path.empty()) {
    std::string directory =
        (std::filesystem::temp_directory_path() / "levelscan-bench-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) {
      throw Error(ErrorCode::kRuntime, "cannot make a directory " + directory);
    }
    made = directory;
    path = directory + "/database";
    fmt::print("writing {} entries to {}\n", arguments.entries, path);
    write_bench_database(path, arguments.entries);
  }

  DatabaseVersion const version = open_version(path);
  ScannerOptions options;
  options.backend = Backend::kCpu;
  options.threads = 1;
  Scanner scanner(version, options);
  Query const query = count_below(arguments.bound);
  RocksdbReader const reader(path, version);
  RocksdbCursor cursor = reader.cursor(KeySelection{}, ReadKnobs{});

  uint64_t expected = 0;
  uint64_t live_rows = 0;
  ScanResult result;
  uint64_t file_bytes = 0;
  uint64_t volatile digest = 0;
  std::vector<Contender> contenders;
  contenders.push_back({"RocksDB iterator",
                        [&] {
                          cursor.rewind();
                          RocksdbCursor::Count const count =
                              cursor.count_u32_below(0, arguments.bound);
                          expected = count.below;
                          live_rows = count.rows;
                        },
                        {}});
  contenders.push_back({"levelscan, 1 thread", [&] { result = scanner.run(query, nullptr); }, {}});
  contenders.push_back(
      {"read", [&] { file_bytes = read_tables(version, [](char const*, std::size_t) {}); }, {}});
  contenders.push_back({"read and XXH3",
                        [&] {
                          read_tables(version, [&](char const* piece, std::size_t bytes) {
                            digest = digest ^ XXH3_64bits(piece, bytes);
                          });
                        },
                        {}});
  for (uint32_t round = 0; round <= arguments.rounds; ++round) {
    for (Contender& contender : contenders) {
      auto const begin = std::chrono::steady_clock::now();
      contender.run();
      std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - begin;
      if (round != 0) contender.seconds.push_back(elapsed.count());  // the first one warms up
    }
    if (result.rows_found != expected) {
      throw Error(ErrorCode::kDifference,
                  fmt::format("levelscan counts {}, the iterator {}", result.rows_found, expected));
    }
  }

  fmt::print(
      "{}: {} runs, {:.0f} MB in tables, {} live rows; librocksdb {}{}\n", path,
      version.runs.size(), static_cast<double>(file_bytes) / 1e6, live_rows, rocksdb_version(),
      rocksdb_has_assertions() ? " with assertions, which flatters every ratio below by about 1.4"
                               : "");
  fmt::print(
      "value+0 as u32 < {}: {} rows ({:.2f} %), counted alike; entries_seen {}\n\n",
      arguments.bound, expected,
      100.0 * static_cast<double>(expected) / static_cast<double>(std::max<uint64_t>(live_rows, 1)),
      result.statistics.entries_seen);
  fmt::print("{:<22}{:>12}{:>12}{:>12}{:>14}{:>10}\n", "", "median ms", "least ms", "most ms",
             "M entries/s", "ratio");
  double const iterator_seconds = contenders.front().median();
  for (Contender& contender : contenders) {
    double const median = contender.median();
    fmt::print("{:<22}{:>12.1f}{:>12.1f}{:>12.1f}{:>14.2f}{:>10.2f}\n", contender.name,
               median * 1e3, contender.seconds.front() * 1e3, contender.seconds.back() * 1e3,
               static_cast<double>(result.statistics.entries_seen) / median / 1e6,
               iterator_seconds / median);
  }
  if (!made.empty()) std::filesystem::remove_all(made);
}

}  // namespace
}  // namespace levelscan

int main(int argument_count, char** argument_values) {
  levelscan::Arguments arguments;
  CLI::App app("Compares a filtered count with librocksdb's iterator, one thread each.");
  app.add_option("database", arguments.database, "a database; without one, a sample is written");
  app.add_option("--entries", arguments.entries, "entries of the sample");
  app.add_option("--below", arguments.bound, "count rows whose u32 at value+0 is below this");
  app.add_option("--rounds", arguments.rounds, "measured rounds, after one to warm up")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argument_count, argument_values);
  try {
    levelscan::run_bench(arguments);
  } catch (levelscan::Error const& error) {
    fmt::print(stderr, "levelscan_bench: {}\n", error.what());
    return static_cast<int>(error.code());
  }
}
