// Random databases written with librocksdb, scanned in every way there is, against librocksdb's own
// iterator and a predicate evaluator that shares nothing with the kernels.
//
// LEVELSCAN_SEEDS says how many databases (default kDatabases), LEVELSCAN_SEED where to begin: a
// failure names the seed that makes it happen again with LEVELSCAN_SEEDS=1.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "device/device.hpp"
#include "execute/scanner.hpp"
#include "levelscan/error.hpp"
#include "peer/row_evaluator.hpp"
#include "peer/row_record.hpp"
#include "peer/verify.hpp"
#include "query/parser.hpp"
#include "support/block_device.hpp"
#include "support/lagging_device.hpp"
#include "support/random.hpp"
#include "support/random_database.hpp"
#include "support/random_database_shape.hpp"
#include "support/random_query.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan::test {
namespace {

constexpr uint64_t kDatabases = 240;
constexpr uint32_t kScannersEach = 5;
constexpr uint32_t kQueriesEach = 12;

uint64_t number_from_environment(char const* name, uint64_t otherwise) {
  char const* const text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 0);
}

class Collector final : public RecordSink {
 public:
  [[nodiscard]] std::vector<std::string> const& records() const { return records_; }

 private:
  void take(std::string_view record) override { records_.emplace_back(record); }

  std::vector<std::string> records_;
};

struct Coverage {
  DatabaseShape shape;
  std::set<KeyOrder> key_orders;
  std::set<std::string> column_families;
  uint64_t databases_with_unflushed_rows = 0;
  uint64_t databases_with_several_logs = 0;
  uint64_t scans = 0;
  uint64_t scans_with_rows = 0;
  uint64_t scans_of_several_windows = 0;
  uint64_t scans_of_several_tasks = 0;
  uint64_t aggregate_scans = 0;
  uint64_t limited_scans = 0;
  uint64_t range_scans = 0;  // of many ranges, with rows
  uint64_t old_snapshots = 0;
  uint64_t shadowed_value = 0;
  uint64_t shadowed_tombstone = 0;
  uint64_t shadowed_range = 0;
  uint64_t filtered = 0;
  uint64_t values_merged = 0;
  uint64_t values_from_blobs = 0;
  uint64_t windows_probed = 0;
  uint64_t windows_marked = 0;
  uint64_t windows_merged = 0;
  uint64_t windows_split = 0;
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  std::set<std::string> devices;
};

// A device and what it stands on.
struct TestDevice {
  std::string name;
  std::unique_ptr<Device> inner;
  std::unique_ptr<Device> decorator;
  [[nodiscard]] Device& device() const { return decorator ? *decorator : *inner; }
};

TestDevice draw_device(Random& random) {
  TestDevice result;
  static bool const has_cuda = cuda_unavailable_reason().empty();
  if (has_cuda && random.one_in(2)) {
    result.name = "cuda";
    result.inner = make_cuda_device(0);
    return result;
  }
  switch (random.below(6)) {
    case 0:
    case 1:
      result.name = "cpu, aliasing mirror";
      result.inner = make_cpu_device(CpuMirror::kAliasing);
      break;
    case 2:
    case 3:
      result.name = "cpu, separate mirror";
      result.inner = make_cpu_device(CpuMirror::kSeparate);
      break;
    case 4:
      result.name = "lagging";
      result.inner = make_cpu_device(CpuMirror::kSeparate);
      result.decorator = std::make_unique<LaggingDevice>(*result.inner);
      break;
    default: result.name = "shuffled"; result.inner = make_shuffled_device(random.next());
  }
  return result;
}

ScannerOptions draw_options(Random& random, std::string& description) {
  ScannerOptions options;
  options.threads = random.between(1, 3);
  options.verify_checksums = !random.one_in(5);
  options.memory_bytes = 256 << 20;
  options.resolve = random.pick(std::vector<ResolveStrategy>{
      ResolveStrategy::kAuto, ResolveStrategy::kProbe, ResolveStrategy::kMark,
      ResolveStrategy::kMerge, ResolveStrategy::kSplit});
  if (!random.one_in(5)) {
    // Tiny: every edge of every buffer is met.
    options.scans_max = random.between(1, 3);
    options.data_block_bytes =
        random.pick(std::vector<uint32_t>{256, 300, 512, 1024, 2048, 4096, 16384});
    options.candidates_max = random.pick(std::vector<uint32_t>{1, 4, 16, 64, 1024});
    options.candidate_key_bytes = random.pick(std::vector<uint32_t>{64, 256, 1024, 16384});
    options.result_bytes = random.pick(std::vector<uint32_t>{1, 256, 400, 1024, 8192});
    options.control_bytes = random.pick(std::vector<uint32_t>{1, 512, 1000, 4000, 65536});
    options.read_area_bytes = random.pick(std::vector<uint32_t>{64, 256, 4096, 65536});
    options.values_bytes = random.pick(std::vector<uint32_t>{1, 64, 300, 4096, 65536});
  }
  if (random.one_in(2)) {
    options.device_cache_bytes =
        random.pick(std::vector<uint64_t>{1, 3000, 20000, 100000, 1 << 20, 16 << 20});
  }
  if (!random.one_in(3)) {
    options.task_bytes = random.pick(std::vector<uint64_t>{1, 500, 4000, 20000, 100000});
  }
  description = fmt::format(
      "threads {} scans_max {} data_block {} candidates {} keys {} result {} control {} read_area "
      "{} "
      "task {} verify {} cache {} resolve {}",
      options.threads, options.scans_max, options.data_block_bytes, options.candidates_max,
      options.candidate_key_bytes, options.result_bytes, options.control_bytes,
      options.read_area_bytes, options.task_bytes, options.verify_checksums,
      options.device_cache_bytes, static_cast<int>(options.resolve));
  return options;
}

class DatabaseScans {
 public:
  DatabaseScans(Random& random, RandomDatabase const& database, Coverage& coverage)
      : random_(random), database_(database), coverage_(coverage) {}

  // Stops at the first difference.
  void run() {
    OpenOptions open;
    open.column_family = database_.column_family;
    if (!database_.merge_operator.empty()) {
      open.merge_operator = parse_merge_operator(database_.merge_operator);
    }
    DatabaseVersion const version = open_version(database_.path, open);
    // A flush that drops the last writes (a single deletion and what it deletes) may leave the
    // MANIFEST a little behind the writer.
    last_sequence_ = version.last_sequence;
    key_order_ = version.key_order;
    ASSERT_LE(last_sequence_, database_.snapshots.rbegin()->first);
    coverage_.shape.add(version);
    coverage_.key_orders.insert(key_order_);
    cover(version);
    RandomQueries queries(random_, [this](SampleRow& row) { return draw_row(row); });
    for (uint32_t i = 0; i < kScannersEach; ++i) {
      TestDevice const device = draw_device(random_);
      std::string description;
      ScannerOptions const options = draw_options(random_, description);
      SCOPED_TRACE(fmt::format("{}: {}", device.name, description));
      coverage_.devices.insert(device.name);
      Scanner scanner(version, options, device.device());
      for (uint32_t j = 0; j < kQueriesEach; ++j) {
        ASSERT_NO_FATAL_FAILURE(run_query(queries, scanner));
      }
    }
  }

 private:
  // Of any snapshot; now and then a key without a row.
  bool draw_row(SampleRow& row) {
    auto snapshot = database_.snapshots.begin();
    std::advance(snapshot, random_.below(database_.snapshots.size()));
    if (snapshot->second.empty() || random_.one_in(8)) {
      if (database_.keys.empty()) return false;
      row = {random_.pick(database_.keys), {}};
      return true;
    }
    OracleRow const& drawn = random_.pick(snapshot->second);
    row = {drawn.key, drawn.value};
    return true;
  }

  KeySelection draw_keys(RandomQueries& queries, std::string& text) {
    KeySelection keys;
    if (random_.one_in(2)) {
      keys.from = queries.draw_bound();
      text += fmt::format("--from {} ", describe_bytes(*keys.from));
    }
    if (random_.one_in(2)) {
      keys.to = queries.draw_bound();
      text += fmt::format("--to {} ", describe_bytes(*keys.to));
    }
    return keys;
  }

  void run_query(RandomQueries& queries, Scanner& scanner) {
    Query query;
    std::string text;
    auto snapshot = std::prev(database_.snapshots.end());
    if (random_.one_in(2)) {
      snapshot = database_.snapshots.begin();
      std::advance(snapshot, random_.below(database_.snapshots.size()));
      query.snapshot = std::min(snapshot->first, last_sequence_);
      text += fmt::format("--snapshot {} ", *query.snapshot);
    }
    queries.use_sequence(
        std::none_of(snapshot->second.begin(), snapshot->second.end(),
                     [](OracleRow const& row) { return row.sequence == kUnknownSequence; }));
    if (random_.one_in(4)) {
      query.ranges.emplace();
      uint32_t const most = random_.one_in(4) ? 60 : 6;
      for (uint32_t i = random_.one_in(20) ? 0 : random_.between(2, most); i > 0; --i) {
        KeySelection const keys = draw_keys(queries, text);
        query.ranges->push_back({fmt::format("range {}", i), keys});
      }
      text += fmt::format("({} ranges) ", query.ranges->size());
    } else {
      query.keys = draw_keys(queries, text);
    }
    std::optional<RowEvaluator> evaluator;
    if (!random_.one_in(5)) {
      Expression const drawn = queries.draw_predicate();
      evaluator.emplace(drawn);
      text += fmt::format("--where {} ", drawn.text);
      query.where =
          std::make_shared<Expression const>(parse_expression(drawn.text, queries.schema()));
    }
    if (random_.one_in(3)) {
      query.aggregates = queries.draw_aggregates();
      for (auto const& column : query.aggregates) text += column.label + " ";
    } else {
      query.columns = queries.draw_columns();
      for (auto const& column : query.columns) text += column.name + " ";
      if (random_.one_in(6)) {
        query.limit = random_.below(20);
        text += fmt::format("--limit {}", query.limit);
      }
    }
    std::string fields;
    for (NamedField const& field : queries.schema().fields()) {
      fields +=
          fmt::format(" {}:{}{}@{}{}{}", field.name, static_cast<int>(field.field.type),
                      field.field.big_endian ? "be" : "", static_cast<int>(field.field.source),
                      field.field.from_end ? '-' : '+', field.field.offset);
    }
    SCOPED_TRACE(text + "\nfields:" + fields);
    compare(scanner, query, evaluator ? &*evaluator : nullptr, snapshot->second);
  }

  // What the query's ranges are to `key`: the places of those that hold it. A query without ranges
  // counts as one.
  std::vector<std::size_t> ranges_with(Query const& query, std::string const& key) const {
    std::vector<std::size_t> holding;
    if (!query.ranges) {
      if (query.keys.range(key_order_).holds(key_order_, key)) holding.push_back(0);
      return holding;
    }
    for (std::size_t r = 0; r < query.ranges->size(); ++r) {
      if ((*query.ranges)[r].keys.range(key_order_).holds(key_order_, key)) holding.push_back(r);
    }
    return holding;
  }

  void compare(Scanner& scanner, Query const& query, RowEvaluator const* evaluator,
               std::vector<OracleRow> const& rows) {
    bool const aggregating = !query.aggregates.empty();
    std::vector<std::string> expected;
    std::vector<RowAggregate> const none(query.aggregates.begin(), query.aggregates.end());
    std::vector<std::vector<RowAggregate>> aggregates(query.ranges ? query.ranges->size() : 1,
                                                      none);
    uint64_t expected_rows = 0;  // with aggregates each once, whatever the number of ranges
    for (OracleRow const& oracle : rows) {
      std::vector<std::size_t> const holding = ranges_with(query, oracle.key);
      if (holding.empty()) continue;
      PeerColumns const columns(oracle.columns.begin(), oracle.columns.end());
      PeerRow const row{oracle.key, oracle.value, oracle.sequence, &columns};
      if (evaluator != nullptr && !evaluator->passes(row)) continue;
      if (aggregating) ++expected_rows;
      for (std::size_t const r : holding) {
        for (RowAggregate& aggregate : aggregates[r]) aggregate.add(row);
        if (aggregating || expected_rows == query.limit) continue;
        ++expected_rows;
        std::string_view const id = query.ranges ? (*query.ranges)[r].id : std::string_view();
        Text record;
        append_record(query.columns, row, record, query.ranges ? &id : nullptr);
        std::string_view rest = record;
        expected.emplace_back(take_record(rest));
      }
    }

    Collector found;
    ScanResult result;
    try {
      result = scanner.run(query, aggregating ? nullptr : &found);
    } catch (Error const& error) {
      FAIL() << "scan failed: " << error.what();
    }
    ASSERT_EQ(result.rows_found, expected_rows);
    if (aggregating) {
      ASSERT_EQ(result.range_aggregates.size(), query.ranges ? query.ranges->size() : 0);
      for (std::size_t r = 0; r < aggregates.size(); ++r) {
        ASSERT_NO_FATAL_FAILURE(compare_aggregates(
            query, aggregates[r], query.ranges ? result.range_aggregates[r] : result.aggregates));
      }
    } else {
      std::size_t const common = std::min(expected.size(), found.records().size());
      for (std::size_t i = 0; i < common; ++i) {
        ASSERT_EQ(found.records()[i], expected[i])
            << "row " << i << "\nexpected " << describe_record(expected[i]) << "\nfound "
            << describe_record(found.records()[i]);
      }
      ASSERT_EQ(found.records().size(), expected.size());
    }
    cover(query, result);
  }

  static void compare_aggregates(Query const& query, std::vector<RowAggregate> const& expected,
                                 std::vector<AggregateValue> const& found) {
    ASSERT_EQ(found.size(), query.aggregates.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      AggregateColumn const& column = query.aggregates[i];
      bool const is_sum =
          column.function == AggregateFunction::kSum || column.function == AggregateFunction::kAvg;
      ASSERT_TRUE(aggregates_agree(expected[i].value(), found[i], is_sum))
          << column.label << ": expected " << describe_aggregate(expected[i].value()) << ", found "
          << describe_aggregate(found[i]);
    }
  }

  void cover(DatabaseVersion const& version) {
    UnflushedRows const& unflushed = version.unflushed.value();
    if (unflushed.entries != 0) ++coverage_.databases_with_unflushed_rows;
    if (unflushed.logs.size() > 1) ++coverage_.databases_with_several_logs;
    coverage_.column_families.insert(version.column_family);
  }

  void cover(Query const& query, ScanResult const& result) {
    ScanStatistics const& statistics = result.statistics;
    ++coverage_.scans;
    if (result.rows_found != 0) ++coverage_.scans_with_rows;
    if (statistics.windows > statistics.tasks) ++coverage_.scans_of_several_windows;
    if (statistics.tasks > 1) ++coverage_.scans_of_several_tasks;
    if (!query.aggregates.empty()) ++coverage_.aggregate_scans;
    if (query.limit != UINT64_MAX) ++coverage_.limited_scans;
    if (query.ranges && result.rows_found != 0) ++coverage_.range_scans;
    if (query.snapshot && *query.snapshot != database_.snapshots.rbegin()->first) {
      ++coverage_.old_snapshots;
    }
    coverage_.shadowed_value += statistics.shadowed_value;
    coverage_.shadowed_tombstone += statistics.shadowed_tombstone;
    coverage_.shadowed_range += statistics.shadowed_range;
    coverage_.filtered += statistics.entries_filtered;
    coverage_.values_merged += statistics.values_merged;
    coverage_.values_from_blobs += statistics.values_from_blobs;
    coverage_.windows_probed += statistics.resolve_probe;
    coverage_.windows_marked += statistics.resolve_mark;
    coverage_.windows_merged += statistics.resolve_merge;
    coverage_.windows_split += statistics.resolve_split;
    coverage_.cache_hits += statistics.cache_hits;
    coverage_.cache_misses += statistics.cache_misses;
  }

  Random& random_;
  RandomDatabase const& database_;
  Coverage& coverage_;
  uint64_t last_sequence_ = 0;  // in the MANIFEST
  KeyOrder key_order_ = KeyOrder::kBytewise;
};

void print_coverage(Coverage const& coverage) {
  DatabaseShape const& shape = coverage.shape;
  fmt::print(
      "{} scans, {} with rows, {} of several windows, {} of several tasks, {} aggregates, {} with "
      "a limit, {} of ranges, {} at old snapshots\n"
      "{} tables, {} blocks, {} entries, {} tombstones, up to {} runs\n"
      "versions across intervals {}, blocks {}, files {}; {} entries share into a trailer\n"
      "separators: {} tables with internal keys, {} with user keys\n"
      "{} tables ingested, {} at sequence number 0, {} with it in the table; {} blocks with a hash "
      "index\n"
      "{} range tombstones, {} clipped, {} ending between versions; {} tables of nothing else\n"
      "{} merge operands, {} blob references, {} entities; values merged {}, from blobs {}\n"
      "{} filtered, shadowed by values {}, by tombstones {}, by ranges {}; windows probed {}, "
      "marked {}, merged {}, split {}\n"
      "{} databases with unflushed rows, {} with several logs\n"
      "{} blocks found in a device's cache, {} not\n",
      coverage.scans, coverage.scans_with_rows, coverage.scans_of_several_windows,
      coverage.scans_of_several_tasks, coverage.aggregate_scans, coverage.limited_scans,
      coverage.range_scans, coverage.old_snapshots, shape.tables, shape.blocks, shape.entries,
      shape.tombstones, shape.runs_max, shape.versions_across_intervals,
      shape.versions_across_blocks, shape.versions_across_files, shape.shared_into_trailer,
      shape.internal_separators, shape.user_separators, shape.ingested_tables,
      shape.ingested_tables_at_zero, shape.global_sequences_in_tables, shape.hash_index_blocks,
      shape.range_tombstones, shape.clipped_range_tombstones,
      shape.range_tombstones_between_versions, shape.tables_of_range_tombstones,
      shape.merge_operands, shape.blob_references, shape.entities, coverage.values_merged,
      coverage.values_from_blobs, coverage.filtered, coverage.shadowed_value,
      coverage.shadowed_tombstone, coverage.shadowed_range, coverage.windows_probed,
      coverage.windows_marked, coverage.windows_merged, coverage.windows_split,
      coverage.databases_with_unflushed_rows, coverage.databases_with_several_logs,
      coverage.cache_hits, coverage.cache_misses);
}

void expect_covered(Coverage const& coverage) {
  DatabaseShape const& shape = coverage.shape;
  EXPECT_GE(shape.runs_max, 3u);
  EXPECT_EQ(coverage.key_orders.size(), 2u);
  EXPECT_EQ(coverage.column_families.size(), 2u);
  EXPECT_GT(coverage.databases_with_unflushed_rows, 0u);
  EXPECT_GT(coverage.databases_with_several_logs, 0u);
  EXPECT_GT(coverage.scans_with_rows, coverage.scans / 2) << "mostly non-empty answers";
  EXPECT_GT(coverage.scans_of_several_windows, coverage.scans / 10);
  EXPECT_GT(coverage.scans_of_several_tasks, coverage.scans / 10);
  EXPECT_GT(coverage.aggregate_scans, coverage.scans / 10);
  EXPECT_GT(coverage.limited_scans, 0u);
  EXPECT_GT(coverage.range_scans, coverage.scans / 20);
  EXPECT_GT(coverage.old_snapshots, coverage.scans / 10);
  EXPECT_GT(shape.versions_across_intervals, 0u);
  EXPECT_GT(shape.versions_across_blocks, 0u);
  EXPECT_GT(shape.versions_across_files, 0u);
  EXPECT_GT(shape.shared_into_trailer, 0u);
  EXPECT_GT(shape.internal_separators, 0u);
  EXPECT_GT(shape.user_separators, 0u);
  EXPECT_GT(shape.tombstones, 0u);
  EXPECT_GT(coverage.shadowed_value, 0u);
  EXPECT_GT(coverage.shadowed_tombstone, 0u);
  EXPECT_GT(shape.ingested_tables, 0u);
  EXPECT_GT(shape.ingested_tables_at_zero, 0u);
  EXPECT_GT(shape.global_sequences_in_tables, 0u);
  EXPECT_LT(shape.global_sequences_in_tables, shape.ingested_tables);
  EXPECT_GT(shape.hash_index_blocks, 0u);
  EXPECT_GT(shape.range_tombstones, 0u);
  EXPECT_GT(shape.clipped_range_tombstones, 0u);
  EXPECT_GT(shape.tables_of_range_tombstones, 0u);
  EXPECT_GT(coverage.shadowed_range, 0u);
  EXPECT_GT(coverage.filtered, 0u);
  EXPECT_GT(shape.merge_operands, 0u);
  EXPECT_GT(shape.blob_references, 0u);
  EXPECT_GT(shape.entities, 0u);
  EXPECT_GT(coverage.values_merged, 0u);
  EXPECT_GT(coverage.values_from_blobs, 0u);
  EXPECT_GT(coverage.windows_probed, 0u);
  EXPECT_GT(coverage.windows_marked, 0u);
  EXPECT_GT(coverage.windows_merged, 0u);
  EXPECT_GT(coverage.windows_split, 0u);
  EXPECT_GT(coverage.cache_hits, 0u);
  EXPECT_GT(coverage.cache_misses, 0u);
  EXPECT_EQ(shape.format_versions, (std::set<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(shape.checksums, (std::set<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(shape.data_codecs, (std::set<int>{0, 1, 2, 3, 4, 5, 7}));
  EXPECT_GE(shape.index_codecs.size(), 3u);
  EXPECT_EQ(shape.delta_encoded_handles, (std::set<bool>{false, true}));
  EXPECT_EQ(shape.index_types, (std::set<uint32_t>{0, 1, 2, 3}));
  EXPECT_GE(shape.partitions_max, 3u);
  EXPECT_GE(shape.dictionary_codecs.size(), 5u) << "zlib, lz4, lz4hc and zstd among them";
  EXPECT_GT(shape.gaps, 0u);
  EXPECT_GE(coverage.devices.size(), 4u);
}

TEST(Differential, RandomScansOfRandomDatabasesEqualTheIteratorsRows) {
  uint64_t const first_seed = base_seed();
  uint64_t const databases = number_from_environment("LEVELSCAN_SEEDS", kDatabases);
  Coverage coverage;
  for (uint64_t seed = first_seed; seed < first_seed + databases; ++seed) {
    SCOPED_TRACE(fmt::format("rerun with LEVELSCAN_SEED={} LEVELSCAN_SEEDS=1", seed));
    Random random(seed);
    levelscan::testing::TemporaryDirectory const directory(levelscan::testing::quick_directory());
    RandomDatabase database;
    ASSERT_NO_THROW(database = write_random_database(random, directory / "database"));
    SCOPED_TRACE(database.description);
    DatabaseScans(random, database, coverage).run();
    if (::testing::Test::HasFailure()) return;
  }
  print_coverage(coverage);
  // Few databases can't show everything.
  if (databases >= kDatabases) expect_covered(coverage);
}

}  // namespace
}  // namespace levelscan::test
