#include "table/properties.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "table/block.hpp"
#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

// Metadata blocks are small; collectors of users can make the properties large.
constexpr uint64_t kMetadataBytesMax = uint64_t{256} << 20;

constexpr std::string_view kGlobalSequenceName = "rocksdb.external_sst_file.global_seqno";

[[noreturn]] void fail(BlockPlace const& place, std::string_view name) {
  throw corruption_error(place.file, place.offset, fmt::format("malformed property {}", name));
}

// Looks up the properties that a scan or a description needs.
class PropertyReader {
 public:
  PropertyReader(std::map<std::string, std::string> const& all, BlockPlace const& place)
      : all_(all), place_(place) {}

  [[nodiscard]] std::string const* find(std::string const& name) const {
    auto const found = all_.find(name);
    return found == all_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::string text(std::string const& name) const {
    std::string const* const value = find(name);
    return value != nullptr ? *value : std::string();
  }
  [[nodiscard]] uint64_t number(std::string const& name, uint64_t absent = 0) const {
    std::string const* const value = find(name);
    if (value == nullptr) return absent;
    ByteReader reader(as_bytes(*value));
    uint64_t result = 0;
    if (!reader.read_varint64(result) || !reader.empty()) fail(place_, name);
    return result;
  }
  [[nodiscard]] std::optional<uint32_t> fixed32(std::string const& name) const {
    std::string const* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->size() != sizeof(uint32_t)) fail(place_, name);
    return load_fixed32(as_bytes(*value).data());
  }
  [[nodiscard]] std::optional<uint64_t> fixed64(std::string const& name) const {
    std::string const* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->size() != sizeof(uint64_t)) fail(place_, name);
    return load_fixed64(as_bytes(*value).data());
  }

 private:
  std::map<std::string, std::string> const& all_;
  BlockPlace const& place_;
};

// Where in an uncompressed properties block the value of the global sequence stands, if it is
// there.
std::optional<std::size_t> global_sequence_offset(std::span<uint8_t const> block,
                                                  BlockPlace const& place) {
  std::optional<std::size_t> offset;
  try {
    for_each_entry(block, place, [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
      if (as_text(key) != kGlobalSequenceName || value.size() != sizeof(uint64_t)) return true;
      offset = static_cast<std::size_t>(value.data() - block.data());
      return false;
    });
  } catch (Error const&) {
    // These bytes failed their checksum, which is what the caller goes on to report.
    return std::nullopt;
  }
  return offset;
}

}  // namespace

Metaindex read_metaindex(RandomAccessFile const& file, Footer const& footer) {
  BlockPlace const place{file.path(), footer.metaindex.offset};
  std::vector<uint8_t> const block = read_block(file, footer.metaindex, footer, kMetadataBytesMax);
  Metaindex metaindex;
  for_each_entry(block, place, [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
    std::optional<BlockHandle> const handle = parse_block_handle(value);
    if (!handle || !block_handle_in_bounds(*handle, footer.offset)) {
      throw corruption_error(place.file, place.offset,
                             fmt::format("bad block handle of {} in the metaindex", as_text(key)));
    }
    metaindex.insert_or_assign(std::string(as_text(key)), *handle);
    return true;
  });
  return metaindex;
}

TableProperties parse_properties(std::span<uint8_t const> block, BlockPlace const& place) {
  TableProperties properties;
  std::string previous;
  for_each_entry(block, place, [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
    std::string name(as_text(key));
    if (!properties.all.empty() && name <= previous) {
      throw corruption_error(place.file, place.offset,
                             fmt::format("property {} out of order", name));
    }
    properties.all.emplace(name, as_text(value));
    previous = std::move(name);
    return true;
  });

  PropertyReader const reader(properties.all, place);
  properties.index_type = reader.fixed32("rocksdb.block.based.table.index.type").value_or(0);
  properties.index_key_is_user_key = reader.number("rocksdb.index.key.is.user.key") != 0;
  properties.index_value_is_delta_encoded =
      reader.number("rocksdb.index.value.is.delta.encoded") != 0;

  properties.data_bytes = reader.number("rocksdb.data.size");
  properties.index_bytes = reader.number("rocksdb.index.size");
  properties.index_partitions = reader.number("rocksdb.index.partitions");
  properties.filter_bytes = reader.number("rocksdb.filter.size");
  properties.entries = reader.number("rocksdb.num.entries");
  properties.deletions = reader.number("rocksdb.deleted.keys");
  properties.merge_operands = reader.number("rocksdb.merge.operands");
  properties.range_deletions = reader.number("rocksdb.num.range-deletions");
  properties.data_blocks = reader.number("rocksdb.num.data.blocks");
  properties.raw_key_bytes = reader.number("rocksdb.raw.key.size");
  properties.raw_value_bytes = reader.number("rocksdb.raw.value.size");
  properties.data_block_restart_interval = reader.number("rocksdb.data.block.restart.interval");

  properties.compression = reader.text("rocksdb.compression");
  properties.comparator = reader.text("rocksdb.comparator");
  properties.merge_operator = reader.text("rocksdb.merge.operator");
  properties.column_family = reader.text("rocksdb.column.family.name");
  properties.prefix_extractor = reader.text("rocksdb.prefix.extractor.name");

  properties.external_sst_version = reader.fixed32("rocksdb.external_sst_file.version");
  properties.global_sequence = reader.fixed64(std::string(kGlobalSequenceName));
  properties.user_timestamps_persisted =
      reader.number("rocksdb.user.defined.timestamps.persisted", 1) != 0;
  properties.separated_keys_and_values =
      reader.number("rocksdb.separate.key.value.in.data.block") != 0;
  properties.has_embedded_blobs = reader.find("rocksdb.embedded.blob.stats") != nullptr;
  return properties;
}

TableProperties read_properties(RandomAccessFile const& file, Footer const& footer,
                                BlockHandle const& handle) {
  BlockPlace const place{file.path(), handle.offset};
  std::vector<uint8_t> raw = file.read(handle.offset, handle.size + kBlockTrailerBytes);
  uint8_t const type_byte = raw[handle.size];
  std::span<uint8_t const> const payload = std::span<uint8_t const>(raw).first(handle.size);
  uint32_t const stored = load_fixed32(raw.data() + handle.size + 1);

  std::optional<std::size_t>
      rewritten;  // offset of a global sequence that ingestion may have rewritten
  std::optional<uint64_t> global_sequence;
  if (stored != expected_checksum(raw, footer, handle.offset) &&
      type_byte == static_cast<uint8_t>(Compression::kNone)) {
    rewritten = global_sequence_offset(payload, place);
    if (rewritten) {
      global_sequence = load_fixed64(raw.data() + *rewritten);
      std::fill_n(raw.data() + *rewritten, sizeof(uint64_t), uint8_t{0});
    }
  }
  verify_block(raw, footer, place);

  std::size_t const bytes = uncompressed_size(type_byte, payload, footer.format_version, place);
  if (bytes > kMetadataBytesMax) {
    throw corruption_error(file.path(), handle.offset,
                           fmt::format("properties of {} bytes", bytes));
  }
  std::vector<uint8_t> block(bytes);
  decompress(type_byte, payload, footer.format_version, block, place);
  TableProperties properties = parse_properties(block, place);
  if (global_sequence) {
    properties.global_sequence = global_sequence;
    std::string& value = properties.all[std::string(kGlobalSequenceName)];
    std::copy_n(reinterpret_cast<char const*>(&*global_sequence), sizeof(uint64_t), value.begin());
  }
  return properties;
}

}  // namespace levelscan
