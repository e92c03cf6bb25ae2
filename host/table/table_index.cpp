#include "table/table_index.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "table/coding.hpp"
#include "table/key_comparison.hpp"

namespace levelscan {
TableIndex::TableIndex(Table const& table) : table_(table) {
  if (table.has_two_level_index()) {
    read_top_level();
  } else {
    blocks_.push_back(table.index_handle());
  }
}

void TableIndex::read_top_level() {
  BlockHandle const& top = table_.index_handle();
  std::vector<uint8_t> const block = table_.read_index_block();
  bytes_read_ = top.size + kBlockTrailerBytes;
  for (IndexCursor cursor = table_.index_cursor(block); cursor.valid(); cursor.next()) {
    BlockHandle const& partition = cursor.handle();
    if (partition.offset < top.end() && top.offset < partition.end()) {
      throw corruption_error(
          table_.path(), top.offset,
          fmt::format("index partition at offset {} overlaps the top level", partition.offset));
    }
    blocks_.push_back(partition);
    separators_ += as_text(cursor.key());
    separator_ends_.push_back(separators_.size());
  }
}

std::string_view TableIndex::separator(uint32_t i) const {
  std::size_t const begin = i == 0 ? 0 : separator_ends_[i - 1];
  return std::string_view(separators_).substr(begin, separator_ends_[i] - begin);
}

std::string_view TableIndex::user_separator(uint32_t i) const {
  std::string_view const key = separator(i);
  return table_.index_encoding().key_is_user_key ? key : user_key_of(key);
}

uint32_t TableIndex::find(IndexTarget const& target) const {
  if (separator_ends_.empty() || target.bound.side == BoundSide::kStart) return 0;
  IndexEncoding const encoding = table_.index_encoding();
  std::string_view const key = as_text({target.bound.key.data, target.bound.key.size});
  auto const ends_before = [&](uint32_t i) {
    return target.is_above(compare_user_keys(encoding.key_order, user_separator(i), key),
                           encoding.key_is_user_key,
                           encoding.key_is_user_key ? 0 : trailer_of(separator(i)));
  };
  uint32_t low = 0;
  uint32_t high = block_count();
  while (low < high) {
    uint32_t const middle = low + (high - low) / 2;
    if (ends_before(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

IndexCursor TableIndex::cursor(uint32_t i, std::span<uint8_t const> bytes) const {
  IndexCursor cursor(bytes, table_.index_encoding(), table_.blocks_end(),
                     {table_.path(), blocks_[i].offset});
  if (separator_ends_.empty()) return cursor;
  if (!cursor.valid())
    throw corruption_error(table_.path(), blocks_[i].offset, "an index partition without entries");
  IndexEncoding const encoding = table_.index_encoding();
  std::span<uint8_t const> const after = as_bytes(separator(i));
  if (separator_less(after, cursor.key(), encoding) ||
      (i != 0 && !separator_less(as_bytes(separator(i - 1)), cursor.key(), encoding))) {
    throw corruption_error(table_.path(), blocks_[i].offset,
                           "the partition's first separator lies outside its place in the index");
  }
  return cursor;
}

void for_each_data_block(Table const& table, std::function<bool(IndexCursor const&)> const& visit) {
  TableIndex const index(table);
  for (uint32_t i = 0; i < index.block_count(); ++i) {
    std::vector<uint8_t> const block = table.read_block(index.block(i));
    for (IndexCursor cursor = index.cursor(i, block); cursor.valid(); cursor.next()) {
      if (!visit(cursor)) return;
    }
  }
}

}  // namespace levelscan
