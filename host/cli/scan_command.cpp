#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/interruption.hpp"
#include "levelscan/error.hpp"
#include "output/output_file.hpp"
#include "output/statistics_json.hpp"
#include "table/random_access_file.hpp"
#include "version/database_version.hpp"
#include "version/table_files.hpp"

namespace levelscan {
namespace {

namespace fs = std::filesystem;

// How often a scan begins again because tables vanished before its first row.
constexpr int kAttemptsMax = 5;

OutputFormat choose_format(ScanArguments const& arguments) {
  if (arguments.format) return *arguments.format;
  bool const on_terminal = !arguments.output && ::isatty(STDOUT_FILENO) == 1;
  return on_terminal ? OutputFormat::kTable : OutputFormat::kCsv;
}

// Whether `path` is `directory` or lies within it, whatever links lead there.
bool lies_within(fs::path const& path, fs::path const& directory) {
  std::error_code error;
  fs::path const inner = fs::weakly_canonical(path, error);
  if (error) return false;
  fs::path const outer = fs::canonical(directory, error);
  if (error) return false;
  auto const [end, unused] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

// A database is only read: output may not go to where its files are.
void refuse_output_among_input(ScanArguments const& arguments) {
  if (!arguments.output) return;
  std::vector<std::string> inputs = arguments.database.paths;
  OpenOptions const& options = arguments.database.options;
  inputs.insert(inputs.end(), options.table_directories.begin(), options.table_directories.end());
  if (options.wal_directory) inputs.push_back(*options.wal_directory);
  std::string const target = OutputFile::target_of(*arguments.output);
  for (std::string const& input : inputs) {
    if (!lies_within(target, input)) continue;
    throw Error(ErrorCode::kUsage, fmt::format("-o {}: nothing is written to {}, which is read",
                                               *arguments.output, input));
  }
}

// Rows may be out when a scan fails: those stay, and the last line says that they aren't all.
int report_incomplete(std::exception_ptr const& exception, OutputFile const& file, TextSink& sink) {
  if (file.reader_gone()) return 0;
  Failure const failure = describe_failure(exception);
  if (!file.is_named()) {
    try {
      sink.finish();
    } catch (std::exception const&) {
      if (file.reader_gone()) return 0;
    }
  }
  print_message(failure.message);
  fmt::print(stderr, "{}\n",
             file.is_named()
                 ? "INCOMPLETE: the scan failed, and the output file was not written"
                 : "INCOMPLETE: the scan failed, and rows are missing after those written");
  return failure.exit_code;
}

// Hands rows on and knows whether there were any.
class NotingSink final : public RowSink {
 public:
  explicit NotingSink(RowSink& sink) : sink_(sink) {}

  void format(RowBatch const& batch, Text& text) const override { sink_.format(batch, text); }
  void write(std::string_view text) override {
    has_rows_ = has_rows_ || !text.empty();
    sink_.write(text);
  }
  [[nodiscard]] bool has_rows() const { return has_rows_; }

 private:
  RowSink& sink_;
  bool has_rows_ = false;
};

// --limit counts rows of aggregates too.
void write_aggregates(Query const& query, ScanResult const& result, TextSink& sink) {
  if (query.aggregates.empty() || query.limit == 0) return;
  if (!query.ranges) {
    sink.write_aggregates(result.aggregates);
    return;
  }
  for (std::size_t r = 0; r < result.range_aggregates.size() && r < query.limit; ++r) {
    std::string_view const id = (*query.ranges)[r].id;
    sink.write_aggregates(result.range_aggregates[r], &id);
  }
}

DatabaseVersion open_scannable(GlobalArguments const& global, ScanArguments const& arguments) {
  DatabaseVersion version = open_database(global, arguments.database);
  require_scannable(version);
  check_snapshot(arguments, version.last_sequence);
  return version;
}

ScannerOptions with_backend(ScannerOptions options, Backend backend) {
  options.backend = backend;
  return options;
}

// A database that is open, and what scans it.
struct OpenedScan {
  OpenedScan(GlobalArguments const& global, ScanArguments const& arguments, Query const& query)
      : version(open_scannable(global, arguments)),
        backend(choose_backend(global.scanner, version, &query)),
        scanner(version, with_backend(global.scanner, backend.backend)) {}

  DatabaseVersion version;
  BackendChoice backend;
  Scanner scanner;
};

}  // namespace

DatabaseVersion open_database(GlobalArguments const& global, DatabaseArguments const& arguments) {
  OpenOptions options = arguments.options;
  options.memory_bytes = global.scanner.memory_bytes;
  std::error_code error;  // what can't be asked is no file: opening it tells why
  bool const are_files = fs::is_regular_file(arguments.paths.front(), error);
  if (!are_files && arguments.paths.size() > 1) {
    throw Error(ErrorCode::kUsage,
                fmt::format("{} is no table file: several of those may be named, or one directory",
                            arguments.paths.front()));
  }
  DatabaseVersion version = are_files ? open_table_files(arguments.paths, options)
                                      : open_version(arguments.paths.front(), options);
  if (!global.quiet) {
    for (std::string const& remark : version.remarks) print_message(remark);
  }
  return version;
}

void check_snapshot(ScanArguments const& arguments, uint64_t last_sequence) {
  if (!arguments.snapshot || *arguments.snapshot == last_sequence) return;
  if (*arguments.snapshot > last_sequence) {
    throw Error(ErrorCode::kUsage, fmt::format("--snapshot {}: the newest sequence number is {}",
                                               *arguments.snapshot, last_sequence));
  }
  if (arguments.snapshot_held) return;
  print_message(
      fmt::format("--snapshot {} is below the newest ({}): exact only if a live writer has held it "
                  "through every "
                  "compaction since (--snapshot-held says that one has)",
                  *arguments.snapshot, last_sequence));
}

void announce_backend(GlobalArguments const& global, BackendChoice const& choice) {
  if (!global.verbose) return;
  print_message(choice.text());
}

void print_statistics(GlobalArguments const& global, ScanStatistics const& statistics) {
  if (global.statistics == StatisticsStyle::kText) {
    fmt::print(stderr, "{}", statistics_text(statistics));
  } else if (global.statistics == StatisticsStyle::kJson) {
    fmt::print(stderr, "{}\n", statistics_json(statistics));
  }
}

int print_to_stdout(std::string const& text) {
  OutputFile file;
  try {
    file.write(text);
    file.flush();
  } catch (Error const&) {
    if (!file.reader_gone()) throw;
  }
  return 0;
}

int run_scan_command(GlobalArguments const& global, ScanArguments const& arguments) {
  Query const query = make_query(arguments);
  refuse_output_among_input(arguments);
  std::optional<OpenedScan> scan;
  scan.emplace(global, arguments, query);
  announce_backend(global, scan->backend);

  std::unique_ptr<OutputFile> const file = arguments.output
                                               ? std::make_unique<OutputFile>(*arguments.output)
                                               : std::make_unique<OutputFile>();
  std::unique_ptr<TextSink> const sink = make_text_sink(
      choose_format(arguments), arguments.hex ? BytesStyle::kHex : BytesStyle::kEscaped,
      output_columns(query), *file);
  ScanResult result;
  try {
    sink->begin();
    NotingSink noting(*sink);
    for (int attempt = 1;; ++attempt) {
      try {
        result =
            scan->scanner.run(query, query.aggregates.empty() ? &noting : nullptr, &interrupted());
        break;
      } catch (FileVanished const&) {
        // Of tables that can't all be kept open one was compacted away: its rows are elsewhere now.
        if (noting.has_rows() || attempt == kAttemptsMax) throw;
        scan.emplace(global, arguments, query);
      }
    }
    write_aggregates(query, result, *sink);
    sink->finish();
    file->commit();
  } catch (...) {
    return report_incomplete(std::current_exception(), *file, *sink);
  }
  print_statistics(global, result.statistics);
  return 0;
}

}  // namespace levelscan
