// Builds data blocks and index blocks as RocksDB writes them, from the format alone: nothing here
// is shared with the code under test.
//
//   data block:  entries | restart offsets u32[n] | [buckets u8[m], m u16] | n u32
//   entry:       shared v32 | non_shared v32 | value_size v32 | key[non_shared] | value
//   with the values apart:
//   data block:  entries | values | restart offsets u32[n] | [buckets u8[m], m u16] |
//                entries' end u32 | n u32
//   entry:       shared v32 | non_shared v32 | value_size v32 | [place among the values v32, at a
//                restart point] | key[non_shared]
//   in n:        bit 31 buckets, bit 29 keys are uniform, bit 28 the values stand apart
//   index entry: as above with a block handle (offset v64, size v64) for value, or without
//   value_size
//                and, where shared > 0, only the zigzag change of size; then, in an index with
//                first keys, the block's first internal key after its length v32
//   internal key: user key | (sequence << 8 | type) u64 little-endian
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/run_view.hpp"

namespace levelscan::test {

inline constexpr uint8_t kTypeDeletion = 0x00;
inline constexpr uint8_t kTypeValue = 0x01;
inline constexpr uint8_t kTypeMerge = 0x02;
inline constexpr uint8_t kTypeSingleDeletion = 0x07;
inline constexpr uint8_t kTypeBlobIndex = 0x11;
inline constexpr uint8_t kTypeEntity = 0x16;
inline constexpr uint8_t kTypePreferredSequence = 0x18;

inline std::string varint(uint64_t value) {
  std::string result;
  for (; value >= 0x80; value >>= 7) result.push_back(static_cast<char>(value | 0x80));
  result.push_back(static_cast<char>(value));
  return result;
}

// A wide-column entity of version 1. The columns' order is the caller's.
inline std::string entity_bytes(std::vector<std::pair<std::string, std::string>> const& columns) {
  std::string index = varint(1) + varint(columns.size());
  std::string values;
  for (auto const& [name, value] : columns) {
    index += varint(name.size()) + name + varint(value.size());
    values += value;
  }
  return index + values;
}

struct TestEntry {
  std::string user_key;
  uint64_t sequence = 0;
  uint8_t type = kTypeValue;
  std::string value;      // as a row shows it
  bool ingested = false;  // its sequence number is its table's; 0 is stored

  [[nodiscard]] uint64_t trailer() const { return (sequence << 8) | type; }
  [[nodiscard]] uint64_t stored_trailer() const { return ingested ? type : trailer(); }

  [[nodiscard]] bool is_deferred() const { return type == kTypeMerge || type == kTypeBlobIndex; }

  // The bytes in the block. An entity has another column behind its default one, unless the value
  // is empty: then it has that one alone.
  [[nodiscard]] std::string stored() const {
    if (type == kTypePreferredSequence) return value + std::string(8, '\x7f');
    if (is_deferred()) return "elsewhere";
    if (type != kTypeEntity) return value;
    if (value.empty()) return entity_bytes({{"other", "column"}});
    return entity_bytes({{"", value}, {"other", "column"}});
  }
};

// What stored() made its bytes of.
inline std::string shown_value(uint8_t type, std::string const& stored) {
  if (type == kTypePreferredSequence) return stored.substr(0, stored.size() - 8);
  if (type != kTypeEntity) return stored;
  std::size_t at = 0;
  auto const take = [&] {
    std::size_t value = 0;
    for (int shift = 0;; shift += 7) {
      uint8_t const byte = static_cast<uint8_t>(stored.at(at++));
      value |= static_cast<std::size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  take();  // version
  std::size_t const columns = take();
  std::size_t value_size = 0;
  for (std::size_t i = 0; i < columns; ++i) {
    std::size_t const name_size = take();
    at += name_size;
    std::size_t const size = take();
    if (name_size == 0) value_size = size;
  }
  return stored.substr(at, value_size);
}

// Internal-key order: user keys in key order, newest first.
inline bool entry_before(TestEntry const& a, TestEntry const& b,
                         KeyOrder order = KeyOrder::kBytewise) {
  if (a.user_key == b.user_key) return a.trailer() > b.trailer();
  return (a.user_key < b.user_key) == (order == KeyOrder::kBytewise);
}

inline std::string fixed(uint64_t value, std::size_t bytes) {
  std::string result;
  for (std::size_t i = 0; i < bytes; ++i) result.push_back(static_cast<char>(value >> (8 * i)));
  return result;
}

inline std::string internal_key(std::string_view user_key, uint64_t trailer) {
  return std::string(user_key) + fixed(trailer, 8);
}

struct BlockOptions {
  uint32_t restart_interval = 16;  // entries between two restart points
  bool share_keys = true;          // false: use_delta_encoding=false, every key stands in full
  bool separate_values = false;
  uint16_t hash_buckets = 0;  // 0: no hash index
  bool uniform = false;
};

struct BuiltBlock {
  std::string bytes;  // the payload: entries, restart array, its length
  uint32_t entries_end = 0;
  uint32_t restarts_offset = 0;
  uint32_t restart_count = 0;
  uint32_t entries_per_restart = 0;  // 0: the values stand with the keys
};

// Puts (key, value) pairs into a block, keys shared with the previous one as far as they go.
class BlockBuilder {
 public:
  explicit BlockBuilder(BlockOptions options) : options_(options) {}

  // `delta_value`: replaces value, without a length, where the key shares bytes.
  // With `value_sizes` off values have no length.
  void add(std::string const& key, std::string const& value, std::string const& delta_value,
           bool value_sizes) {
    std::size_t shared = 0;
    bool const restart = count_ % options_.restart_interval == 0;
    if (restart) {
      restarts_.push_back(static_cast<uint32_t>(bytes_.size()));
    } else if (options_.share_keys) {
      while (shared < key.size() && shared < last_key_.size() && key[shared] == last_key_[shared]) {
        ++shared;
      }
    }
    bytes_ += varint(shared) + varint(key.size() - shared);
    if (value_sizes) bytes_ += varint(value.size());
    if (options_.separate_values && restart) bytes_ += varint(values_.size());
    bytes_ += key.substr(shared);
    (options_.separate_values ? values_ : bytes_) +=
        value_sizes || shared == 0 ? value : delta_value;
    last_key_ = key;
    ++count_;
  }

  [[nodiscard]] BuiltBlock finish() {
    if (restarts_.empty()) restarts_.push_back(0);  // what an empty block looks like
    BuiltBlock block;
    block.entries_end = static_cast<uint32_t>(bytes_.size());
    bytes_ += values_;
    block.restarts_offset = static_cast<uint32_t>(bytes_.size());
    block.restart_count = static_cast<uint32_t>(restarts_.size());
    for (uint32_t const restart : restarts_) bytes_ += fixed(restart, 4);
    uint32_t packed = block.restart_count;
    if (options_.hash_buckets != 0) {
      bytes_ += std::string(options_.hash_buckets, '\xfe') + fixed(options_.hash_buckets, 2);
      packed |= 1U << 31;
    }
    if (options_.uniform) packed |= 1U << 29;
    if (options_.separate_values) {
      bytes_ += fixed(block.entries_end, 4);
      packed |= 1U << 28;
      block.entries_per_restart = options_.restart_interval;
    }
    block.bytes = bytes_ + fixed(packed, 4);
    return block;
  }

 private:
  BlockOptions options_;
  std::string bytes_;
  std::string values_;  // where they stand apart
  std::vector<uint32_t> restarts_;
  std::string last_key_;
  uint32_t count_ = 0;
};

// REQUIRES: entries ascend in internal-key order.
inline BuiltBlock build_data_block(std::vector<TestEntry> const& entries, BlockOptions options) {
  BlockBuilder builder(options);
  for (TestEntry const& entry : entries) {
    builder.add(internal_key(entry.user_key, entry.stored_trailer()), entry.stored(), {}, true);
  }
  return builder.finish();
}

struct IndexEntry {
  std::string separator;  // as stored: an internal key or a user key
  uint64_t offset = 0;
  uint64_t size = 0;
  std::string first_key = {};  // internal; stored where the index has first keys
};

inline BuiltBlock build_index_block(std::vector<IndexEntry> const& entries, BlockOptions options,
                                    bool delta_encoded_values, bool first_keys = false) {
  BlockBuilder builder(options);
  uint64_t previous_size = 0;
  for (IndexEntry const& entry : entries) {
    int64_t const change = static_cast<int64_t>(entry.size - previous_size);
    uint64_t const zigzag =
        (static_cast<uint64_t>(change) << 1) ^ static_cast<uint64_t>(change >> 63);
    std::string const first =
        first_keys ? varint(entry.first_key.size()) + entry.first_key : std::string();
    builder.add(entry.separator, varint(entry.offset) + varint(entry.size) + first,
                varint(zigzag) + first, !delta_encoded_values);
    previous_size = entry.size;
  }
  return builder.finish();
}

// The data blocks of one run as they lie in a level buffer.
struct RunData {
  std::string bytes;
  std::vector<DataBlockRef> blocks;
  uint32_t interval_count = 0;
  uint64_t largest_sequence = 0;
  uint64_t smallest_sequence = kSequenceMax;
  KeyOrder order = KeyOrder::kBytewise;
  uint32_t prefix_skip = kNoKeyPrefixes;

  // `gap`: bytes of something else before the block, as a block's own checksum would be.
  void append(BuiltBlock const& block, std::string_view gap = {},
              uint64_t global_sequence = kNoGlobalSequence) {
    bytes += gap;
    uint32_t const offset = static_cast<uint32_t>(bytes.size());
    blocks.push_back(DataBlockRef{offset, offset + block.entries_end,
                                  offset + block.restarts_offset, block.restart_count,
                                  interval_count, block.entries_per_restart, global_sequence});
    interval_count += block.restart_count;
    bytes += block.bytes;
  }
};

// A run whose blocks all have the same options. REQUIRES: a block is of one table.
inline RunData build_run(std::vector<std::vector<TestEntry>> const& blocks, BlockOptions options) {
  RunData run;
  for (std::vector<TestEntry> const& entries : blocks) {
    bool const ingested = !entries.empty() && entries[0].ingested;
    run.append(build_data_block(entries, options), {},
               ingested ? entries[0].sequence : kNoGlobalSequence);
    for (TestEntry const& entry : entries) {
      run.largest_sequence = std::max(run.largest_sequence, entry.sequence);
      run.smallest_sequence = std::min(run.smallest_sequence, entry.sequence);
    }
  }
  return run;
}

}  // namespace levelscan::test
