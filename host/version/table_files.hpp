// Table files that are scanned without a database: each is a run of its own. Reads only;
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "version/database_version.hpp"

namespace levelscan {

// The rows of the files together, as a snapshot of the highest sequence number sees them. Sequence
// numbers decide between versions of a key; of equal ones, as in files that SstFileWriter wrote,
// the file named first has the newer one. Range tombstones are not clipped: a file by itself has no
// bounds. `options`: comparators and the number of open files. Throws Error: kUsage where the files
// keep different orders, kCorruption, kRuntime.
[[nodiscard]] DatabaseVersion open_table_files(std::vector<std::string> const& paths,
                                               OpenOptions const& options);

}  // namespace levelscan
