// Blob files, where values live apart from their keys, and the references to them in tables
// (db/blob/blob_log_format.h, blob_index.h).
//
//   file:       header 30 | records | footer 32
//   header:     magic u32 | version u32 (1) | column family u32 | flags u8 (1: TTL) | compression
//   u8
//               | expiration range u64, u64
//   record:     key size u64 | value size u64 | expiration u64 | masked CRC32c of these 24 bytes
//   u32
//               | masked CRC32c of key and value u32 | key | value, compressed by itself
//   footer:     magic u32 | blob count u64 | expiration range u64, u64 | masked CRC32c of these u32
//   reference:  type u8 | file number v64 | offset of the value v64 | size v64 | compression u8
//               type 1; 0 (a value with a TTL) and 2 (a reference with one) are those of BlobDB
//
// A compressed value begins as a block of format version 2 does (codec.hpp).
//
// Immutable after open(); const member functions are thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "table/codec.hpp"
#include "table/random_access_file.hpp"

namespace levelscan {

inline constexpr uint32_t kBlobHeaderBytes = 30;
inline constexpr uint32_t kBlobFooterBytes = 32;
inline constexpr uint32_t kBlobRecordHeaderBytes = 32;
// How values are compressed in every blob file.
inline constexpr uint32_t kBlobFormatVersion = 2;

struct BlobReference {
  uint64_t file_number = 0;
  uint64_t offset = 0;  // of the value in the file
  uint64_t size = 0;    // of the value, as stored
  uint8_t compression = 0;
};

// `place`: of the entry, for error texts. Throws Error: kCorruption; kUnsupported for values with a
// TTL, and for references into the table itself.
[[nodiscard]] BlobReference decode_blob_reference(std::span<uint8_t const> bytes,
                                                  std::string const& place);

class BlobFile {
 public:
  // `record_bytes`: of all records, as the MANIFEST says. Throws Error: kCorruption (a missing file
  // too), kUnsupported, kRuntime.
  static BlobFile open(std::string const& path, uint64_t record_bytes, uint32_t column_family);

  [[nodiscard]] std::string const& path() const { return file_.path(); }
  [[nodiscard]] RandomAccessFile const& file() const { return file_; }
  [[nodiscard]] uint8_t compression() const { return compression_; }

  // Where the whole record of a value lies.
  struct Record {
    uint64_t offset = 0;
    uint64_t bytes = 0;
    [[nodiscard]] uint64_t end() const { return offset + bytes; }
  };
  // Throws Error(kCorruption) when it lies outside the records, or the reference has another
  // compression than the file.
  [[nodiscard]] Record record_of(BlobReference const& reference, std::size_t key_bytes) const;

  // The stored value in the bytes of its record. With `verify` the record's checksums, sizes and
  // key have to be right. Throws Error(kCorruption).
  [[nodiscard]] std::span<uint8_t const> stored_value(std::span<uint8_t const> record,
                                                      BlobReference const& reference,
                                                      std::string_view user_key, bool verify) const;

 private:
  BlobFile(RandomAccessFile file, uint8_t compression)
      : file_(std::move(file)), compression_(compression) {}

  RandomAccessFile file_;
  uint8_t compression_;
};

}  // namespace levelscan
