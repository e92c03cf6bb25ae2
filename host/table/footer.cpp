#include "table/footer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "table/coding.hpp"

namespace levelscan {
namespace {

constexpr uint64_t kBlockBasedMagic = 0x88e241b785f4cff7ULL;
constexpr uint64_t kLegacyBlockBasedMagic = 0xdb4775248b80fb57ULL;
constexpr uint64_t kPlainTableMagic = 0x8242229663bf9564ULL;
constexpr uint64_t kLegacyPlainTableMagic = 0x4f3418eb7a8f13b8ULL;
constexpr uint64_t kCuckooTableMagic = 0x926789d0c5f17873ULL;

constexpr uint32_t kMagicBytes = 8;
constexpr uint32_t kHandlesBytes = 40;
constexpr uint32_t kLegacyFooterBytes = 48;
constexpr uint32_t kVersionOffset = 41;
constexpr uint32_t kFormatVersionMax = 7;
static_assert(kHandlesBytes + kMagicBytes == kLegacyFooterBytes);
static_assert(kVersionOffset + sizeof(uint32_t) + kMagicBytes == kFooterBytes);

// Format versions 6 and later.
constexpr uint32_t kFormatVersionWithContext = 6;
constexpr uint32_t kExtendedMagic = 0x007a003e;
constexpr uint32_t kExtendedMagicOffset = 1;
constexpr uint32_t kChecksumOffset = 5;
constexpr uint32_t kChecksumBaseOffset = 9;
constexpr uint32_t kMetaindexBytesOffset = 13;
constexpr uint32_t kReservedZerosOffset = 33;
static_assert(kReservedZerosOffset + sizeof(uint64_t) == kVersionOffset);

void refuse(std::vector<Refusal>& refusals, std::string feature, std::string_view path,
            uint64_t offset, std::string_view advice) {
  refusals.push_back({std::move(feature), std::string(path), offset, std::string(advice)});
}

void check_bounds(char const* name, BlockHandle const& handle, Footer const& footer,
                  std::string_view path) {
  if (block_handle_in_bounds(handle, footer.offset)) return;
  throw corruption_error(path, footer.offset,
                         fmt::format("{} block at offset {} of {} bytes lies outside the file",
                                     name, handle.offset, handle.size));
}

// Versions up to 5: both handles side by side.
void parse_handles(std::span<uint8_t const> handles, std::string_view path, Footer& footer) {
  std::optional<BlockHandle> const metaindex = parse_block_handle(handles);
  footer.index = metaindex ? parse_block_handle(handles) : std::nullopt;
  if (!footer.index)
    throw corruption_error(path, footer.offset, "malformed block handle in the footer");
  footer.metaindex = *metaindex;
  check_bounds("metaindex", footer.metaindex, footer, path);
  check_bounds("index", *footer.index, footer, path);
}

// Versions 6 and 7. Returns false after adding a refusal. REQUIRES: kFooterBytes at `bytes`, the
// checksum type known.
bool parse_with_context(uint8_t const* bytes, std::string_view path, Footer& footer,
                        std::vector<Refusal>& refusals) {
  if (load_fixed32(bytes + kExtendedMagicOffset) != kExtendedMagic) {
    throw corruption_error(
        path, footer.offset + kExtendedMagicOffset,
        fmt::format("0x{:08x} is no extended magic", load_fixed32(bytes + kExtendedMagicOffset)));
  }
  footer.checksum_base = load_fixed32(bytes + kChecksumBaseOffset);
  if (footer.checksum_base == 0) {
    throw corruption_error(path, footer.offset + kChecksumBaseOffset,
                           "no base of the checksums' contexts");
  }
  std::array<uint8_t, kFooterBytes> covered{};
  std::copy_n(bytes, kFooterBytes, covered.data());
  std::fill_n(covered.data() + kChecksumOffset, sizeof(uint32_t), uint8_t{0});
  uint32_t const computed = block_checksum(footer.checksum_type, covered.data(), kFooterBytes - 1) +
                            checksum_context(footer.checksum_base, footer.offset);
  uint32_t const stored = load_fixed32(bytes + kChecksumOffset);
  if (computed != stored) {
    throw corruption_error(path, footer.offset,
                           fmt::format("footer has {} checksum 0x{:08x}, stored is 0x{:08x}",
                                       checksum_name(footer.checksum_type), computed, stored));
  }
  if (load_fixed64(bytes + kReservedZerosOffset) != 0) {
    refuse(refusals, "table of a later format (reserved bytes of the footer are set)", path,
           footer.offset + kReservedZerosOffset, kReadWithRocksdbAdvice);
    return false;
  }
  uint64_t const metaindex_bytes = load_fixed32(bytes + kMetaindexBytesOffset);
  if (metaindex_bytes + kBlockTrailerBytes > footer.offset) {
    throw corruption_error(
        path, footer.offset,
        fmt::format("metaindex block of {} bytes lies outside the file", metaindex_bytes));
  }
  footer.metaindex = {footer.offset - kBlockTrailerBytes - metaindex_bytes, metaindex_bytes};
  return true;
}

}  // namespace

std::optional<Footer> parse_footer(std::span<uint8_t const> tail, uint64_t file_bytes,
                                   std::string_view path, std::vector<Refusal>& refusals) {
  if (tail.size() < kLegacyFooterBytes) {
    throw corruption_error(path, 0, fmt::format("{} bytes are too few for a table", file_bytes));
  }
  uint64_t const magic_offset = file_bytes - kMagicBytes;
  uint64_t const magic = load_fixed64(tail.data() + tail.size() - kMagicBytes);
  Footer footer;
  switch (magic) {
    case kBlockBasedMagic: break;
    case kLegacyBlockBasedMagic:
      footer.offset = file_bytes - kLegacyFooterBytes;
      footer.checksum_type = ChecksumType::kCrc32c;
      parse_handles(tail.last(kLegacyFooterBytes).first(kHandlesBytes), path, footer);
      return footer;
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

  footer.offset = file_bytes - kFooterBytes;
  std::span<uint8_t const> const bytes = tail.last(kFooterBytes);
  footer.format_version = load_fixed32(bytes.data() + kVersionOffset);
  if (footer.format_version == 0) {
    throw corruption_error(path, footer.offset + kVersionOffset,
                           "format_version 0 with the magic of later ones");
  }
  if (footer.format_version > kFormatVersionMax) {
    refuse(refusals, fmt::format("table format_version {}", footer.format_version), path,
           footer.offset + kVersionOffset, kReadWithRocksdbAdvice);
    return std::nullopt;
  }
  if (bytes[0] > kChecksumTypeMax) {
    throw corruption_error(path, footer.offset, fmt::format("unknown checksum type {}", bytes[0]));
  }
  footer.checksum_type = static_cast<ChecksumType>(bytes[0]);
  if (footer.format_version < kFormatVersionWithContext) {
    parse_handles(bytes.subspan(1, kHandlesBytes), path, footer);
  } else if (!parse_with_context(bytes.data(), path, footer, refusals)) {
    return std::nullopt;
  }
  return footer;
}

std::optional<Footer> read_footer(RandomAccessFile const& file, std::vector<Refusal>& refusals) {
  uint64_t const tail_bytes = std::min<uint64_t>(file.size(), kFooterBytes);
  std::vector<uint8_t> const tail = file.read(file.size() - tail_bytes, tail_bytes);
  return parse_footer(tail, file.size(), file.path(), refusals);
}

}  // namespace levelscan
