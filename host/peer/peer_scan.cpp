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

// A row's cells, which hold the addresses of bytes.
class RowCells {
 public:
  explicit RowCells(std::vector<NamedField> const& columns)
      : columns_(columns), cells_(columns.size()) {}

  // Valid until the next call.
  RowBatch of(PeerRow const& row) {
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
          cell.bits = reinterpret_cast<uint64_t>(value.bytes.data());
          cell.size = static_cast<uint32_t>(value.bytes.size());
          break;
      }
    }
    RowBatch batch{};
    batch.cells = cells_.data();
    batch.row_count = 1;
    batch.column_count = static_cast<uint32_t>(cells_.size());
    return batch;
  }

 private:
  std::vector<NamedField> const& columns_;
  std::vector<Cell> cells_;
};

}  // namespace

struct PeerScan::Impl {
  Query const& query;
  KeyOrder key_order;
  std::size_t first_range;
  std::size_t last_range;
  RocksdbCursor cursor;
  std::optional<ValueTest> value_test;
  std::optional<RowEvaluator> evaluator;  // unless value_test
  bool reads_columns;
  PeerColumns columns;
  RowCells cells;
  std::vector<RowAggregate> aggregates;  // of the last run, or of a range of it
  Text text;

  Impl(RocksdbReader const& reader, Query const& asked, PeerShare const& share,
       ReadKnobs const& knobs)
      : query(asked),
        key_order(reader.key_order()),
        first_range(share.first_range),
        last_range(query.ranges ? std::min(share.last_range, query.ranges->size()) : 0),
        cursor(reader.cursor(share.keys, knobs)),
        reads_columns(reads(query, FieldSource::kColumn)),
        cells(query.columns) {
    if (query.where == nullptr) return;
    value_test = as_value_test(*query.where);
    if (!value_test) evaluator.emplace(*query.where);
  }

  // From where the iterator stands, calls `use` with each row that passes until it returns false,
  // or `is_end` true. Returns how many rows there were.
  template <class IsEnd, class Use>
  uint64_t walk(IsEnd const& is_end, Use const& use) {
    rocksdb::Iterator& iterator = cursor.iterator();
    uint64_t rows_seen = 0;
    for (; iterator.Valid(); iterator.Next()) {
      if (is_end()) break;
      ++rows_seen;
      if (value_test && !value_test->passes(iterator.value())) continue;
      if (evaluator && !evaluator->passes(row())) continue;
      if (!use()) break;
    }
    cursor.check();
    return rows_seen;
  }

  template <class Use>
  uint64_t for_each_row(Use const& use) {
    cursor.rewind();
    if (cursor.ends_with_iterator()) return walk([] { return false; }, use);
    return walk([this] { return !cursor.valid(); }, use);
  }

  template <class Use>
  uint64_t for_each_row_of(KeyRange const& range, Use const& use) {
    rocksdb::Iterator& iterator = cursor.iterator();
    if (range.is_empty(key_order)) return 0;
    if (range.lower.side == BoundSide::kStart) {
      iterator.SeekToFirst();
    } else {
      iterator.Seek(rocksdb::Slice(range.lower.key));
    }
    return walk([&] { return !is_below(key_order, view_of(iterator.key()), range.upper); }, use);
  }

  // One iterator, a seek for each range.
  PeerAnswer run_ranges() {
    PeerAnswer answer;
    for (std::size_t r = first_range; r < last_range; ++r) {
      clear_aggregates();
      answer.rows_seen += for_each_row_of((*query.ranges)[r].keys.range(key_order), [&] {
        ++answer.rows_found;
        PeerRow const at = row();
        for (RowAggregate& aggregate : aggregates) aggregate.add(at);
        return true;
      });
      std::vector<AggregateValue>& values = answer.range_aggregates.emplace_back();
      for (RowAggregate const& aggregate : aggregates) values.push_back(aggregate.value());
    }
    return answer;
  }

  void clear_aggregates() {
    aggregates.clear();
    for (AggregateColumn const& column : query.aggregates) aggregates.emplace_back(column);
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
    if (query.ranges) return run_ranges();
    PeerAnswer answer;
    uint64_t rows = 0;
    clear_aggregates();
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

PeerScan::PeerScan(RocksdbReader const& reader, Query const& query, PeerShare const& share,
                   ReadKnobs const& knobs) {
  if (reads(query, FieldSource::kSequence)) {
    throw Error(ErrorCode::kUsage,
                "librocksdb's iterator does not tell sequence numbers; leave out `seq`");
  }
  if (query.ranges && query.aggregates.empty()) {
    throw Error(ErrorCode::kUsage, "--ranges is measured with aggregates only: --agg");
  }
  impl_ = std::make_unique<Impl>(reader, query, share, knobs);
}

PeerScan::PeerScan(PeerScan&&) noexcept = default;
PeerScan::~PeerScan() = default;

PeerAnswer PeerScan::run(RowSink* sink) {
  PeerAnswer answer = impl_->run(sink, [sink](std::string_view text) { sink->write(text); });
  if (!answer.range_aggregates.empty()) return answer;
  for (RowAggregate const& aggregate : impl_->aggregates) {
    answer.aggregates.push_back(aggregate.value());
  }
  return answer;
}

PeerScans::PeerScans(RocksdbReader const& reader, Query const& query,
                     std::vector<PeerShare> const& shares, ReadKnobs const& knobs, uint32_t threads)
    : query_(query), threads_(threads) {
  for (PeerShare const& share : shares) scans_.emplace_back(reader, query, share, knobs);
}

PeerAnswer PeerScans::run(RowSink* sink) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;  // guards what follows
  PeerAnswer total;
  std::vector<RowAggregate> aggregates(query_.aggregates.begin(), query_.aggregates.end());
  if (query_.ranges) total.range_aggregates.resize(query_.ranges->size());
  std::exception_ptr failure;
  auto const work = [&] {
    try {
      for (std::size_t i = next++; i < scans_.size(); i = next++) {
        PeerScan::Impl& scan = *scans_[i].impl_;
        PeerAnswer answer = scan.run(sink, [&](std::string_view text) {
          std::lock_guard const lock(mutex);
          sink->write(text);
        });
        std::lock_guard const lock(mutex);
        total.rows_seen += answer.rows_seen;
        total.rows_found += answer.rows_found;
        std::move(answer.range_aggregates.begin(), answer.range_aggregates.end(),
                  total.range_aggregates.begin() + static_cast<std::ptrdiff_t>(scan.first_range));
        if (query_.ranges) continue;
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
  if (query_.ranges) return total;
  for (RowAggregate const& aggregate : aggregates) total.aggregates.push_back(aggregate.value());
  return total;
}

}  // namespace levelscan
