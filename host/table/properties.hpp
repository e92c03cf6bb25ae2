// The metaindex and the properties of a table.
//
// Metaindex: a block of name -> block handle. Properties: a block of name -> value, names
// ascending; numbers are varint64 unless noted. Both use the entry encoding of block.hpp and are
// never compressed. `write_global_seqno` ingestion rewrites 8 bytes of the properties in place: a
// checksum that fails is tried once more with those bytes as zero.
//
// Values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "table/block_handle.hpp"
#include "table/codec.hpp"
#include "table/footer.hpp"
#include "table/random_access_file.hpp"

namespace levelscan {

enum class IndexType : uint32_t { kBinarySearch = 0, kHash = 1, kTwoLevel = 2, kFirstKey = 3 };

struct TableProperties {
  // How to read the index.
  uint32_t index_type = 0;  // fixed32; an IndexType where known
  bool index_key_is_user_key = false;
  bool index_value_is_delta_encoded = false;

  // Sizes and counts.
  uint64_t data_bytes = 0;        // of all data blocks, as stored
  uint64_t index_bytes = 0;       // of the index, all its partitions; an estimate in some releases
  uint64_t index_partitions = 0;  // of a two-level index
  uint64_t filter_bytes = 0;
  uint64_t entries = 0;  // range deletions included
  uint64_t deletions = 0;
  uint64_t merge_operands = 0;
  uint64_t range_deletions = 0;
  uint64_t data_blocks = 0;
  uint64_t raw_key_bytes = 0;
  uint64_t raw_value_bytes = 0;
  uint64_t data_block_restart_interval = 0;  // 0: not recorded

  // Names.
  std::string compression;
  std::string comparator;
  std::string merge_operator;
  std::string column_family;
  std::string prefix_extractor;

  // Marks of features that a scan may not ignore.
  std::optional<uint32_t> external_sst_version;  // fixed32; written by SstFileWriter only
  std::optional<uint64_t> global_sequence;       // fixed64
  bool user_timestamps_persisted = true;
  bool separated_keys_and_values = false;
  bool has_embedded_blobs = false;

  // Every property as stored: name -> bytes.
  std::map<std::string, std::string> all;
};

// Block handles of the metaindex by name. Throws Error kCorruption.
using Metaindex = std::map<std::string, BlockHandle>;
[[nodiscard]] Metaindex read_metaindex(RandomAccessFile const& file, Footer const& footer);

// Throws Error kCorruption.
[[nodiscard]] TableProperties read_properties(RandomAccessFile const& file, Footer const& footer,
                                              BlockHandle const& handle);

// The same from an uncompressed properties block.
[[nodiscard]] TableProperties parse_properties(std::span<uint8_t const> block,
                                               BlockPlace const& place);

}  // namespace levelscan
