#include "cli/arguments.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/ranges_file.hpp"
#include "levelscan/error.hpp"
#include "query/aggregates.hpp"
#include "query/key_argument.hpp"
#include "query/parser.hpp"
#include "query/schema.hpp"

namespace levelscan {
namespace {

// An option whose presence counts, even with an empty value.
void add_text(CLI::App& app, std::string const& name, std::optional<std::string>& value,
              std::string const& help, std::string const& type) {
  app.add_option_function<std::string>(
         name, [&value](std::string const& given) { value = given; }, help)
      ->type_name(type);
}

// CLI11's own conversion takes "-1" for a large unsigned number.
template <class Number>
Number parse_number(std::string const& name, std::string const& text) {
  Number value{};
  char const* const end = text.data() + text.size();
  std::from_chars_result const result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) {
    throw Error(ErrorCode::kUsage, fmt::format("{} '{}': a number from 0 to {} is expected", name,
                                               text, std::numeric_limits<Number>::max()));
  }
  return value;
}

// `set` takes a Number.
template <class Number, class Set>
void add_number(CLI::App& app, std::string const& name, std::string const& help, Set const& set) {
  app.add_option_function<std::string>(
         name, [name, set](std::string const& given) { set(parse_number<Number>(name, given)); },
         help)
      ->type_name("N");
}

// An option that takes one of a few words.
template <class Value, class Set>
void add_choice(CLI::App& app, std::string const& name, std::map<std::string, Value> const& choices,
                Set const& set, std::string const& help) {
  std::string words;
  for (auto const& [word, value] : choices) words += (words.empty() ? "" : "|") + word;
  app.add_option_function<std::string>(
         name,
         [choices, set, name, words](std::string const& given) {
           auto const found = choices.find(given);
           if (found == choices.end()) {
             throw Error(ErrorCode::kUsage, fmt::format("{} '{}': one of {}", name, given, words));
           }
           set(found->second);
         },
         help)
      ->type_name(words);
}

// "NAME=bytewise" or "NAME=reverse"; names may hold equals signs.
std::pair<std::string, KeyOrder> parse_comparator(std::string const& text) {
  std::size_t const equals = text.rfind('=');
  std::string const order = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (equals != 0 && (order == "bytewise" || order == "reverse")) {
    return {text.substr(0, equals),
            order == "bytewise" ? KeyOrder::kBytewise : KeyOrder::kReverseBytewise};
  }
  throw Error(ErrorCode::kUsage,
              fmt::format("--comparator '{}': NAME=bytewise or NAME=reverse", text));
}

}  // namespace

uint64_t parse_size(std::string const& flag, std::string const& text) {
  struct Unit {
    std::string_view name;
    unsigned shift;
  };
  constexpr std::array<Unit, 8> kUnits = {
      {{"", 0}, {"B", 0}, {"K", 10}, {"KiB", 10}, {"M", 20}, {"MiB", 20}, {"G", 30}, {"GiB", 30}}};
  uint64_t value = 0;
  char const* const end = text.data() + text.size();
  std::from_chars_result const result = std::from_chars(text.data(), end, value);
  std::string_view const unit_name(result.ptr, static_cast<std::size_t>(end - result.ptr));
  if (result.ec == std::errc() && value != 0) {
    for (Unit const& unit : kUnits) {
      if (unit_name == unit.name && value <= std::numeric_limits<uint64_t>::max() >> unit.shift) {
        return value << unit.shift;
      }
    }
  }
  throw Error(
      ErrorCode::kUsage,
      fmt::format("{} '{}': a size is a number of bytes, or one with K, M, G, KiB, MiB or GiB",
                  flag, text));
}

void add_global_flags(CLI::App& app, GlobalArguments& arguments) {
  ScannerOptions& scanner = arguments.scanner;
  add_choice<Backend>(
      app, "--backend",
      {{"auto", Backend::kAuto}, {"cpu", Backend::kCpu}, {"cuda", Backend::kCuda}},
      [&scanner](Backend backend) { scanner.backend = backend; },
      "Where kernels run (auto: on a GPU where there is one)");
  add_number<uint16_t>(app, "--device", "Which CUDA device",
                       [&scanner](uint16_t ordinal) { scanner.device_ordinal = ordinal; });
  add_number<uint32_t>(app, "--threads", "Threads (0: as many as cores)",
                       [&scanner](uint32_t threads) { scanner.threads = threads; });
  add_number<uint32_t>(app, "--scans-max",
                       "Scan buffers in the pool: tasks in flight (0: from threads and memory)",
                       [&scanner](uint32_t scans_max) { scanner.scans_max = scans_max; });
  app.add_option_function<std::string>(
         "--memory",
         [&scanner](std::string const& size) {
           scanner.memory_bytes = parse_size("--memory", size);
         },
         "Memory of the pool, and on a CPU of mapped tables (the smaller of 1 GiB and a quarter of "
         "RAM)")
      ->type_name("SIZE");
  app.add_option_function<std::string>(
         "--device-cache",
         [&scanner](std::string const& size) {
           scanner.device_cache_bytes = parse_size("--device-cache", size);
         },
         "Memory of a GPU that keeps data blocks from one scan to the next (none)")
      ->type_name("SIZE");
  app.add_flag_callback(
      "--no-verify-checksums", [&scanner] { scanner.verify_checksums = false; },
      "Don't verify the checksums of blocks");
  app.add_option_function<std::string>(
         "--stats",
         [&arguments, &scanner](std::string const& style) {
           if (style != "text" && style != "json") {
             throw Error(ErrorCode::kUsage, fmt::format("--stats={}: text or json", style));
           }
           scanner.tells_device_times = true;
           arguments.statistics = style == "json" ? StatisticsStyle::kJson : StatisticsStyle::kText;
         },
         "Statistics on stderr; --stats=json: one line of JSON, the last")
      ->type_name("text|json");
  app.add_flag("--json", arguments.json, "info, doctor, verify, bench: JSON on stdout");
  app.add_flag("-q,--quiet", arguments.quiet, "Only errors on stderr");
  app.add_flag("-v,--verbose", arguments.verbose, "Say on stderr what is being done")
      ->excludes("-q");
}

void add_database_flags(CLI::App& command, DatabaseArguments& arguments) {
  command
      .add_option("DB", arguments.paths,
                  "Directory of a database, a checkpoint or a backup; or table files (*.sst)")
      ->required();
  command
      .add_option("--db-path", arguments.options.table_directories,
                  "Another directory with tables of the database (db_paths; may be repeated)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command
      .add_option("--cf", arguments.options.column_family,
                  "Column family (info lists them; \"default\" unless told)")
      ->type_name("NAME");
  command.add_flag_callback(
      "--no-wal", [&arguments] { arguments.options.use_wal = false; },
      "Leave out rows that stand in the write-ahead log only");
  add_text(command, "--wal-dir", arguments.options.wal_directory,
           "Where the write-ahead logs are (as the OPTIONS file says)", "DIR");
  command
      .add_option_function<std::vector<std::string>>(
          "--comparator",
          [&arguments](std::vector<std::string> const& given) {
            for (std::string const& text : given) {
              auto const [name, order] = parse_comparator(text);
              arguments.options.comparators.insert_or_assign(name, order);
            }
          },
          "The order that a comparator of this name keeps (may be repeated); every key read is "
          "checked")
      ->type_name("NAME=bytewise|reverse")
      ->allow_extra_args(false);
  command
      .add_option_function<std::string>(
          "--merge-operator",
          [&arguments](std::string const& given) {
            arguments.options.merge_operator = parse_merge_operator(given);
            if (!arguments.options.merge_operator) {
              throw Error(ErrorCode::kUsage,
                          fmt::format("--merge-operator '{}': uint64add, stringappend, "
                                      "stringappendtest, max or put, or "
                                      "{{id=stringappend;delimiter=D}}",
                                      given));
            }
          },
          "What merges operands (what the database's own files name)")
      ->type_name("NAME");
}

void add_scan_flags(CLI::App& command, ScanArguments& arguments) {
  add_database_flags(command, arguments.database);
  add_text(command, "--from", arguments.from, "First key (inclusive)", "KEY");
  add_text(command, "--to", arguments.to, "Last key (exclusive)", "KEY");
  add_text(command, "--prefix", arguments.prefix, "Only keys that begin so", "KEY");
  add_text(command, "--ranges", arguments.ranges,
           "Many ranges at once: {\"id\": \"...\", \"from\": \"...\", \"to\": \"...\"} a line",
           "FILE");
  command.add_option("--field", arguments.fields, "Define a column (may be repeated)")
      ->type_name("NAME:TYPE@PLACE")
      ->allow_extra_args(false);
  add_text(command, "--where", arguments.where, "Only rows for which this is true", "EXPR");
  add_text(command, "--select", arguments.select, "Columns of the output (key,value)", "A,B,...");
  add_text(command, "--agg", arguments.aggregates,
           "Aggregates instead of rows: count(), count(f), sum(f), min(f), max(f), avg(f)", "LIST");
  add_number<uint64_t>(command, "--limit", "At most so many rows",
                       [&arguments](uint64_t rows) { arguments.limit = rows; });
  add_number<uint64_t>(command, "--snapshot", "See the database as of this sequence number",
                       [&arguments](uint64_t sequence) { arguments.snapshot = sequence; });
  command.add_flag("--snapshot-held", arguments.snapshot_held,
                   "A live writer holds that snapshot: no remark about it");
}

void add_checksums_flag(CLI::App& command, bool& checksums) {
  std::vector<CLI::Option*> const others = command.get_options();
  CLI::Option* const flag =
      command.add_flag("--checksums", checksums,
                       "Read every block of every live file instead, and report each that is bad");
  for (CLI::Option* const other : others) {
    bool const says_what_to_scan = !other->get_positional() && other->get_name() != "--help" &&
                                   other->get_name() != "--comparator";
    if (says_what_to_scan) flag->excludes(other);
  }
}

void add_output_flags(CLI::App& command, ScanArguments& arguments) {
  add_choice<OutputFormat>(
      command, "--format",
      {{"csv", OutputFormat::kCsv},
       {"jsonl", OutputFormat::kJsonl},
       {"table", OutputFormat::kTable}},
      [&arguments](OutputFormat format) { arguments.format = format; },
      "Form of the output (table on a terminal, else csv)");
  command.add_flag("--hex", arguments.hex, "Byte strings as hex");
  command
      .add_option_function<std::string>(
          "-o,--output",
          [&arguments](std::string const& path) {
            if (path.empty()) throw Error(ErrorCode::kUsage, "-o '': a file name is expected");
            arguments.output = path;
          },
          "Write to a file")
      ->type_name("FILE");
}

void add_bench_flags(CLI::App& command, BenchArguments& arguments) {
  add_number<uint32_t>(command, "--rounds", "Measured rounds (5), after one to warm up",
                       [&arguments](uint32_t rounds) { arguments.rounds = std::max(1u, rounds); });
  command.add_option("--only", arguments.only, "Only these contenders (by the names in --json)")
      ->delimiter(',')
      ->type_name("A,B,...")
      ->allow_extra_args(false);
  command.add_flag("--cold", arguments.cold,
                   "Each reader once more with the files dropped from memory before");
  command.add_flag("--peak-memory", arguments.peak_memory,
                   "Each reader once in a process of its own, whose peak memory is told");
  command.add_flag("--open", arguments.open,
                   "Measure opening the database and planning a scan of all of it");
}

Query make_query(ScanArguments const& arguments) {
  auto const key = [](std::string_view option, std::optional<std::string> const& argument) {
    return argument ? std::optional(parse_key_argument(option, *argument)) : std::nullopt;
  };
  Query query;
  query.keys = {key("--from", arguments.from), key("--to", arguments.to),
                key("--prefix", arguments.prefix)};
  if (arguments.ranges) {
    if (arguments.from || arguments.to || arguments.prefix) {
      throw Error(ErrorCode::kUsage, "--ranges excludes --from, --to and --prefix");
    }
    query.ranges = read_ranges_file(*arguments.ranges);
  }

  Schema schema;
  for (std::string const& field : arguments.fields) schema.define(field);
  if (arguments.where) {
    query.where = std::make_shared<Expression const>(parse_expression(*arguments.where, schema));
  }
  if (arguments.select && arguments.aggregates) {
    throw Error(ErrorCode::kUsage, "--select and --agg exclude each other");
  }
  if (arguments.aggregates) {
    query.aggregates = parse_aggregates(*arguments.aggregates, schema);
  } else {
    query.columns = parse_columns(arguments.select.value_or("key,value"), schema);
  }
  for (NamedField const& column : query.columns) {
    if (query.ranges && column.name == "range") {
      throw Error(ErrorCode::kUsage,
                  "with --ranges the first column is named 'range': give the field another name");
    }
  }
  if (arguments.limit) query.limit = *arguments.limit;
  query.snapshot = arguments.snapshot;
  return query;
}

}  // namespace levelscan
