// What random databases hold besides plain values: merge operands, wide-column entities, blobs.
// librocksdb 7.8 reads no key with operands on an entity, so a database has one or the other.
#pragma once

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>

#include <map>
#include <string>
#include <vector>

#include "support/random.hpp"
#include "support/rocksdb_writer.hpp"

namespace levelscan::test {

// Each "one in": so many writes, or never (0).
struct ValueStyle {
  std::string merge_operator;  // as librocksdb takes it; empty: none
  uint32_t merge_one_in = 0;
  uint32_t entity_one_in = 0;
  bool blobs = false;
  uint64_t blob_bytes_min = 0;
  uint64_t blob_file_bytes = 0;
  bool collects_garbage = false;
  rocksdb::CompressionType blob_codec = rocksdb::kNoCompression;

  [[nodiscard]] std::string description() const {
    return fmt::format("merge {} 1/{} entities 1/{} blobs {} from {} codec {}\n", merge_operator,
                       merge_one_in, entity_one_in, blobs, blob_bytes_min,
                       static_cast<int>(blob_codec));
  }
};

inline ValueStyle draw_value_style(Random& random) {
  ValueStyle style;
  if (random.one_in(3)) {
    style.merge_operator = random.pick(std::vector<std::string>{
        "uint64add", "stringappend", "id=stringappendtest;delimiter=<>", "max", "put"});
    style.merge_one_in = random.pick(std::vector<uint32_t>{1, 2, 4, 20});
  } else if (random.one_in(3)) {
    style.entity_one_in = random.pick(std::vector<uint32_t>{1, 3, 10});
  }
  // With max librocksdb 7.8 hands out a base from a blob file after it has freed it.
  if (random.one_in(4) && style.merge_operator != "max") {
    style.blobs = true;
    style.blob_bytes_min = random.pick(std::vector<uint64_t>{0, 10, 40});
    style.blob_file_bytes = random.pick(std::vector<uint64_t>{1000, 100000});
    style.collects_garbage = random.one_in(2);
    style.blob_codec = random.pick(
        std::vector<rocksdb::CompressionType>{rocksdb::kNoCompression, rocksdb::kSnappyCompression,
                                              rocksdb::kLZ4Compression, rocksdb::kZSTD});
  }
  return style;
}

inline void set_value_options(ValueStyle const& style, rocksdb::Options& options) {
  if (!style.merge_operator.empty()) {
    levelscan::testing::check_ok(rocksdb::MergeOperator::CreateFromString(
        rocksdb::ConfigOptions(), style.merge_operator, &options.merge_operator));
  }
  if (!style.blobs) return;
  options.enable_blob_files = true;
  options.min_blob_size = style.blob_bytes_min;
  options.blob_file_size = style.blob_file_bytes;
  options.enable_blob_garbage_collection = style.collects_garbage;
  options.blob_garbage_collection_age_cutoff = 1.0;
  options.blob_compression_type = style.blob_codec;
}

inline std::string draw_operand(Random& random, ValueStyle const& style) {
  if (style.merge_operator == "uint64add" && !random.one_in(8)) {
    std::string operand = random.bytes(1);
    operand.resize(8, '\0');
    return operand;
  }
  return random.bytes(random.below(12));
}

// Writes an entity of the columns "", "c" and "d", each there or not.
inline void put_random_entity(Random& random, rocksdb::DB& database,
                              rocksdb::ColumnFamilyHandle* family,
                              rocksdb::WriteOptions const& options, std::string const& key,
                              std::string const& value) {
  std::map<std::string, std::string> columns;
  if (!random.one_in(4)) columns[""] = value;
  if (random.one_in(2)) columns["c"] = random.bytes(random.below(20));
  if (random.one_in(3)) columns["d"] = random.bytes(random.below(300));
  rocksdb::WideColumns wide;
  for (auto const& [name, column] : columns) wide.emplace_back(name, column);
  levelscan::testing::check_ok(database.PutEntity(options, family, key, wide));
}

}  // namespace levelscan::test

#endif  // LEVELSCAN_WITH_ROCKSDB
