#include "peer/database_writer.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <vector>

#include "levelscan/error.hpp"
#include "peer/rocksdb_open.hpp"

namespace levelscan {
namespace {

void check(rocksdb::Status const& status) {
  if (!status.ok()) throw Error(ErrorCode::kRuntime, "librocksdb: " + status.ToString());
}

rocksdb::CompressionType compression_of(std::string const& name) {
  if (name == "none") return rocksdb::kNoCompression;
  if (name == "snappy") return rocksdb::kSnappyCompression;
  if (name == "zlib") return rocksdb::kZlibCompression;
  if (name == "bzip2") return rocksdb::kBZip2Compression;
  if (name == "lz4") return rocksdb::kLZ4Compression;
  if (name == "zstd") return rocksdb::kZSTD;
  throw Error(ErrorCode::kUsage,
              "compression '" + name + "': none, snappy, zlib, bzip2, lz4 or zstd");
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
  database_options.max_open_files = 1000;  // tables may be many
  database_options.compression = compression_of(options.compression);
  rocksdb::BlockBasedTableOptions table_options;
  table_options.block_size = options.block_bytes;
  table_options.block_restart_interval = static_cast<int>(options.restart_interval);
  database_options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options));
  check(open_database(database_options, path, &impl_->database));
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
