#include "version/database_check.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "table/blob_check.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"
#include "table/table_check.hpp"
#include "version/database_files.hpp"
#include "version/manifest.hpp"
#include "version/options_file.hpp"
#include "version/wal_files.hpp"
#include "version/wal_reader.hpp"
#include "version/write_batch.hpp"

namespace levelscan {
namespace {

constexpr uint64_t kLogRecordBytesMax = uint64_t{1} << 30;

struct File {
  enum class Kind { kTable, kBlobs, kLog };
  Kind kind = Kind::kTable;
  std::string path;
  uint64_t number = 0;
  uint64_t bytes = 0;                      // of blob files of their records, else of the file
  std::optional<KeyOrder> key_order = {};  // of a table
  uint32_t column_family = 0;              // of a blob file
};

class DatabaseCheck {
 public:
  DatabaseCheck(std::string const& database, CheckOptions const& options)
      : place_(DatabaseFiles::find(database, options.open.table_directories)), options_(options) {}

  CheckResult run() {
    if (!find_files()) return result_;
    uint32_t const threads =
        std::clamp<uint32_t>(options_.threads, 1, static_cast<uint32_t>(files_.size() + 1));
    std::vector<std::jthread> helpers;
    helpers.reserve(threads);
    try {
      while (helpers.size() + 1 < threads) helpers.emplace_back([this] { work(); });
    } catch (std::system_error const&) {
      // Fewer do it as well.
    }
    work();
    for (std::jthread& helper : helpers) helper.join();
    if (failure_) std::rethrow_exception(failure_);
    return result_;
  }

 private:
  // The live files; false when nothing can be known of them.
  bool find_files() {
    try {
      ManifestVersion const manifest = read_manifest(place_.directory());
      result_.read.files = 2;  // CURRENT and the MANIFEST have been read by now
      result_.read.bytes = result_.read.bytes_total = manifest.file_bytes;
      for (ManifestFamily const& family : manifest.families) add_family(family);
      add_logs(manifest);
    } catch (Error const& error) {
      if (error.code() == ErrorCode::kNotADatabase) throw;
      report(error);
      return false;
    }
    for (File const& file : files_) result_.read.bytes_total += file.bytes;
    result_.read.files_total = result_.read.files + files_.size();
    return true;
  }

  void add_family(ManifestFamily const& family) {
    std::optional<KeyOrder> order = known_key_order(family.comparator);
    auto const vouched_for = options_.open.comparators.find(family.comparator);
    if (vouched_for != options_.open.comparators.end()) order = vouched_for->second;
    for (auto const& level : family.levels) {
      for (FileEntry const& file : level) {
        files_.push_back({File::Kind::kTable, place_.table(file.file_number), file.file_number,
                          file.file_bytes, order});
      }
    }
    for (auto const& [number, blobs] : family.blob_files) {
      files_.push_back({File::Kind::kBlobs, place_.blob_file(number), number, blobs.record_bytes,
                        std::nullopt, family.id});
    }
  }

  void add_logs(ManifestVersion const& manifest) {
    WalSearch search;
    search.database = place_.directory();
    search.directory = options_.open.wal_directory;
    search.directory_option = read_newest_options(place_.directory()).database_option("wal_dir");
    search.log_number_min = UINT64_MAX;
    for (ManifestFamily const& family : manifest.families) {
      search.log_number_min = std::min(search.log_number_min, family.log_number);
    }
    search.tracked_logs = manifest.tracked_logs;
    search.tracked_number_min = search.log_number_min;
    WalSearchResult const found = find_write_ahead_logs(search);
    for (Refusal const& refusal : found.refusals) report(unsupported_error(refusal));
    for (WalFile const& log : found.logs) {
      std::optional<RandomAccessFile> const file = RandomAccessFile::open_if_exists(log.path);
      if (file) files_.push_back({File::Kind::kLog, log.path, log.number, file->size()});
    }
  }

  // Takes files one by one until there are no more.
  void work() {
    CheckListener listener;
    listener.on_problem = [this](Error const& error) { report(error); };
    listener.interrupted = options_.interrupted;
    try {
      for (;;) {
        std::size_t const index = next_file_++;
        if (index >= files_.size()) return;
        File const& file = files_[index];
        uint64_t read = 0;
        listener.on_block = [&](uint64_t bytes) {
          bytes = std::min(bytes, file.bytes - read);
          read += bytes;
          add_progress(0, 1, bytes);
        };
        switch (file.kind) {
          case File::Kind::kTable:
            check_table_file(file.path, file.bytes, file.key_order, listener);
            break;
          case File::Kind::kBlobs:
            check_blob_file(file.path, file.bytes, file.column_family, listener);
            break;
          case File::Kind::kLog: check_log(file, listener); break;
        }
        add_progress(1, 0, file.bytes - read);
      }
    } catch (...) {
      std::unique_lock const lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_file_ = files_.size();
    }
  }

  // A log's blocks are its records. One that a killed writer left cut off is whole up to there.
  static void check_log(File const& file, CheckListener const& listener) {
    try {
      std::optional<RandomAccessFile> const log = RandomAccessFile::open_if_exists(file.path);
      if (!log) return;  // flushed meanwhile
      WalReader reader(*log, file.number, kLogRecordBytesMax);
      while (std::optional<std::span<uint8_t const>> const record = reader.next()) {
        throw_if_interrupted(listener);
        check_batch(*record, {file.path, reader.record_offset()});
        listener.on_block(record->size());
      }
      if (reader.is_damaged()) {
        throw corruption_error(file.path, reader.end_offset(), reader.end_reason());
      }
    } catch (Error const& error) {
      if (error.code() == ErrorCode::kInterrupted) throw;
      listener.on_problem(error);
    }
  }

  static void check_batch(std::span<uint8_t const> record, BlockPlace const& place) {
    if (record.size() < kBatchHeaderBytes) {
      throw corruption_error(place.file, place.offset,
                             fmt::format("write batch of {} bytes", record.size()));
    }
    WriteBatchReader batch(record, place);
    for (BatchOperation operation; batch.next(operation);) {
    }
  }

  void report(Error const& error) {
    std::unique_lock const lock(mutex_);
    ++(error.code() == ErrorCode::kUnsupported ? result_.unsupported : result_.problems);
    if (options_.on_problem) options_.on_problem(error);
  }

  void add_progress(uint64_t files, uint64_t blocks, uint64_t bytes) {
    std::unique_lock const lock(mutex_);
    result_.read.files += files;
    result_.read.blocks += blocks;
    result_.read.bytes += bytes;
    if (options_.on_progress) options_.on_progress(result_.read);
  }

  DatabaseFiles place_;
  CheckOptions const& options_;
  std::vector<File> files_;
  std::atomic<std::size_t> next_file_{0};
  std::mutex mutex_;  // guards what follows
  CheckResult result_;
  std::exception_ptr failure_;
};

}  // namespace
CheckResult check_database(std::string const& path, CheckOptions const& options) {
  return DatabaseCheck(path, options).run();
}

}  // namespace levelscan
