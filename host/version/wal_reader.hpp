// The logical records of one write-ahead log, as RocksDB's point-in-time recovery reads them.
// log_fragment.hpp has the bytes of a log.
//
// A log ends in one of three ways, which decide whether the log after it counts:
//   whole   at its last record, or at preallocated zeros
//   torn    at the first thing that doesn't check: a record that the file's end cuts off, a
//   checksum,
//           fragments out of step. What follows in this log is lost.
//   old     at a record of the log that the file was before it was recycled. A torn record can look
//           so too.
//
// A compressed log begins with a record of type 9, codec u32; from there on the data of all
// fragments of a record is one Zstandard stream. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "table/random_access_file.hpp"
#include "version/log_fragment.hpp"

namespace levelscan {

// kCutOff: torn as a writer that was killed leaves it, by the end of the file or, where that was
// recycled, by what it held before.
enum class WalEnd { kWhole, kCutOff, kTorn, kOld };

class WalReader {
 public:
  // `file` outlives the reader. A record that takes more than `record_bytes_max` bytes is an Error
  // kDevice.
  WalReader(RandomAccessFile const& file, uint64_t log_number, uint64_t record_bytes_max);
  ~WalReader();
  WalReader(WalReader const&) = delete;
  WalReader& operator=(WalReader const&) = delete;

  // The next record, valid until the next call; nothing at the end. Throws Error: kCorruption for a
  // compressed record whose checksum fits and that does not decompress, kUnsupported for a codec or
  // a record type not known, kRuntime.
  [[nodiscard]] std::optional<std::span<uint8_t const>> next();

  // Ends the log here, because a record that was read turned out not to make sense.
  void tear(uint64_t offset, std::string what);

  // Where the record last read begins in the file.
  [[nodiscard]] uint64_t record_offset() const { return record_offset_; }

  // How the log ended, where, and for torn ones what is wrong there. REQUIRES: next() has returned
  // nothing, or tear() was called.
  [[nodiscard]] WalEnd end() const { return *end_; }
  [[nodiscard]] uint64_t end_offset() const { return end_offset_; }
  [[nodiscard]] std::string const& end_reason() const { return end_reason_; }
  // The log ended where no writer ends one: torn, or with records of its own behind its end.
  [[nodiscard]] bool is_damaged() const { return is_damaged_; }

  // Bytes of a user-defined timestamp by column family, as records of the log said so far.
  [[nodiscard]] std::map<uint32_t, uint16_t> const& timestamp_bytes() const {
    return timestamp_bytes_;
  }

 private:
  struct Decompressor;

  void finish(WalEnd end, uint64_t offset, std::string reason);
  // The same at a fragment that doesn't check, behind which the file may go on.
  void finish_within(WalEnd end, uint64_t offset, LogFragment const& fragment, std::string reason);
  // Whether the log ends at this event. Zeros move to the next block.
  bool ends_at(LogEvent event, LogFragment const& fragment);
  // Records that are not data. False: the log is torn here.
  bool take_special(LogFragment const& fragment);
  // Appends a fragment's data to `record_`, decompressed.
  void append(LogFragment const& fragment);

  RandomAccessFile const& file_;
  uint64_t record_bytes_max_;
  FileLogSource source_;
  FragmentReader fragments_;
  std::unique_ptr<Decompressor> decompressor_;  // of a compressed log
  std::vector<uint8_t> record_;
  bool in_record_ = false;
  bool has_read_record_ = false;
  bool is_recycled_ = false;
  uint64_t record_offset_ = 0;
  std::optional<WalEnd> end_;
  uint64_t end_offset_ = 0;
  std::string end_reason_;
  bool is_damaged_ = false;
  std::map<uint32_t, uint16_t> timestamp_bytes_;
};

}  // namespace levelscan
