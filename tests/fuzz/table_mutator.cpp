//   footer v0      metaindex handle, index handle, pad to 40 | magic db4775248b80fb57
//          v1-v5   checksum type u8 | the same 40 bytes | version u32 | magic 88e241b785f4cff7
//          v6-     checksum type u8 | 3e 00 7a 00 | footer checksum u32 | base u32 | metaindex size
//          u32
//                  | 24 zeros | version u32 | magic; the metaindex ends where the footer begins
//   block: payload | compression type u8 | checksum u32; from v6 on with the block's context added
#include "fuzz/table_mutator.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "fuzz/block_repair.hpp"
#include "fuzz/fuzz_support.hpp"
#include "support/format_writer.hpp"
#include "support/random.hpp"
#include "support/sst_builder.hpp"
#include "table/block.hpp"
#include "table/coding.hpp"
#include "table/index_cursor.hpp"

namespace levelscan::fuzz {
namespace {

constexpr std::size_t kTrailer = 5;
constexpr std::size_t kFooter = 53;
constexpr std::size_t kFooterOfVersion0 = 48;
constexpr uint64_t kMagicOfVersion0 = 0xdb4775248b80fb57ULL;
constexpr uint64_t kMagic = 0x88e241b785f4cff7ULL;
constexpr std::string_view kIndexName = "rocksdb.index";
constexpr std::string_view kPropertiesName = "rocksdb.properties";

struct FooterView {
  uint64_t offset = 0;
  uint32_t format_version = 0;
  uint8_t checksum_type = 1;
  uint32_t base = 0;
  BlockHandle metaindex;
  BlockHandle index;  // not there from version 6 on
};

uint32_t context_of(uint32_t base, uint64_t offset) {
  return base == 0 ? 0
                   : base ^ (static_cast<uint32_t>(offset) + static_cast<uint32_t>(offset >> 32));
}

bool is_inside(BlockHandle const& handle, uint64_t end) {
  return block_handle_in_bounds(handle, end);
}

std::optional<FooterView> view_footer(std::span<uint8_t const> table) {
  FooterView footer;
  if (table.size() < kFooterOfVersion0) return std::nullopt;
  uint64_t const magic = load_fixed64(table.data() + table.size() - 8);
  std::size_t const bytes = magic == kMagicOfVersion0 ? kFooterOfVersion0 : kFooter;
  if ((magic != kMagic && magic != kMagicOfVersion0) || table.size() < bytes) return std::nullopt;
  footer.offset = table.size() - bytes;
  std::span<uint8_t const> const tail = table.subspan(footer.offset);
  std::span<uint8_t const> handles = tail.first(40);
  if (magic == kMagic) {
    if (tail[0] > kChecksumTypeMax) return std::nullopt;
    footer.checksum_type = tail[0];
    footer.format_version = load_fixed32(tail.data() + 41);
    handles = tail.subspan(1, 40);
  }
  if (footer.format_version >= 6) {
    footer.base = load_fixed32(tail.data() + 9);
    footer.metaindex.size = load_fixed32(tail.data() + 13);
    if (footer.metaindex.size + kTrailer > footer.offset) return std::nullopt;
    footer.metaindex.offset = footer.offset - kTrailer - footer.metaindex.size;
    return footer;
  }
  std::optional<BlockHandle> const metaindex = parse_block_handle(handles);
  std::optional<BlockHandle> const index = metaindex ? parse_block_handle(handles) : std::nullopt;
  if (!index || !is_inside(*metaindex, footer.offset) || !is_inside(*index, footer.offset)) {
    return std::nullopt;
  }
  footer.metaindex = *metaindex;
  footer.index = *index;
  return footer;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

// The entries of an uncompressed block, up to what is malformed.
Rows rows_of(std::span<uint8_t const> payload) {
  Rows rows;
  try {
    for_each_entry(payload, {"table", 0},
                   [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
                     rows.emplace_back(as_text(key), as_text(value));
                     return true;
                   });
  } catch (Error const&) {
    // What came before it counts.
  }
  return rows;
}

std::map<std::string, BlockHandle> metaindex_of(std::span<uint8_t const> table,
                                                FooterView const& footer) {
  std::map<std::string, BlockHandle> handles;
  for (auto const& [name, value] :
       rows_of(table.subspan(footer.metaindex.offset, footer.metaindex.size))) {
    std::span<uint8_t const> bytes = as_bytes(value);
    std::optional<BlockHandle> const handle = parse_block_handle(bytes);
    if (handle && is_inside(*handle, footer.offset)) handles.insert_or_assign(name, *handle);
  }
  return handles;
}

// Payload and compression type byte.
std::vector<uint8_t> stored_bytes(std::span<uint8_t const> table, BlockHandle const& handle) {
  auto const bytes = table.subspan(handle.offset, handle.size + 1);
  return {bytes.begin(), bytes.end()};
}

uint32_t checksum_of(std::span<uint8_t const> stored, uint8_t checksum_type, uint32_t base,
                     uint64_t offset) {
  return block_checksum(static_cast<ChecksumType>(checksum_type), stored.data(),
                        stored.size() - 1) +
         context_of(base, offset);
}

// Blocks that an index names, as far as it can be read. A guess where it is compressed: none.
std::vector<BlockHandle> data_blocks(std::span<uint8_t const> table, FooterView const& footer,
                                     BlockHandle const& index,
                                     std::map<std::string, BlockHandle> const& meta) {
  std::vector<BlockHandle> handles;
  IndexEncoding encoding;
  if (auto const found = meta.find(std::string(kPropertiesName)); found != meta.end()) {
    for (auto const& [name, value] :
         rows_of(table.subspan(found->second.offset, found->second.size))) {
      if (name == "rocksdb.index.key.is.user.key")
        encoding.key_is_user_key = value != std::string(1, '\0');
      if (name == "rocksdb.index.value.is.delta.encoded") {
        encoding.value_is_delta_encoded = value != std::string(1, '\0');
      }
    }
  }
  try {
    for (IndexCursor cursor(table.subspan(index.offset, index.size), encoding, footer.offset,
                            {"table", 0});
         cursor.valid(); cursor.next()) {
      handles.push_back(cursor.handle());
    }
  } catch (Error const&) {
    // What came before it counts.
  }
  return handles;
}

void append(std::vector<uint8_t>& bytes, std::string_view text) {
  bytes.insert(bytes.end(), text.begin(), text.end());
}

// Mutates in place, up to `growth` bytes longer.
void mutate_bytes(std::vector<uint8_t>& bytes, std::size_t growth) {
  std::size_t const before = bytes.size();
  bytes.resize(before + growth);
  if (bytes.empty()) return;
  bytes.resize(LLVMFuzzerMutate(bytes.data(), before, bytes.size()));
}

// Names that open other ways through a table's reader.
constexpr std::array<std::string_view, 5> kMetaNames = {
    "rocksdb.range_del", "rocksdb.compression_dict", "rocksdb.properties",
    "rocksdb.hashindex.metadata", "fullfilter.rocksdb.BuiltinBloomFilter"};
constexpr std::array<std::string_view, 9> kPropertyNames = {
    "rocksdb.block.based.table.index.type",
    "rocksdb.index.key.is.user.key",
    "rocksdb.index.value.is.delta.encoded",
    "rocksdb.num.range-deletions",
    "rocksdb.merge.operands",
    "rocksdb.external_sst_file.version",
    "rocksdb.external_sst_file.global_seqno",
    "rocksdb.user.defined.timestamps.persisted",
    "rocksdb.compression"};

void mutate_properties(std::vector<uint8_t>& stored, test::Random& random) {
  Rows const rows = rows_of(std::span<uint8_t const>(stored).first(stored.size() - 1));
  std::map<std::string, std::string> properties(rows.begin(), rows.end());
  std::string name(random.pick(kPropertyNames));
  if (!properties.empty() && !random.one_in(3)) {
    name = std::next(properties.begin(), random.below(properties.size()))->first;
  }
  if (random.one_in(6)) {
    properties.erase(name);
  } else {
    std::string const& old = properties[name];
    std::vector<uint8_t> value(old.begin(), old.end());
    mutate_bytes(value, 8);
    properties[name] = std::string(as_text(value));
  }
  uint8_t const type = stored.back();
  stored.clear();
  append(stored, testing::key_value_block({properties.begin(), properties.end()}, 1000));
  stored.push_back(type);
}

void mutate_payload(std::vector<uint8_t>& stored, EntryLayout layout, test::Random& random) {
  uint8_t const type = stored.back();
  stored.pop_back();
  mutate_bytes(stored, 32);
  if (!random.one_in(4)) rebuild_restarts(stored, layout, random.next());
  stored.push_back(random.one_in(16) ? static_cast<uint8_t>(random.below(9)) : type);
}

// Replaces the only or the first data block by another, and the index by one that names that block
// alone. Takes the index to have user keys and delta-encoded handles, as it mostly has.
void mutate_data_block(TableParts& parts, test::Random& random) {
  std::span<uint8_t const> const index(parts.index);
  std::optional<BlockHandle> first;
  try {
    IndexCursor const cursor(index.first(index.size() - 1),
                             {true, true, false, KeyOrder::kBytewise}, parts.data.size(),
                             {"table", 0});
    if (cursor.valid()) first = cursor.handle();
  } catch (Error const&) {
    return;
  }
  if (!first) return;
  auto const begin = parts.data.begin() + static_cast<std::ptrdiff_t>(first->offset);
  std::vector<uint8_t> block(begin, begin + static_cast<std::ptrdiff_t>(first->size));
  mutate_entries(block, KeyOrder::kBytewise, 0, random.next());
  std::string const built =
      test::build_index_block({{std::string(40, '\xff'), 0, block.size()}}, {1, true}, true).bytes;
  block.resize(block.size() + kTrailer);
  parts.data = std::move(block);
  parts.index.assign(built.begin(), built.end());
  parts.index.push_back(0);
}

}  // namespace

std::optional<TableParts> take_apart(std::span<uint8_t const> table) {
  std::optional<FooterView> const footer = view_footer(table);
  if (!footer) return std::nullopt;
  std::map<std::string, BlockHandle> handles = metaindex_of(table, *footer);
  if (footer->format_version < 6) handles[std::string(kIndexName)] = footer->index;
  TableParts parts{footer->format_version, footer->checksum_type, footer->base, {}, {}, {}};
  uint64_t data_end = footer->metaindex.offset;
  for (auto const& [name, handle] : handles) {
    data_end = std::min(data_end, handle.offset);
    (name == kIndexName ? parts.index : parts.meta[name]) = stored_bytes(table, handle);
  }
  if (parts.index.empty()) return std::nullopt;
  parts.data.assign(table.begin(), table.begin() + static_cast<std::ptrdiff_t>(data_end));
  return parts;
}

std::vector<uint8_t> put_together(TableParts const& parts) {
  std::vector<uint8_t> table = parts.data;
  auto const add = [&](std::span<uint8_t const> stored) {
    std::string const handle = testing::handle_bytes(table.size(), stored.size() - 1);
    uint32_t const checksum =
        checksum_of(stored, parts.checksum_type, parts.checksum_base, table.size());
    table.insert(table.end(), stored.begin(), stored.end());
    append(table, testing::fixed(checksum));
    return handle;
  };
  std::map<std::string, std::string> metaindex;
  std::string const index = add(parts.index);
  if (parts.format_version >= 6) metaindex[std::string(kIndexName)] = index;
  for (auto const& [name, stored] : parts.meta) metaindex[name] = add(stored);
  std::string const block =
      testing::key_value_block({metaindex.begin(), metaindex.end()}, 1) + '\0';
  std::string const metaindex_handle = add(as_bytes(block));
  if (parts.format_version < 6) {
    std::string footer =
        testing::footer_bytes(parts.checksum_type, metaindex_handle, index, parts.format_version);
    if (parts.format_version == 0) footer = footer.substr(1, 40) + testing::fixed(kMagicOfVersion0);
    append(table, footer);
  } else {
    append(table, std::string(1, static_cast<char>(parts.checksum_type)) +
                      std::string("\x3e\x00\x7a\x00", 4) + testing::fixed(uint32_t{0}) +
                      testing::fixed(parts.checksum_base) +
                      testing::fixed(static_cast<uint32_t>(block.size() - 1)) +
                      std::string(24, '\0') + testing::fixed(parts.format_version) +
                      testing::fixed(kMagic));
  }
  repair_table(table);
  return table;
}

void repair_table(std::span<uint8_t> table) {
  std::optional<FooterView> const footer = view_footer(table);
  if (!footer) return;
  std::map<std::string, BlockHandle> const meta = metaindex_of(table, *footer);
  std::vector<BlockHandle> handles{footer->metaindex};
  BlockHandle index = footer->index;
  for (auto const& [name, handle] : meta) {
    handles.push_back(handle);
    if (name == kIndexName && footer->format_version >= 6) index = handle;
  }
  handles.push_back(index);
  std::vector<BlockHandle> const data = data_blocks(table, *footer, index, meta);
  handles.insert(handles.end(), data.begin(), data.end());
  auto const write = [&](uint64_t offset, uint32_t checksum) {
    std::memcpy(table.data() + offset, &checksum, sizeof checksum);
  };
  for (BlockHandle const& handle : handles) {
    if (!is_inside(handle, footer->offset)) continue;
    write(handle.offset + handle.size + 1,
          checksum_of(table.subspan(handle.offset, handle.size + 1), footer->checksum_type,
                      footer->base, handle.offset));
  }
  if (footer->format_version >= 6) {
    write(footer->offset + 5, 0);
    std::span<uint8_t const> const bytes = table.subspan(footer->offset);
    write(footer->offset + 5,
          checksum_of(bytes, footer->checksum_type, footer->base, footer->offset));
  }
}

std::size_t mutate_table(uint8_t* data, std::size_t size, std::size_t size_max, unsigned int seed) {
  test::Random random(seed);
  std::optional<TableParts> parts = take_apart({data, size});
  uint32_t const choice = random.below(16);
  if (!parts || choice < 2) {
    size = LLVMFuzzerMutate(data, size, size_max);
    if (!random.one_in(4)) repair_table({data, size});
    return size;
  }
  auto const properties = parts->meta.find(std::string(kPropertiesName));
  if (choice < 7 && properties != parts->meta.end()) {
    mutate_properties(properties->second, random);
  } else if (choice < 10) {
    mutate_payload(parts->index,
                   random.one_in(2) ? EntryLayout::kDeltaHandles : EntryLayout::kValueLength,
                   random);
  } else if (choice == 10) {
    mutate_bytes(parts->data, 0);
  } else if (choice == 11) {
    mutate_data_block(*parts, random);
  } else if (choice == 12) {
    parts->format_version = random.below(8);
    parts->checksum_type = static_cast<uint8_t>(random.below(5));
    parts->checksum_base = parts->format_version >= 6 ? random.below(UINT32_MAX) : 0;
  } else if (choice == 13) {
    std::string const name(random.pick(kMetaNames));
    parts->meta[name] =
        random.one_in(2) || parts->meta.empty() ? parts->index : parts->meta.begin()->second;
  } else if (!parts->meta.empty()) {
    auto const meta = std::next(parts->meta.begin(), random.below(parts->meta.size()));
    if (random.one_in(4)) {
      parts->meta.erase(meta);
    } else {
      mutate_payload(meta->second, EntryLayout::kValueLength, random);
    }
  }
  std::vector<uint8_t> const table = put_together(*parts);
  if (table.size() > size_max) return LLVMFuzzerMutate(data, size, size_max);
  std::copy(table.begin(), table.end(), data);
  return table.size();
}

}  // namespace levelscan::fuzz
