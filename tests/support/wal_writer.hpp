// Hand-made records of write-ahead logs and the write batches in them, from the format alone: see
// format_writer.hpp. Plain functions over std::string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/format_writer.hpp"

namespace levelscan::testing {

// An operation: its tag, a column family's number where the tag wants one, strings.
inline std::string batch_operation(uint8_t tag, std::vector<std::string> const& strings) {
  std::string bytes(1, static_cast<char>(tag));
  for (std::string const& text : strings) bytes += prefixed(text);
  return bytes;
}
inline std::string batch_operation_of(uint32_t column_family, uint8_t tag,
                                      std::vector<std::string> const& strings) {
  return std::string(1, static_cast<char>(tag)) + varint(column_family) +
         batch_operation(0, strings).substr(1);
}
inline std::string put(std::string const& key, std::string const& value) {
  return batch_operation(0x01, {key, value});
}

inline std::string write_batch(uint64_t sequence, uint32_t count, std::string const& operations) {
  return fixed(sequence) + fixed(count) + operations;
}

// A record whose header holds the number of its log. `type`: 5 to 8, 11 or 131.
inline std::string recyclable_fragment(uint8_t type, uint32_t log_number, std::string_view data) {
  std::string const covered = static_cast<char>(type) + fixed(log_number) + std::string(data);
  return fixed(slow_masked_crc32c(covered)) + fixed(static_cast<uint16_t>(data.size())) + covered;
}

}  // namespace levelscan::testing
