#include "table/table_reader.hpp"

#include <fmt/core.h>

#include <utility>

#include "table/compression_property.hpp"
#include "table/global_sequence.hpp"

namespace levelscan {
namespace {

constexpr std::string_view kCompactAdvice =
    "run a full compaction with RocksDB (CompactRange) and scan again";

BlockHandle find_index(Footer const& footer, Metaindex const& metaindex, std::string const& path) {
  if (footer.index) return *footer.index;
  auto const found = metaindex.find("rocksdb.index");
  if (found == metaindex.end())
    throw corruption_error(path, footer.metaindex.offset, "the metaindex names no index block");
  return found->second;
}

}  // namespace

Table::Table(RandomAccessFile file, uint64_t file_number, KeyOrder key_order, Footer footer)
    : file_(std::move(file)), file_number_(file_number), key_order_(key_order), footer_(footer) {}

std::shared_ptr<Table const> Table::open(std::string const& path, uint64_t file_number,
                                         uint64_t file_bytes, KeyOrder key_order,
                                         std::vector<Refusal>& refusals, bool keeps_open) {
  std::optional<RandomAccessFile> file = RandomAccessFile::open_if_exists(path);
  if (!file)
    throw corruption_error(
        path,
        "the MANIFEST names this table, but it is missing (tables that db_paths keep in "
        "another directory are found with --db-path)");
  if (file->size() != file_bytes) {
    throw corruption_error(path, fmt::format("the table has {} bytes, but the MANIFEST says {}",
                                             file->size(), file_bytes));
  }
  if (!keeps_open) file->close_until_read();
  return open(std::move(*file), file_number, key_order, refusals);
}

std::shared_ptr<Table const> Table::open(RandomAccessFile file, uint64_t file_number,
                                         KeyOrder key_order, std::vector<Refusal>& refusals) {
  std::optional<Footer> const footer = read_footer(file, refusals);
  if (!footer) return nullptr;

  std::shared_ptr<Table> table(new Table(std::move(file), file_number, key_order, *footer));
  table->metaindex_ = read_metaindex(table->file_, *footer);
  table->index_handle_ = find_index(*footer, table->metaindex_, table->path());
  auto const properties = table->metaindex_.find("rocksdb.properties");
  if (properties != table->metaindex_.end())
    table->properties_ = read_properties(table->file_, *footer, properties->second);
  auto const dictionary = table->metaindex_.find("rocksdb.compression_dict");
  if (dictionary != table->metaindex_.end() && dictionary->second.size != 0)
    table->dictionary_handle_ = dictionary->second;
  if (table->properties_.separated_keys_and_values) {
    uint64_t const entries = table->properties_.data_block_restart_interval;
    if (entries == 0 || entries > UINT32_MAX) {
      throw corruption_error(table->path(), properties->second.offset,
                             fmt::format("separated keys and values with a restart point every {} "
                                         "entries",
                                         entries));
    }
    table->entries_per_restart_ = static_cast<uint32_t>(entries);
  }
  table->collect_refusals();
  return table;
}

void Table::collect_refusals() {
  auto const offset_of = [this](std::string const& name) -> std::optional<uint64_t> {
    auto const found = metaindex_.find(name);
    if (found == metaindex_.end()) return std::nullopt;
    return found->second.offset;
  };
  std::optional<uint64_t> const properties_offset = offset_of("rocksdb.properties");
  auto const refuse = [this](std::string feature, std::optional<uint64_t> offset,
                             std::string_view advice) {
    refusals_.push_back({std::move(feature), path(), offset, std::string(advice)});
  };

  if (properties_.index_type > static_cast<uint32_t>(IndexType::kFirstKey)) {
    refuse(fmt::format("index type {}", properties_.index_type), properties_offset,
           kReadWithRocksdbAdvice);
  }
  if (properties_.external_sst_version.value_or(0) > kExternalTableVersionMax) {
    refuse(fmt::format("ingested table (external_sst_file version {})",
                       *properties_.external_sst_version),
           properties_offset, kCompactAdvice);
  }
  if (!properties_.user_timestamps_persisted || properties_.comparator.ends_with(".u64ts")) {
    refuse("user-defined timestamps", properties_offset, kReadWithRocksdbAdvice);
  }
  if (properties_.has_embedded_blobs) {
    refuse("embedded blobs", properties_offset, kReadWithRocksdbAdvice);
  }
  for (std::string& feature :
       refused_compressions(properties_.compression, format_version(),
                            {path(), properties_offset.value_or(footer_.metaindex.offset)})) {
    refuse(std::move(feature), properties_offset,
           "set the compression to another codec and run a full compaction with RocksDB");
  }
}

std::vector<uint8_t> Table::read_index_block() const { return read_block(index_handle_); }

std::vector<uint8_t> Table::read_block(BlockHandle const& handle, uint64_t bytes_max) const {
  return read_any_block(handle, bytes_max, nullptr);
}

std::vector<uint8_t> Table::read_data_block(BlockHandle const& handle) const {
  return read_any_block(handle, UINT32_MAX, dictionary().get());
}

std::vector<uint8_t> Table::read_any_block(BlockHandle const& handle, uint64_t bytes_max,
                                           CompressionDictionary const* dictionary) const {
  if (!block_handle_in_bounds(handle, footer_.offset)) {
    throw corruption_error(path(), handle.offset,
                           fmt::format("block of {} bytes lies outside the file", handle.size));
  }
  return levelscan::read_block(file_, handle, footer_, bytes_max, dictionary);
}

std::shared_ptr<CompressionDictionary const> Table::dictionary() const {
  if (!dictionary_handle_) return nullptr;
  std::lock_guard const lock(dictionary_mutex_);
  std::shared_ptr<CompressionDictionary const> dictionary = dictionary_.lock();
  if (!dictionary) {
    dictionary = std::make_shared<CompressionDictionary const>(read_block(*dictionary_handle_));
    dictionary_ = dictionary;
  }
  return dictionary;
}

IndexCursor Table::index_cursor(std::span<uint8_t const> block) const {
  return {block, index_encoding(), footer_.offset, {path(), index_handle_.offset}};
}

}  // namespace levelscan
