// What the kernels of one round report back: counts, and the first thing that stopped them.
// Cleared by the host before each round; written with Block::fetch_add, by the one lane that raised
// `errors` from zero, or by the one kernel or algorithm whose answer it is.
#pragma once

#include <cstdint>

#include "kernels/fit_rows.hpp"
#include "kernels/portability.hpp"

namespace levelscan {

enum class ScanFault : uint32_t {
  kNone = 0,
  kCorruptEntry,     // an entry that cannot be decoded, or keys that descend
  kUnknownType,      // detail: the type
  kUnsupportedType,  // detail: the type
  kKeyTooLarge,      // detail: bytes of the internal key; the candidate space cannot hold it
  kCorruptIndex,     // an index entry that cannot be decoded
  kCorruptValue,     // detail: the type; the stored bytes are no value of it
  kEntityVersion,    // a wide-column entity of a version that is not known
  kBlockChecksum,    // an SST data block with another checksum than is stored
};

// Totals of one run's candidates in the window.
struct RunTotals {
  uint64_t candidates;
  uint64_t key_bytes;  // of their internal keys
};

struct ScanStatus {
  uint32_t errors;
  ScanFault fault;
  uint32_t fault_run;
  uint32_t fault_offset;  // into the run's data block or index block
  uint64_t fault_detail;

  uint64_t entries_seen;  // entries inside the window
  // Visible values that the predicate rejected: the newest of their run, and older ones that begin
  // a restart interval, where rejecting is cheaper than looking for a newer one.
  uint64_t entries_filtered;
  uint64_t shadowed_value;      // entries hidden by a newer value
  uint64_t shadowed_tombstone;  // entries hidden by a newer tombstone
  uint64_t shadowed_range;      // candidates hidden by a newer range tombstone
  uint64_t deferred;            // candidates whose value does not stand in their block
  // Candidates that the filter has written down already, all of them or the first ones.
  uint64_t written;
  uint64_t written_key_bytes;  // of their internal keys
  uint64_t counted;  // rows that need no candidate, because nothing but their number is asked
  uint64_t listed_shadows;  // how many of FilterArgs::shadows the filter has gone over for the list

  // What the host asks of the candidates that are left.
  uint32_t row_count;  // how many there are; before it asks, how many the filter has listed
  uint32_t sum_count;  // how many runs of equal segments they have
  FittedRows fitted;   // those that go over next
};

// Records a fault; only the first one is kept.
template <class Block>
LEVELSCAN_KERNEL inline void report_fault(Block& block, ScanStatus& status, ScanFault fault,
                                          uint32_t run, uint32_t offset, uint64_t detail) {
  if (block.fetch_add(status.errors, 1u) != 0) return;
  status.fault = fault;
  status.fault_run = run;
  status.fault_offset = offset;
  status.fault_detail = detail;
}

}  // namespace levelscan
