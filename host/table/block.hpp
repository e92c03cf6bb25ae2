// One block of a table file, read by its handle: verified, decompressed, walked. For metadata,
// index blocks on the host, and tools; the scan fills its pinned blocks itself and uses
// verify_block() and decompress(). How a block is checked and framed stands in the table's footer.
//
//   entry:  shared v32 | non_shared v32 | value_len v32 | key[non_shared] | value[value_len]
//   with separated keys and values:
//           shared v32 | non_shared v32 | value_len v32 | value_offset v32, at a restart point |
//           key[non_shared]
//
// Functions are thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "table/block_handle.hpp"
#include "table/block_tail.hpp"
#include "table/codec.hpp"
#include "table/footer.hpp"
#include "table/random_access_file.hpp"

namespace levelscan {

// What stands after the block's type byte: the checksum of `raw` = payload || type u8 || checksum
// u32, with the context of the block's offset. REQUIRES: `raw` holds a trailer.
[[nodiscard]] uint32_t expected_checksum(std::span<uint8_t const> raw, Footer const& footer,
                                         uint64_t offset);

// Checks the trailer of a block as it stands in the file at `place`, `raw` as above, and returns
// the type byte. With `verify_checksum` false the type byte alone is read. Throws Error
// kCorruption.
uint8_t verify_block(std::span<uint8_t const> raw, Footer const& footer, BlockPlace const& place,
                     bool verify_checksum = true);

// Reads, verifies and decompresses one block. `bytes_max` bounds the uncompressed size;
// `dictionary` is the table's where the block is a data block.
// REQUIRES: block_handle_in_bounds(). Throws Error: kCorruption, kUnsupported, kRuntime.
[[nodiscard]] std::vector<uint8_t> read_block(RandomAccessFile const& file,
                                              BlockHandle const& handle, Footer const& footer,
                                              uint64_t bytes_max = UINT32_MAX,
                                              CompressionDictionary const* dictionary = nullptr);

// Called for each entry, in order; stops when it returns false. The spans live for the call;
// `value` points into the block.
using EntryVisitor =
    std::function<bool(std::span<uint8_t const> key, std::span<uint8_t const> value)>;

// Visits the entries of an uncompressed metadata block. Throws Error kCorruption, kUnsupported.
void for_each_entry(std::span<uint8_t const> block, BlockPlace const& place,
                    EntryVisitor const& visit);

// Visits the entries of an uncompressed data block. `entries_per_restart`: as Table says. Throws
// Error kCorruption.
void for_each_data_entry(std::span<uint8_t const> block, uint32_t entries_per_restart,
                         BlockPlace const& place, EntryVisitor const& visit);

}  // namespace levelscan
