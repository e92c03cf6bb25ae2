// A table file put together block by block, every byte chosen by the test: under checksum type 1,
// in any format version. Shares nothing with the code under test. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/format_writer.hpp"

namespace levelscan::testing {

class HandMadeTable {
 public:
  using Rows = std::vector<std::pair<std::string, std::string>>;

  // `checksum_base`: of the checksums' contexts, for format versions 6 and later.
  explicit HandMadeTable(uint32_t format_version = 5, uint32_t checksum_base = 0)
      : format_version_(format_version), checksum_base_(checksum_base) {}

  struct Place {
    uint64_t offset = 0;
    uint64_t size = 0;
    [[nodiscard]] std::string handle() const { return handle_bytes(offset, size); }
  };

  // Appends a block as it is stored, and its trailer.
  Place append(std::string const& payload, uint8_t type_byte = 0) {
    Place const place{bytes_.size(), payload.size()};
    bytes_ += stored_block(payload, type_byte, checksum_base_, place.offset);
    return place;
  }
  // Bytes that belong to no block.
  void append_gap(std::size_t bytes) { bytes_.append(bytes, '\xee'); }

  // The whole file. `metaindex_rows` in any order.
  [[nodiscard]] std::string finish(Rows metaindex_rows, Place const& index) {
    bool const index_in_metaindex = format_version_ >= 6;
    if (index_in_metaindex) metaindex_rows.emplace_back("rocksdb.index", index.handle());
    std::sort(metaindex_rows.begin(), metaindex_rows.end());
    Place const metaindex = append(key_value_block(metaindex_rows));
    if (index_in_metaindex) {
      return bytes_ + footer_with_context(1, checksum_base_, static_cast<uint32_t>(metaindex.size),
                                          format_version_, bytes_.size());
    }
    if (format_version_ == 0) return bytes_ + old_footer_bytes(metaindex.handle(), index.handle());
    return bytes_ + footer_bytes(1, metaindex.handle(), index.handle(), format_version_);
  }

 private:
  uint32_t format_version_;
  uint32_t checksum_base_;
  std::string bytes_;
};

}  // namespace levelscan::testing
