#include "table/table_image.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "kernels/internal_key.hpp"
#include "table/checksum.hpp"
#include "table/coding.hpp"
#include "table/footer.hpp"

namespace levelscan {
namespace {

constexpr double kDataBlockBytesMin = 512;
constexpr double kDataBlockBytesMax = 32 << 10;
constexpr uint32_t kFormatVersion = 5;
constexpr uint32_t kFooterVersionOffset = 41;
constexpr uint64_t kMagic = 0x88e241b785f4cff7ULL;

void append_varint(std::vector<uint8_t>& bytes, uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<uint8_t>(value | 0x80));
  bytes.push_back(static_cast<uint8_t>(value));
}

template <class Integer>
void append_fixed(std::vector<uint8_t>& bytes, Integer value) {
  std::size_t const at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

void append(std::vector<uint8_t>& bytes, std::span<uint8_t const> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

std::vector<uint8_t> varint_bytes(uint64_t value) {
  std::vector<uint8_t> bytes;
  append_varint(bytes, value);
  return bytes;
}

void append_handle(std::vector<uint8_t>& bytes, BlockHandle const& handle) {
  append_varint(bytes, handle.offset);
  append_varint(bytes, handle.size);
}

}  // namespace

// Blocks grow with the root of the table's size, so that the index block stays small beside a
// scan's memory, and yet small tables have several blocks.
TableImage::TableImage(std::string comparator, uint64_t bytes_expected)
    : comparator_(std::move(comparator)),
      data_block_bytes_(
          static_cast<std::size_t>(std::clamp(4 * std::sqrt(static_cast<double>(bytes_expected)),
                                              kDataBlockBytesMin, kDataBlockBytesMax))) {
  file_.reserve(bytes_expected);
}

void TableImage::Block::add(std::string_view key, std::span<uint8_t const> value) {
  std::size_t shared = 0;
  if (entry_count_ % restart_interval_ == 0) {
    restarts_.push_back(static_cast<uint32_t>(bytes_.size()));
  } else {
    std::size_t const limit = std::min(key.size(), last_key_.size());
    while (shared < limit && key[shared] == last_key_[shared]) ++shared;
  }
  append_varint(bytes_, shared);
  append_varint(bytes_, key.size() - shared);
  append_varint(bytes_, value.size());
  append(bytes_, as_bytes(key.substr(shared)));
  append(bytes_, value);
  last_key_ = key;
  ++entry_count_;
}

std::vector<uint8_t> TableImage::Block::finish() {
  if (restarts_.empty()) restarts_.push_back(0);
  for (uint32_t const restart : restarts_) append_fixed(bytes_, restart);
  append_fixed(bytes_, static_cast<uint32_t>(restarts_.size()));
  entry_count_ = 0;
  restarts_.clear();
  return std::exchange(bytes_, {});
}

void TableImage::add(std::span<uint8_t const> user_key, uint64_t trailer,
                     std::span<uint8_t const> value) {
  internal_key_.assign(as_text(user_key));
  internal_key_.append(reinterpret_cast<char const*>(&trailer), sizeof trailer);
  data_.add(internal_key_, value);
  ++entries_;
  EntryType const type = type_of(trailer);
  deletions_ += type == EntryType::kDeletion || type == EntryType::kSingleDeletion ? 1 : 0;
  merge_operands_ += type == EntryType::kMerge ? 1 : 0;
  raw_key_bytes_ += internal_key_.size();
  raw_value_bytes_ += value.size();
  if (data_.bytes() >= data_block_bytes_) end_data_block();
}

BlockHandle TableImage::append_block(std::vector<uint8_t> const& block) {
  BlockHandle const handle{file_.size(), block.size()};
  append(file_, block);
  file_.push_back(0);  // not compressed
  append_fixed(file_, uint32_t{0});
  return handle;
}

void TableImage::end_data_block() {
  std::string const separator = data_.last_key();
  std::vector<uint8_t> handle;
  append_handle(handle, append_block(data_.finish()));
  index_.add(separator, handle);
  ++data_blocks_;
}

std::vector<uint8_t> TableImage::properties_block(uint64_t index_bytes) const {
  std::vector<uint8_t> index_type;
  append_fixed(index_type, uint32_t{0});
  auto const text = as_bytes(comparator_);
  std::map<std::string, std::vector<uint8_t>> const properties{
      {"rocksdb.block.based.table.index.type", index_type},
      {"rocksdb.comparator", {text.begin(), text.end()}},
      {"rocksdb.data.size", varint_bytes(file_.size())},
      {"rocksdb.deleted.keys", varint_bytes(deletions_)},
      {"rocksdb.index.key.is.user.key", varint_bytes(0)},
      {"rocksdb.index.size", varint_bytes(index_bytes)},
      {"rocksdb.index.value.is.delta.encoded", varint_bytes(0)},
      {"rocksdb.merge.operands", varint_bytes(merge_operands_)},
      {"rocksdb.num.data.blocks", varint_bytes(data_blocks_)},
      {"rocksdb.num.entries", varint_bytes(entries_)},
      {"rocksdb.raw.key.size", varint_bytes(raw_key_bytes_)},
      {"rocksdb.raw.value.size", varint_bytes(raw_value_bytes_)},
  };
  Block block(1);
  for (auto const& [name, value] : properties) block.add(name, value);
  return block.finish();
}

std::vector<uint8_t> TableImage::finish() {
  if (!data_.empty()) end_data_block();
  std::vector<uint8_t> const index = index_.finish();
  BlockHandle const properties = append_block(properties_block(index.size()));
  Block metaindex(1);
  std::vector<uint8_t> handle;
  append_handle(handle, properties);
  metaindex.add("rocksdb.properties", handle);
  BlockHandle const metaindex_handle = append_block(metaindex.finish());
  BlockHandle const index_handle = append_block(index);

  std::vector<uint8_t> footer{static_cast<uint8_t>(ChecksumType::kNone)};
  append_handle(footer, metaindex_handle);
  append_handle(footer, index_handle);
  footer.resize(kFooterVersionOffset);
  append_fixed(footer, kFormatVersion);
  append_fixed(footer, kMagic);
  append(file_, footer);
  return std::move(file_);
}

}  // namespace levelscan
