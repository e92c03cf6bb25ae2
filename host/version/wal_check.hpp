// Whether a database holds rows that are in its write-ahead log only.
//
// A log NNNNNN.log with a number at or above the column family's log number counts; an empty one,
// or one of nothing but zeros (preallocated), holds nothing. Logs stand in the database's
// directory, or where the newest OPTIONS file says
// (`wal_dir=`). Reads only; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "table/refusal.hpp"

namespace levelscan {

// A refusal for each log with unflushed rows, and where logs that should be there are not found.
// `tracked_logs`: number -> synced bytes, as the MANIFEST lists them where the database tracks
// them. Throws Error kRuntime when a directory or log cannot be read.
[[nodiscard]] std::vector<Refusal> check_write_ahead_logs(
    std::string const& database, uint64_t log_number,
    std::map<uint64_t, uint64_t> const& tracked_logs);

// The value of `wal_dir` in the newest OPTIONS file of a database; empty when there is none.
[[nodiscard]] std::string wal_directory_option(std::string const& database);

}  // namespace levelscan
