// A table of format version 5 made by hand, block by block, with masked CRC32c checksums: from the
// format's description alone.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "support/format_writer.hpp"

namespace levelscan::testing {

// Blocks, then index, metaindex and footer.
class HandMadeTable {
 public:
  // Returns the block's offset.
  std::size_t append(std::string const& payload, uint8_t type_byte = 0) {
    std::size_t const offset = bytes_.size();
    bytes_ += stored_block(payload, type_byte);
    return offset;
  }
  std::string finish(std::vector<std::pair<std::string, std::string>> const& metaindex_rows,
                     std::string const& index) {
    std::size_t const index_offset = append(index);
    std::string const metaindex = key_value_block(metaindex_rows);
    std::size_t const metaindex_offset = append(metaindex);
    return bytes_ + footer_bytes(1, handle_bytes(metaindex_offset, metaindex.size()),
                                 handle_bytes(index_offset, index.size()), 5);
  }

 private:
  std::string bytes_;
};

}  // namespace levelscan::testing
