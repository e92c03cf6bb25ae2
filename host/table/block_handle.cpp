#include "table/block_handle.hpp"

#include "table/coding.hpp"

namespace levelscan {

std::optional<BlockHandle> parse_block_handle(std::span<uint8_t const>& bytes) {
  ByteReader reader(bytes);
  BlockHandle handle;
  if (!reader.read_varint64(handle.offset) || !reader.read_varint64(handle.size))
    return std::nullopt;
  bytes = bytes.subspan(reader.position());
  return handle;
}

bool block_handle_in_bounds(BlockHandle const& handle, uint64_t blocks_end) {
  if (handle.size > UINT32_MAX) return false;
  uint64_t const stored_bytes = handle.size + kBlockTrailerBytes;
  return stored_bytes <= blocks_end && handle.offset <= blocks_end - stored_bytes;
}

}  // namespace levelscan
