// One table file (SST), opened: footer, metaindex and properties read and checked, the file kept
// open so that its bytes stay readable even when the database deletes it. A table without
// properties, LevelDB's or an early RocksDB's, has a binary-search index of internal keys and full
// handles. Immutable after open(); const member functions are thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "table/block.hpp"
#include "table/footer.hpp"
#include "table/index_cursor.hpp"
#include "table/properties.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"

namespace levelscan {

// More than any index or metadata block is expected to hold; forged sizes end here.
inline constexpr uint64_t kMetadataBlockBytesMax = uint64_t{1} << 30;

class Table {
 public:
  // Opens the file and checks that it has `file_bytes` bytes, as the MANIFEST says.
  // Returns null after adding to `refusals` what makes the file unreadable here (a footer of
  // another format). With `keeps_open` false the file is opened anew for each read. Throws Error:
  // kCorruption (a missing file too), kRuntime.
  static std::shared_ptr<Table const> open(std::string const& path, uint64_t file_number,
                                           uint64_t file_bytes, KeyOrder key_order,
                                           std::vector<Refusal>& refusals, bool keeps_open = true);
  // The same for a file that is open already, a table held in memory, say.
  static std::shared_ptr<Table const> open(RandomAccessFile file, uint64_t file_number,
                                           KeyOrder key_order, std::vector<Refusal>& refusals);

  [[nodiscard]] RandomAccessFile const& file() const { return file_; }
  [[nodiscard]] std::string const& path() const { return file_.path(); }
  [[nodiscard]] uint64_t file_number() const { return file_number_; }
  [[nodiscard]] KeyOrder key_order() const { return key_order_; }
  [[nodiscard]] uint64_t file_bytes() const { return file_.size(); }

  [[nodiscard]] Footer const& footer() const { return footer_; }
  [[nodiscard]] ChecksumType checksum_type() const { return footer_.checksum_type; }
  [[nodiscard]] uint32_t format_version() const { return footer_.format_version; }
  [[nodiscard]] BlockHandle const& index_handle() const { return index_handle_; }
  // Data blocks end at or before this offset.
  [[nodiscard]] uint64_t blocks_end() const { return footer_.offset; }

  [[nodiscard]] TableProperties const& properties() const { return properties_; }
  [[nodiscard]] Metaindex const& metaindex() const { return metaindex_; }
  [[nodiscard]] IndexEncoding index_encoding() const {
    return {.value_is_delta_encoded = properties_.index_value_is_delta_encoded,
            .key_is_user_key = properties_.index_key_is_user_key,
            .has_first_keys = properties_.index_type == static_cast<uint32_t>(IndexType::kFirstKey),
            .key_order = key_order_};
  }
  // The index block is one of partitions; TableIndex (table_index.hpp) reads either kind.
  [[nodiscard]] bool has_two_level_index() const {
    return properties_.index_type == static_cast<uint32_t>(IndexType::kTwoLevel);
  }

  // Data blocks with separated keys and values: every so-manieth entry is a restart point. 0: the
  // values stand with the keys, and restart points are where the blocks say.
  [[nodiscard]] uint32_t entries_per_restart() const { return entries_per_restart_; }

  // What this table holds that a scan may not silently ignore. Empty: every data block may be read,
  // and what is refused after that is seen in single blocks or entries only.
  [[nodiscard]] std::vector<Refusal> const& refusals() const { return refusals_; }

  // The index block, verified and decompressed. Throws Error.
  [[nodiscard]] std::vector<uint8_t> read_index_block() const;
  // Any block of the file but a data block, likewise, after checking its bounds. `bytes_max`: see
  // levelscan::read_block().
  [[nodiscard]] std::vector<uint8_t> read_block(BlockHandle const& handle,
                                                uint64_t bytes_max = kMetadataBlockBytesMax) const;
  // A data block.
  [[nodiscard]] std::vector<uint8_t> read_data_block(BlockHandle const& handle) const;

  // What the data blocks were compressed against; null: nothing. Read when nobody holds it any
  // more, so whoever reads data blocks keeps it meanwhile. Throws Error.
  [[nodiscard]] std::shared_ptr<CompressionDictionary const> dictionary() const;
  // Its bytes in the file.
  [[nodiscard]] uint64_t dictionary_bytes() const {
    return dictionary_handle_ ? dictionary_handle_->size : 0;
  }

  // A cursor over an index block of this table; `block` must outlive it. The table too.
  [[nodiscard]] IndexCursor index_cursor(std::span<uint8_t const> block) const;

 private:
  Table(RandomAccessFile file, uint64_t file_number, KeyOrder key_order, Footer footer);

  void collect_refusals();
  [[nodiscard]] std::vector<uint8_t> read_any_block(BlockHandle const& handle, uint64_t bytes_max,
                                                    CompressionDictionary const* dictionary) const;

  RandomAccessFile file_;
  uint64_t file_number_;
  KeyOrder key_order_;
  Footer footer_;
  BlockHandle index_handle_;
  Metaindex metaindex_;
  TableProperties properties_;
  uint32_t entries_per_restart_ = 0;
  std::optional<BlockHandle> dictionary_handle_;
  mutable std::mutex dictionary_mutex_;
  mutable std::weak_ptr<CompressionDictionary const> dictionary_;  // guarded by the mutex
  std::vector<Refusal> refusals_;
};

}  // namespace levelscan
