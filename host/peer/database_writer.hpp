// Writes a database with librocksdb so that every table lands on the level it is meant for. No
// write-ahead log, no compaction by itself. Not thread-safe; errors are Error(kRuntime).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace levelscan {

struct WriterOptions {
  std::string compression = "snappy";  // none, snappy, zlib, bzip2, lz4, zstd
  uint64_t table_bytes = uint64_t{32} << 20;
  uint32_t block_bytes = 4096;
  uint32_t restart_interval = 16;
};

class DatabaseWriter {
 public:
  // Makes the database; `path` must not hold one yet. Throws Error(kUsage) for an unknown codec.
  DatabaseWriter(std::string const& path, WriterOptions const& options);
  DatabaseWriter(DatabaseWriter const&) = delete;
  DatabaseWriter& operator=(DatabaseWriter const&) = delete;
  ~DatabaseWriter();

  void put(std::string_view key, std::string_view value);
  void remove(std::string_view key);

  // What was written since becomes one L0 file.
  void flush();
  // Merges all L0 files into `level` (> 0), with what is there in between.
  void compact_to(int level);
  // Flushes nothing: REQUIRES a flush after the last write.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace levelscan
