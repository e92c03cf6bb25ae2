// The same query through levelscan and through librocksdb's iterator, compared row for row.
// One thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "execute/scanner.hpp"
#include "query/query.hpp"
#include "version/database_version.hpp"

namespace levelscan {

struct VerifyOptions {
  ScannerOptions scanner;
  OpenOptions open;
  uint32_t differences_shown_max = 10;  // on stderr
  std::string reference;  // the copy that librocksdb reads; empty: the database itself
};

struct VerifyReport {
  bool equal = false;
  uint64_t rows_expected = 0;  // librocksdb's; with aggregates the number of rows aggregated
  uint64_t rows_found = 0;     // levelscan's
  uint64_t differences = 0;    // rows or aggregates that only one of them has
  ScanResult result;           // levelscan's
  BackendChoice backend;       // levelscan's
};

// Sums and averages of floats may differ in the last bits. Throws Error: kUsage for what an
// iterator cannot tell (the column `seq`, a snapshot below the newest), kUnsupported where one of
// the two cannot open the database.
[[nodiscard]] VerifyReport verify_query(std::string const& database, Query const& query,
                                        VerifyOptions const& options,
                                        std::atomic<bool> const* interrupted = nullptr);

// Equal, or for floats nearly so where `is_sum` says that the order of additions matters.
[[nodiscard]] bool aggregates_agree(AggregateValue const& a, AggregateValue const& b, bool is_sum);

// For people.
[[nodiscard]] std::string describe_aggregate(AggregateValue const& value);

}  // namespace levelscan
