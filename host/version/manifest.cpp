#include "version/manifest.hpp"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>

#include "table/coding.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"
#include "version/directory.hpp"
#include "version/log_reader.hpp"

namespace levelscan {
namespace {

constexpr std::string_view kManifestPrefix = "MANIFEST-";
constexpr uint64_t kCurrentBytesMax = 256;
constexpr uint32_t kDefaultFamilyId = 0;

// Replays edits in order.
class Replay {
 public:
  explicit Replay(std::string const& path) : path_(path) {
    families_[kDefaultFamilyId].version.name = "default";
  }

  void add(VersionEdit edit, uint64_t offset) {
    offset_ = offset;
    if (!edit.atomic_group_remaining) {
      if (!group_.empty()) fail("edit inside an atomic group that it does not belong to");
      apply(edit);
      return;
    }
    // Edits of a group count down to 0 and apply together.
    uint32_t const remaining = *edit.atomic_group_remaining;
    if (!group_.empty() && *group_.back().atomic_group_remaining != uint64_t{remaining} + 1) {
      fail("atomic group out of step");
    }
    group_.push_back(std::move(edit));
    if (remaining > 0) return;
    for (VersionEdit const& member : group_) apply(member);
    group_.clear();
  }

  ManifestVersion finish() {
    if (!has_log_number_) fail("no log number in the MANIFEST");
    if (!has_next_file_number_) fail("no next file number in the MANIFEST");
    if (!has_last_sequence_) fail("no last sequence in the MANIFEST");
    for (auto& [id, family] : families_) {
      for (auto& [place, file] : family.files) {
        auto& levels = family.version.levels;
        if (levels.size() <= place.first) levels.resize(place.first + 1);
        levels[place.first].push_back(std::move(file));
      }
      family.version.id = id;
      version_.families.push_back(std::move(family.version));
    }
    return std::move(version_);
  }

 private:
  struct Family {
    ManifestFamily version;
    std::map<std::pair<uint32_t, uint64_t>, FileEntry> files;  // (level, number)
    std::set<uint64_t> numbers;
  };

  [[noreturn]] void fail(std::string_view what) const {
    throw corruption_error(path_, offset_, what);
  }

  void apply(VersionEdit const& edit) {
    bool const known = families_.contains(edit.column_family);
    if (edit.column_family_add) {
      if (known) fail(fmt::format("column family {} added twice", *edit.column_family_add));
      families_[edit.column_family].version.name = *edit.column_family_add;
    } else if (!known) {
      fail(fmt::format("edit of the unknown column family {}", edit.column_family));
    }

    if (edit.next_file_number) {
      has_next_file_number_ = true;
      version_.next_file_number = *edit.next_file_number;
    }
    if (edit.last_sequence) {
      has_last_sequence_ = true;
      if (*edit.last_sequence > kMaxSequence) fail("last sequence out of range");
      version_.last_sequence = *edit.last_sequence;
    }
    for (auto const& [number, synced_bytes] : edit.logs_added) {
      uint64_t& bytes = version_.tracked_logs[number];
      bytes = std::max(bytes, synced_bytes);
    }
    if (edit.logs_deleted_before) {
      version_.tracked_logs.erase(version_.tracked_logs.begin(),
                                  version_.tracked_logs.lower_bound(*edit.logs_deleted_before));
    }
    if (edit.log_number) has_log_number_ = true;
    if (edit.log_number_to_keep_min) {
      version_.log_number_to_keep_min =
          std::max(version_.log_number_to_keep_min, *edit.log_number_to_keep_min);
    }
    if (edit.column_family_drop) {
      if (edit.column_family == kDefaultFamilyId) fail("the default column family was dropped");
      families_.erase(edit.column_family);
    } else {
      apply_to_family(edit, families_.at(edit.column_family));
    }
  }

  void apply_to_family(VersionEdit const& edit, Family& family) {
    ManifestFamily& version = family.version;
    if (edit.log_number) version.log_number = std::max(version.log_number, *edit.log_number);
    if (edit.comparator) {
      version.comparator = *edit.comparator;
      version.user_timestamps_persisted = edit.user_timestamps_persisted;
    }
    for (BlobFileChange const& added : edit.blob_files_added) {
      version.blob_files[added.file_number] = {added.blob_count, added.blob_bytes};
    }
    for (BlobFileChange const& garbage : edit.blob_files_garbage) {
      auto const found = version.blob_files.find(garbage.file_number);
      if (found == version.blob_files.end()) continue;
      if (garbage.blob_count < found->second.blob_count) {
        found->second.blob_count -= garbage.blob_count;
      } else {
        version.blob_files.erase(found);
      }
    }
    // A move between levels deletes and adds the same number in one edit.
    for (auto const& [level, number] : edit.deleted_files) {
      if (family.files.erase({level, number}) == 0) {
        fail(fmt::format("table {} deleted from level {}, where it is not", number, level));
      }
      family.numbers.erase(number);
    }
    for (FileEntry const& file : edit.new_files) {
      if (!family.numbers.insert(file.file_number).second) {
        fail(fmt::format("table {} added twice", file.file_number));
      }
      family.files.emplace(std::pair{file.level, file.file_number}, file);
    }
  }

  std::string const& path_;
  uint64_t offset_ = 0;  // of the edit being applied
  ManifestVersion version_;
  std::vector<VersionEdit> group_;
  std::map<uint32_t, Family> families_;  // by id
  bool has_log_number_ = false;
  bool has_next_file_number_ = false;
  bool has_last_sequence_ = false;
};

}  // namespace

uint64_t ManifestFamily::table_count() const {
  uint64_t count = 0;
  for (auto const& files : levels) count += files.size();
  return count;
}

uint64_t ManifestFamily::table_bytes() const {
  uint64_t bytes = 0;
  for (auto const& files : levels) {
    for (FileEntry const& file : files) bytes += file.file_bytes;
  }
  return bytes;
}

ManifestFamily const* ManifestVersion::find_family(std::string_view name) const {
  auto const found =
      std::find_if(families.begin(), families.end(),
                   [&](ManifestFamily const& family) { return family.name == name; });
  return found == families.end() ? nullptr : &*found;
}

uint64_t manifest_number_of(std::string_view file_name) {
  if (!file_name.starts_with(kManifestPrefix)) return 0;
  std::string_view const digits = file_name.substr(kManifestPrefix.size());
  return parse_file_number(digits).value_or(0);
}

std::string read_current(std::string const& database) {
  struct stat status {};
  if (::stat(database.c_str(), &status) != 0) {
    ErrorCode const code =
        errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotADatabase : ErrorCode::kRuntime;
    throw Error(code, fmt::format("cannot open database {}: {}", database, std::strerror(errno)));
  }
  if (!S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kNotADatabase, fmt::format("{} is not a directory", database));
  }
  std::string const path = database + "/CURRENT";
  std::optional<RandomAccessFile> const file = RandomAccessFile::open_if_exists(path);
  if (!file)
    throw Error(ErrorCode::kNotADatabase,
                fmt::format("{} is not a database: it has no CURRENT", database));
  if (file->size() > kCurrentBytesMax)
    throw corruption_error(path, fmt::format("{} bytes", file->size()));
  std::vector<uint8_t> const bytes = file->read(0, file->size());
  std::string_view name = as_text(bytes);
  if (!name.ends_with('\n')) throw corruption_error(path, "does not end with a newline");
  name.remove_suffix(1);
  if (manifest_number_of(name) == 0) throw corruption_error(path, "does not name a MANIFEST");
  return std::string(name);
}

ManifestVersion read_manifest(std::string const& database) {
  std::string const name = read_current(database);
  std::string const path = database + "/" + name;
  std::optional<RandomAccessFile> const file = RandomAccessFile::open_if_exists(path);
  if (!file)
    throw corruption_error(database + "/CURRENT", fmt::format("names {}, which is missing", name));
  std::vector<uint8_t> const log = file->read(0, file->size());
  ManifestVersion version = replay_manifest(log, path);
  version.number = manifest_number_of(name);
  return version;
}

ManifestVersion replay_manifest(std::span<uint8_t const> log, std::string const& path) {
  LogReader reader(log, path);
  Replay replay(path);
  std::vector<uint8_t> record;
  while (reader.next(record)) {
    replay.add(decode_version_edit(record, path, reader.record_offset()), reader.record_offset());
  }
  ManifestVersion version = replay.finish();
  version.path = path;
  version.file_bytes = log.size();
  version.complete_bytes = reader.complete_bytes();
  return version;
}

}  // namespace levelscan
