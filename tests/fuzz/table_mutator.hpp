// Table files taken apart and put together again, so that mutations reach what stands behind
// checksums, handles and restart arrays.
//
// Format versions 0 to 7, see the layouts in table_mutator.cpp. Pure functions; they take any
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace levelscan::fuzz {

struct TableParts {
  uint32_t format_version = 5;
  uint8_t checksum_type = 1;
  uint32_t checksum_base = 0;  // format version 6 and later
  std::vector<uint8_t> data;   // the file up to the end of the last data block
  std::vector<uint8_t> index;  // payloads as stored, each with its compression type byte
  std::map<std::string, std::vector<uint8_t>> meta;  // by name in the metaindex, likewise
};

// Nothing where footer or metaindex can't be read.
[[nodiscard]] std::optional<TableParts> take_apart(std::span<uint8_t const> table);
[[nodiscard]] std::vector<uint8_t> put_together(TableParts const& parts);

// Writes the right checksums behind all blocks that can be found, and into the footer.
void repair_table(std::span<uint8_t> table);

// A LLVMFuzzerCustomMutator.
std::size_t mutate_table(uint8_t* data, std::size_t size, std::size_t size_max, unsigned int seed);

}  // namespace levelscan::fuzz
