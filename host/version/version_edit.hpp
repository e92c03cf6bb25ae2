// One record of the MANIFEST: a change to the set of files of a column family.
//
//   edit:     (tag varint32, body)*
//   NewFile4: level v32 | number v64 | size v64 | smallest, largest internal key, each
//   length-prefixed
//             | smallest, largest sequence v64 | (custom tag v32, length-prefixed body)* | 1
//
// Tags with bit 13 and a length-prefixed body may be skipped when unknown; custom tags may unless
// bit 6 is set. Values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace levelscan {

inline constexpr uint64_t kMaxSequence = (uint64_t{1} << 56) - 1;
inline constexpr uint32_t kInternalTrailerBytes = 8;

struct FileEntry {
  uint32_t level = 0;
  uint64_t file_number = 0;
  uint64_t file_bytes = 0;
  uint32_t path_id = 0;  // index into the database's list of directories
  std::string smallest;  // internal keys, at least 8 bytes
  std::string largest;
  uint64_t smallest_sequence = 0;
  uint64_t largest_sequence = kMaxSequence;
  uint64_t epoch_number = 0;
  uint64_t oldest_blob_file_number = 0;  // 0: none
  bool has_timestamps = false;
};

struct BlobFileChange {
  uint64_t file_number = 0;
  uint64_t blob_count = 0;  // added to the file, or of it become garbage
  uint64_t blob_bytes = 0;  // of their records
};

struct VersionEdit {
  uint32_t column_family = 0;
  std::optional<std::string> column_family_add;
  bool column_family_drop = false;
  std::optional<uint32_t> column_family_max;
  std::optional<std::string> comparator;
  std::optional<uint64_t> log_number;
  std::optional<uint64_t> previous_log_number;
  std::optional<uint64_t> next_file_number;
  std::optional<uint64_t> last_sequence;
  std::optional<uint64_t> log_number_to_keep_min;
  std::vector<std::pair<uint32_t, uint64_t>> deleted_files;  // level, file number
  std::vector<FileEntry> new_files;
  std::vector<BlobFileChange> blob_files_added;
  std::vector<BlobFileChange> blob_files_garbage;
  // (number, synced bytes) of write-ahead logs that the database tracks; deletion of all below a
  // number.
  std::vector<std::pair<uint64_t, uint64_t>> logs_added;
  std::optional<uint64_t> logs_deleted_before;
  // Of a group of edits that count only together: how many follow this one.
  std::optional<uint32_t> atomic_group_remaining;
  bool user_timestamps_persisted = true;
};

// `path` and `offset` (of the record in the MANIFEST) are for error texts.
// Throws Error: kCorruption, kUnsupported for a tag that is unknown and may not be skipped.
[[nodiscard]] VersionEdit decode_version_edit(std::span<uint8_t const> record,
                                              std::string const& path, uint64_t offset);

}  // namespace levelscan
