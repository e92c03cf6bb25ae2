// One table file (SST), opened: footer, metaindex and properties read and checked, the file kept
// open so that its bytes stay readable even when the database deletes it. Immutable after open();
// const member functions are thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "table/block.hpp"
#include "table/footer.hpp"
#include "table/index_cursor.hpp"
#include "table/properties.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"

namespace levelscan {

class Table {
 public:
  // Opens the file and checks that it has `file_bytes` bytes, as the MANIFEST says.
  // Returns null after adding to `refusals` what makes the file unreadable here (a footer of
  // another format, no properties). Throws Error: kCorruption (a missing file too), kRuntime.
  static std::shared_ptr<Table const> open(std::string const& path, uint64_t file_number,
                                           uint64_t file_bytes, KeyOrder key_order,
                                           std::vector<Refusal>& refusals);
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
    return {properties_.index_value_is_delta_encoded, properties_.index_key_is_user_key,
            key_order_};
  }

  // What this table holds that a scan may not silently ignore. Empty: every data block may be read,
  // and what is refused after that is seen in single blocks or entries only.
  [[nodiscard]] std::vector<Refusal> const& refusals() const { return refusals_; }

  // The index block, verified and decompressed. Throws Error.
  [[nodiscard]] std::vector<uint8_t> read_index_block() const;
  // Any block of the file, likewise, after checking its bounds. `bytes_max`: see read_block().
  [[nodiscard]] std::vector<uint8_t> read_block(BlockHandle const& handle,
                                                uint64_t bytes_max = UINT32_MAX) const;

  // A cursor over an index block of this table; `block` must outlive it. The table too.
  [[nodiscard]] IndexCursor index_cursor(std::span<uint8_t const> block) const;

 private:
  Table(RandomAccessFile file, uint64_t file_number, KeyOrder key_order, Footer footer);

  void collect_refusals();

  RandomAccessFile file_;
  uint64_t file_number_;
  KeyOrder key_order_;
  Footer footer_;
  BlockHandle index_handle_;
  Metaindex metaindex_;
  TableProperties properties_;
  std::vector<Refusal> refusals_;
};

}  // namespace levelscan
