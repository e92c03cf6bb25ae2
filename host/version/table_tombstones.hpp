// The range tombstones of one table.
//
// The block that the metaindex names `rocksdb.range_del` is laid out as a data block, one entry a
// tombstone in any order: key = start || (sequence << 8 | 0x0f) u64, value = exclusive end. Start
// and end are user keys. RocksDB writes it uncompressed, every key in full. Thread-safe.
#pragma once

#include <vector>

#include "table/table_reader.hpp"
#include "version/range_tombstone.hpp"

namespace levelscan {

struct TableMeta;

// Appends those of `table` to `tombstones`, clipped to the bounds in `meta`; whole where those are
// empty.
// Throws Error: kCorruption with file and offset, kRuntime.
void append_table_tombstones(Table const& table, TableMeta const& meta,
                             std::vector<RangeTombstone>& tombstones);

}  // namespace levelscan
