// The property rocksdb.compression: what a table's blocks may be compressed with.
//
//   before format version 7   a codec's name: "NoCompression", "Snappy", ...
//   from format version 7 on  manager ';' two hex digits for each codec used ';' and perhaps more
//                             manager: "BuiltinV2", another one's name, or nothing where the table
//                             was written without compression
//   empty                     not recorded, by early releases
//
// Pure function; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "table/codec.hpp"

namespace levelscan {

// Features that cannot be read here, by name; none: every block can be decompressed. Throws Error
// kCorruption where the property is not of its version's form.
[[nodiscard]] std::vector<std::string> refused_compressions(std::string_view property,
                                                            uint32_t format_version,
                                                            BlockPlace const& place);

}  // namespace levelscan
