// Tables in format versions that librocksdb 7.8 doesn't write. A table of format version 2 to 5 is
// rewritten in place, without a change of its size, which the MANIFEST records: what versions 6 and
// 7 change are checksums, footer, the index's place in the metaindex and one property.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/key_order.hpp"

namespace levelscan::test {

// Leaves a table of an earlier version, and one with nothing to take the room from, as it is.
// `format_version`: 6 or 7. `checksum_base`: of the checksums' contexts, not 0. Throws Error where
// the table cannot be read.
void upgrade_table(std::string const& path, KeyOrder key_order, uint32_t format_version,
                   uint32_t checksum_base);

}  // namespace levelscan::test
