// Wide-column entities (RocksDB's PutEntity) as db/wide/wide_column_serialization.h lays them out,
// version 1:
//
//   entity:   version varint32 (1) | n varint32 | index[n] | values, one after another
//   index:    name_size varint32 | name | value_size varint32
//
// Names ascend strictly and the values end where the entity does. The default column is the one
// with the empty name; it comes first where there is one, and it is what an iterator shows as the
// value.
//
// Every read is checked against the entity's end: the bytes are hostile.
#pragma once

#include <cstdint>

#include "kernels/block_format.hpp"

namespace levelscan {

enum class EntityFault : uint8_t {
  kNone,
  kCorrupt,  // it cannot be decoded
  kVersion,  // it has a version that is not known here
};

// Walks an entity's index. A value in one lane.
struct EntityWalk {
  Bytes entity;
  uint32_t offset;        // into the entity: of the next column's index entry
  uint32_t columns_left;  // after the current one
  Bytes name;             // of the current column
  uint32_t value_size;
  uint64_t value_begin;  // bytes of the values before the current column's

  // False when the head cannot be decoded or has another version; `version` is 0 when it isn't
  // there.
  LEVELSCAN_HOST_DEVICE bool begin(Bytes bytes, uint32_t& version) {
    entity = bytes;
    offset = 0;
    name = Bytes{nullptr, 0};
    value_size = 0;
    value_begin = 0;
    version = 0;
    return decode_varint32(entity.data, entity.size, offset, version) && version == 1 &&
           decode_varint32(entity.data, entity.size, offset, columns_left);
  }

  // Moves to the next column. False when it cannot be decoded. REQUIRES: columns_left > 0.
  LEVELSCAN_HOST_DEVICE bool next() {
    value_begin += value_size;
    --columns_left;
    uint32_t name_size = 0;
    if (!decode_varint32(entity.data, entity.size, offset, name_size) ||
        name_size > entity.size - offset) {
      return false;
    }
    name = Bytes{entity.data + offset, name_size};
    offset += name_size;
    return decode_varint32(entity.data, entity.size, offset, value_size);
  }
};

// Whether the entity is one that the functions below read as its writer meant it.
LEVELSCAN_HOST_DEVICE inline EntityFault check_entity(Bytes entity) {
  EntityWalk walk;
  uint32_t version = 0;
  if (!walk.begin(entity, version)) {
    return version > 1 ? EntityFault::kVersion : EntityFault::kCorrupt;
  }
  bool first = true;
  Bytes previous{nullptr, 0};
  while (walk.columns_left > 0) {
    // Every column takes bytes, so a forged count ends here too.
    if (!walk.next() || (!first && compare_bytes(previous, walk.name) >= 0)) {
      return EntityFault::kCorrupt;
    }
    previous = walk.name;
    first = false;
  }
  return walk.value_begin + walk.value_size == entity.size - walk.offset ? EntityFault::kNone
                                                                         : EntityFault::kCorrupt;
}

// The value of the column called `name`. False when the entity lacks it, or cannot be decoded.
LEVELSCAN_HOST_DEVICE inline bool find_column(Bytes entity, Bytes name, Bytes& value) {
  EntityWalk walk;
  uint32_t version = 0;
  if (!walk.begin(entity, version)) return false;
  bool found = false;
  uint64_t begin = 0;
  uint32_t size = 0;
  while (walk.columns_left > 0) {
    if (!walk.next()) return false;
    if (!found && compare_bytes(walk.name, name) == 0) {
      found = true;
      begin = walk.value_begin;
      size = walk.value_size;
    }
  }
  uint32_t const values_size = entity.size - walk.offset;  // the index ends where the values begin
  if (!found || begin > values_size || size > values_size - begin) return false;
  value = Bytes{entity.data + walk.offset + begin, size};
  return true;
}

}  // namespace levelscan
