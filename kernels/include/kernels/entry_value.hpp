// What a row shows of an entry: its value by the entry's type, and the entity that it is part of.
//
//   0x01  value                 the stored bytes
//   0x18  value of TimedPut     the stored bytes without the last 8, a sequence number that the
//                               writer would like the entry to get later
//   0x16  wide-column entity    its default column; empty where it has none
//
// Types whose value does not stand in the block have no value here:
//
//   0x02  merge operand         merged with the older versions of its key
//   0x11  blob reference        in a blob file
#pragma once

#include <cstdint>

#include "kernels/internal_key.hpp"
#include "kernels/wide_columns.hpp"

namespace levelscan {

inline constexpr uint32_t kPreferredSequenceBytes = 8;

struct EntryValue {
  Bytes value;
  Bytes entity;  // data null: the entry is not an entity
};

// REQUIRES: check_entry_value(type, stored) was kNone; whatever it was, nothing out of bounds is
// read.
LEVELSCAN_HOST_DEVICE inline EntryValue entry_value(EntryType type, Bytes stored) {
  EntryValue result{stored, {nullptr, 0}};
  if (type == EntryType::kValue) return result;
  if (type == EntryType::kValuePreferredSequence) {
    result.value.size =
        stored.size < kPreferredSequenceBytes ? 0 : stored.size - kPreferredSequenceBytes;
  } else if (type == EntryType::kWideColumnEntity) {
    result.entity = stored;
    if (!find_column(stored, Bytes{nullptr, 0}, result.value)) {
      result.value = Bytes{stored.data, 0};
    }
  }
  return result;
}

// What is done with an entry whose value does not stand in the block.
enum class AbsentValue : uint8_t {
  kRefused,   // it cannot be had
  kDeferred,  // the entry is a candidate whatever the predicate says; its value comes later
  kUnread,    // nothing that is asked for reads values: the entry is a row as it is
};

enum class ValueFault : uint8_t {
  kNone,
  kCorrupt,      // the stored bytes are no value of this type
  kVersion,      // a wide-column entity of another version
  kUnsupported,  // a known type whose value cannot be had
  kUnknown,      // no type of an entry
};

// Whether entry_value() can give the value of an entry. REQUIRES: it is no tombstone.
LEVELSCAN_HOST_DEVICE inline ValueFault check_entry_value(EntryType type, Bytes stored) {
  switch (type) {
    case EntryType::kValue: return ValueFault::kNone;
    case EntryType::kValuePreferredSequence:
      return stored.size < kPreferredSequenceBytes ? ValueFault::kCorrupt : ValueFault::kNone;
    case EntryType::kWideColumnEntity:
      switch (check_entity(stored)) {
        case EntityFault::kNone: return ValueFault::kNone;
        case EntityFault::kVersion: return ValueFault::kVersion;
        case EntityFault::kCorrupt: break;
      }
      return ValueFault::kCorrupt;
    case EntryType::kMerge:
    case EntryType::kBlobIndex:
    case EntryType::kDeletionWithTimestamp: return ValueFault::kUnsupported;
    case EntryType::kDeletion:
    case EntryType::kSingleDeletion: break;
  }
  return ValueFault::kUnknown;
}

}  // namespace levelscan
