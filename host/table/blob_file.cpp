#include "table/blob_file.hpp"

#include <fmt/core.h>

#include <array>
#include <optional>
#include <utility>

#include "table/checksum.hpp"
#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

constexpr uint32_t kMagic = 0x00248f37;
constexpr uint32_t kVersion = 1;
constexpr uint8_t kFlagTtl = 1;

enum class ReferenceType : uint8_t { kInlinedTtl = 0, kBlob = 1, kBlobTtl = 2 };

constexpr std::string_view kBlobDbAdvice =
    "read this database with the BlobDB of the RocksDB that wrote it";

void check_header(RandomAccessFile const& file, uint32_t column_family, uint8_t& compression) {
  std::array<uint8_t, kBlobHeaderBytes> header;
  file.read(0, header);
  if (load_fixed32(header.data()) != kMagic) {
    throw corruption_error(file.path(), 0, "no magic number of a blob file");
  }
  uint32_t const version = load_fixed32(header.data() + 4);
  if (version != kVersion) {
    throw unsupported_error({fmt::format("blob file of version {}", version), file.path(), 4,
                             std::string(kReadWithRocksdbAdvice)});
  }
  uint32_t const family = load_fixed32(header.data() + 8);
  if (family != column_family) {
    throw corruption_error(
        file.path(), 8,
        fmt::format("the blob file is column family {}'s, not {}'s", family, column_family));
  }
  if ((header[12] & kFlagTtl) != 0 || load_fixed64(header.data() + 14) != 0 ||
      load_fixed64(header.data() + 22) != 0) {
    throw unsupported_error(
        {"blob file with expiration times (BlobDB)", file.path(), 12, std::string(kBlobDbAdvice)});
  }
  compression = header[13];
  if (!compression_supported(compression)) {
    throw unsupported_error({fmt::format("{} compression of blobs", compression_name(compression)),
                             file.path(), 13, std::string(kReadWithRocksdbAdvice)});
  }
}

void check_footer(RandomAccessFile const& file) {
  std::array<uint8_t, kBlobFooterBytes> footer;
  uint64_t const offset = file.size() - kBlobFooterBytes;
  file.read(offset, footer);
  constexpr std::size_t kCovered = kBlobFooterBytes - sizeof(uint32_t);
  if (load_fixed32(footer.data()) != kMagic ||
      crc32c_mask(crc32c(std::span(footer).first(kCovered))) !=
          load_fixed32(footer.data() + kCovered)) {
    throw corruption_error(file.path(), offset,
                           "no footer of a blob file, or its checksum differs");
  }
}

}  // namespace

BlobReference decode_blob_reference(std::span<uint8_t const> bytes, std::string const& place) {
  auto const fail = [&](std::string_view what) {
    return Error(ErrorCode::kCorruption, fmt::format("{}: blob reference {}", place, what));
  };
  auto const refuse = [&](std::string_view feature) {
    return Error(ErrorCode::kUnsupported, fmt::format("{}: {}; {}", place, feature, kBlobDbAdvice));
  };
  if (bytes.empty()) throw fail("of no bytes");
  switch (static_cast<ReferenceType>(bytes[0])) {
    case ReferenceType::kBlob: break;
    case ReferenceType::kInlinedTtl:
      throw refuse("values with an expiration time (BlobDB) are not supported");
    case ReferenceType::kBlobTtl:
      throw refuse("blob references with an expiration time (BlobDB) are not supported");
    default: throw fail(fmt::format("of unknown type {}", bytes[0]));
  }
  BlobReference reference;
  ByteReader reader(bytes.subspan(1));
  std::span<uint8_t const> compression;
  if (!reader.read_varint64(reference.file_number) || !reader.read_varint64(reference.offset) ||
      !reader.read_varint64(reference.size) || !reader.read_bytes(1, compression) ||
      !reader.empty()) {
    throw fail("cannot be decoded");
  }
  reference.compression = compression[0];
  if (reference.file_number == 0) throw refuse("blobs embedded in tables are not supported");
  return reference;
}

BlobFile BlobFile::open(std::string const& path, uint64_t record_bytes, uint32_t column_family) {
  std::optional<RandomAccessFile> file = RandomAccessFile::open_if_exists(path);
  if (!file) throw corruption_error(path, "the MANIFEST names this blob file, but it is missing");
  constexpr uint64_t kOverhead = kBlobHeaderBytes + kBlobFooterBytes;
  if (file->size() < kOverhead || file->size() - kOverhead < record_bytes) {
    throw corruption_error(
        path, fmt::format("the blob file has {} bytes, but the MANIFEST counts {} in its records",
                          file->size(), record_bytes));
  }
  uint8_t compression = 0;
  check_header(*file, column_family, compression);
  check_footer(*file);
  return {std::move(*file), compression};
}

BlobFile::Record BlobFile::record_of(BlobReference const& reference, std::size_t key_bytes) const {
  uint64_t const before = uint64_t{kBlobRecordHeaderBytes} + key_bytes;
  uint64_t const records_end = file_.size() - kBlobFooterBytes;
  if (reference.offset < kBlobHeaderBytes + before || reference.offset > records_end ||
      reference.size > records_end - reference.offset) {
    throw corruption_error(path(), reference.offset,
                           fmt::format("a blob of {} bytes and its key of {} do not lie there",
                                       reference.size, key_bytes));
  }
  if (reference.compression != compression_) {
    throw corruption_error(
        path(), reference.offset,
        fmt::format("a blob is said to have {} compression, and the file has {}",
                    compression_name(reference.compression), compression_name(compression_)));
  }
  return {reference.offset - before, before + reference.size};
}

std::span<uint8_t const> BlobFile::stored_value(std::span<uint8_t const> record,
                                                BlobReference const& reference,
                                                std::string_view user_key, bool verify) const {
  std::span<uint8_t const> const value = record.last(reference.size);
  if (!verify) return value;
  auto const fail = [&](std::string_view what) {
    return corruption_error(path(), reference.offset - user_key.size() - kBlobRecordHeaderBytes,
                            what);
  };
  constexpr std::size_t kCovered = 24;
  if (crc32c_mask(crc32c(record.first(kCovered))) != load_fixed32(record.data() + kCovered)) {
    throw fail("the checksum of a blob's header differs");
  }
  if (load_fixed64(record.data()) != user_key.size() ||
      load_fixed64(record.data() + 8) != reference.size) {
    throw fail("a blob's sizes are not those of the reference to it");
  }
  std::span<uint8_t const> const key_and_value = record.subspan(kBlobRecordHeaderBytes);
  if (as_text(key_and_value.first(user_key.size())) != user_key) {
    throw fail("a blob has another key than the reference to it");
  }
  if (crc32c_mask(crc32c(key_and_value)) != load_fixed32(record.data() + kCovered + 4)) {
    throw fail("the checksum of a blob differs");
  }
  return value;
}

}  // namespace levelscan
