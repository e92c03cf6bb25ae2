// What no scan of these tables can be faster than: reading their bytes, checksumming them,
// decompressing their blocks, copying them to a device. All on one thread, through the page cache.
// Not thread-safe. Errors are Error(kRuntime).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/device.hpp"
#include "query/key_range.hpp"
#include "table/table_reader.hpp"
#include "version/database_version.hpp"

namespace levelscan {

class MachineLimits {
 public:
  // Of the tables that overlap the range, whole. The version must outlive this.
  MachineLimits(DatabaseVersion const& version, KeyRange const& range);

  [[nodiscard]] uint64_t file_bytes() const { return file_bytes_; }
  // Whether any table says that its blocks are compressed.
  [[nodiscard]] bool is_compressed() const { return is_compressed_; }

  // pread in pieces of 1 MiB.
  void read();
  // The same, and XXH3 of each piece.
  void read_and_hash();
  // The same in pieces of whole blocks, and each data block decompressed with its codec's own
  // function (LZ4_decompress_safe, ZSTD_decompressDCtx, snappy::RawUncompress; others by
  // table/codec.hpp) into one small buffer.
  void read_hash_and_decompress();

  // Makes the operating system drop what it holds of the tables, so that they are read from disk.
  void evict() const;

 private:
  struct Block {
    uint64_t offset;
    uint64_t bytes;  // without the trailer
  };
  struct File {
    Table const* table;
    std::vector<Block> blocks;  // in file order; filled when first asked for
  };

  void find_blocks();

  std::vector<File> files_;
  uint64_t file_bytes_ = 0;
  bool is_compressed_ = false;
  bool has_blocks_ = false;
  std::vector<uint8_t> piece_;
  uint64_t digest_ = 0;  // keeps the hashing from being left out
};

// Copies so many bytes from pinned memory to a device, piece by piece.
class CopyLimit {
 public:
  CopyLimit(Device& device, uint64_t bytes);
  CopyLimit(CopyLimit const&) = delete;
  CopyLimit& operator=(CopyLimit const&) = delete;
  ~CopyLimit();

  void run();

 private:
  Device& device_;
  uint64_t bytes_;
  void* pinned_;
  void* copy_;
  StreamView stream_;
};

}  // namespace levelscan
