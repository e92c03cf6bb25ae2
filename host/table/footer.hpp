// The footer of a table file, format versions 2 to 5: its last 53 bytes.
//
//   @0   checksum type u8
//   @1   metaindex handle, index handle (two varint64 each), padding up to @41
//   @41  format version u32
//   @45  magic u64 = 0x88e241b785f4cff7
//
// Format version 0 (LevelDB's, 48 bytes, magic 0xdb4775248b80fb57), 1, 6, 7 and later, and the
// plain and cuckoo table formats are refused by name. Values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "table/block_handle.hpp"
#include "table/checksum.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"

namespace levelscan {

inline constexpr uint32_t kFooterBytes = 53;

struct Footer {
  ChecksumType checksum_type = ChecksumType::kNone;
  uint32_t format_version = 0;  // 2..5
  BlockHandle metaindex;
  BlockHandle index;
  uint64_t offset = 0;  // of the footer in the file: all blocks end at or before it
};

// Parses the end of a table file. `tail` holds its last min(file_bytes, 53) bytes.
// Returns nothing after adding a refusal for a format that is known and not supported.
// Throws Error kCorruption when it is no footer at all, or handles point outside the file.
[[nodiscard]] std::optional<Footer> parse_footer(std::span<uint8_t const> tail, uint64_t file_bytes,
                                                 std::string_view path,
                                                 std::vector<Refusal>& refusals);

[[nodiscard]] std::optional<Footer> read_footer(RandomAccessFile const& file,
                                                std::vector<Refusal>& refusals);

}  // namespace levelscan
