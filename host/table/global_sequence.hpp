// The sequence number that the entries of an ingested table share.
//
// A table that SstFileWriter made is written before it is known when its entries come into being,
// so they are stored with sequence number 0. Ingestion gives all of them one number, the MANIFEST's
// largest of that file; up to RocksDB 5.15, and later with write_global_seqno, it also rewrites the
// property global_seqno in place. Ingested copies of tables that a database made have neither
// property and keep their own numbers.
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "table/properties.hpp"

namespace levelscan {

// The newest `rocksdb.external_sst_file.version` that is understood; Table refuses later ones.
inline constexpr uint32_t kExternalTableVersionMax = 2;

// The number that stands for the sequence number of every entry, range tombstone and first key in
// the index of this table; nothing where they have their own. `largest_sequence`: the MANIFEST's.
// Nothing for a version that is refused, either. Throws Error kCorruption where properties and
// MANIFEST contradict one another.
[[nodiscard]] std::optional<uint64_t> global_sequence_of(TableProperties const& properties,
                                                         uint64_t largest_sequence,
                                                         std::string_view file);

}  // namespace levelscan
