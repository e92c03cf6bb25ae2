#include "peer/peer_scan.hpp"

#include <rocksdb/iterator.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "levelscan/error.hpp"

namespace levelscan {
namespace {

// Formatted rows go to the sink in portions of this size.
constexpr std::size_t kPortionBytes = 256 << 10;

// `integer of the value <comparison> constant`.
struct ValueTest {
  std::size_t offset;
  std::size_t size;
  Comparison comparison;
  uint64_t constant;

  [[nodiscard]] bool passes(rocksdb::Slice const& value) const {
    if (value.size() < offset + size) return false;
    uint64_t number = 0;
    char const* const at = value.data() + offset;
    switch (size) {
      case 1: number = static_cast<uint8_t>(*at); break;
      case 2: number = load<uint16_t>(at); break;
      case 4: number = load<uint32_t>(at); break;
      default: number = load<uint64_t>(at); break;
    }
    switch (comparison) {
      case Comparison::kEqual: return number == constant;
      case Comparison::kNotEqual: return number != constant;
      case Comparison::kLess: return number < constant;
      case Comparison::kLessEqual: return number <= constant;
      case Comparison::kGreater: return number > constant;
      default: return number >= constant;
    }
  }

  template <class Number>
  static uint64_t load(char const* at) {
    Number number;
    std::memcpy(&number, at, sizeof number);
    return number;
  }
};

std::optional<ValueTest> as_value_test(Expression const& expression) {
  ExpressionNode const& root = *expression.root;
  if (root.kind != ExpressionNode::Kind::kCompare || root.comparison == Comparison::kIsNull ||
      !root.left.is_field || root.right.is_field ||
      root.right.literal.kind != ScalarKind::kInteger || root.right.literal.negative) {
    return std::nullopt;
  }
  Field const& field = expression.fields.at(root.left.field).field;
  if (field.source != FieldSource::kValue || field.big_endian || field.from_end) {
    return std::nullopt;
  }
  std::size_t size = 0;
  switch (field.type) {
    case FieldType::kU8: size = 1; break;
    case FieldType::kU16: size = 2; break;
    case FieldType::kU32: size = 4; break;
    case FieldType::kU64: size = 8; break;
    default: return std::nullopt;
  }
  return ValueTest{field.offset, size, root.comparison, root.right.literal.bits};
}

std::string_view view_of(rocksdb::Slice const& slice) { return {slice.data(), slice.size()}; }

// A row's cells, as a scan's kernels leave them.
class RowCells {
 public:
  explicit RowCells(std::vector<NamedField> const& columns)
      : columns_(columns), cells_(columns.size()) {}

  // Valid until the next call.
  RowBatch of(PeerRow const& row) {
    bytes_.clear();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      PeerValue const value = read_field(columns_[i], row);
      Cell& cell = cells_[i];
      cell = {};
      switch (value.kind) {
        case PeerValue::Kind::kNull: cell.kind = ScalarKind::kNull; break;
        case PeerValue::Kind::kInteger:
          cell.kind = ScalarKind::kInteger;
          cell.bits = static_cast<uint64_t>(value.integer);
          cell.negative = value.integer < 0;
          break;
        case PeerValue::Kind::kFloat:
          cell.kind = ScalarKind::kFloat;
          std::memcpy(&cell.bits, &value.floating, sizeof cell.bits);
          break;
        case PeerValue::Kind::kBytes:
          cell.kind = ScalarKind::kBytes;
          cell.bits = bytes_.size();
          cell.size = static_cast<uint32_t>(value.bytes.size());
          bytes_ += value.bytes;
          break;
      }
    }
    return {cells_.data(), reinterpret_cast<uint8_t const*>(bytes_.data()), 1,
            static_cast<uint32_t>(cells_.size())};
  }

 private:
  std::vector<NamedField> const& columns_;
  std::vector<Cell> cells_;
  std::string bytes_;
};

}  // namespace

struct PeerScan::Impl {
  Query const& query;
  RocksdbCursor cursor;
  std::optional<ValueTest> value_test;
  std::optional<RowEvaluator> evaluator;  // unless value_test
  bool reads_columns;
  PeerColumns columns;
  RowCells cells;
  std::vector<RowAggregate> aggregates;  // of the last run
  std::string text;

  Impl(RocksdbReader const& reader, Query const& asked, KeyRange const& range,
       ReadKnobs const& knobs)
      : query(asked),
        cursor(reader.cursor(range, knobs)),
        reads_columns(reads(query, FieldSource::kColumn)),
        cells(query.columns) {
    if (query.where == nullptr) return;
    value_test = as_value_test(*query.where);
    if (!value_test) evaluator.emplace(*query.where);
  }

  // Calls `use` with each row that passes until it returns false.
  template <class Use>
  uint64_t for_each_row(Use const& use) {
    cursor.rewind();
    rocksdb::Iterator& iterator = cursor.iterator();
    bool const ends_with_iterator = cursor.ends_with_iterator();
    uint64_t rows_seen = 0;
    for (; iterator.Valid(); iterator.Next()) {
      if (!ends_with_iterator && !cursor.valid()) break;
      ++rows_seen;
      if (value_test && !value_test->passes(iterator.value())) continue;
      if (evaluator && !evaluator->passes(row())) continue;
      if (!use()) break;
    }
    cursor.check();
    return rows_seen;
  }

  // Where the cursor stands.
  PeerRow row() {
    rocksdb::Iterator const& iterator = cursor.iterator();
    if (reads_columns) cursor.columns(columns);
    return {view_of(iterator.key()), view_of(iterator.value()), 0,
            reads_columns ? &columns : nullptr};
  }

  // `write` takes portions of text. Aggregates are left in `aggregates`.
  template <class Write>
  PeerAnswer run(RowSink const* sink, Write const& write) {
    PeerAnswer answer;
    uint64_t rows = 0;
    aggregates.clear();
    for (AggregateColumn const& column : query.aggregates) aggregates.emplace_back(column);
    bool const counts_only = std::all_of(
        query.aggregates.begin(), query.aggregates.end(), [](AggregateColumn const& aggregate) {
          return aggregate.function == AggregateFunction::kCountRows;
        });
    if (!aggregates.empty() && counts_only) {
      answer.rows_seen = for_each_row([&] {
        ++rows;
        return true;
      });
      for (RowAggregate& aggregate : aggregates) aggregate.add_rows(rows);
    } else if (!aggregates.empty()) {
      answer.rows_seen = for_each_row([&] {
        ++rows;
        PeerRow const at = row();
        for (RowAggregate& aggregate : aggregates) aggregate.add(at);
        return true;
      });
    } else if (query.limit > 0) {
      text.clear();
      answer.rows_seen = for_each_row([&] {
        ++rows;
        if (sink != nullptr) {
          sink->format(cells.of(row()), text);
          if (text.size() >= kPortionBytes) {
            write(text);
            text.clear();
          }
        }
        return rows < query.limit;
      });
      if (!text.empty()) write(text);
    }
    answer.rows_found = rows;
    return answer;
  }
};

PeerScan::PeerScan(RocksdbReader const& reader, Query const& query, KeyRange const& range,
                   ReadKnobs const& knobs) {
  if (reads(query, FieldSource::kSequence)) {
    throw Error(ErrorCode::kUsage,
                "librocksdb's iterator does not tell sequence numbers; leave out `seq`");
  }
  impl_ = std::make_unique<Impl>(reader, query, range, knobs);
}

PeerScan::PeerScan(PeerScan&&) noexcept = default;
PeerScan::~PeerScan() = default;

PeerAnswer PeerScan::run(RowSink* sink) {
  PeerAnswer answer = impl_->run(sink, [sink](std::string_view text) { sink->write(text); });
  for (RowAggregate const& aggregate : impl_->aggregates) {
    answer.aggregates.push_back(aggregate.value());
  }
  return answer;
}

PeerScans::PeerScans(RocksdbReader const& reader, Query const& query,
                     std::vector<KeyRange> const& ranges, ReadKnobs const& knobs, uint32_t threads)
    : query_(query), threads_(threads) {
  for (KeyRange const& range : ranges) scans_.emplace_back(reader, query, range, knobs);
}

PeerAnswer PeerScans::run(RowSink* sink) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;  // guards what follows
  PeerAnswer total;
  std::vector<RowAggregate> aggregates(query_.aggregates.begin(), query_.aggregates.end());
  std::exception_ptr failure;
  auto const work = [&] {
    try {
      for (std::size_t i = next++; i < scans_.size(); i = next++) {
        PeerScan::Impl& scan = *scans_[i].impl_;
        PeerAnswer const answer = scan.run(sink, [&](std::string_view text) {
          std::lock_guard const lock(mutex);
          sink->write(text);
        });
        std::lock_guard const lock(mutex);
        total.rows_seen += answer.rows_seen;
        total.rows_found += answer.rows_found;
        for (std::size_t k = 0; k < aggregates.size(); ++k) aggregates[k].add(scan.aggregates[k]);
      }
    } catch (...) {
      std::lock_guard const lock(mutex);
      failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> workers;
    while (workers.size() < threads_) workers.emplace_back(work);
  }
  if (failure) std::rethrow_exception(failure);
  for (RowAggregate const& aggregate : aggregates) total.aggregates.push_back(aggregate.value());
  return total;
}

}  // namespace levelscan
