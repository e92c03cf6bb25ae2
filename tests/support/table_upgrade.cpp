#include "support/table_upgrade.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "support/format_writer.hpp"
#include "table/block.hpp"
#include "table/table_index.hpp"
#include "table/table_reader.hpp"

namespace levelscan::test {
namespace {

using testing::fixed;
using Rows = std::vector<std::pair<std::string, std::string>>;

uint32_t checksum_of(uint8_t type, std::string_view covered) {
  switch (type) {
    case 1: return testing::slow_masked_crc32c(covered);
    case 2: return XXH32(covered.data(), covered.size(), 0);
    case 3: return static_cast<uint32_t>(XXH64(covered.data(), covered.size(), 0));
    case 4:
      return static_cast<uint32_t>(XXH3_64bits(covered.data(), covered.size() - 1)) ^
             static_cast<uint8_t>(covered.back()) * 0x6b9083d9U;
    default: return 0;
  }
}

class Upgrade {
 public:
  Upgrade(Table const& table, std::string bytes, uint32_t format_version, uint32_t base)
      : table_(table),
        bytes_(std::move(bytes)),
        format_version_(format_version),
        base_(base),
        checksum_type_(static_cast<uint8_t>(table.checksum_type())) {}

  // The whole file; nothing where it would not have the same size.
  std::optional<std::string> file() {
    for_each_data_block(table_, [&](IndexCursor const& cursor) {
      add_context(cursor.handle());
      return true;
    });
    TableIndex const index(table_);
    for (uint32_t i = 0; i < index.block_count(); ++i) add_context(index.block(i));
    if (table_.has_two_level_index()) add_context(table_.index_handle());
    BlockHandle const properties = table_.metaindex().at("rocksdb.properties");
    for (auto const& [name, handle] : table_.metaindex()) {
      // Filters have an encoding of their own and are not read.
      if (name == "rocksdb.range_del" || name == "rocksdb.compression_dict") add_context(handle);
    }
    // Properties, metaindex and footer end the file; they are made anew.
    if (properties.end() != table_.footer().metaindex.offset) return std::nullopt;
    std::size_t const size = bytes_.size();
    bytes_.resize(properties.offset);
    std::string const tail = tail_with(std::nullopt);
    if (bytes_.size() + tail.size() > size) return std::nullopt;
    // A property of no meaning takes the room that is left over.
    std::size_t const left = size - bytes_.size() - tail.size();
    for (std::string_view const name : {"~", "~~", "~~~"}) {
      for (std::size_t value_bytes = left > 16 ? left - 16 : 0; value_bytes <= left;
           ++value_bytes) {
        std::string const padded = tail_with(std::pair{name, value_bytes});
        if (bytes_.size() + padded.size() == size) return bytes_ + padded;
      }
    }
    return left == 0 ? std::optional(bytes_ + tail) : std::nullopt;
  }

 private:
  [[nodiscard]] std::string stored(std::string const& payload, uint64_t offset) const {
    std::string const covered = payload + '\0';
    return covered +
           fixed(checksum_of(checksum_type_, covered) + testing::context_of(base_, offset));
  }

  void add_context(BlockHandle const& handle) {
    std::string_view const covered =
        std::string_view(bytes_).substr(handle.offset, handle.size + 1);
    uint32_t const word =
        checksum_of(checksum_type_, covered) + testing::context_of(base_, handle.offset);
    bytes_.replace(handle.offset + handle.size + 1, 4, fixed(word));
  }

  [[nodiscard]] std::string property_of_compression() const {
    static std::map<std::string, std::string> const kNumbers = {{"Snappy", "01"}, {"Zlib", "02"},
                                                                {"BZip2", "03"},  {"LZ4", "04"},
                                                                {"LZ4HC", "05"},  {"ZSTD", "07"}};
    auto const number = kNumbers.find(table_.properties().compression);
    return number == kNumbers.end() ? ";;" : "BuiltinV2;" + number->second + ";";
  }

  [[nodiscard]] std::string tail_with(
      std::optional<std::pair<std::string_view, std::size_t>> const& padding) const {
    Rows properties;
    for (auto const& [name, value] : table_.properties().all) {
      if (name.starts_with("rocksdb.creating.")) continue;  // gives room
      bool const renamed = name == "rocksdb.compression" && format_version_ >= 7;
      properties.emplace_back(name, renamed ? property_of_compression() : value);
    }
    if (padding) properties.emplace_back(padding->first, std::string(padding->second, '~'));
    std::string const block = testing::key_value_block(properties, properties.size() + 1);
    uint64_t const offset = bytes_.size();
    std::string tail = stored(block, offset);

    Rows entries;
    for (auto const& [name, handle] : table_.metaindex()) {
      entries.emplace_back(name, name == "rocksdb.properties"
                                     ? testing::handle_bytes(offset, block.size())
                                     : testing::handle_bytes(handle.offset, handle.size));
    }
    BlockHandle const& index = table_.index_handle();
    entries.emplace_back("rocksdb.index", testing::handle_bytes(index.offset, index.size));
    std::sort(entries.begin(), entries.end());
    std::string const metaindex = testing::key_value_block(entries);
    tail += stored(metaindex, offset + tail.size());
    return tail + footer(static_cast<uint32_t>(metaindex.size()), offset + tail.size());
  }

  [[nodiscard]] std::string footer(uint32_t metaindex_bytes, uint64_t offset) const {
    std::string footer =
        testing::footer_with_context(0, base_, metaindex_bytes, format_version_, offset);
    footer[0] = static_cast<char>(checksum_type_);
    footer.replace(5, 4, std::string(4, '\0'));
    footer.replace(5, 4,
                   fixed(checksum_of(checksum_type_, footer) + testing::context_of(base_, offset)));
    return footer;
  }

  Table const& table_;
  std::string bytes_;
  uint32_t format_version_;
  uint32_t base_;
  uint8_t checksum_type_;
};

}  // namespace

void upgrade_table(std::string const& path, KeyOrder key_order, uint32_t format_version,
                   uint32_t checksum_base) {
  std::string const bytes = testing::read_whole_file(path);
  std::vector<Refusal> refusals;
  std::shared_ptr<Table const> const table =
      Table::open(path, 0, bytes.size(), key_order, refusals);
  // Before format version 2 compressed blocks are framed differently.
  if (!table || table->format_version() < 2 || table->format_version() > 5) return;
  std::optional<std::string> const upgraded =
      Upgrade(*table, bytes, format_version, checksum_base).file();
  if (upgraded) testing::write_whole_file(path, *upgraded);
}

}  // namespace levelscan::test
