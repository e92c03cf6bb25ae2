// The records of a RocksDB log file, as the MANIFEST is one.
//
//   file:    blocks of 32 KiB; fewer than 7 bytes at a block's end are padding
//   record:  masked CRC-32C u32 of (type || data) | length u16 | type u8 | data[length]
//   type:    1 full | 2 first | 3 middle | 4 last fragment | 0 with length 0: preallocated zeros
//
// A record that the file's end cuts off is a write in progress and ends the log, as RocksDB reads
// it. All else that does not check is corruption. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace levelscan {

inline constexpr uint32_t kLogBlockBytes = 32768;
inline constexpr uint32_t kLogHeaderBytes = 7;

class LogReader {
 public:
  // `log` holds the whole file, or as much of it as had been written; it and `path` must outlive
  // the reader.
  LogReader(std::span<uint8_t const> log, std::string const& path) : log_(log), path_(path) {}

  // Reads the next record into `record`; false at the end.
  // Throws Error: kCorruption, kUnsupported for record types of write-ahead logs or of later
  // releases.
  bool next(std::vector<uint8_t>& record);

  // Where the record last read begins in the file, and the offset after the last whole record.
  [[nodiscard]] uint64_t record_offset() const { return record_offset_; }
  [[nodiscard]] uint64_t complete_bytes() const { return complete_bytes_; }

 private:
  struct Fragment {
    uint8_t type = 0;
    std::span<uint8_t const> data;
    uint64_t offset = 0;
  };

  bool next_fragment(Fragment& fragment);
  void check_torn_record(uint64_t offset) const;

  std::span<uint8_t const> log_;
  std::string const& path_;
  uint64_t position_ = 0;
  uint64_t record_offset_ = 0;
  uint64_t complete_bytes_ = 0;
};

}  // namespace levelscan
