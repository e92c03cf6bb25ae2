// Internal keys: user key, then an 8-byte little-endian trailer (sequence << 8 | type).
// Order: user key ascending, then trailer descending, so that the newest version comes first.
#pragma once

#include <cstdint>

#include "kernels/bytes.hpp"

namespace levelscan {

inline constexpr uint32_t kTrailerBytes = 8;
inline constexpr uint64_t kSequenceMax = (uint64_t{1} << 56) - 1;

// Entry types that appear in data blocks (RocksDB's db/dbformat.h).
enum class EntryType : uint8_t {
  kDeletion = 0x00,
  kValue = 0x01,
  kMerge = 0x02,
  kSingleDeletion = 0x07,
  kBlobIndex = 0x11,
  kDeletionWithTimestamp = 0x14,
  kWideColumnEntity = 0x16,
  kValuePreferredSequence = 0x18,
};

LEVELSCAN_HOST_DEVICE inline uint64_t sequence_of(uint64_t trailer) { return trailer >> 8; }
LEVELSCAN_HOST_DEVICE inline EntryType type_of(uint64_t trailer) {
  return static_cast<EntryType>(trailer & 0xff);
}

// The sequence number of all entries of a table that was ingested: it stands in the MANIFEST, or in
// the table's properties, and the entries were written before it was known.
inline constexpr uint64_t kNoGlobalSequence = UINT64_MAX;

// The trailer that counts, for an entry of a table with this global sequence number or none.
LEVELSCAN_HOST_DEVICE inline uint64_t effective_trailer(uint64_t stored, uint64_t global_sequence) {
  return global_sequence == kNoGlobalSequence ? stored : (global_sequence << 8) | (stored & 0xff);
}

LEVELSCAN_HOST_DEVICE inline bool is_tombstone(EntryType type) {
  return type == EntryType::kDeletion || type == EntryType::kSingleDeletion;
}

// The trailer that sorts before every entry with a sequence number <= `sequence` and after every
// newer one: where to look for the newest version that a snapshot sees.
LEVELSCAN_HOST_DEVICE inline uint64_t seek_trailer(uint64_t sequence) {
  return (sequence << 8) | 0xff;
}

}  // namespace levelscan
