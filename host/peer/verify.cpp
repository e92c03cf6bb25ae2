#include "peer/verify.hpp"

#include <fmt/core.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "levelscan/error.hpp"
#include "peer/rocksdb_reader.hpp"
#include "peer/row_evaluator.hpp"
#include "peer/row_record.hpp"

namespace levelscan {
namespace {

// Rounding errors of a sum of n numbers grow with n at worst; with random signs far slower.
constexpr double kSumTolerance = 1e-9;

// The rows of librocksdb's iterator that pass the predicate, one at a time.
class ExpectedRows {
 public:
  ExpectedRows(RocksdbReader const& reader, Query const& query, ReadKnobs const& knobs)
      : cursor_(reader.cursor(query.keys, knobs)),
        reads_columns_(reads(query, FieldSource::kColumn)) {
    if (query.where != nullptr) evaluator_.emplace(*query.where);
    skip();
  }

  [[nodiscard]] bool valid() const { return cursor_.valid(); }
  // Valid until next().
  [[nodiscard]] PeerRow row() const {
    return {cursor_.key(), cursor_.value(), 0, reads_columns_ ? &columns_ : nullptr};
  }
  void next() {
    cursor_.next();
    skip();
  }

 private:
  void skip() {
    for (; cursor_.valid(); cursor_.next()) {
      if (reads_columns_) cursor_.columns(columns_);
      if (!evaluator_ || evaluator_->passes(row())) return;
    }
  }

  RocksdbCursor cursor_;
  bool reads_columns_;
  PeerColumns columns_;  // of the current row
  std::optional<RowEvaluator> evaluator_;
};

// Walks the expected rows along with the scan's. The first column is the key, by which it finds the
// place again after a difference.
class ComparingSink final : public RecordSink {
 public:
  ComparingSink(ExpectedRows& expected, KeyOrder key_order, std::vector<NamedField> const& columns,
                uint64_t limit, uint32_t differences_shown_max)
      : expected_(expected),
        key_order_(key_order),
        columns_(columns),
        limit_(limit),
        differences_shown_max_(differences_shown_max) {}

  void finish() {
    while (expecting()) miss();
  }

  [[nodiscard]] uint64_t rows_expected() const { return rows_expected_; }
  [[nodiscard]] uint64_t rows_found() const { return rows_found_; }
  [[nodiscard]] uint64_t differences() const { return differences_; }

 private:
  void take(std::string_view record) override {
    ++rows_found_;
    std::string_view const key = first_cell_bytes(record);
    while (expecting() && compare_user_keys(key_order_, expected_.row().key, key) < 0) miss();
    if (!expecting() || expected_.row().key != key) {
      report("only levelscan has  ", record);
      return;
    }
    buffer_.clear();
    append_record(columns_, expected_.row(), buffer_);
    std::string_view text = buffer_;
    std::string_view const wanted = take_record(text);
    if (record != wanted) {
      report("levelscan has       ", record);
      if (differences_ <= differences_shown_max_) {
        fmt::print(stderr, "verify: librocksdb has      {}\n", describe_record(wanted));
      }
    }
    advance();
  }

  [[nodiscard]] bool expecting() const { return rows_expected_ < limit_ && expected_.valid(); }

  void advance() {
    ++rows_expected_;
    expected_.next();
  }

  void miss() {
    buffer_.clear();
    append_record(columns_, expected_.row(), buffer_);
    std::string_view text = buffer_;
    report("only librocksdb has ", take_record(text));
    advance();
  }

  void report(char const* what, std::string_view record) {
    if (++differences_ > differences_shown_max_) return;
    fmt::print(stderr, "verify: {}{}\n", what, describe_record(record));
  }

  ExpectedRows& expected_;
  KeyOrder key_order_;
  std::vector<NamedField> const& columns_;
  uint64_t limit_;
  uint32_t differences_shown_max_;
  uint64_t rows_expected_ = 0;
  uint64_t rows_found_ = 0;
  uint64_t differences_ = 0;
  std::string buffer_;
};

VerifyReport verify_rows(Scanner& scanner, RocksdbReader const& reader, Query query,
                         VerifyOptions const& options, std::atomic<bool> const* interrupted) {
  Field const key{FieldSource::kKey, FieldType::kBytes, false, false, 0, kToTheEnd};
  query.columns.insert(query.columns.begin(), NamedField{"key", key});
  ReadKnobs knobs;
  knobs.verify_checksums = options.scanner.verify_checksums;
  ExpectedRows expected(reader, query, knobs);
  ComparingSink sink(expected, reader.key_order(), query.columns, query.limit,
                     options.differences_shown_max);
  VerifyReport report;
  report.result = scanner.run(query, &sink, interrupted);
  sink.finish();
  report.rows_expected = sink.rows_expected();
  report.rows_found = sink.rows_found();
  report.differences = sink.differences();
  report.equal = report.differences == 0;
  return report;
}

VerifyReport verify_aggregates(Scanner& scanner, RocksdbReader const& reader, Query const& query,
                               VerifyOptions const& options, std::atomic<bool> const* interrupted) {
  VerifyReport report;
  report.result = scanner.run(query, nullptr, interrupted);
  report.rows_found = report.result.rows_found;
  std::vector<RowAggregate> aggregates(query.aggregates.begin(), query.aggregates.end());
  ReadKnobs knobs;
  knobs.verify_checksums = options.scanner.verify_checksums;
  ExpectedRows expected(reader, query, knobs);
  for (; expected.valid(); expected.next()) {
    ++report.rows_expected;
    for (RowAggregate& aggregate : aggregates) aggregate.add(expected.row());
  }
  for (std::size_t i = 0; i < aggregates.size(); ++i) {
    AggregateColumn const& column = query.aggregates[i];
    AggregateValue const wanted = aggregates[i].value();
    AggregateValue const& found = report.result.aggregates.at(i);
    bool const is_sum =
        column.function == AggregateFunction::kSum || column.function == AggregateFunction::kAvg;
    if (aggregates_agree(wanted, found, is_sum)) continue;
    if (++report.differences > options.differences_shown_max) continue;
    fmt::print(stderr, "verify: {}: levelscan has {}, librocksdb {}\n", column.label,
               describe_aggregate(found), describe_aggregate(wanted));
  }
  report.equal = report.differences == 0 && report.rows_expected == report.rows_found;
  return report;
}

}  // namespace

VerifyReport verify_query(std::string const& database, Query const& query,
                          VerifyOptions const& options, std::atomic<bool> const* interrupted) {
  if (reads(query, FieldSource::kSequence)) {
    throw Error(ErrorCode::kUsage,
                "verify: librocksdb's iterator does not tell sequence numbers; leave out `seq`");
  }
  if (!options.open.use_wal || options.open.wal_directory) {
    throw Error(ErrorCode::kUsage,
                "verify: librocksdb reads the write-ahead log, where the database is; leave out "
                "--no-wal and --wal-dir");
  }
  DatabaseVersion const version = open_version(database, options.open);
  if (query.snapshot && *query.snapshot != version.last_sequence) {
    throw Error(ErrorCode::kUsage,
                fmt::format("verify: librocksdb opens a database read-only at its newest sequence "
                            "number, {}, only; leave out --snapshot",
                            version.last_sequence));
  }
  Scanner scanner(version, options.scanner);
  RocksdbReader const reader(options.reference.empty() ? database : options.reference, version);
  return query.aggregates.empty() ? verify_rows(scanner, reader, query, options, interrupted)
                                  : verify_aggregates(scanner, reader, query, options, interrupted);
}

bool aggregates_agree(AggregateValue const& a, AggregateValue const& b, bool is_sum) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case AggregateValue::Kind::kNull: return true;
    case AggregateValue::Kind::kInteger: return a.integer == b.integer;
    case AggregateValue::Kind::kBytes: return a.bytes == b.bytes;
    case AggregateValue::Kind::kFloat: break;
  }
  if (std::isnan(a.floating) || std::isnan(b.floating)) {
    return std::isnan(a.floating) && std::isnan(b.floating);
  }
  if (!is_sum) return a.floating == b.floating && a.single_precision == b.single_precision;
  if (a.floating == b.floating) return true;
  double const scale = std::fmax(std::fabs(a.floating), std::fabs(b.floating));
  return std::fabs(a.floating - b.floating) <= kSumTolerance * std::fmax(scale, 1.0);
}

std::string describe_aggregate(AggregateValue const& value) {
  switch (value.kind) {
    case AggregateValue::Kind::kNull: return "null";
    case AggregateValue::Kind::kInteger: return describe_integer(value.integer);
    case AggregateValue::Kind::kFloat: return fmt::format("{:.17g}", value.floating);
    case AggregateValue::Kind::kBytes: return describe_bytes(value.bytes);
  }
  return {};
}

}  // namespace levelscan
