// A forward walk over an uncompressed binary-search index block: one entry a data block, a
// separator key and a handle.
//
//   full values:   shared v32 | non_shared v32 | value_len v32 | key[non_shared] | handle
//   delta-encoded: shared v32 | non_shared v32 | key[non_shared] | value
//                  value: shared == 0: handle; else zigzag v64 d: size = previous size + d,
//                  offset = previous offset + previous size + 5
//   With first keys the handle is followed by the data block's first internal key, after its length
//   as a varint32.
//
// The separator of block i is at or above its last key and below the first key of block i + 1. It
// is a bare user key where `key_is_user_key`, else an internal key. Any restart interval.
// Everything is checked: bounds, restart offsets, ascending separators and handles.
// Not thread-safe; the block is shared and read only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/key_order.hpp"
#include "table/block_handle.hpp"
#include "table/block_tail.hpp"
#include "table/codec.hpp"

namespace levelscan {

struct IndexEncoding {
  bool value_is_delta_encoded = false;
  bool key_is_user_key = false;
  bool has_first_keys = false;
  KeyOrder key_order = KeyOrder::kBytewise;
};

// Whether separator `a` stands strictly before `b`. REQUIRES: internal keys hold at least their
// trailer.
[[nodiscard]] bool separator_less(std::span<uint8_t const> a, std::span<uint8_t const> b,
                                  IndexEncoding const& encoding);

class IndexCursor {
 public:
  // `block` and `place.file` must outlive the cursor. `blocks_end` is the footer's offset in the
  // table file. Stands on the first entry, if any. Throws Error kCorruption, kUnsupported.
  IndexCursor(std::span<uint8_t const> block, IndexEncoding encoding, uint64_t blocks_end,
              BlockPlace place);

  [[nodiscard]] bool empty() const { return tail_.entries_end == 0; }
  [[nodiscard]] uint32_t restart_count() const { return tail_.restart_count; }

  // Stands on the first entry of a restart interval. REQUIRES: restart_index < restart_count() and
  // not empty().
  void seek_to_restart(uint32_t restart_index);
  // Stands on the entry `ordinal` entries after the restart point; not valid() when the block has
  // ended before.
  void seek_to_entry(uint32_t restart_index, uint32_t ordinal);
  void seek_to_first();

  [[nodiscard]] bool valid() const { return valid_; }
  // REQUIRES (all below): valid().
  void next();

  // The separator as stored (with the 8-byte trailer unless key_is_user_key). Valid until the
  // cursor moves.
  [[nodiscard]] std::span<uint8_t const> key() const { return key_; }
  // The separator without the trailer.
  [[nodiscard]] std::span<uint8_t const> user_key() const;
  // The data block; it lies within the file.
  [[nodiscard]] BlockHandle const& handle() const { return handle_; }

  // Which restart interval the entry is in, and the how-manieth of it, from 0.
  [[nodiscard]] uint32_t restart_index() const { return restart_index_; }
  [[nodiscard]] uint32_t entries_into_restart() const { return entries_into_restart_; }

 private:
  [[nodiscard]] uint32_t restart_offset(uint32_t restart_index) const;
  void decode_entry();
  void check_first_key(std::span<uint8_t const> first_key) const;
  [[noreturn]] void fail(char const* what) const;

  std::span<uint8_t const> block_;
  IndexEncoding encoding_;
  uint64_t blocks_end_;
  BlockPlace place_;
  BlockTail tail_;

  bool valid_ = false;
  uint32_t entry_offset_ = 0;       // of the current entry in the block
  uint32_t next_entry_offset_ = 0;  // of the one after it
  uint32_t restart_index_ = 0;
  uint32_t entries_into_restart_ = 0;
  bool has_previous_ = false;  // key_ and handle_ hold the entry before the one being decoded
  std::vector<uint8_t> key_;
  std::vector<uint8_t> previous_key_;
  BlockHandle handle_;
};

}  // namespace levelscan
