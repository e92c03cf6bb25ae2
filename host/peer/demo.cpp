#include "peer/demo.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "levelscan/error.hpp"
#include "peer/demo_database.hpp"
#include "peer/peer_scan.hpp"
#include "peer/rocksdb_build.hpp"
#include "peer/rocksdb_reader.hpp"
#include "peer/rounds.hpp"
#include "peer/row_record.hpp"
#include "peer/verify.hpp"
#include "query/aggregates.hpp"
#include "query/parser.hpp"

namespace levelscan {
namespace {

namespace fs = std::filesystem;

// Part of the directory's name: another shape of the sample needs another one.
constexpr std::string_view kDatabaseName = "orders-1";

struct DemoQuery {
  std::string title;
  Query query;
};

// Rows as records one after the other, or aggregates.
struct Answer {
  uint64_t rows = 0;
  std::string records;
  std::vector<AggregateValue> aggregates;
  uint64_t entries_seen = 0;  // levelscan's only
};

class AnswerSink final : public RecordSink {
 public:
  explicit AnswerSink(std::string& records) : records_(records) {}

 private:
  void take(std::string_view record) override {
    uint32_t const size = static_cast<uint32_t>(record.size());
    records_.append(reinterpret_cast<char const*>(&size), sizeof size);
    records_ += record;
  }

  std::string& records_;
};

fs::path default_directory() {
  return fs::temp_directory_path() / fmt::format("levelscan-demo-{}", ::getuid());
}

void remove_quietly(fs::path const& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// A finished database is renamed to its name, so one that stands there is whole.
std::string prepare_database(fs::path const& directory) {
  fs::path const database = directory / kDatabaseName;
  try {
    if (fs::exists(database)) {
      fmt::print(stderr, "using the sample database {}\n", database.string());
      return database.string();
    }
    fs::create_directories(directory);
    fs::path const unfinished = fmt::format("{}.unfinished-{}", database.string(), ::getpid());
    fmt::print(stderr, "writing the sample database {}\n", database.string());
    try {
      double const seconds = seconds_of([&] { write_demo_database(unfinished.string()); });
      fs::rename(unfinished, database);
      fmt::print(stderr, "written in {:.1f} s\n", seconds);
    } catch (...) {
      remove_quietly(unfinished);
      throw;
    }
  } catch (fs::filesystem_error const& error) {
    throw Error(ErrorCode::kRuntime, error.what());
  }
  return database.string();
}

std::vector<DemoQuery> demo_queries() {
  Schema schema;
  for (std::string const& field : demo_fields()) schema.define(field);
  std::vector<DemoQuery> queries;
  auto const add = [&](std::string title, std::string const& where, std::string const& aggregates,
                       std::string const& columns) -> Query& {
    DemoQuery demo;
    demo.title = std::move(title);
    if (!where.empty()) {
      demo.query.where = std::make_shared<Expression const>(parse_expression(where, schema));
    }
    if (!aggregates.empty()) demo.query.aggregates = parse_aggregates(aggregates, schema);
    if (!columns.empty()) demo.query.columns = parse_columns(columns, schema);
    queries.push_back(std::move(demo));
    return queries.back().query;
  };
  add("how many orders", "", "count()", "");
  add("large orders", "amount >= 930000", "count()", "");
  add("revenue of a region", "region = 'APAC' and status in (2, 3)",
      "count(), sum(amount), avg(discount), max(amount)", "");
  add("urgent and returned", "priority = 4 and status = 4 and note is not null", "",
      "customer,order,amount,note");
  Query& customers =
      add("customers 10000-14999", "", "count(), sum(amount), min(created), max(created)", "");
  customers.keys.from = demo_customer_prefix(10000);
  customers.keys.to = demo_customer_prefix(15000);
  Query& customer = add("one customer's orders", "", "", "order,status,amount,region,created");
  customer.keys.from = demo_customer_prefix(4711);
  customer.keys.to = demo_customer_prefix(4712);
  add("everything, as rows", "", "", "key,status,amount");
  return queries;
}

Answer ask_levelscan(Scanner& scanner, Query const& query, std::atomic<bool> const* interrupted) {
  Answer answer;
  AnswerSink sink(answer.records);
  ScanResult result = scanner.run(query, query.aggregates.empty() ? &sink : nullptr, interrupted);
  answer.rows = result.rows_found;
  answer.aggregates = std::move(result.aggregates);
  answer.entries_seen = result.statistics.entries_seen;
  return answer;
}

Answer ask_iterator(PeerScan& scan) {
  Answer answer;
  AnswerSink sink(answer.records);
  PeerAnswer found = scan.run(&sink);
  answer.rows = found.rows_found;
  answer.aggregates = std::move(found.aggregates);
  return answer;
}

// Says on stderr what differs.
bool agree(DemoQuery const& demo, Answer const& found, Answer const& expected) {
  bool equal = found.rows == expected.rows && found.records == expected.records;
  for (std::size_t i = 0; i < expected.aggregates.size(); ++i) {
    AggregateColumn const& column = demo.query.aggregates[i];
    bool const is_sum =
        column.function == AggregateFunction::kSum || column.function == AggregateFunction::kAvg;
    if (aggregates_agree(found.aggregates.at(i), expected.aggregates[i], is_sum)) continue;
    equal = false;
    fmt::print(stderr, "{}: {} is {} by levelscan, {} by librocksdb\n", demo.title, column.label,
               describe_aggregate(found.aggregates[i]), describe_aggregate(expected.aggregates[i]));
  }
  if (equal) return true;
  fmt::print(stderr, "{}: levelscan has {} rows, librocksdb {}; they are not the same\n",
             demo.title, found.rows, expected.rows);
  std::string_view found_rest = found.records;
  std::string_view expected_rest = expected.records;
  while (!found_rest.empty() && !expected_rest.empty()) {
    std::string_view const found_record = take_record(found_rest);
    std::string_view const expected_record = take_record(expected_rest);
    if (found_record == expected_record) continue;
    fmt::print(stderr, "  levelscan  {}\n  librocksdb {}\n", describe_record(found_record),
               describe_record(expected_record));
    break;
  }
  return false;
}

void print_header(DatabaseVersion const& version, DemoOptions const& options, Backend backend) {
  uint64_t bytes = 0;
  std::size_t level_zero = 0;
  std::size_t levels = 0;
  for (SortedRun const& run : version.runs) {
    ++(run.level == 0 ? level_zero : levels);
    for (TableMeta const& meta : run.metas) bytes += meta.file_bytes;
  }
  std::string engine = "the GPU";
  if (backend != Backend::kCuda) {
    uint32_t const threads = options.scanner.threads != 0
                                 ? options.scanner.threads
                                 : std::max(1u, std::thread::hardware_concurrency());
    engine = fmt::format("{} CPU thread{}", threads, threads == 1 ? "" : "s");
  }
  fmt::print(
      "{}: {} overlapping L0 files and {} levels, {:.0f} MB\n"
      "levelscan on {}; librocksdb {}'s iterator on one thread (no cache filling, 4 MiB "
      "readahead)\n"
      "both warm, checksums {}; median of {} rounds in turn\n\n",
      version.path, level_zero, levels, 1e-6 * static_cast<double>(bytes), engine,
      rocksdb_version(), options.scanner.verify_checksums ? "verified" : "not verified",
      options.rounds);
  fmt::print("{:<23} {:>12} {:>11} {:>10} {:>12} {:>12} {:>7}\n", "scan", "rows scanned",
             "rows found", "time", "rate", "iterator", "ratio");
}

}  // namespace

int run_demo(DemoOptions const& options, std::atomic<bool> const* interrupted) {
  // What was asked for by name and isn't there is told before a database is made.
  static_cast<void>(choose_backend(options.scanner.backend, cuda_unavailable_reason(),
                                   scan_size(options.scanner)));
  std::string const path = prepare_database(
      options.directory.empty() ? default_directory() : fs::path(options.directory));
  DatabaseVersion const version = open_version(path);
  BackendChoice const backend = choose_backend(options.scanner, version);
  if (options.explains_backend) fmt::print(stderr, "levelscan: {}\n", backend.text());
  Scanner scanner(version, options.scanner);
  RocksdbReader const reader(path, version);
  ReadKnobs knobs;
  knobs.verify_checksums = options.scanner.verify_checksums;

  print_header(version, options, backend.backend);
  std::fflush(stdout);
  bool all_agree = true;
  for (DemoQuery const& demo : demo_queries()) {
    PeerScan peer(reader, demo.query, {demo.query.keys.range(version.key_order)}, knobs);
    Answer found;
    Answer expected;
    std::vector<double> scan_seconds;
    std::vector<double> iterator_seconds;
    bool equal = true;
    // The first round warms up, and is checked like the others.
    for (uint32_t round = 0; round <= options.rounds && equal; ++round) {
      double const iterator_time = seconds_of([&] { expected = ask_iterator(peer); });
      double const scan_time =
          seconds_of([&] { found = ask_levelscan(scanner, demo.query, interrupted); });
      equal = agree(demo, found, expected);
      if (round == 0 && options.rounds != 0) continue;
      iterator_seconds.push_back(iterator_time);
      scan_seconds.push_back(scan_time);
    }
    all_agree = all_agree && equal;
    if (!equal) {
      fmt::print("{:<23} {:>12} {:>11} DIFFERENT\n", demo.title, found.entries_seen, found.rows);
      continue;
    }
    double const scan_time = spread_of(scan_seconds).median;
    double const iterator_time = spread_of(iterator_seconds).median;
    fmt::print("{:<23} {:>12} {:>11} {:>7.1f} ms {:>8.1f} M/s {:>9.1f} ms {:>6.{}f}x\n", demo.title,
               found.entries_seen, found.rows, 1e3 * scan_time,
               1e-6 * static_cast<double>(found.entries_seen) / scan_time, 1e3 * iterator_time,
               iterator_time / scan_time, iterator_time < scan_time ? 2 : 1);
    std::fflush(stdout);
  }
  fmt::print("\n{}\n", all_agree ? "Every answer is the iterator's, row for row."
                                 : "ANSWERS DIFFER: see above.");
  if (rocksdb_has_assertions()) {
    fmt::print(
        "This librocksdb is compiled with assertions, which slow its iterator: the ratios "
        "flatter levelscan by about 1.4.\n");
  }
  fmt::print("The iterator's time includes testing the condition on each row in plain C++.\n");
  return all_agree ? 0 : static_cast<int>(ErrorCode::kDifference);
}

}  // namespace levelscan
