// What a column family's write-ahead logs hold that its tables don't, as RocksDB's default recovery
// (point in time) has it after opening the database.
//
// Logs are read in order of their numbers, from the lowest one that a column family still needs.
//  - A batch's operations take sequence numbers from the batch's own on, one each, whichever column
//    family they are for, dropped ones too; but a DeleteRange whose start and end are equal takes
//    none where it would be applied. Between batches numbers may be left out: those writes did
//    without the log.
//  - An operation counts for its column family when the log's number is at or above the family's.
//  - After a torn log nothing counts until a log begins at exactly the next sequence number, which
//  is
//    what a writer that recovered from the torn one has written. When a torn log is the last to
//    count, but some column family has tables flushed after it, the families don't fit together:
//    corruption.
//  - After a log that ended at a record of the one it was recycled from, releases differ on whether
//  a
//    log that begins at another number counts: refused.
//  - A transaction's prepared section counts from its commit on, with the commit's numbers and the
//    commit's log; a rollback drops it. One that is still prepared at the end is refused, as are
//    the write policies that put rows into memtables before they are committed, and prepared
//    sections in a database that says that it has none.
//
// Pure functions over files; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/key_order.hpp"
#include "table/refusal.hpp"
#include "version/range_tombstone.hpp"
#include "version/unflushed_entries.hpp"
#include "version/wal_reader.hpp"

namespace levelscan {

struct WalFile {
  uint64_t number = 0;
  std::string path;
};

struct WalFamily {
  std::string name;
  uint64_t log_number = 0;
  bool has_tables = false;
  // None: unknown, and ranges are taken to be the right way round.
  std::optional<KeyOrder> key_order;
};

struct WalReplayRequest {
  std::vector<WalFile> logs;               // that count, by number
  std::map<uint32_t, WalFamily> families;  // live ones by id
  uint32_t column_family = 0;              // whose entries are wanted; one of them
  bool two_phase_commit = false;           // logs that hold prepared sections only are among them
  uint64_t memory_bytes = 0;               // for entries
};

// A log that was read.
struct WalSummary {
  uint64_t number = 0;
  std::string path;
  uint64_t bytes = 0;
  uint64_t batches = 0;
  uint64_t entries = 0;  // of the column family; range tombstones are among them
  WalEnd end = WalEnd::kWhole;
  uint64_t end_offset = 0;
  std::string end_reason;
  bool is_damaged = false;  // see WalReader
  bool counts = true;       // false: after a torn log
};

struct WalContents {
  explicit WalContents(uint64_t memory_bytes) : entries(memory_bytes) {}

  UnflushedEntries entries;
  std::vector<RangeTombstone> range_tombstones;  // not clipped
  std::optional<uint64_t> last_sequence;         // of all families; none: no batch counted
  std::vector<WalSummary> logs;
  std::vector<Refusal> refusals;
};

// Throws Error: kCorruption for records whose checksums fit and that don't make sense, kUnsupported
// for records of other releases, kDevice for a record that doesn't fit the memory, kRuntime for
// files that cannot be read or have vanished.
[[nodiscard]] WalContents replay_write_ahead_logs(WalReplayRequest const& request);

}  // namespace levelscan
