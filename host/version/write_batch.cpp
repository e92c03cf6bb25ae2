#include "version/write_batch.hpp"

#include <fmt/core.h>

#include <array>

#include "table/refusal.hpp"

namespace levelscan {
namespace {

using Kind = BatchOperation::Kind;

struct EntryTag {
  uint8_t tag;
  uint8_t tag_with_column_family;
  EntryType type;
  bool has_value;
};

// db/dbformat.h of RocksDB 11; numbers on disk, never reused.
constexpr std::array<EntryTag, 7> kEntryTags = {{
    {0x01, 0x05, EntryType::kValue, true},
    {0x00, 0x04, EntryType::kDeletion, false},
    {0x07, 0x08, EntryType::kSingleDeletion, false},
    {0x02, 0x06, EntryType::kMerge, true},
    {0x11, 0x10, EntryType::kBlobIndex, true},
    {0x16, 0x17, EntryType::kWideColumnEntity, true},
    {0x18, 0x19, EntryType::kValuePreferredSequence, true},
}};

constexpr uint8_t kDeleteRange = 0x0f;
constexpr uint8_t kDeleteRangeOfColumnFamily = 0x0e;
constexpr uint8_t kLogData = 0x03;
constexpr uint8_t kBeginPrepare = 0x09;
constexpr uint8_t kEndPrepare = 0x0a;
constexpr uint8_t kCommit = 0x0b;
constexpr uint8_t kRollback = 0x0c;
constexpr uint8_t kNoop = 0x0d;
constexpr uint8_t kBeginPersistedPrepare = 0x12;
constexpr uint8_t kBeginUnprepare = 0x13;
constexpr uint8_t kCommitWithTimestamp = 0x15;

}  // namespace

WriteBatchReader::WriteBatchReader(std::span<uint8_t const> batch, BlockPlace place)
    : reader_(batch.subspan(kBatchHeaderBytes)),
      place_(place),
      sequence_(load_fixed64(batch.data())),
      count_(load_fixed32(batch.data() + sizeof(uint64_t))) {}

void WriteBatchReader::fail(std::string_view what) const {
  throw corruption_error(place_.file, place_.offset,
                         fmt::format("write batch: {} {} bytes into it", what,
                                     kBatchHeaderBytes + reader_.position()));
}

bool WriteBatchReader::next(BatchOperation& operation) {
  std::span<uint8_t const> tag;
  if (!reader_.read_bytes(1, tag)) {
    if (found_ != count_) fail(fmt::format("{} operations where {} should be", found_, count_));
    return false;
  }
  operation = {};
  if (!decode(tag[0], operation)) fail(fmt::format("malformed operation of tag 0x{:02x}", tag[0]));
  if (operation.writes()) ++found_;
  return true;
}

bool WriteBatchReader::decode(uint8_t tag, BatchOperation& operation) {
  switch (tag) {
    case kLogData:
      operation.kind = Kind::kLogData;
      return reader_.read_length_prefixed(operation.value);
    case kNoop: operation.kind = Kind::kNoop; return true;
    case kBeginPrepare: operation.kind = Kind::kBeginPrepare; return true;
    case kBeginPersistedPrepare: operation.kind = Kind::kBeginPersistedPrepare; return true;
    case kBeginUnprepare: operation.kind = Kind::kBeginUnprepare; return true;
    case kEndPrepare:
      operation.kind = Kind::kEndPrepare;
      return reader_.read_length_prefixed(operation.key);
    case kCommit:
      operation.kind = Kind::kCommit;
      return reader_.read_length_prefixed(operation.key);
    case kCommitWithTimestamp:
      operation.kind = Kind::kCommitWithTimestamp;
      return reader_.read_length_prefixed(operation.value) &&
             reader_.read_length_prefixed(operation.key);
    case kRollback:
      operation.kind = Kind::kRollback;
      return reader_.read_length_prefixed(operation.key);
    case kDeleteRange:
    case kDeleteRangeOfColumnFamily:
      operation.kind = Kind::kDeleteRange;
      return (tag == kDeleteRange || reader_.read_varint32(operation.column_family)) &&
             reader_.read_length_prefixed(operation.key) &&
             reader_.read_length_prefixed(operation.value);
    default: return decode_entry(tag, operation);
  }
}

bool WriteBatchReader::decode_entry(uint8_t tag, BatchOperation& operation) {
  for (EntryTag const& entry : kEntryTags) {
    if (tag != entry.tag && tag != entry.tag_with_column_family) continue;
    operation.kind = Kind::kEntry;
    operation.entry_type = entry.type;
    if (tag == entry.tag_with_column_family && !reader_.read_varint32(operation.column_family)) {
      return false;
    }
    return reader_.read_length_prefixed(operation.key) &&
           (!entry.has_value || reader_.read_length_prefixed(operation.value));
  }
  fail(fmt::format("unknown tag 0x{:02x}", tag));
}

}  // namespace levelscan
