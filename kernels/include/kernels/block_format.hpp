// The entries of an index or data block as RocksDB and LevelDB write them
// (table/block_based/block_builder.cc): prefix-compressed keys, restart points at the end.
//
//   entry:    shared varint32 | non_shared varint32 | value_size varint32 | key[non_shared] | value
//   block:    entries | restart offsets u32[restart_count] | restart_count u32
//
// and, since RocksDB 11, with the values apart from the keys:
//
//   entry:    shared varint32 | non_shared varint32 | value_size varint32 |
//             value_offset varint32 at a restart point, from where the values begin |
//             key[non_shared]
//   block:    entries | values | restart offsets ...
//
// There the value of an entry that is not at a restart point begins where the one before it ends.
//
// Every read is checked against the end that the caller gives: the bytes are hostile.
#pragma once

#include <cstdint>

#include "kernels/bytes.hpp"

namespace levelscan {

// Reads a varint32 at `offset`, before `end`; moves `offset` past it. False when it is cut off or
// longer than five bytes.
LEVELSCAN_HOST_DEVICE inline bool decode_varint32(uint8_t const* bytes, uint32_t end,
                                                  uint32_t& offset, uint32_t& value) {
  if (offset >= end) return false;
  uint32_t byte = bytes[offset];
  if (byte < 0x80) {
    ++offset;
    value = byte;
    return true;
  }
  uint32_t result = byte & 0x7f;
  for (uint32_t i = 1; i < 5; ++i) {
    if (offset + i >= end) return false;
    byte = bytes[offset + i];
    result |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if (i == 4 && byte > 0x0f) return false;
      offset += i + 1;
      value = result;
      return true;
    }
  }
  return false;
}

LEVELSCAN_HOST_DEVICE inline bool decode_varint64(uint8_t const* bytes, uint32_t end,
                                                  uint32_t& offset, uint64_t& value) {
  uint64_t result = 0;
  for (uint32_t i = 0; i < 10; ++i) {
    if (offset + i >= end) return false;
    uint8_t const byte = bytes[offset + i];
    if (i == 9 && byte > 1) return false;
    result |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      offset += i + 1;
      value = result;
      return true;
    }
  }
  return false;
}

// Offsets are from the same base as `bytes`.
struct EntryHeader {
  uint32_t shared;        // bytes taken over from the previous internal key
  uint32_t key_size;      // of the whole internal key
  uint32_t delta_offset;  // key bytes [shared, key_size)
  uint32_t value_offset;
  uint32_t value_size;
  uint32_t next_offset;  // of the next entry
};

// The lengths that begin an entry; moves `offset` past them.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool decode_lengths(uint8_t const* bytes, uint32_t end,
                                                           uint32_t& offset, uint32_t& shared,
                                                           uint32_t& non_shared,
                                                           uint32_t& value_size) {
  // Nearly every entry has three one-byte lengths.
  if (offset < end && end - offset >= 3 &&
      ((bytes[offset] | bytes[offset + 1] | bytes[offset + 2]) & 0x80) == 0) {
    shared = bytes[offset];
    non_shared = bytes[offset + 1];
    value_size = bytes[offset + 2];
    offset += 3;
    return true;
  }
  return decode_varint32(bytes, end, offset, shared) &&
         decode_varint32(bytes, end, offset, non_shared) &&
         decode_varint32(bytes, end, offset, value_size);
}

// Decodes the entry at `offset`, which must end at or before `end`.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool decode_entry(uint8_t const* bytes, uint32_t offset,
                                                         uint32_t end, EntryHeader& entry) {
  uint32_t non_shared = 0;
  if (!decode_lengths(bytes, end, offset, entry.shared, non_shared, entry.value_size)) return false;
  uint32_t const left = end - offset;
  if (non_shared > left || entry.value_size > left - non_shared) return false;
  if (entry.shared > UINT32_MAX - non_shared) return false;
  entry.key_size = entry.shared + non_shared;
  entry.delta_offset = offset;
  entry.value_offset = offset + non_shared;
  entry.next_offset = entry.value_offset + entry.value_size;
  return true;
}

// The same for an entry whose value stands apart. At a restart point value_offset is as stored: the
// caller checks it and the value's size against the values. Elsewhere it is 0.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool decode_separated_entry(uint8_t const* bytes,
                                                                   uint32_t offset, uint32_t end,
                                                                   bool at_restart,
                                                                   EntryHeader& entry) {
  uint32_t non_shared = 0;
  entry.value_offset = 0;
  if (!decode_lengths(bytes, end, offset, entry.shared, non_shared, entry.value_size)) return false;
  if (at_restart && !decode_varint32(bytes, end, offset, entry.value_offset)) return false;
  if (non_shared > end - offset || entry.shared > UINT32_MAX - non_shared) return false;
  entry.key_size = entry.shared + non_shared;
  entry.delta_offset = offset;
  entry.next_offset = offset + non_shared;
  return true;
}

// An entry of either kind, for whoever needs its key and the place of the next one.
LEVELSCAN_HOST_DEVICE inline bool decode_any_entry(uint8_t const* bytes, uint32_t offset,
                                                   uint32_t end, bool values_are_apart,
                                                   bool at_restart, EntryHeader& entry) {
  return values_are_apart ? decode_separated_entry(bytes, offset, end, at_restart, entry)
                          : decode_entry(bytes, offset, end, entry);
}

}  // namespace levelscan
