#include "version/database_version.hpp"

#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "table/coding.hpp"
#include "table/global_sequence.hpp"
#include "version/database_files.hpp"
#include "version/manifest.hpp"
#include "version/options_file.hpp"
#include "version/table_tombstones.hpp"
#include "version/unflushed_rows.hpp"

namespace levelscan {
namespace {

// A database that is being written is read again when its MANIFEST grew meanwhile.
constexpr int kAttemptsMax = 20;
constexpr std::size_t kRefusalsShownMax = 20;

constexpr std::string_view kNoMergeOperator = "nullptr";  // in an OPTIONS file

// Files that an attempt has opened and the next one may take over.
struct FileCache {
  std::map<std::pair<uint64_t, uint64_t>, std::shared_ptr<Table const>> tables;  // (number, bytes)
  std::map<uint64_t, std::shared_ptr<BlobFile const>> blob_files;
};

// How many of `files` can be kept open. The usual soft limit of 1024 is soon met and raised; some
// descriptors are left for everything else.
std::size_t files_kept_open(std::size_t files) {
  constexpr rlim_t kOthers = 128;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return files;
  rlim_t const wanted = files + kOthers;
  if (limit.rlim_cur < wanted) {
    rlimit raised = limit;
    raised.rlim_cur = std::min(limit.rlim_max, std::max<rlim_t>(wanted, 2 * limit.rlim_cur));
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur > kOthers ? static_cast<std::size_t>(limit.rlim_cur - kOthers) : 0;
}

TableMeta meta_of(FileEntry const& file, DatabaseFiles const& files) {
  return {file.file_number,
          files.table(file.file_number),
          file.file_bytes,
          static_cast<int>(file.level),
          file.smallest,
          file.largest,
          file.smallest_sequence,
          file.largest_sequence,
          std::nullopt};
}

// Puts a level's tables in key order.
void sort_and_check_level(std::vector<FileEntry>& files, uint32_t level, KeyOrder key_order,
                          std::string const& manifest_path) {
  for (FileEntry const& file : files) {
    if (compare_internal_keys(key_order, file.smallest, file.largest) > 0) {
      throw corruption_error(
          manifest_path,
          fmt::format("bounds of table {} are the wrong way round", file.file_number));
    }
  }
  if (level == 0) return;
  std::sort(files.begin(), files.end(), [key_order](FileEntry const& a, FileEntry const& b) {
    return compare_internal_keys(key_order, a.smallest, b.smallest) < 0;
  });
  for (std::size_t i = 1; i < files.size(); ++i) {
    if (compare_internal_keys(key_order, files[i - 1].largest, files[i].smallest) >= 0) {
      throw corruption_error(manifest_path,
                             fmt::format("tables {} and {} of level {} overlap",
                                         files[i - 1].file_number, files[i].file_number, level));
    }
  }
}

void sort_newest_first(std::vector<FileEntry>& files) {
  auto const rank = [](FileEntry const& file) {
    return std::tuple(file.largest_sequence, file.smallest_sequence, file.file_number);
  };
  std::sort(files.begin(), files.end(),
            [&](FileEntry const& a, FileEntry const& b) { return rank(a) > rank(b); });
}

ColumnFamilyInfo info_of(ManifestFamily const& family) {
  ColumnFamilyInfo info{family.name, family.comparator, family.table_count(), family.table_bytes(),
                        0,           family.log_number};
  for (std::size_t level = 0; level < family.levels.size(); ++level) {
    std::size_t const files = family.levels[level].size();
    info.runs += static_cast<uint32_t>(level == 0 ? files : std::min<std::size_t>(files, 1));
  }
  return info;
}

// Throws Error kUsage, naming the families there are, when there is none of this name.
ManifestFamily const& find_family(ManifestVersion const& manifest, std::string const& name) {
  if (ManifestFamily const* const family = manifest.find_family(name)) return *family;
  std::string names;
  for (ManifestFamily const& family : manifest.families) {
    names += (names.empty() ? "" : ", ") + family.name;
  }
  throw Error(ErrorCode::kUsage, fmt::format("no column family '{}' in {}; there are: {}", name,
                                             manifest.path, names));
}

class VersionBuilder {
 public:
  VersionBuilder(DatabaseFiles const& files, ManifestVersion manifest, OpenOptions const& options,
                 FileCache& cache)
      : manifest_(std::move(manifest)),
        family_(find_family(manifest_, options.column_family)),
        options_(options),
        files_(files),
        cache_(cache) {
    version_.path = files.directory();
    version_.column_family = family_.name;
    version_.comparator = family_.comparator;
    KeyOrderChoice const choice = choose_key_order(family_.comparator, options);
    key_order_ = choice.order;
    version_.key_order_is_assumed = choice.is_assumed;
    version_.key_order = key_order_.value_or(KeyOrder::kBytewise);
    version_.last_sequence = manifest_.last_sequence;
    for (ManifestFamily const& family : manifest_.families) {
      version_.column_families.push_back(info_of(family));
    }
    version_.manifest_number = manifest_.number;
    version_.manifest_bytes = manifest_.complete_bytes;
  }

  DatabaseVersion build() {
    refuse_by_manifest();
    std::size_t const blob_files = family_.blob_files.size();
    std::size_t const open_max = options_.files_open_max != 0
                                     ? options_.files_open_max
                                     : files_kept_open(family_.table_count() + blob_files);
    tables_open_max_ = open_max > blob_files ? open_max - blob_files : 0;
    open_blob_files();
    if (options_.use_wal) {
      add_unflushed_rows(manifest_, family_, options_, version_);
      for (SortedRun const& run : version_.runs) {
        for (auto const& table : run.tables) note_merge_operands(table);
      }
    } else {
      version_.remarks.emplace_back("rows in the write-ahead log only are left out (--no-wal)");
    }
    for (uint32_t level = 0; level < family_.levels.size(); ++level) add_level(level);
    choose_merge_operator();
    return std::move(version_);
  }

 private:
  void refuse(std::string feature, std::string file, std::string_view advice) {
    version_.refusals.push_back(
        {std::move(feature), std::move(file), std::nullopt, std::string(advice)});
  }

  void refuse_by_manifest() {
    if (family_.comparator.ends_with(".u64ts") || !family_.user_timestamps_persisted) {
      refuse("user-defined timestamps", manifest_.path, kReadWithRocksdbAdvice);
    } else if (!key_order_) {
      version_.refusals.push_back(unknown_comparator(family_.comparator, manifest_.path));
    }
  }

  void open_blob_files() {
    for (auto const& [number, blobs] : family_.blob_files) {
      std::shared_ptr<BlobFile const>& file = cache_.blob_files[number];
      if (!file) {
        file = std::make_shared<BlobFile const>(
            BlobFile::open(files_.blob_file(number), blobs.record_bytes, family_.id));
      }
      version_.blob_files.emplace(number, file);
    }
  }

  void note_merge_operands(std::shared_ptr<Table const> const& table) {
    if (table->properties().merge_operands != 0) merging_tables_.push_back(table);
  }

  // The operator that the caller names; else that of the OPTIONS file, where no table with operands
  // names another; else, without one there, the one that all those tables name.
  void choose_merge_operator() {
    version_.merge_operator = options_.merge_operator;
    if (version_.merge_operator || merging_tables_.empty()) return;
    std::set<std::string> names;
    for (std::shared_ptr<Table const> const& table : merging_tables_) {
      std::string const& name = table->properties().merge_operator;
      // A writer of single tables need not have had one.
      if (!name.empty() && name != kNoMergeOperator) names.insert(name);
    }
    std::string configured = read_newest_options(version_.path)
                                 .column_family_option(family_.name, "merge_operator")
                                 .value_or(std::string(kNoMergeOperator));
    if (configured == kNoMergeOperator && !names.empty()) configured = *names.begin();
    std::optional<MergeOperator> const found = recorded_merge_operator(configured);
    names.erase(found ? found->name : std::string());
    if (found && names.empty()) {
      version_.merge_operator = found;
      return;
    }
    for (std::shared_ptr<Table const> const& table : merging_tables_) {
      // The logs' rows are of whatever operator the database has.
      std::string const& own_name = table->properties().merge_operator;
      std::string const& name = own_name.empty() ? configured : own_name;
      refuse(fmt::format("merge operands (operator '{}')", name), table->path(),
             is_known_merge_operator(name)
                 ? "the OPTIONS file names another, or not its delimiter: say so with "
                   "--merge-operator NAME or '{id=NAME;delimiter=D}'"
                 : "if it does what uint64add, stringappend, max or put do, say so with "
                   "--merge-operator NAME; else run a full compaction with RocksDB (CompactRange)");
    }
  }

  void add_level(uint32_t level) {
    std::vector<FileEntry> files = family_.levels[level];
    if (key_order_) sort_and_check_level(files, level, *key_order_, manifest_.path);
    if (level == 0) {
      sort_newest_first(files);
      for (FileEntry const& file : files) {
        version_.runs.emplace_back();
        add_table(version_.runs.back(), file);
      }
    } else if (!files.empty()) {
      version_.runs.emplace_back();
      for (FileEntry const& file : files) add_table(version_.runs.back(), file);
    }
  }

  void add_table(SortedRun& run, FileEntry const& file) {
    TableMeta meta = meta_of(file, files_);
    std::shared_ptr<Table const> table;
    struct stat status {};
    if (file.path_id != 0 && ::stat(meta.path.c_str(), &status) != 0) {
      // The database's options tell where; no file does.
      refuse(fmt::format("table in another directory (path id {} of db_paths)", file.path_id),
             meta.path, "name that directory with --db-path");
    } else {
      table = open_table(meta);
    }
    // BlobDB keeps its files in a directory of its own, which no MANIFEST names.
    if (file.oldest_blob_file_number != 0 && version_.blob_files.empty()) {
      refuse(fmt::format("blob references of BlobDB ({:06}.blob)", file.oldest_blob_file_number),
             meta.path, "read this database with the BlobDB of the RocksDB that wrote it");
    }
    if (file.has_timestamps) refuse("user-defined timestamps", meta.path, kReadWithRocksdbAdvice);
    if (table) {
      check_table(*table);
      meta.global_sequence =
          global_sequence_of(table->properties(), meta.largest_sequence, meta.path);
      note_merge_operands(table);
      if (key_order_) append_table_tombstones(*table, meta, version_.range_tombstones);
    }

    run.level = meta.level;
    run.largest_sequence = std::max(run.largest_sequence, meta.largest_sequence);
    run.tables.push_back(std::move(table));
    run.metas.push_back(std::move(meta));
  }

  std::shared_ptr<Table const> open_table(TableMeta const& meta) {
    auto const known = cache_.tables.find({meta.file_number, meta.file_bytes});
    if (known != cache_.tables.end()) return known->second;
    bool const keeps_open = cache_.tables.size() < tables_open_max_;
    std::shared_ptr<Table const> table =
        Table::open(meta.path, meta.file_number, meta.file_bytes, version_.key_order,
                    version_.refusals, keeps_open);
    if (table) cache_.tables.emplace(std::pair{meta.file_number, meta.file_bytes}, table);
    return table;
  }

  void check_table(Table const& table) {
    version_.refusals.insert(version_.refusals.end(), table.refusals().begin(),
                             table.refusals().end());
    std::string const& comparator = table.properties().comparator;
    if (!comparator.empty() && comparator != family_.comparator) {
      refuse(fmt::format("table with comparator '{}' in a database with '{}'", comparator,
                         family_.comparator),
             table.path(), kReadWithRocksdbAdvice);
    }
  }

  ManifestVersion const manifest_;
  ManifestFamily const& family_;  // of manifest_
  OpenOptions const& options_;
  DatabaseFiles const& files_;
  std::size_t tables_open_max_ = 0;
  std::optional<KeyOrder> key_order_;  // none: unknown
  FileCache& cache_;
  std::vector<std::shared_ptr<Table const>> merging_tables_;
  DatabaseVersion version_;
};

struct ManifestState {
  std::string path;
  uint64_t file_bytes = 0;
};

// Whether CURRENT names another MANIFEST than `current`, or that one (once read) has grown.
bool has_changed(std::string const& database, std::string const& current,
                 std::optional<ManifestState> const& manifest) {
  if (read_current(database) != current) return true;
  if (!manifest) return false;
  struct stat status {};
  return ::stat(manifest->path.c_str(), &status) != 0 ||
         static_cast<uint64_t>(status.st_size) != manifest->file_bytes;
}

}  // namespace

std::optional<KeyOrder> known_key_order(std::string_view comparator) {
  // RocksDB's own two, and those of MyRocks, which compare memory-comparable keys.
  if (comparator == "leveldb.BytewiseComparator" || comparator == "RocksDB_SE_v3.10") {
    return KeyOrder::kBytewise;
  }
  if (comparator == "rocksdb.ReverseBytewiseComparator" || comparator == "rev:RocksDB_SE_v3.10") {
    return KeyOrder::kReverseBytewise;
  }
  return std::nullopt;
}

KeyOrderChoice choose_key_order(std::string const& comparator, OpenOptions const& options) {
  if (std::optional<KeyOrder> const known = known_key_order(comparator)) return {known, false};
  auto const assumed = options.comparators.find(comparator);
  if (assumed == options.comparators.end()) return {};
  return {assumed->second, true};
}

Refusal unknown_comparator(std::string const& comparator, std::string const& file) {
  return {fmt::format("comparator '{}'", comparator), file, std::nullopt,
          fmt::format("if it orders keys as bytes or in reverse, say so with --comparator "
                      "'{}=bytewise' or =reverse; else read this database with RocksDB itself",
                      comparator)};
}

DatabaseVersion open_version(std::string const& path, OpenOptions const& options) {
  FileCache cache;
  std::string database;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    DatabaseFiles const files = DatabaseFiles::find(path, options.table_directories);
    database = files.directory();
    std::string const current = read_current(database);
    std::optional<ManifestState> state;
    try {
      ManifestVersion manifest = read_manifest(database);
      state = {manifest.path, manifest.file_bytes};
      DatabaseVersion version = VersionBuilder(files, std::move(manifest), options, cache).build();
      if (!has_changed(database, current, state)) return version;
    } catch (Error const&) {
      // What was named may have been deleted since.
      if (!has_changed(database, current, state)) throw;
    }
  }
  throw Error(
      ErrorCode::kRuntime,
      fmt::format("{} changes faster than it can be opened; stop its writer or scan a checkpoint",
                  database));
}

void require_scannable(DatabaseVersion const& version) {
  if (version.refusals.empty()) return;
  std::string text;
  std::size_t const shown = std::min(version.refusals.size(), kRefusalsShownMax);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += '\n';
    text += refusal_text(version.refusals[i]);
  }
  if (shown < version.refusals.size()) {
    text += fmt::format("\nand {} more", version.refusals.size() - shown);
  }
  bool const is_memory =
      std::all_of(version.refusals.begin(), version.refusals.end(),
                  [](Refusal const& refusal) { return refusal.code == ErrorCode::kDevice; });
  throw Error(is_memory ? ErrorCode::kDevice : ErrorCode::kUnsupported, text);
}

std::string level_name(int level) {
  return level == kUnflushedLevel ? "WAL" : fmt::format("L{}", level);
}

}  // namespace levelscan
