// The logical records of a MANIFEST. log_fragment.hpp has the bytes of a log.
//
// A record that the file's end cuts off is a write in progress and ends the log, as RocksDB reads
// it. All else that does not check is corruption. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "version/log_fragment.hpp"

namespace levelscan {

class LogReader {
 public:
  // `log` holds the whole file, or as much of it as had been written; it and `path` must outlive
  // the reader.
  LogReader(std::span<uint8_t const> log, std::string const& path)
      : log_(log), source_(log), fragments_(source_, std::nullopt), path_(path) {}
  LogReader(LogReader const&) = delete;
  LogReader& operator=(LogReader const&) = delete;

  // Reads the next record into `record`; false at the end.
  // Throws Error: kCorruption, kUnsupported for record types of write-ahead logs or of later
  // releases.
  bool next(std::vector<uint8_t>& record);

  // Where the record last read begins in the file, and the offset after the last whole record.
  [[nodiscard]] uint64_t record_offset() const { return record_offset_; }
  [[nodiscard]] uint64_t complete_bytes() const { return complete_bytes_; }

 private:
  bool next_fragment(LogFragment& fragment);
  void check_zeros(uint64_t offset) const;
  void check_torn_record(LogFragment const& fragment) const;

  std::span<uint8_t const> log_;
  MemoryLogSource source_;
  FragmentReader fragments_;
  std::string const& path_;
  uint64_t record_offset_ = 0;
  uint64_t complete_bytes_ = 0;
};

}  // namespace levelscan
