// The footer of a table file: its last bytes.
//
//   version 0 (LevelDB's), 48 bytes; the checksum is crc32c
//     @0   metaindex handle, index handle (two varint64 each), padding up to @40
//     @40  magic u64 = 0xdb4775248b80fb57
//   versions 1 to 5, 53 bytes
//     @0   checksum type u8
//     @1   metaindex handle, index handle, padding up to @41
//     @41  format version u32
//     @45  magic u64 = 0x88e241b785f4cff7
//   versions 6 and 7, 53 bytes; the metaindex ends where the footer begins, and names the index
//     @0   checksum type u8
//     @1   3e 00 7a 00
//     @5   checksum u32 of these 53 bytes, this field taken as zero, plus the context of the offset
//     @9   base of the checksums' contexts u32, not zero
//     @13  metaindex size u32
//     @17  reserved, 16 bytes; then 8 that are zero
//     @41  format version u32
//     @45  magic u64 as above
//
// The plain and cuckoo table formats are refused by name. Values and pure functions; thread-safe.
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
  uint32_t checksum_base = 0;   // of checksum_context(); 0: before version 6
  uint32_t format_version = 0;  // 0..7
  BlockHandle metaindex;
  std::optional<BlockHandle> index;  // from version 6 on the metaindex has it instead
  uint64_t offset = 0;               // of the footer in the file: all blocks end at or before it
};

// Parses the end of a table file. `tail` holds its last min(file_bytes, 53) bytes.
// Returns nothing after adding a refusal for a format that is known and not supported.
// Throws Error kCorruption when it is no footer at all, its checksum does not match, or handles
// point outside the file.
[[nodiscard]] std::optional<Footer> parse_footer(std::span<uint8_t const> tail, uint64_t file_bytes,
                                                 std::string_view path,
                                                 std::vector<Refusal>& refusals);

[[nodiscard]] std::optional<Footer> read_footer(RandomAccessFile const& file,
                                                std::vector<Refusal>& refusals);

}  // namespace levelscan
