// What a database looks like inside: how its versions lie across intervals, blocks and files.
// Serves the differential test to assert that it met what it is meant to meet. Entries are decoded
// here anew, from what table/table_reader.hpp reads.
#pragma once

#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "table/table_index.hpp"
#include "table/table_reader.hpp"
#include "version/database_version.hpp"

namespace levelscan::test {

struct DatabaseShape {
  std::size_t runs_max = 0;
  std::size_t tables = 0;
  std::size_t blocks = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t merge_operands = 0;
  uint64_t blob_references = 0;
  uint64_t entities = 0;
  // Pairs of neighbours with the same user key on both sides of a border.
  uint64_t versions_across_intervals = 0;
  uint64_t versions_across_blocks = 0;
  uint64_t versions_across_files = 0;
  uint64_t shared_into_trailer = 0;  // entries of other user keys that share trailer bytes
  uint64_t range_tombstones = 0;
  uint64_t clipped_range_tombstones = 0;           // stored with ends beyond their table's bounds
  uint64_t range_tombstones_between_versions = 0;  // clipped at an entry
  uint64_t tables_of_range_tombstones = 0;         // and of nothing else
  uint64_t internal_separators = 0;                // tables whose separators are internal keys
  uint64_t user_separators = 0;
  std::set<uint32_t> format_versions;
  std::set<int> checksums;
  std::set<int> data_codecs;
  std::set<int> index_codecs;
  std::set<bool> delta_encoded_handles;
  std::set<uint32_t> index_types;
  uint32_t partitions_max = 0;      // of a two-level index
  std::set<int> dictionary_codecs;  // of data blocks in tables that have a dictionary
  uint64_t gaps = 0;                // between data blocks
  uint64_t hash_index_blocks = 0;
  uint64_t ingested_tables = 0;          // with a global sequence number other than 0
  uint64_t ingested_tables_at_zero = 0;  // behind everything, or where nothing overlapped
  uint64_t global_sequences_in_tables = 0;

  void add(DatabaseVersion const& version) {
    if (version.runs.size() > runs_max) runs_max = version.runs.size();
    for (SortedRun const& run : version.runs) {
      std::string previous;  // user key at the end of the table before
      for (std::size_t i = 0; i < run.tables.size(); ++i) {
        if (i != 0 && run.metas[i].smallest_user_key() == previous) ++versions_across_files;
        add(*run.tables[i]);
        add_range_tombstones(*run.tables[i], run.metas[i], version.key_order);
        add_global_sequence(*run.tables[i], run.metas[i]);
        previous = run.metas[i].largest_user_key();
      }
    }
  }

 private:
  void add_global_sequence(Table const& table, TableMeta const& meta) {
    if (!meta.global_sequence) return;
    ++(*meta.global_sequence != 0 ? ingested_tables : ingested_tables_at_zero);
    if (table.properties().global_sequence.value_or(0) != 0) ++global_sequences_in_tables;
  }

  void add_range_tombstones(Table const& table, TableMeta const& meta, KeyOrder key_order) {
    auto const found = table.metaindex().find("rocksdb.range_del");
    if (found == table.metaindex().end()) return;
    std::vector<uint8_t> const index = table.read_index_block();
    if (!table.index_cursor(index).valid()) ++tables_of_range_tombstones;
    for_each_entry(table.read_block(found->second), {table.path(), found->second.offset},
                   [&](std::span<uint8_t const> key, std::span<uint8_t const> end) {
                     std::string const start(key.begin(), key.end() - 8);
                     std::string const last(end.begin(), end.end());
                     auto const before = [key_order](std::string_view x, std::string_view y) {
                       return key_order == KeyOrder::kBytewise ? x < y : y < x;
                     };
                     bool const ends_beyond = before(meta.largest_user_key(), last);
                     ++range_tombstones;
                     if (ends_beyond || before(start, meta.smallest_user_key())) {
                       ++clipped_range_tombstones;
                     }
                     char const type = meta.largest[meta.largest.size() - 8];
                     if (ends_beyond && type != 0x0f) ++range_tombstones_between_versions;
                     return true;
                   });
  }

  static int codec_of(Table const& table, BlockHandle const& handle) {
    uint8_t type = 0;
    table.file().read(handle.offset + handle.size, {&type, 1});
    return type;
  }

  static uint32_t varint(uint8_t const*& at) {
    uint32_t value = 0;
    for (int shift = 0;; shift += 7) {
      uint8_t const byte = *at++;
      value |= static_cast<uint32_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  void add(Table const& table) {
    ++tables;
    format_versions.insert(table.format_version());
    checksums.insert(static_cast<int>(table.checksum_type()));
    index_codecs.insert(codec_of(table, table.index_handle()));
    delta_encoded_handles.insert(table.index_encoding().value_is_delta_encoded);
    ++(table.index_encoding().key_is_user_key ? user_separators : internal_separators);
    index_types.insert(table.properties().index_type);
    if (table.has_two_level_index()) {
      TableIndex const top(table);
      if (top.block_count() > partitions_max) partitions_max = top.block_count();
    }
    auto const dictionary = table.dictionary();  // kept while the blocks are read
    std::string key;                             // internal, of the entry before
    uint64_t previous_end = 0;
    for_each_data_block(table, [&](IndexCursor const& cursor) {
      int const codec = codec_of(table, cursor.handle());
      data_codecs.insert(codec);
      if (dictionary) dictionary_codecs.insert(codec);
      if (cursor.handle().offset != previous_end) ++gaps;
      previous_end = cursor.handle().end();
      add_block(table.read_data_block(cursor.handle()), key);
      return true;
    });
  }

  void add_block(std::vector<uint8_t> const& block, std::string& key) {
    ++blocks;
    auto const word = [&](std::size_t offset) {
      uint32_t value;
      std::memcpy(&value, block.data() + offset, sizeof value);
      return value;
    };
    uint32_t const packed = word(block.size() - 4);
    std::size_t end = block.size() - 4;
    if ((packed & 0x80000000) != 0) {
      ++hash_index_blocks;
      end -= 2 + (block[end - 2] + std::size_t{block[end - 1]} * 256);
    }
    uint32_t const restart_count = packed & 0x0fffffff;
    std::size_t const restarts = end - 4 * std::size_t{restart_count};
    uint32_t restart = 0;
    uint8_t const* at = block.data();
    while (at < block.data() + restarts) {
      uint32_t const offset = static_cast<uint32_t>(at - block.data());
      bool const begins_interval =
          restart < restart_count && word(restarts + 4 * restart) == offset;
      if (begins_interval) ++restart;
      uint32_t const shared = varint(at);
      uint32_t const unshared = varint(at);
      uint32_t const value_bytes = varint(at);
      std::string const next =
          key.substr(0, shared) + std::string(reinterpret_cast<char const*>(at), unshared);
      at += unshared + value_bytes;
      ++entries;
      switch (static_cast<unsigned char>(next[next.size() - 8])) {
        case 0x00:
        case 0x07: ++tombstones; break;
        case 0x02: ++merge_operands; break;
        case 0x11: ++blob_references; break;
        case 0x16: ++entities; break;
        default: break;
      }
      if (!key.empty()) {
        bool const same = std::string_view(key).substr(0, key.size() - 8) ==
                          std::string_view(next).substr(0, next.size() - 8);
        if (same && offset == 0) {
          ++versions_across_blocks;
        } else if (same && begins_interval) {
          ++versions_across_intervals;
        }
        if (!same && shared > key.size() - 8) ++shared_into_trailer;
      }
      key = next;
    }
  }
};

}  // namespace levelscan::test
