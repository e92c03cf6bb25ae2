// `levelscan bench` and what it is made of. How fast anything is, no test says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "levelscan/error.hpp"
#include "peer/bench.hpp"
#include "peer/bench_database.hpp"
#include "peer/machine_limits.hpp"
#include "query/aggregates.hpp"
#include "query/parser.hpp"
#include "query/schema.hpp"
#include "support/cli_fixture.hpp"

namespace levelscan {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr uint64_t kEntries = 20000;

class Bench : public testing::CliFixture {
 protected:
  std::string write(BenchDatabaseShape shape) const {
    shape.entries = kEntries;
    std::string path = directory_ / shape.name();
    write_bench_database(path, shape);
    return path;
  }

  static BenchReport measure(std::string const& path, Query const& query) {
    BenchOptions options;
    options.rounds = 1;
    options.scanner.backend = Backend::kCpu;
    options.scanner.threads = 3;
    return run_bench(path, query, options);
  }

  static std::vector<std::string> names(BenchReport const& report) {
    std::vector<std::string> all;
    for (Measurement const& measurement : report.measurements) all.push_back(measurement.name);
    return all;
  }
};

Query aggregate_query(std::string const& condition, std::string const& aggregates) {
  Schema schema;
  schema.define("field:u32@value+0");
  Query query;
  if (!condition.empty()) {
    query.where = std::make_shared<Expression const>(parse_expression(condition, schema));
  }
  query.aggregates = parse_aggregates(aggregates, schema);
  return query;
}

// run_bench() itself compares the answers of all that it measures, and throws where they differ.
TEST_F(Bench, IteratorsAndScansAgreeWhateverTheQuery) {
  std::string const path = write({});
  for (std::string const condition :
       {"", "field < 42949672", "field >= 4000000000", "field = 1 or key_size = 16"}) {
    SCOPED_TRACE(condition);
    BenchReport const report = measure(
        path, aggregate_query(condition, "count(),sum(field),min(field),max(key),avg(field)"));
    EXPECT_EQ(report.rows_seen, kEntries * 9 / 10);
    EXPECT_THAT(names(report), Contains("iterator-threads"));
    EXPECT_THAT(names(report), Contains("cpu-threads"));
    EXPECT_THAT(names(report), Contains("read-hash"));
  }
  Query rows;
  rows.columns = parse_columns("key,value,value_size", Schema());
  EXPECT_GT(measure(path, rows).text_bytes, kEntries * 9 / 10 * 100);
  rows.limit = 7;
  BenchReport const limited = measure(path, rows);
  EXPECT_EQ(limited.rows_found, 7u);
  EXPECT_THAT(names(limited), ::testing::Not(Contains("iterator-threads")));
}

TEST_F(Bench, IteratorsAndScansAgreeOnRanges) {
  BenchDatabaseShape shape;
  shape.entries = kEntries;
  Query query = aggregate_query("", "count(),sum(field),max(key)");
  query.ranges.emplace();
  for (uint64_t i = 0; i < 500; ++i) {
    QueryRange& range = query.ranges->emplace_back();
    range.id = std::to_string(i);
    if (i != 7) range.keys.from = shape.key(i * 31);
    if (i != 11) range.keys.to = shape.key(i * 31 + i % 100);
  }
  BenchReport const report = measure(write({}), query);
  EXPECT_THAT(names(report), Contains("iterator-threads"));
  EXPECT_THAT(names(report), Contains("cpu-threads"));
}

TEST_F(Bench, ShapesHaveTheRunsAndRowsTheyAskFor) {
  struct Case {
    uint32_t runs;
    bool level0;
    double overwritten;
    uint64_t rows;
  };
  for (Case const& expected :
       {Case{1, false, 0.1, kEntries}, Case{2, false, 0.25, kEntries * 3 / 4},
        Case{5, false, 0.1, kEntries * 9 / 10}, Case{20, true, 0.5, kEntries / 2},
        Case{3, true, 0, kEntries}}) {
    BenchDatabaseShape shape;
    shape.runs = expected.runs;
    shape.level0 = expected.level0;
    shape.overwritten = expected.overwritten;
    SCOPED_TRACE(shape.name());
    BenchReport const report = measure(write(shape), aggregate_query("", "count()"));
    EXPECT_EQ(report.runs, expected.runs);
    EXPECT_EQ(report.rows_found, expected.rows);
  }
  BenchDatabaseShape none;
  none.value_bytes = 3;
  EXPECT_THROW(write(none), Error);
}

TEST_F(Bench, LimitsReadAndDecompressEveryCodec) {
  for (std::string const codec : {"none", "snappy", "zlib", "bzip2", "lz4", "zstd"}) {
    SCOPED_TRACE(codec);
    BenchDatabaseShape shape;
    shape.compression = codec;
    DatabaseVersion const version = open_version(write(shape));
    MachineLimits limits(version, KeyRange{});
    EXPECT_EQ(limits.is_compressed(), codec != "none");
    limits.read();
    limits.read_and_hash();
    limits.read_hash_and_decompress();
    limits.evict();
  }
}

TEST_F(Bench, CommandPrintsATableOrALineForEachContender) {
  std::string const path = write({});
  std::vector<std::string> const question = {"bench",  path,      "--rounds", "1",
                                             "--agg",  "count()", "--only",   "iterator,cpu,read",
                                             "--cold", "--only",  "cpu-cold", "--peak-memory"};
  testing::Outcome const table = run(question);
  EXPECT_EQ(table.exit_code, 0) << table.errors;
  EXPECT_THAT(table.output, HasSubstr("18000 of 18000 rows (100.00 %), the same by all"));
  EXPECT_THAT(table.output, HasSubstr("peak memory, levelscan cpu, 1 thread"));

  std::vector<std::string> as_json = question;
  as_json.push_back("--json");
  testing::Outcome const lines = run(as_json);
  EXPECT_EQ(lines.exit_code, 0) << lines.errors;
  std::istringstream text(lines.output);
  std::vector<std::string> contenders;
  for (std::string line; std::getline(text, line);) {
    nlohmann::json const json = nlohmann::json::parse(line);
    contenders.push_back(json.at("contender"));
    EXPECT_GT(json.at("seconds").at("median"), 0.0);
    EXPECT_EQ(json.at("database").at("runs"), 4);
    EXPECT_TRUE(json.at("machine").contains("processor"));
    EXPECT_TRUE(json.at("versions").contains("librocksdb_has_assertions"));
    EXPECT_TRUE(json.at("versions").contains("commit"));
  }
  EXPECT_EQ(contenders, (std::vector<std::string>{"iterator", "cpu", "cpu-cold", "read"}));

  testing::Outcome const open = run({"bench", path, "--open", "--rounds", "1"});
  EXPECT_EQ(open.exit_code, 0) << open.errors;
  EXPECT_THAT(open.output, HasSubstr("levelscan, opening"));

  EXPECT_EQ(run({"bench", path, "--only", "turtle"}).exit_code, 2);
  EXPECT_EQ(run({"bench", path, "--snapshot", "1"}).exit_code, 2);
  EXPECT_EQ(run({"bench", path, "--select", "seq"}).exit_code, 2);
}

}  // namespace
}  // namespace levelscan
