#include "table/footer.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "table/coding.hpp"

namespace levelscan {
namespace {

constexpr uint64_t kBlockBasedMagic = 0x88e241b785f4cff7ULL;
constexpr uint64_t kLegacyBlockBasedMagic = 0xdb4775248b80fb57ULL;
constexpr uint64_t kPlainTableMagic = 0x8242229663bf9564ULL;
constexpr uint64_t kLegacyPlainTableMagic = 0x4f3418eb7a8f13b8ULL;
constexpr uint64_t kCuckooTableMagic = 0x926789d0c5f17873ULL;

constexpr uint32_t kMagicBytes = 8;
constexpr uint32_t kLegacyFooterBytes = 48;
constexpr uint32_t kHandlesOffset = 1;
constexpr uint32_t kVersionOffset = 41;
constexpr uint32_t kFormatVersionMin = 2;
constexpr uint32_t kFormatVersionMax = 5;
static_assert(kVersionOffset + sizeof(uint32_t) + kMagicBytes == kFooterBytes);

constexpr std::string_view kRewriteAdvice =
    "set BlockBasedTableOptions::format_version to 5 and run a full compaction with RocksDB";

void refuse(std::vector<Refusal>& refusals, std::string feature, std::string_view path,
            uint64_t offset, std::string_view advice) {
  refusals.push_back({std::move(feature), std::string(path), offset, std::string(advice)});
}

}  // namespace

std::optional<Footer> parse_footer(std::span<uint8_t const> tail, uint64_t file_bytes,
                                   std::string_view path, std::vector<Refusal>& refusals) {
  if (tail.size() < kLegacyFooterBytes) {
    throw corruption_error(path, 0, fmt::format("{} bytes are too few for a table", file_bytes));
  }
  uint64_t const magic_offset = file_bytes - kMagicBytes;
  uint64_t const magic = load_fixed64(tail.data() + tail.size() - kMagicBytes);
  switch (magic) {
    case kBlockBasedMagic: break;
    case kLegacyBlockBasedMagic:
      refuse(refusals, "table format_version 0 (LevelDB's)", path, magic_offset, kRewriteAdvice);
      return std::nullopt;
    case kPlainTableMagic:
    case kLegacyPlainTableMagic:
      refuse(refusals, "plain table format", path, magic_offset,
             "rewrite the database with block-based tables");
      return std::nullopt;
    case kCuckooTableMagic:
      refuse(refusals, "cuckoo table format", path, magic_offset,
             "rewrite the database with block-based tables");
      return std::nullopt;
    default:
      throw corruption_error(path, magic_offset, fmt::format("0x{:016x} is no table magic", magic));
  }
  if (tail.size() < kFooterBytes) {
    throw corruption_error(path, 0, fmt::format("{} bytes are too few for a table", file_bytes));
  }

  Footer footer;
  footer.offset = file_bytes - kFooterBytes;
  uint8_t const* const bytes = tail.data() + tail.size() - kFooterBytes;
  footer.format_version = load_fixed32(bytes + kVersionOffset);
  if (footer.format_version < kFormatVersionMin || footer.format_version > kFormatVersionMax) {
    refuse(refusals, fmt::format("table format_version {}", footer.format_version), path,
           footer.offset + kVersionOffset, kRewriteAdvice);
    return std::nullopt;
  }
  if (bytes[0] > kChecksumTypeMax) {
    throw corruption_error(path, footer.offset, fmt::format("unknown checksum type {}", bytes[0]));
  }
  footer.checksum_type = static_cast<ChecksumType>(bytes[0]);

  std::span<uint8_t const> handles(bytes + kHandlesOffset, kVersionOffset - kHandlesOffset);
  std::optional<BlockHandle> const metaindex = parse_block_handle(handles);
  std::optional<BlockHandle> const index = metaindex ? parse_block_handle(handles) : std::nullopt;
  if (!index) throw corruption_error(path, footer.offset, "malformed block handle in the footer");
  footer.metaindex = *metaindex;
  footer.index = *index;
  for (auto const& [name, handle] :
       {std::pair{"metaindex", footer.metaindex}, {"index", footer.index}}) {
    if (!block_handle_in_bounds(handle, footer.offset)) {
      throw corruption_error(path, footer.offset,
                             fmt::format("{} block at offset {} of {} bytes lies outside the file",
                                         name, handle.offset, handle.size));
    }
  }
  return footer;
}

std::optional<Footer> read_footer(RandomAccessFile const& file, std::vector<Refusal>& refusals) {
  uint64_t const tail_bytes = std::min<uint64_t>(file.size(), kFooterBytes);
  std::vector<uint8_t> const tail = file.read(file.size() - tail_bytes, tail_bytes);
  return parse_footer(tail, file.size(), file.path(), refusals);
}

}  // namespace levelscan
