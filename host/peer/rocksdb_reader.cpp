#include "peer/rocksdb_reader.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/wide_columns.h>
#include <sys/resource.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "levelscan/error.hpp"
#include "peer/rocksdb_build.hpp"
#include "peer/rocksdb_open.hpp"

namespace levelscan {
namespace {

std::string_view view_of(rocksdb::Slice const& slice) { return {slice.data(), slice.size()}; }
rocksdb::Slice slice_of(std::string_view view) { return {view.data(), view.size()}; }

// A comparator of another name that orders as one of librocksdb's. It shortens nothing: it only
// reads.
class RenamedComparator final : public rocksdb::Comparator {
 public:
  RenamedComparator(std::string name, rocksdb::Comparator const* order)
      : name_(std::move(name)), order_(order) {}

  [[nodiscard]] char const* Name() const override { return name_.c_str(); }
  [[nodiscard]] int Compare(rocksdb::Slice const& a, rocksdb::Slice const& b) const override {
    return order_->Compare(a, b);
  }
  void FindShortestSeparator(std::string*, rocksdb::Slice const&) const override {}
  void FindShortSuccessor(std::string*) const override {}

 private:
  std::string name_;
  rocksdb::Comparator const* order_;
};

// -1 is all tables at once, which is fastest; fewer where there are more tables than descriptors.
int open_files_max(DatabaseVersion const& version) {
  std::size_t tables = 0;
  for (SortedRun const& run : version.runs) tables += run.tables.size();
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || tables < limit.rlim_cur / 2) return -1;
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur / 2, INT_MAX));
}

// librocksdb's own operator.
std::shared_ptr<rocksdb::MergeOperator> merge_operator_of(MergeOperator const& wanted) {
  std::string id = wanted.name;
  if (wanted.kind == MergeOperator::Kind::kStringAppend) {
    std::string const& delimiter = wanted.delimiter;
    // Its options are text, which it trims and takes apart at these.
    if (delimiter.find_first_of(" \t\r\n\v\f{}\\=") != delimiter.npos) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("librocksdb cannot be told that the delimiter is '{}'", delimiter));
    }
    bool const in_braces = delimiter.find(';') != delimiter.npos;
    id = fmt::format("id={};delimiter={}", wanted.name,
                     in_braces ? "{" + delimiter + "}" : delimiter);
  }
  std::shared_ptr<rocksdb::MergeOperator> result;
  rocksdb::Status const status =
      rocksdb::MergeOperator::CreateFromString(rocksdb::ConfigOptions(), id, &result);
  if (!status.ok()) throw Error(ErrorCode::kUnsupported, "librocksdb: " + status.ToString());
  return result;
}

}  // namespace

struct RocksdbReader::Impl {
  KeyOrder key_order = KeyOrder::kBytewise;
  std::vector<std::unique_ptr<rocksdb::Comparator>> comparators;  // besides librocksdb's own
  std::unique_ptr<rocksdb::DB> database;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // the one to read last

  rocksdb::Comparator const* comparator_of(std::string const& name, KeyOrder order) {
    rocksdb::Comparator const* const known = order == KeyOrder::kBytewise
                                                 ? rocksdb::BytewiseComparator()
                                                 : rocksdb::ReverseBytewiseComparator();
    if (name == known->Name()) return known;
    comparators.push_back(std::make_unique<RenamedComparator>(name, known));
    return comparators.back().get();
  }

  ~Impl() {
    for (auto* const family : families) delete family;
  }
};

struct RocksdbCursor::Impl {
  KeyOrder key_order = KeyOrder::kBytewise;
  KeyRange range;
  rocksdb::Slice upper_slice;  // of range.upper; the iterator keeps its address
  std::unique_ptr<rocksdb::Iterator> iterator;
};

RocksdbReader::RocksdbReader(std::string const& path, DatabaseVersion const& version,
                             ReaderKnobs const& knobs)
    : impl_(std::make_unique<Impl>()) {
  // With a list of column families this is a plain read-only database, whatever its shape.
  rocksdb::DBOptions options;
  options.info_log_level = rocksdb::FATAL_LEVEL;
  options.max_open_files = open_files_max(version);
  impl_->key_order = version.key_order;
  rocksdb::BlockBasedTableOptions table_options;
  if (knobs.block_cache_bytes != 0) {
    table_options.block_cache = rocksdb::NewLRUCache(knobs.block_cache_bytes);
  }
  // It wants the default column family too.
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  auto const add_family = [&](std::string const& name, std::string const& comparator,
                              KeyOrder key_order) {
    rocksdb::ColumnFamilyOptions family;
    family.comparator = impl_->comparator_of(comparator, key_order);
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options));
    families.emplace_back(name, family);
  };
  if (version.column_family != rocksdb::kDefaultColumnFamilyName) {
    // Only opened, and so any order will do.
    std::string const& comparator = version.column_families.front().comparator;
    add_family(rocksdb::kDefaultColumnFamilyName, comparator,
               known_key_order(comparator).value_or(KeyOrder::kBytewise));
  }
  add_family(version.column_family, version.comparator, version.key_order);
  if (version.merge_operator) {
    families.back().options.merge_operator = merge_operator_of(*version.merge_operator);
  }
  rocksdb::Status const status =
      open_for_read_only(options, path, families, &impl_->families, &impl_->database);
  if (!status.ok()) {
    throw Error(ErrorCode::kUnsupported, fmt::format("librocksdb {} cannot open {}: {}",
                                                     rocksdb_version(), path, status.ToString()));
  }
}

RocksdbReader::~RocksdbReader() = default;

uint64_t RocksdbReader::last_sequence() const { return impl_->database->GetLatestSequenceNumber(); }

KeyOrder RocksdbReader::key_order() const { return impl_->key_order; }

RocksdbCursor RocksdbReader::cursor(KeySelection const& keys, ReadKnobs const& knobs) const {
  return cursor(keys.range(impl_->key_order), knobs);
}

RocksdbCursor RocksdbReader::cursor(KeyRange const& range, ReadKnobs const& knobs) const {
  auto cursor = std::make_unique<RocksdbCursor::Impl>();
  cursor->key_order = impl_->key_order;
  cursor->range = range;
  rocksdb::ReadOptions options;
  options.fill_cache = knobs.fill_cache;
  options.readahead_size = knobs.readahead_bytes;
  options.verify_checksums = knobs.verify_checksums;
  options.total_order_seek = true;
  if (cursor->range.upper.side == BoundSide::kBefore) {
    cursor->upper_slice = slice_of(cursor->range.upper.key);
    options.iterate_upper_bound = &cursor->upper_slice;
  }
  cursor->iterator.reset(impl_->database->NewIterator(options, impl_->families.back()));
  RocksdbCursor result(std::move(cursor));
  result.rewind();
  return result;
}

RocksdbCursor::RocksdbCursor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksdbCursor::RocksdbCursor(RocksdbCursor&&) noexcept = default;
RocksdbCursor::~RocksdbCursor() = default;

void RocksdbCursor::check() const {
  rocksdb::Status const status = impl_->iterator->status();
  if (!status.ok()) {
    throw Error(ErrorCode::kRuntime, "librocksdb's iterator: " + status.ToString());
  }
}

bool RocksdbCursor::valid() const {
  if (!impl_->iterator->Valid()) {
    check();
    return false;
  }
  // What librocksdb's upper bound, which is exclusive, can't say.
  return ends_with_iterator() || is_below(impl_->key_order, key(), impl_->range.upper);
}

void RocksdbCursor::next() { impl_->iterator->Next(); }
std::string_view RocksdbCursor::key() const { return view_of(impl_->iterator->key()); }
std::string_view RocksdbCursor::value() const { return view_of(impl_->iterator->value()); }

void RocksdbCursor::columns(
    std::vector<std::pair<std::string_view, std::string_view>>& columns) const {
  columns.clear();
  for (rocksdb::WideColumn const& column : impl_->iterator->columns()) {
    columns.emplace_back(view_of(column.name()), view_of(column.value()));
  }
}

void RocksdbCursor::rewind() {
  if (impl_->range.is_empty(impl_->key_order)) {
    // librocksdb takes bounds that cross for a mistake; here they are an empty range.
    impl_->iterator.reset(rocksdb::NewEmptyIterator());
  }
  KeyBound const& lower = impl_->range.lower;
  if (lower.side == BoundSide::kStart) {
    impl_->iterator->SeekToFirst();
  } else {
    impl_->iterator->Seek(slice_of(lower.key));
  }
  if (lower.side == BoundSide::kAfter && valid() && key() == lower.key) next();
}

rocksdb::Iterator& RocksdbCursor::iterator() { return *impl_->iterator; }

bool RocksdbCursor::ends_with_iterator() const {
  return impl_->range.upper.side != BoundSide::kAfter;
}

}  // namespace levelscan
