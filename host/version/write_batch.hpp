// The operations of a write batch, as a record of a write-ahead log holds it.
//
//   batch:      sequence u64 | count u32 | operation*        count: of those that write something
//   operation:  tag u8 | [column family varint32] | strings, each varint32 length and bytes
//     0x01 put            key, value       0x05 with a column family
//     0x00 delete         key              0x04
//     0x07 single delete  key              0x08
//     0x02 merge          key, operand     0x06
//     0x0f delete range   start, end       0x0e
//     0x11 blob reference key, reference   0x10
//     0x16 wide columns   key, entity      0x17
//     0x18 timed put      key, value || u64 write time    0x19
//     0x03 log data       text; writes nothing
//     0x0d no-op
//     0x09, 0x12, 0x13 begin of a prepared section: write-committed, -prepared, -unprepared
//     0x0a end of it      transaction's name
//     0x0b commit         name             0x15 timestamp, name
//     0x0c rollback       name
//
// An operation's sequence number follows from its place; wal_replay.hpp counts. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/internal_key.hpp"
#include "table/codec.hpp"
#include "table/coding.hpp"

namespace levelscan {

inline constexpr uint32_t kBatchHeaderBytes = 12;

struct BatchOperation {
  enum class Kind {
    kEntry,        // `entry_type`, `column_family`, `key` and, but for deletions, `value`
    kDeleteRange,  // `column_family`, `key` is the first one, `value` the end
    kLogData,
    kNoop,
    kBeginPrepare,           // of the write-committed policy
    kBeginPersistedPrepare,  // of the others
    kBeginUnprepare,
    kEndPrepare,  // `key` is the transaction's name, here and below
    kCommit,
    kCommitWithTimestamp,
    kRollback,
  };
  Kind kind = Kind::kNoop;
  EntryType entry_type = EntryType::kValue;
  uint32_t column_family = 0;
  std::span<uint8_t const> key;
  std::span<uint8_t const> value;

  // Counts for the header, and takes a sequence number.
  [[nodiscard]] bool writes() const { return kind == Kind::kEntry || kind == Kind::kDeleteRange; }
};

class WriteBatchReader {
 public:
  // `batch` outlives the reader; `place` is where it stands, for error texts.
  // REQUIRES: at least kBatchHeaderBytes.
  WriteBatchReader(std::span<uint8_t const> batch, BlockPlace place);

  [[nodiscard]] uint64_t sequence() const { return sequence_; }
  [[nodiscard]] uint32_t count() const { return count_; }

  // Reads the next operation; false at the end. Its spans point into the batch.
  // Throws Error kCorruption for a tag that isn't known, strings that run past the end, or a count
  // that isn't the header's.
  bool next(BatchOperation& operation);

 private:
  [[noreturn]] void fail(std::string_view what) const;
  bool decode(uint8_t tag, BatchOperation& operation);
  bool decode_entry(uint8_t tag, BatchOperation& operation);

  ByteReader reader_;
  BlockPlace place_;
  uint64_t sequence_;
  uint32_t count_;
  uint32_t found_ = 0;  // operations that write something
};

}  // namespace levelscan
