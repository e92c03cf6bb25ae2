#include "peer/database_writer.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <vector>

#include "levelscan/error.hpp"

namespace levelscan {
namespace {

void check(rocksdb::Status const& status) {
  if (!status.ok()) throw Error(ErrorCode::kRuntime, "librocksdb: " + status.ToString());
}

rocksdb::Slice slice_of(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace

struct DatabaseWriter::Impl {
  std::unique_ptr<rocksdb::DB> database;
  rocksdb::WriteOptions write_options;
  rocksdb::CompactionOptions compaction_options;
};

DatabaseWriter::DatabaseWriter(std::string const& path, WriterOptions const& options)
    : impl_(std::make_unique<Impl>()) {
  rocksdb::Options database_options;
  database_options.create_if_missing = true;
  database_options.error_if_exists = true;
  database_options.disable_auto_compactions = true;
  database_options.info_log_level = rocksdb::FATAL_LEVEL;
  database_options.write_buffer_size = std::size_t{1} << 30;  // flushed by hand
  database_options.max_subcompactions = 2;
  database_options.compression =
      options.compressed ? rocksdb::kSnappyCompression : rocksdb::kNoCompression;
  rocksdb::DB* database = nullptr;
  check(rocksdb::DB::Open(database_options, path, &database));
  impl_->database.reset(database);
  impl_->write_options.disableWAL = true;
  impl_->compaction_options.compression = database_options.compression;
  impl_->compaction_options.output_file_size_limit = options.table_bytes;
  impl_->compaction_options.max_subcompactions = 2;
}

DatabaseWriter::~DatabaseWriter() = default;

void DatabaseWriter::put(std::string_view key, std::string_view value) {
  check(impl_->database->Put(impl_->write_options, slice_of(key), slice_of(value)));
}

void DatabaseWriter::remove(std::string_view key) {
  check(impl_->database->Delete(impl_->write_options, slice_of(key)));
}

void DatabaseWriter::flush() { check(impl_->database->Flush(rocksdb::FlushOptions())); }

void DatabaseWriter::compact_to(int level) {
  rocksdb::ColumnFamilyMetaData metadata;
  impl_->database->GetColumnFamilyMetaData(&metadata);
  std::vector<std::string> files;
  for (auto const& file : metadata.levels.at(0).files) files.push_back(file.name);
  check(impl_->database->CompactFiles(impl_->compaction_options, files, level));
}

void DatabaseWriter::close() {
  check(impl_->database->Close());
  impl_->database.reset();
}

}  // namespace levelscan
