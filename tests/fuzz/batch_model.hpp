// A second reader and a writer of write batches, from the format alone: what the product's reader
// is checked against, and what mutators take batches apart with.
//
//   batch:     sequence u64 | count u32 | operation*       count: of those that write something
//   operation: tag u8 | [column family varint32] | strings, each varint32 length and bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace levelscan::fuzz {

struct ModelOperation {
  uint8_t tag = 0;
  uint32_t column_family = 0;
  std::vector<std::string> strings;

  bool operator==(ModelOperation const&) const = default;
};

struct BatchTag {
  uint8_t tag;
  bool has_column_family;
  uint32_t strings;
  bool writes;
};
// All that are known.
[[nodiscard]] std::span<BatchTag const> batch_tags();
// Null: unknown.
[[nodiscard]] BatchTag const* find_batch_tag(uint8_t tag);

struct BatchModel {
  uint64_t sequence = 0;
  uint32_t count = 0;
  std::vector<ModelOperation> operations;  // up to the first that is malformed
  bool well_formed = false;                // all are, and `count` is how many write

  [[nodiscard]] uint32_t writes() const;
};

// REQUIRES: 12 bytes at least.
[[nodiscard]] BatchModel read_batch_model(std::span<uint8_t const> batch);
[[nodiscard]] std::vector<uint8_t> batch_bytes(BatchModel const& batch);

}  // namespace levelscan::fuzz
