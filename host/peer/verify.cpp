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
#include "plan/range_segments.hpp"

namespace levelscan {
namespace {

// Rounding errors of a sum of n numbers grow with n at worst; with random signs far slower.
constexpr double kSumTolerance = 1e-9;

// Keys that are asked for, and the ranges that hold all of them.
struct Part {
  KeySelection keys;
  std::vector<std::size_t> ranges;
};

KeySelection selection_of(KeyRange const& segment) {
  KeySelection keys;
  if (segment.lower.side == BoundSide::kBefore) keys.from = segment.lower.key;
  if (segment.upper.side == BoundSide::kBefore) keys.to = segment.upper.key;
  return keys;
}

// In key order. A query without ranges has one part, which is in none.
std::vector<Part> parts_of(Query const& query, KeyOrder key_order) {
  if (!query.ranges) return {{query.keys, {}}};
  RangeSegments const cut = cut_ranges(*query.ranges, key_order);
  std::vector<Part> parts;
  for (uint32_t s = 0; s < cut.segments.size(); ++s) {
    Part& part = parts.emplace_back(Part{selection_of(cut.segments[s]), {}});
    for (std::size_t r = 0; r < cut.spans.size(); ++r) {
      if (cut.spans[r].holds(s)) part.ranges.push_back(r);
    }
  }
  return parts;
}

// The rows of librocksdb's iterator that pass the predicate, one at a time; of a query of ranges
// each row once for each range that holds it.
class ExpectedRows {
 public:
  ExpectedRows(RocksdbReader const& reader, Query const& query, ReadKnobs const& knobs)
      : reader_(reader),
        query_(query),
        knobs_(knobs),
        reads_columns_(reads(query, FieldSource::kColumn)),
        parts_(parts_of(query, reader.key_order())) {
    if (query.where != nullptr) evaluator_.emplace(*query.where);
    enter_part();
  }

  [[nodiscard]] bool valid() const { return part_ < parts_.size(); }
  // Valid until next(). REQUIRES (all that follow): valid().
  [[nodiscard]] PeerRow row() const {
    return {cursor_->key(), cursor_->value(), 0, reads_columns_ ? &columns_ : nullptr};
  }
  // Which range the row is here for; none: there are no ranges.
  [[nodiscard]] std::optional<std::size_t> range() const {
    if (!query_.ranges) return std::nullopt;
    return parts_[part_].ranges[range_];
  }
  [[nodiscard]] bool is_first_of_row() const { return range_ == 0; }
  void append_to(Text& text) const {
    if (!query_.ranges) {
      append_record(query_.columns, row(), text);
      return;
    }
    std::string_view const id = (*query_.ranges)[*range()].id;
    append_record(query_.columns, row(), text, &id);
  }
  void next() {
    if (++range_ < parts_[part_].ranges.size()) return;
    range_ = 0;
    cursor_->next();
    skip();
  }

 private:
  // Goes on to the next row that passes, in this part or a later one.
  void skip() {
    for (; cursor_->valid(); cursor_->next()) {
      if (reads_columns_) cursor_->columns(columns_);
      if (!evaluator_ || evaluator_->passes(row())) return;
    }
    ++part_;
    enter_part();
  }
  void enter_part() {
    if (part_ == parts_.size()) return;
    cursor_.emplace(reader_.cursor(parts_[part_].keys, knobs_));
    skip();
  }

  RocksdbReader const& reader_;
  Query const& query_;
  ReadKnobs knobs_;
  bool reads_columns_;
  std::vector<Part> parts_;
  std::size_t part_ = 0;
  std::size_t range_ = 0;  // of the part's
  std::optional<RocksdbCursor> cursor_;
  PeerColumns columns_;  // of the current row
  std::optional<RowEvaluator> evaluator_;
};

// Walks the expected rows along with the scan's. The first column is the key, by which it finds the
// place again after a difference.
class ComparingSink final : public RecordSink {
 public:
  ComparingSink(ExpectedRows& expected, KeyOrder key_order, uint64_t limit,
                uint32_t differences_shown_max)
      : expected_(expected),
        key_order_(key_order),
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
    expected_.append_to(buffer_);
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
    expected_.append_to(buffer_);
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
  uint64_t limit_;
  uint32_t differences_shown_max_;
  uint64_t rows_expected_ = 0;
  uint64_t rows_found_ = 0;
  uint64_t differences_ = 0;
  Text buffer_;
};

VerifyReport verify_rows(Scanner& scanner, RocksdbReader const& reader, Query query,
                         VerifyOptions const& options, std::atomic<bool> const* interrupted) {
  Field const key{FieldSource::kKey, FieldType::kBytes, false, false, 0, kToTheEnd};
  query.columns.insert(query.columns.begin(), NamedField{"key", key});
  ReadKnobs knobs;
  knobs.verify_checksums = options.scanner.verify_checksums;
  ExpectedRows expected(reader, query, knobs);
  ComparingSink sink(expected, reader.key_order(), query.limit, options.differences_shown_max);
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
  std::vector<RowAggregate> const none(query.aggregates.begin(), query.aggregates.end());
  // One set for each range; without ranges, one.
  std::vector<std::vector<RowAggregate>> expected_of(query.ranges ? query.ranges->size() : 1, none);
  ReadKnobs knobs;
  knobs.verify_checksums = options.scanner.verify_checksums;
  ExpectedRows expected(reader, query, knobs);
  for (; expected.valid(); expected.next()) {
    if (expected.is_first_of_row()) ++report.rows_expected;
    for (RowAggregate& aggregate : expected_of[expected.range().value_or(0)]) {
      aggregate.add(expected.row());
    }
  }
  for (std::size_t r = 0; r < expected_of.size(); ++r) {
    std::vector<AggregateValue> const& found_of =
        query.ranges ? report.result.range_aggregates.at(r) : report.result.aggregates;
    for (std::size_t i = 0; i < none.size(); ++i) {
      AggregateColumn const& column = query.aggregates[i];
      AggregateValue const wanted = expected_of[r][i].value();
      AggregateValue const& found = found_of.at(i);
      bool const is_sum =
          column.function == AggregateFunction::kSum || column.function == AggregateFunction::kAvg;
      if (aggregates_agree(wanted, found, is_sum)) continue;
      if (++report.differences > options.differences_shown_max) continue;
      fmt::print(stderr, "verify: {}{}: levelscan has {}, librocksdb {}\n",
                 query.ranges ? (*query.ranges)[r].id + ": " : "", column.label,
                 describe_aggregate(found), describe_aggregate(wanted));
    }
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
  BackendChoice const backend = choose_backend(options.scanner, version, &query);
  ScannerOptions scanner_options = options.scanner;
  scanner_options.backend = backend.backend;
  Scanner scanner(version, scanner_options);
  RocksdbReader const reader(options.reference.empty() ? database : options.reference, version);
  VerifyReport report = query.aggregates.empty()
                            ? verify_rows(scanner, reader, query, options, interrupted)
                            : verify_aggregates(scanner, reader, query, options, interrupted);
  report.backend = backend;
  return report;
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
