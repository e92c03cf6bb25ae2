// CURRENT and the MANIFEST: which files make up a database.
//
// CURRENT holds "MANIFEST-NNNNNN\n". The MANIFEST is a log (log_reader.hpp) of edits
// (version_edit.hpp); replaying them gives the files of each level. Values and pure functions;
// thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "version/version_edit.hpp"

namespace levelscan {

struct ManifestBlobFile {
  uint64_t blob_count = 0;    // that are not garbage
  uint64_t record_bytes = 0;  // of all records, garbage too
};

// A column family that is live at the MANIFEST's end.
struct ManifestFamily {
  uint32_t id = 0;
  std::string name;
  std::string comparator;
  uint64_t log_number = 0;                     // write-ahead logs with a lower number are flushed
  std::vector<std::vector<FileEntry>> levels;  // [level][i], by file number
  std::map<uint64_t, ManifestBlobFile>
      blob_files;  // by number; those with blobs that are not garbage
  bool user_timestamps_persisted = true;

  [[nodiscard]] uint64_t table_count() const;
  [[nodiscard]] uint64_t table_bytes() const;
};

struct ManifestVersion {
  std::string path;             // of the MANIFEST
  uint64_t number = 0;          // in its name
  uint64_t complete_bytes = 0;  // up to the end of the last whole record
  uint64_t file_bytes = 0;      // that were read
  uint64_t last_sequence = 0;
  uint64_t next_file_number = 0;
  uint64_t log_number_to_keep_min = 0;        // logs below hold nothing of use; 0: not recorded
  std::map<uint64_t, uint64_t> tracked_logs;  // number -> synced bytes
  std::vector<ManifestFamily> families;       // by id: the default one first

  // By name; null when there is none.
  [[nodiscard]] ManifestFamily const* find_family(std::string_view name) const;
};

// Name of the MANIFEST that CURRENT in directory `database` holds.
// Throws Error: kNotADatabase when there is no CURRENT, kCorruption when it does not name a
// MANIFEST.
[[nodiscard]] std::string read_current(std::string const& database);

// Replays the MANIFEST that CURRENT names. Throws Error.
[[nodiscard]] ManifestVersion read_manifest(std::string const& database);

// Replays a MANIFEST held in memory; `path` is for error texts.
[[nodiscard]] ManifestVersion replay_manifest(std::span<uint8_t const> log,
                                              std::string const& path);

// "MANIFEST-000005" -> 5; 0 when the name is of another form.
[[nodiscard]] uint64_t manifest_number_of(std::string_view file_name);

}  // namespace levelscan
