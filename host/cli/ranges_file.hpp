// The file that --ranges names: one JSON object a line,
//
//   {"id": "customer 7", "from": "0x0000000000000007", "to": "0x0000000000000008"}
//
// `from` and `to` are keys as the command line writes them (query/key_argument.hpp), inclusive and
// exclusive; without one, the range is open there. Ids need not differ. Empty lines are skipped.
#pragma once

#include <string>
#include <vector>

#include "query/query.hpp"

namespace levelscan {

// Throws Error(kUsage) that names the file and the line, Error(kRuntime) when it can't be read.
[[nodiscard]] std::vector<QueryRange> read_ranges_file(std::string const& path);

}  // namespace levelscan
