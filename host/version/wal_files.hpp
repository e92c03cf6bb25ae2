// Where a database's write-ahead logs stand.
//
// Logs NNNNNN.log stand in the database's directory, or where the newest OPTIONS file says
// (`wal_dir=`). A copied or moved database may name the place where it stood; that is then another
// database, or gone, and the logs stand with the copy. Reads only; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "table/refusal.hpp"
#include "version/wal_replay.hpp"

namespace levelscan {

struct WalSearch {
  std::string database;                         // its directory
  std::optional<std::string> directory;         // where the logs are, if the caller knows
  std::optional<std::string> directory_option;  // `wal_dir` of the OPTIONS file
  uint64_t log_number_min = 0;                  // logs below don't count
  // Of the logs that the MANIFEST lists (number -> synced bytes) those from this one on must be
  // there.
  std::map<uint64_t, uint64_t> tracked_logs;
  uint64_t tracked_number_min = 0;
};

struct WalSearchResult {
  std::vector<WalFile> logs;      // by number
  std::vector<Refusal> refusals;  // where logs that should be there are not found
};

// Throws Error kRuntime when a directory cannot be read, or `directory` is none.
[[nodiscard]] WalSearchResult find_write_ahead_logs(WalSearch const& search);

}  // namespace levelscan
