#include "support/random_database.hpp"

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rocksdb/comparator.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/debug.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

#include "kernels/internal_key.hpp"
#include "support/random_values.hpp"
#include "support/rocksdb_no_sync.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/table_upgrade.hpp"

namespace levelscan::test {
namespace {

using levelscan::testing::check_ok;

std::vector<rocksdb::CompressionType> const kCompressions{rocksdb::kNoCompression,
                                                          rocksdb::kNoCompression,
                                                          rocksdb::kSnappyCompression,
                                                          rocksdb::kLZ4Compression,
                                                          rocksdb::kZSTD,
                                                          rocksdb::kLZ4HCCompression,
                                                          rocksdb::kZlibCompression,
                                                          rocksdb::kBZip2Compression};

// How often something happens: one in so many, or never.
constexpr uint32_t kNever = 0;

struct Style {
  uint32_t keys_max = 0;      // different keys at first
  uint32_t memtable_max = 0;  // writes until a flush, at most
  uint32_t memtables = 0;
  uint32_t hot_one_in = kNever;           // writes to one of three keys
  uint32_t snapshot_one_in = kNever;      // writes
  uint32_t delete_one_in = kNever;        // writes
  uint32_t range_delete_one_in = kNever;  // writes
  uint32_t compact_one_in = kNever;       // flushes
  uint32_t value_bytes_max = 0;
  uint32_t large_value_one_in = kNever;
  bool single_deletes = false;
  bool write_ahead_log = false;
  bool reopens = false;
  bool descending = false;  // the reverse bytewise comparator
  bool unflushed = false;   // the last writes are left in the write-ahead log
  std::string column_family = "default";
  std::string other_family;  // has rows that nobody looks at; empty: there is none
  bool aligned_blocks = false;
  uint32_t ingest_one_in = kNever;  // flushes
  bool ingests_behind = false;      // allow_ingest_behind, from the beginning
  uint64_t file_bytes_max = 0;
};

bool happens(Random& random, uint32_t one_in) { return one_in != kNever && random.one_in(one_in); }

Style draw_style(Random& random) {
  Style style;
  style.keys_max = random.pick(std::vector<uint32_t>{1, 20, 100, 400, 400, 2000});
  style.memtable_max = random.pick(std::vector<uint32_t>{40, 200, 800});
  style.memtables = random.between(1, 10);
  style.hot_one_in = random.pick(std::vector<uint32_t>{kNever, 3, 20});
  style.snapshot_one_in = random.pick(std::vector<uint32_t>{kNever, 1, 3, 10, 100, 400});
  style.delete_one_in = random.pick(std::vector<uint32_t>{kNever, 2, 5, 10, 20});
  style.compact_one_in = random.pick(std::vector<uint32_t>{kNever, 1, 2, 2, 3});
  style.value_bytes_max = random.pick(std::vector<uint32_t>{0, 8, 48, 48, 120, 400});
  style.large_value_one_in = random.pick(std::vector<uint32_t>{kNever, kNever, 50, 500});
  style.single_deletes = random.one_in(2);
  style.write_ahead_log = random.one_in(3);
  style.reopens = random.one_in(4);
  style.descending = random.one_in(4);
  style.range_delete_one_in =
      random.pick(std::vector<uint32_t>{kNever, kNever, kNever, kNever, kNever, 4, 20, 100, 400});
  // A single deletion of what went with a range is not legal.
  if (style.range_delete_one_in != kNever) style.single_deletes = false;
  style.aligned_blocks = random.one_in(10);
  style.ingest_one_in = random.pick(std::vector<uint32_t>{kNever, kNever, kNever, 1, 3});
  style.ingests_behind = style.ingest_one_in != kNever && random.one_in(3);
  style.file_bytes_max = random.pick(std::vector<uint64_t>{400, 2000, 10000, 1 << 20});
  style.unflushed = random.one_in(2);
  if (random.one_in(3)) {
    style.other_family = "other";
    if (random.one_in(2)) std::swap(style.column_family, style.other_family);
  }
  return style;
}

rocksdb::BlockBasedTableOptions draw_table_options(Random& random, std::string& description) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = random.between(0, 5);
  table.block_size = random.pick(std::vector<std::size_t>{32, 100, 256, 512, 1024, 4096, 16384});
  table.block_restart_interval =
      static_cast<int>(random.pick(std::vector<uint32_t>{1, 2, 3, 4, 8, 16, 16, 40}));
  table.index_block_restart_interval =
      static_cast<int>(random.pick(std::vector<uint32_t>{1, 1, 2, 3, 8, 16}));
  table.checksum = random.pick(
      std::vector<rocksdb::ChecksumType>{rocksdb::kNoChecksum, rocksdb::kCRC32c, rocksdb::kxxHash,
                                         rocksdb::kxxHash64, rocksdb::kXXH3});
  // It has no place to name another one.
  if (table.format_version == 0) table.checksum = rocksdb::kCRC32c;
  table.index_shortening =
      random.pick(std::vector<rocksdb::BlockBasedTableOptions::IndexShorteningMode>{
          rocksdb::BlockBasedTableOptions::IndexShorteningMode::kNoShortening,
          rocksdb::BlockBasedTableOptions::IndexShorteningMode::kShortenSeparators,
          rocksdb::BlockBasedTableOptions::IndexShorteningMode::kShortenSeparatorsAndSuccessor});
  if (random.one_in(4)) {
    table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    table.data_block_hash_table_util_ratio = random.pick(std::vector<double>{0.75, 0.1, 3.0});
  }
  table.use_delta_encoding = !random.one_in(5);
  table.enable_index_compression = !random.one_in(3);
  table.optimize_filters_for_memory = random.one_in(2);
  if (random.one_in(3)) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.no_block_cache = true;
  description += fmt::format(
      "format_version {} block_size {} restart_interval {} index_restart_interval {} checksum {} "
      "index_shortening {} delta_encoding {} index_compression {} hash_index {}\n",
      table.format_version, table.block_size, table.block_restart_interval,
      table.index_block_restart_interval, static_cast<int>(table.checksum),
      static_cast<int>(table.index_shortening), table.use_delta_encoding,
      table.enable_index_compression,
      table.data_block_index_type == rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash);
  return table;
}

// Which kind of index, and how its partitions are cut.
void draw_index(Random& random, rocksdb::Options& options, rocksdb::BlockBasedTableOptions& table,
                std::string& description) {
  using Index = rocksdb::BlockBasedTableOptions::IndexType;
  table.index_type = random.pick(std::vector<Index>{
      Index::kBinarySearch, Index::kBinarySearch, Index::kHashSearch, Index::kTwoLevelIndexSearch,
      Index::kTwoLevelIndexSearch, Index::kBinarySearchWithFirstKey});
  table.metadata_block_size = random.pick(std::vector<uint64_t>{1, 64, 200, 1000, 4096});
  table.partition_filters =
      table.index_type == Index::kTwoLevelIndexSearch && table.filter_policy && random.one_in(2);
  // What hash indexes hash; keys may be shorter.
  options.prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(random.between(1, 6)));
  description += fmt::format("index type {} partitions of {} bytes\n",
                             static_cast<int>(table.index_type), table.metadata_block_size);
}

// Sampled rows as they are, or a dictionary trained on them.
void draw_dictionary(Random& random, rocksdb::Options& options, std::string& description) {
  if (!random.one_in(3)) return;
  options.compression_opts.max_dict_bytes = random.pick(std::vector<uint32_t>{64, 512, 4096});
  if (random.one_in(2)) options.compression_opts.zstd_max_train_bytes = 16 << 10;
  description += fmt::format("dictionary of {} bytes, trained on {}\n",
                             options.compression_opts.max_dict_bytes,
                             options.compression_opts.zstd_max_train_bytes);
}

class Writer {
 public:
  Writer(Random& random, RandomDatabase& result)
      : random_(random),
        result_(result),
        style_(draw_style(random)),
        values_(draw_value_style(random)) {
    result_.description = fmt::format(
        "keys {} memtables {} of {} hot 1/{} snapshots 1/{} deletes 1/{} compactions 1/{} values "
        "to "
        "{} large 1/{} files to {} descending {} range deletes 1/{} unflushed {} family {} other "
        "'{}' ingests 1/{}{}\n",
        style_.keys_max, style_.memtables, style_.memtable_max, style_.hot_one_in,
        style_.snapshot_one_in, style_.delete_one_in, style_.compact_one_in, style_.value_bytes_max,
        style_.large_value_one_in, style_.file_bytes_max, style_.descending,
        style_.range_delete_one_in, style_.unflushed, style_.column_family, style_.other_family,
        style_.ingest_one_in, style_.ingests_behind ? ", also behind" : "");
    result_.description += values_.description();
    result_.column_family = style_.column_family;
    result_.merge_operator = values_.merge_operator;
    make_keys();
    open();
  }
  // Also on the way of an exception: librocksdb aborts where a database goes before its handles.
  ~Writer() {
    if (!database_) return;
    release_snapshots();
    for (auto* const handle : handles_) {
      database_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    }
  }
  Writer(Writer const&) = delete;
  Writer& operator=(Writer const&) = delete;

  void write() {
    for (uint32_t memtable = 0; memtable < style_.memtables; ++memtable) {
      uint32_t const writes = random_.between(1, style_.memtable_max);
      for (uint32_t i = 0; i < writes; ++i) write_one();
      flush();
      if (style_.reopens && random_.one_in(5)) reopen();
      if (happens(random_, style_.ingest_one_in)) ingest();
      if (happens(random_, style_.compact_one_in)) compact();
      if (style_.range_delete_one_in != kNever && random_.one_in(4)) {
        // A table of nothing else.
        for (uint32_t i = random_.between(1, 4); i > 0; --i) delete_range();
        flush();
      }
    }
    // Something newer on top, most of the time.
    if (style_.unflushed) {
      style_.write_ahead_log = true;
      for (uint32_t i = random_.between(1, style_.memtable_max); i > 0; --i) write_one();
    } else if (!random_.one_in(4)) {
      for (uint32_t i = random_.between(1, 30); i > 0; --i) write_one();
      flush();
    }
  }

  void collect() {
    std::vector<rocksdb::KeyVersion> versions;
    // librocksdb lists by an iterator of its own, which leaves out what range tombstones cover, and
    // seeks past it, by which it can lose more: then sequence numbers are not known.
    if (style_.range_delete_one_in == kNever) {
      check_ok(rocksdb::GetAllKeyVersions(database_.get(), family_, {}, {}, SIZE_MAX, &versions));
    }
    // All snapshots would take too long; the first, the last, and some between.
    constexpr std::size_t kSnapshotsMax = 5;
    random_.shuffle(held_);
    for (std::size_t i = 0; i < held_.size() && i < kSnapshotsMax; ++i) {
      collect_rows(held_[i], held_[i]->GetSequenceNumber(), versions);
    }
    collect_rows(nullptr, database_->GetLatestSequenceNumber(), versions);
    result_.keys = keys_;
    result_.keys.insert(result_.keys.end(), single_keys_.begin(), single_keys_.end());
  }

  void close() {
    release_snapshots();
    for (auto* const handle : handles_) check_ok(database_->DestroyColumnFamilyHandle(handle));
    handles_.clear();
    check_ok(database_->Close());
    database_.reset();
  }

  // Rewrites some tables in a format version that librocksdb doesn't know. REQUIRES: closed.
  void upgrade_tables() {
    if (!random_.one_in(2)) return;
    std::set<std::string> tables;  // in an order that repeats itself
    for (auto const& entry : std::filesystem::directory_iterator(result_.path)) {
      if (entry.path().extension() == ".sst") tables.insert(entry.path().string());
    }
    for (std::string const& table : tables) {
      if (random_.one_in(4)) continue;
      upgrade_table(table, style_.descending ? KeyOrder::kReverseBytewise : KeyOrder::kBytewise,
                    random_.one_in(2) ? 6 : 7, 1 + random_.below(UINT32_MAX));
    }
    result_.description += "some tables rewritten in format versions 6 and 7\n";
  }

 private:
  void make_keys() {
    std::string const alphabet("\0\1ab\xfe\xff", 6);
    std::string const long_prefix = random_.bytes(random_.between(56, 120));
    uint32_t const shape = random_.below(6);
    while (keys_.size() < style_.keys_max) {
      std::string key;
      switch (shape == 5 ? random_.below(5) : shape) {
        case 0: key = fmt::format("user{:06}", random_.below(1000000)); break;
        case 1:
          for (uint32_t i = random_.below(7); i > 0; --i) key += random_.pick(alphabet);
          break;
        case 2:
          key = long_prefix.substr(0, random_.one_in(3) ? random_.below(long_prefix.size() + 1)
                                                        : long_prefix.size()) +
                random_.bytes(random_.below(4));
          break;
        case 3: key = random_.bytes(random_.between(0, 300)); break;
        default:
          // Another key and bytes like those of a trailer.
          if (!keys_.empty()) key = random_.pick(keys_);
          key += trailer_bytes(random_.below(600)).substr(0, random_.between(1, 8));
          if (random_.one_in(3)) key += random_.bytes(random_.below(10));
      }
      keys_.push_back(std::move(key));
    }
    for (uint32_t i = 0; i < style_.keys_max / 10 + 1; ++i) {
      single_keys_.push_back(fmt::format("single{:04}", i));
    }
    single_present_.assign(single_keys_.size(), false);
  }

  static std::string trailer_bytes(uint64_t sequence) {
    uint64_t const trailer = (sequence << 8) | static_cast<uint64_t>(EntryType::kValue);
    std::string bytes(sizeof trailer, '\0');
    std::memcpy(bytes.data(), &trailer, sizeof trailer);
    return bytes;
  }

  void open() {
    rocksdb::Options options = levelscan::testing::quiet_options();
    options.env = levelscan::testing::no_sync_env();
    rocksdb::BlockBasedTableOptions table = draw_table_options(random_, result_.description);
    draw_index(random_, options, table, result_.description);
    draw_dictionary(random_, options, result_.description);
    table.block_align = style_.aligned_blocks;
    if (table.block_align) table.block_size = std::bit_ceil(table.block_size);
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.compression = draw_compression();
    if (!style_.aligned_blocks && random_.one_in(3)) {
      for (int level = 0; level < options.num_levels; ++level) {
        options.compression_per_level.push_back(random_.pick(kCompressions));
      }
    }
    if (style_.descending) options.comparator = rocksdb::ReverseBytewiseComparator();
    options.target_file_size_base = style_.file_bytes_max;
    options.target_file_size_multiplier = 1;
    options.max_compaction_bytes = random_.one_in(2) ? style_.file_bytes_max * 4 : 1 << 30;
    options.avoid_flush_during_shutdown = true;
    options.allow_ingest_behind = style_.ingests_behind;
    set_value_options(values_, options);
    draw_log_options(options);
    open_families(options);
  }

  // No recycling: librocksdb 7.8 crashes now and then when it takes an old log's file for a new
  // one.
  void draw_log_options(rocksdb::Options& options) {
    if (random_.one_in(3)) options.wal_compression = rocksdb::kZSTD;
    result_.description +=
        fmt::format("wal_compression {}\n", static_cast<int>(options.wal_compression));
  }

  void open_families(rocksdb::Options& options) {
    options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyDescriptor> families{{style_.column_family, options}};
    if (!style_.other_family.empty()) families.emplace_back(style_.other_family, options);
    rocksdb::DB* raw = nullptr;
    check_ok(rocksdb::DB::Open(options, result_.path, families, &handles_, &raw));
    database_.reset(raw);
    family_ = handles_.front();
  }

  // Takes sequence numbers and keeps logs alive.
  void write_other() {
    rocksdb::WriteOptions options;
    check_ok(database_->Put(options, handles_.back(), random_.pick(keys_), draw_value()));
    if (random_.one_in(50)) {
      check_ok(database_->Flush(rocksdb::FlushOptions(), handles_.back()));
    }
  }

  void reopen() {
    close();
    open();
  }

  void flush() {
    // Now and then another codec, so that one run mixes them.
    if (!style_.aligned_blocks && random_.one_in(3)) {
      std::string const name = random_.pick(
          std::vector<std::string>{"kNoCompression", "kSnappyCompression", "kLZ4Compression",
                                   "kZSTD", "kZlibCompression", "kBZip2Compression"});
      check_ok(database_->SetOptions(family_, {{"compression", name}}));
    }
    check_ok(database_->Flush(rocksdb::FlushOptions(), family_));
  }

  // Aligned blocks are not compressed.
  rocksdb::CompressionType draw_compression() {
    return style_.aligned_blocks ? rocksdb::kNoCompression : random_.pick(kCompressions);
  }

  std::string draw_value() {
    if (happens(random_, style_.large_value_one_in)) {
      return random_.bytes(random_.between(1000, 20000));
    }
    std::string value(
        random_.one_in(4) ? random_.between(0, style_.value_bytes_max) : style_.value_bytes_max,
        '\0');
    std::string const alphabet("\0\0\1\x7f\x80\xff", 6);
    bool const plain = random_.one_in(3);
    for (char& byte : value) {
      byte =
          plain || random_.one_in(2) ? random_.pick(alphabet) : static_cast<char>(random_.next());
    }
    if (value.size() >= 16 && random_.one_in(2)) {
      // Floats that are not just random bits, in both byte orders' places.
      std::vector<double> const numbers{0.0,
                                        -0.0,
                                        1.0,
                                        -1.5,
                                        3.25,
                                        1e300,
                                        -1e-300,
                                        255.0,
                                        1e19,
                                        __builtin_inf(),
                                        -__builtin_inf(),
                                        __builtin_nan("")};
      double const number = random_.pick(numbers);
      std::memcpy(value.data() + 8, &number, sizeof number);
      float const narrow = static_cast<float>(random_.pick(numbers));
      std::memcpy(value.data() + 4, &narrow, sizeof narrow);
    }
    return value;
  }

  [[nodiscard]] rocksdb::WriteOptions write_options() const {
    rocksdb::WriteOptions options;
    options.disableWAL = !style_.write_ahead_log;
    return options;
  }

  // In key order.
  [[nodiscard]] bool before(std::string const& a, std::string const& b) const {
    return style_.descending ? b < a : a < b;
  }

  void sort_keys() {
    if (sorted_keys_.size() == keys_.size()) return;
    sorted_keys_ = keys_;
    std::sort(sorted_keys_.begin(), sorted_keys_.end(),
              [this](std::string const& a, std::string const& b) { return before(a, b); });
  }

  // From a key or just after it to another one: mostly a few keys, now and then many or none.
  std::pair<std::string, std::string> draw_range() {
    sort_keys();
    std::size_t const first = random_.below(sorted_keys_.size());
    std::size_t const last =
        random_.one_in(40)
            ? random_.below(sorted_keys_.size())
            : std::min<std::size_t>(
                  first + random_.below(random_.pick(std::vector<uint32_t>{2, 2, 4, 12})),
                  sorted_keys_.size() - 1);
    std::string start = sorted_keys_[std::min(first, last)];
    std::string end = sorted_keys_[std::max(first, last)];
    if (random_.one_in(4)) start.resize(random_.below(start.size() + 1));
    if (random_.one_in(6)) start.push_back('\0');
    if (random_.one_in(2)) end.push_back('\0');
    if (random_.one_in(12)) end += random_.bytes(random_.below(4));
    if (before(end, start)) std::swap(start, end);
    return {std::move(start), std::move(end)};
  }

  void delete_range() {
    auto const [start, end] = draw_range();
    check_ok(database_->DeleteRange(write_options(), family_, start, end));
  }

  void write_one() {
    rocksdb::WriteOptions const options = write_options();
    if (!style_.other_family.empty() && random_.one_in(4)) write_other();
    if (happens(random_, style_.range_delete_one_in)) {
      delete_range();
    } else if (style_.single_deletes && random_.one_in(10)) {
      // A single deletion is legal where its key was put exactly once since the one before.
      std::size_t const i = random_.below(single_keys_.size());
      check_ok(single_present_[i]
                   ? database_->SingleDelete(options, family_, single_keys_[i])
                   : database_->Put(options, family_, single_keys_[i], draw_value()));
      single_present_[i] = !single_present_[i];
    } else {
      // A copy: keys_ may grow below.
      std::string const key = happens(random_, style_.hot_one_in)
                                  ? keys_[random_.below(std::min<std::size_t>(3, keys_.size()))]
                                  : random_.pick(keys_);
      if (happens(random_, style_.delete_one_in)) {
        check_ok(database_->Delete(options, family_, key));
      } else if (happens(random_, values_.merge_one_in)) {
        check_ok(database_->Merge(options, family_, key, draw_operand(random_, values_)));
      } else if (happens(random_, values_.entity_one_in)) {
        put_random_entity(random_, *database_, family_, options, key, draw_value());
      } else {
        check_ok(database_->Put(options, family_, key, draw_value()));
        // The same key followed by its own trailer's bytes: where a shared prefix may reach into a
        // trailer.
        if (random_.one_in(40)) {
          std::string trap = key + trailer_bytes(database_->GetLatestSequenceNumber());
          trap.resize(trap.size() - random_.below(8));
          if (random_.one_in(2)) trap += random_.bytes(random_.below(12));
          keys_.push_back(trap);
          check_ok(database_->Put(options, family_, trap, draw_value()));
        }
      }
    }
    if (happens(random_, style_.snapshot_one_in)) held_.push_back(database_->GetSnapshot());
  }

  // A table written outside the database: some keys, put or deleted, now and then a range.
  void ingest() {
    sort_keys();
    std::string const path = result_.path + ".external";
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), database_->GetOptions(family_));
    check_ok(writer.Open(path));
    std::size_t const begin = random_.below(sorted_keys_.size());
    uint32_t const left_out_one_in = random_.between(2, 5);
    std::string const* previous = nullptr;
    bool empty = true;
    for (std::size_t i = begin; i < std::min(begin + 200, sorted_keys_.size()); ++i) {
      std::string const& key = sorted_keys_[i];
      if ((previous != nullptr && *previous == key) || random_.one_in(left_out_one_in)) continue;
      check_ok(happens(random_, style_.delete_one_in) ? writer.Delete(key)
                                                      : writer.Put(key, draw_value()));
      previous = &key;
      empty = false;
    }
    if (style_.range_delete_one_in != kNever && random_.one_in(2)) {
      auto const [start, end] = draw_range();
      if (start != end) {
        check_ok(writer.DeleteRange(start, end));
        empty = false;
      }
    }
    if (empty) return;
    check_ok(writer.Finish());
    rocksdb::IngestExternalFileOptions options;
    options.write_global_seqno = random_.one_in(2);
    options.snapshot_consistency = !random_.one_in(4);
    options.ingest_behind = style_.ingests_behind && random_.one_in(2);
    rocksdb::Status const status = database_->IngestExternalFile(family_, {path}, options);
    // There may be no place for it behind everything.
    if (!options.ingest_behind) check_ok(status);
    std::filesystem::remove(path);
  }

  void release_snapshots() {
    for (auto const* const snapshot : held_) database_->ReleaseSnapshot(snapshot);
    held_.clear();
  }

  void compact() {
    // A snapshot that goes before a compaction leaves versions behind that nobody sees.
    while (!held_.empty() && random_.one_in(4)) {
      database_->ReleaseSnapshot(held_.back());
      held_.pop_back();
    }
    if (random_.one_in(4)) {
      rocksdb::CompactRangeOptions options;
      options.exclusive_manual_compaction = true;
      if (random_.one_in(3)) {
        options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      }
      std::string const begin = random_.pick(keys_);
      std::string const end = random_.pick(keys_);
      rocksdb::Slice const begin_slice = begin;
      rocksdb::Slice const end_slice = end;
      bool const whole = random_.one_in(2) || (end < begin) != style_.descending;
      check_ok(database_->CompactRange(options, family_, whole ? nullptr : &begin_slice,
                                       whole ? nullptr : &end_slice));
      return;
    }
    rocksdb::ColumnFamilyMetaData metadata;
    database_->GetColumnFamilyMetaData(family_, &metadata);
    std::vector<rocksdb::LevelMetaData const*> levels;
    for (auto const& level : metadata.levels) {
      if (!level.files.empty()) levels.push_back(&level);
    }
    rocksdb::LevelMetaData const& level = *random_.pick(levels);
    std::vector<std::string> files;
    bool const all = random_.one_in(2);
    for (auto const& file : level.files) {
      if (all || files.empty() || random_.one_in(2)) files.push_back(file.name);
    }
    int const deepest = static_cast<int>(metadata.levels.size()) - 1;
    int const target =
        level.level +
        static_cast<int>(random_.below(static_cast<uint64_t>(deepest - level.level) + 1));
    rocksdb::CompactionOptions options;
    options.compression = draw_compression();
    options.output_file_size_limit = style_.file_bytes_max;
    // librocksdb may refuse a choice of files that makes no sound compaction; then nothing happens.
    database_->CompactFiles(options, family_, files, std::max(target, 1)).PermitUncheckedError();
  }

  void collect_rows(rocksdb::Snapshot const* snapshot, uint64_t sequence,
                    std::vector<rocksdb::KeyVersion> const& versions) {
    std::vector<OracleRow>& rows = result_.snapshots[sequence];
    rows.clear();
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    options.total_order_seek = true;
    std::unique_ptr<rocksdb::Iterator> const iterator(database_->NewIterator(options, family_));
    for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
      rows.push_back({iterator->key().ToString(), iterator->value().ToString(), 0, {}});
      for (rocksdb::WideColumn const& column : iterator->columns()) {
        rows.back().columns.emplace_back(column.name().ToString(), column.value().ToString());
      }
    }
    check_ok(iterator->status());
    // Versions are in internal-key order: the first that is visible is the newest.
    auto row = rows.begin();
    auto const skip_unlisted = [&](std::string const* key) {
      for (; row != rows.end() && (key == nullptr || before(row->key, *key)); ++row) {
        if (style_.range_delete_one_in == kNever) {
          throw std::runtime_error("librocksdb's iterator has rows of no version");
        }
        row->sequence = kUnknownSequence;
      }
    };
    for (std::size_t i = 0; i < versions.size();) {
      std::size_t next = i;
      std::size_t newest = versions.size();
      for (; next < versions.size() && versions[next].user_key == versions[i].user_key; ++next) {
        if (newest == versions.size() && versions[next].sequence <= sequence) newest = next;
      }
      if (newest != versions.size() &&
          !is_tombstone(static_cast<EntryType>(versions[newest].type))) {
        skip_unlisted(&versions[newest].user_key);
        bool const plain = versions[newest].type == static_cast<int>(EntryType::kValue);
        if (row == rows.end() || row->key != versions[newest].user_key ||
            (plain && row->value != versions[newest].value)) {
          throw std::runtime_error(
              fmt::format("librocksdb's iterator and its list of versions differ at snapshot {}: "
                          "version 0x{:02x} with sequence number {} of key \"{}\", row {}",
                          sequence, versions[newest].type, versions[newest].sequence,
                          ::testing::PrintToString(versions[newest].user_key),
                          row == rows.end() ? "none" : ::testing::PrintToString(row->key)));
        }
        row++->sequence = versions[newest].sequence;
      }
      i = next;
    }
    skip_unlisted(nullptr);
  }

  Random& random_;
  RandomDatabase& result_;
  Style style_;
  ValueStyle values_;
  std::unique_ptr<rocksdb::DB> database_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // the other family's last, if there is one
  rocksdb::ColumnFamilyHandle* family_ = nullptr;      // whose rows are looked at
  std::vector<std::string> keys_;
  std::vector<std::string> sorted_keys_;  // as they were when it was last needed
  std::vector<std::string> single_keys_;  // put once, deleted once, and so on
  std::vector<bool> single_present_;
  std::vector<rocksdb::Snapshot const*> held_;
};

}  // namespace

RandomDatabase write_random_database(Random& random, std::string const& path) {
  RandomDatabase result;
  result.path = path;
  try {
    Writer writer(random, result);
    writer.write();
    writer.collect();
    writer.close();
    writer.upgrade_tables();
  } catch (std::exception const& failure) {
    throw std::runtime_error(fmt::format("{}\n{}", failure.what(), result.description));
  }
  return result;
}

}  // namespace levelscan::test

#endif  // LEVELSCAN_WITH_ROCKSDB
