// Reads every record of a blob file (blob_file.hpp has the layout) and tells what is wrong with
// each, whether a table refers to it or not. Holds a piece of a record at a time. Thread-safe for
// listeners that are.
#pragma once

#include <cstdint>
#include <string>

#include "table/table_check.hpp"

namespace levelscan {

// `record_bytes`: of all records, by the MANIFEST.
void check_blob_file(std::string const& path, uint64_t record_bytes, uint32_t column_family,
                     CheckListener const& listener);

}  // namespace levelscan
