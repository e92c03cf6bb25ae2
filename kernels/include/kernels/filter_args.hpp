// What the filter is told, and what it counts; the gather kernel and the marks are told the same.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/entry_value.hpp"
#include "kernels/narrow.hpp"
#include "kernels/predicate.hpp"
#include "kernels/run_view.hpp"
#include "kernels/scan_status.hpp"
#include "kernels/segments.hpp"
#include "kernels/shadow_list.hpp"

namespace levelscan {

// Where candidates are written down.
struct CandidateSpace {
  Candidate* candidates;
  uint8_t* keys;
  uint32_t candidates_max;
  uint32_t key_bytes_max;
  uint32_t* segments;  // [candidates_max] in which each lies; null where the window has none
  // [candidates_max] where a Block that runs in order lists rows: the places of those that it
  // writes and of what is left of FilterArgs::shadows, in order. Null: nowhere.
  uint32_t* rows = nullptr;
};

struct FilterArgs {
  RunView const* runs;          // [run_count]
  IntervalRange const* ranges;  // [run_count]
  uint32_t run_count;
  Window window;
  SegmentList segments;  // of the window
  Predicate predicate;
  AbsentValue merge_operands;
  AbsentValue blob_references;
  IntervalCount* counts;  // [slots of all runs] out of filter; in, scanned, of gather
  RunTotals* totals;      // [run_count] out of filter
  // Where a Block that runs in order puts the candidates as it meets them, while there is room.
  CandidateSpace space;
  // Not 0: what only shadows, tombstones and values that fail, is a candidate as well, one that is
  // not alive. Then all that resolution needs is among the candidates (ResolveMerge).
  uint32_t keeps_shadows;
  ScanStatus* status;
  // The grid begins with this tile.
  uint32_t first_tile;
  // What follows is for a Block that runs in order, and zero elsewhere.
  //
  // Not empty: the runs of the grid's tiles lie beneath those that the list is of. An entry is no
  // candidate where the list has a newer one; what the list has that is older than an entry is
  // dropped.
  ShadowList shadows;
  // Not 0: rows are counted in the status instead of written down. REQUIRES: nothing else shadows
  // them than `shadows`.
  uint32_t counts_rows;
};

// What the walk over one interval counts besides its candidates.
struct FilterTally {
  uint32_t seen;
  uint32_t filtered;
  uint32_t shadowed_value;
  uint32_t shadowed_tombstone;
  uint32_t deferred;
  uint32_t counted;

  LEVELSCAN_HOST_DEVICE void count_shadowed(bool by_value) {
    if (by_value) {
      ++shadowed_value;
    } else {
      ++shadowed_tombstone;
    }
  }
};

LEVELSCAN_HOST_DEVICE inline ScanFault scan_fault_of(ValueFault fault) {
  switch (fault) {
    case ValueFault::kUnsupported: return ScanFault::kUnsupportedType;
    case ValueFault::kUnknown: return ScanFault::kUnknownType;
    case ValueFault::kVersion: return ScanFault::kEntityVersion;
    case ValueFault::kCorrupt:
    case ValueFault::kNone: break;
  }
  return ScanFault::kCorruptValue;
}

LEVELSCAN_HOST_DEVICE inline AbsentValue absent_value_of(FilterArgs const& args, EntryType type) {
  return type == EntryType::kMerge       ? args.merge_operands
         : type == EntryType::kBlobIndex ? args.blob_references
                                         : AbsentValue::kRefused;
}

}  // namespace levelscan
