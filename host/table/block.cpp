#include "table/block.hpp"

#include <fmt/core.h>

#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {

uint32_t expected_checksum(std::span<uint8_t const> raw, Footer const& footer, uint64_t offset) {
  return block_checksum(footer.checksum_type, raw.data(), raw.size() - kBlockTrailerBytes) +
         checksum_context(footer.checksum_base, offset);
}

uint8_t verify_block(std::span<uint8_t const> raw, Footer const& footer, BlockPlace const& place,
                     bool verify_checksum) {
  if (raw.size() < kBlockTrailerBytes) {
    throw corruption_error(place.file, place.offset, "block without a trailer");
  }
  std::size_t const payload_bytes = raw.size() - kBlockTrailerBytes;
  if (verify_checksum) {
    uint32_t const stored = load_fixed32(raw.data() + payload_bytes + 1);
    uint32_t const computed = expected_checksum(raw, footer, place.offset);
    if (stored != computed) {
      throw corruption_error(
          place.file, place.offset,
          fmt::format("block of {} bytes has {} checksum 0x{:08x}, stored is 0x{:08x}",
                      payload_bytes, checksum_name(footer.checksum_type), computed, stored));
    }
  }
  return raw[payload_bytes];
}

std::vector<uint8_t> read_block(RandomAccessFile const& file, BlockHandle const& handle,
                                Footer const& footer, uint64_t bytes_max,
                                CompressionDictionary const* dictionary) {
  BlockPlace const place{file.path(), handle.offset};
  std::vector<uint8_t> raw = file.read(handle.offset, handle.size + kBlockTrailerBytes);
  uint8_t const type_byte = verify_block(raw, footer, place);
  std::span<uint8_t const> const payload(raw.data(), handle.size);
  std::size_t const bytes =
      uncompressed_size(type_byte, payload, footer.format_version, place, dictionary);
  if (bytes > bytes_max) {
    throw corruption_error(
        file.path(), handle.offset,
        fmt::format("block of {} bytes where at most {} are plausible", bytes, bytes_max));
  }
  if (type_byte == static_cast<uint8_t>(Compression::kNone)) {
    raw.resize(handle.size);
    return raw;
  }
  std::vector<uint8_t> block(bytes);
  decompress(type_byte, payload, footer.format_version, block, place, dictionary);
  return block;
}

namespace {

[[noreturn]] void fail_at_entry(BlockPlace const& place, std::size_t entry_offset) {
  throw corruption_error(place.file, place.offset,
                         fmt::format("malformed entry {} bytes into the block", entry_offset));
}

void visit_entries(std::span<uint8_t const> entries, BlockPlace const& place,
                   EntryVisitor const& visit) {
  ByteReader reader(entries);
  std::vector<uint8_t> key;
  while (!reader.empty()) {
    std::size_t const entry_offset = reader.position();
    uint32_t shared = 0;
    uint32_t non_shared = 0;
    uint32_t value_bytes = 0;
    std::span<uint8_t const> suffix;
    std::span<uint8_t const> value;
    if (!reader.read_varint32(shared) || !reader.read_varint32(non_shared) ||
        !reader.read_varint32(value_bytes) || shared > key.size() ||
        !reader.read_bytes(non_shared, suffix) || !reader.read_bytes(value_bytes, value)) {
      fail_at_entry(place, entry_offset);
    }
    key.resize(shared);
    key.insert(key.end(), suffix.begin(), suffix.end());
    if (!visit(key, value)) return;
  }
}

// `values`: all of the block's, the entries' one after another.
void visit_separated_entries(std::span<uint8_t const> entries, std::span<uint8_t const> values,
                             uint32_t entries_per_restart, BlockPlace const& place,
                             EntryVisitor const& visit) {
  ByteReader reader(entries);
  std::vector<uint8_t> key;
  std::size_t value_offset = 0;
  for (uint64_t i = 0; !reader.empty(); ++i) {
    std::size_t const entry_offset = reader.position();
    uint32_t shared = 0;
    uint32_t non_shared = 0;
    uint32_t value_bytes = 0;
    std::span<uint8_t const> suffix;
    bool good = reader.read_varint32(shared) && reader.read_varint32(non_shared) &&
                reader.read_varint32(value_bytes) && shared <= key.size();
    if (good && i % entries_per_restart == 0) {
      uint32_t stored = 0;
      good = reader.read_varint32(stored) && shared == 0;
      value_offset = stored;
    }
    if (!good || !reader.read_bytes(non_shared, suffix) || value_offset > values.size() ||
        value_bytes > values.size() - value_offset) {
      fail_at_entry(place, entry_offset);
    }
    key.resize(shared);
    key.insert(key.end(), suffix.begin(), suffix.end());
    if (!visit(key, values.subspan(value_offset, value_bytes))) return;
    value_offset += value_bytes;
  }
}

}  // namespace

void for_each_entry(std::span<uint8_t const> block, BlockPlace const& place,
                    EntryVisitor const& visit) {
  BlockTail const tail = parse_block_tail(block, place);
  check_restarts(block, tail, place);
  visit_entries(block.first(tail.entries_end), place, visit);
}

void for_each_data_entry(std::span<uint8_t const> block, uint32_t entries_per_restart,
                         BlockPlace const& place, EntryVisitor const& visit) {
  BlockTail const tail = parse_data_block_tail(block, entries_per_restart != 0, place);
  check_restarts(block, tail, place);
  std::span<uint8_t const> const entries = block.first(tail.entries_end);
  if (entries_per_restart == 0) {
    visit_entries(entries, place, visit);
    return;
  }
  std::span<uint8_t const> const values =
      block.subspan(tail.entries_end, tail.restarts_offset - tail.entries_end);
  visit_separated_entries(entries, values, entries_per_restart, place, visit);
}

}  // namespace levelscan
