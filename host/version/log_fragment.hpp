// The physical records of a RocksDB or LevelDB log file: the MANIFEST and write-ahead logs.
//
//   file:        blocks of 32 KiB; what is left of a block after its last record, fewer bytes than
//                a header, is padding
//   record:      masked CRC-32C u32 of all that follows the length | length u16 | type u8
//                | [log number u32: recyclable types] | data[length]
//   type:        1 full | 2 first | 3 middle | 4 last fragment | 5-8 the same, recyclable
//                | 9 compression | 10 timestamp sizes, 11 recyclable
//                | 130 predecessor, 131 recyclable | 0 with length 0: preallocated zeros
//
// A recycled file keeps the bytes of the log that it was before; records with that log's number end
// the new one. What a fault means is for the caller to say: a reader of the MANIFEST and one of
// write-ahead logs take the same bytes differently. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "table/random_access_file.hpp"

namespace levelscan {

inline constexpr uint32_t kLogBlockBytes = 32768;
inline constexpr uint32_t kLogHeaderBytes = 7;
inline constexpr uint32_t kRecyclableLogHeaderBytes = 11;

enum LogRecordType : uint8_t {
  kLogZero = 0,
  kLogFull = 1,
  kLogFirst = 2,
  kLogMiddle = 3,
  kLogLast = 4,
  kLogRecyclableFull = 5,
  kLogRecyclableFirst = 6,
  kLogRecyclableMiddle = 7,
  kLogRecyclableLast = 8,
  kLogCompressionType = 9,
  kLogTimestampSizes = 10,
  kLogRecyclableTimestampSizes = 11,
  kLogPredecessor = 130,
  kLogRecyclablePredecessor = 131,
  // Types with this bit may be skipped by readers that don't know them.
  kLogIgnorableBit = 0x80,
};

// Bytes of a log, a block at a time.
class LogSource {
 public:
  virtual ~LogSource() = default;
  [[nodiscard]] virtual uint64_t size() const = 0;
  // The block at `offset`, a multiple of 32 KiB below size(); the last one may be shorter. Valid
  // until the next call. Throws Error.
  [[nodiscard]] virtual std::span<uint8_t const> block(uint64_t offset) = 0;
};

class MemoryLogSource final : public LogSource {
 public:
  // `bytes` outlive the source.
  explicit MemoryLogSource(std::span<uint8_t const> bytes) : bytes_(bytes) {}
  [[nodiscard]] uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] std::span<uint8_t const> block(uint64_t offset) override;

 private:
  std::span<uint8_t const> bytes_;
};

// Reads a few blocks at once. The log is as long as the file was when it was opened.
class FileLogSource final : public LogSource {
 public:
  // `file` outlives the source.
  explicit FileLogSource(RandomAccessFile const& file) : file_(file) {}
  [[nodiscard]] uint64_t size() const override { return file_.size(); }
  [[nodiscard]] std::span<uint8_t const> block(uint64_t offset) override;

 private:
  RandomAccessFile const& file_;
  std::vector<uint8_t> buffer_;
  uint64_t buffer_offset_ = 0;
};

enum class LogEvent {
  kFragment,
  kEnd,              // nothing after the last record but padding
  kTruncatedHeader,  // fewer bytes than a header before the end of the file
  kTruncatedData,    // the file ends before the record does
  kTooLong,          // the record does not end in its block
  kZeros,            // type 0 and length 0
  kBadChecksum,
  kOldRecord,  // of the log that this file was before it was recycled
};

struct LogFragment {
  uint8_t type = 0;
  uint64_t offset = 0;    // of the header in the file; set by every event
  uint32_t length = 0;    // that the header claims; set by all events after kTruncatedHeader
  uint32_t stored = 0;    // checksum, likewise
  uint32_t computed = 0;  // kFragment, kBadChecksum
  std::span<uint8_t const> data;  // kFragment; valid until the next call
};

class FragmentReader {
 public:
  // With a log number recyclable types are known, and those of another number are kOldRecord;
  // without one they are handed on like any other type, with their log number as data.
  FragmentReader(LogSource& source, std::optional<uint64_t> log_number)
      : source_(source), log_number_(log_number) {}

  // Reads the record at the position and moves past it where it is whole and its checksum fits;
  // else stays.
  [[nodiscard]] LogEvent next(LogFragment& fragment);

  // Whether a record of this log stands anywhere behind `offset`: further on in that block, or at
  // the beginning of a later one. `recyclable`: which types the log's records have.
  [[nodiscard]] bool records_follow(uint64_t offset, bool recyclable) const;

  // Where the next record is looked for.
  [[nodiscard]] uint64_t position() const { return position_; }
  // To the start of the next block, or the end of the log.
  void skip_block() {
    position_ = std::min(position_ - position_ % kLogBlockBytes + kLogBlockBytes, source_.size());
  }

 private:
  LogSource& source_;
  std::optional<uint64_t> log_number_;
  uint64_t position_ = 0;
};

// 5-8 as 1-4, 11 as 10, 131 as 130; others as they are.
[[nodiscard]] uint8_t without_recycling(uint8_t type);
[[nodiscard]] bool is_recyclable(uint8_t type);

}  // namespace levelscan
