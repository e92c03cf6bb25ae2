// A query answered by librocksdb's iterator, row by row in plain C++: what a scan is measured
// against. Rows leave through the same sinks as a scan's.
//
// The iterator is reused from run to run. Nothing stands between it and the question but what the
// question needs: a comparison of an unsigned little-endian integer of the value with a number is
// made in place, any other condition by RowEvaluator.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "execute/scan_result.hpp"
#include "output/row_sink.hpp"
#include "peer/rocksdb_reader.hpp"
#include "peer/row_evaluator.hpp"
#include "query/query.hpp"

namespace levelscan {

struct PeerAnswer {
  uint64_t rows_seen = 0;   // that the iterator stood on
  uint64_t rows_found = 0;  // that passed; with aggregates, rows aggregated
  std::vector<AggregateValue> aggregates;
  // Of a query of ranges instead: the same for each range, and rows are counted for each.
  std::vector<std::vector<AggregateValue>> range_aggregates;
};

// What of a query one iterator answers: a range of keys; of a query of ranges so many of those.
struct PeerShare {
  KeyRange keys = {};
  std::size_t first_range = 0;
  std::size_t last_range = SIZE_MAX;  // exclusive
};

// Not thread-safe; reader and query must outlive it.
class PeerScan {
 public:
  // Throws Error(kUsage) when the query reads sequence numbers, which an iterator doesn't tell, or
  // asks for the rows of ranges.
  PeerScan(RocksdbReader const& reader, Query const& query, PeerShare const& share,
           ReadKnobs const& knobs);
  PeerScan(PeerScan&&) noexcept;
  ~PeerScan();

  // `sink` may be null: rows are then counted only. Throws Error.
  PeerAnswer run(RowSink* sink);

 private:
  friend class PeerScans;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A query whose shares threads take one after the other. Rows are written in no particular order.
// Not thread-safe.
class PeerScans {
 public:
  PeerScans(RocksdbReader const& reader, Query const& query, std::vector<PeerShare> const& shares,
            ReadKnobs const& knobs, uint32_t threads);

  PeerAnswer run(RowSink* sink);

 private:
  Query const& query_;
  std::vector<PeerScan> scans_;
  uint32_t threads_;
};

}  // namespace levelscan
