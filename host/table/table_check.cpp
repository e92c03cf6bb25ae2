#include "table/table_check.hpp"

#include <fmt/core.h>

#include <string_view>
#include <utility>
#include <vector>

#include "table/block.hpp"
#include "table/compression_dictionary.hpp"
#include "table/footer.hpp"
#include "table/index_cursor.hpp"
#include "table/key_comparison.hpp"
#include "table/properties.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"
#include "table/table_reader.hpp"

namespace levelscan {
namespace {

constexpr std::string_view kPropertiesName = "rocksdb.properties";
constexpr std::string_view kRangeTombstonesName = "rocksdb.range_del";
constexpr std::string_view kIndexName = "rocksdb.index";
constexpr std::string_view kDictionaryName = "rocksdb.compression_dict";
constexpr std::string_view kPartitionedFilterPrefix = "partitionedfilter.";
constexpr uint64_t kReadAheadBytes = 4 << 20;

class TableCheck {
 public:
  TableCheck(RandomAccessFile const& file, std::optional<KeyOrder> key_order,
             CheckListener const& listener)
      : file_(file), key_order_(key_order), listener_(listener) {}

  void run() {
    std::vector<Refusal> refusals;
    std::optional<Footer> const footer = read_footer(file_, refusals);
    for (Refusal const& refusal : refusals) listener_.on_problem(unsupported_error(refusal));
    if (!footer) return;
    footer_ = *footer;
    Metaindex metaindex;
    if (!check(footer_.metaindex, [&] { metaindex = read_metaindex(file_, footer_); })) return;
    bool properties_are_good = false;
    for (auto const& [name, handle] : metaindex) {
      if (name == kPropertiesName) {
        properties_are_good =
            check(handle, [&, at = handle] { properties_ = read_properties(file_, footer_, at); });
      } else if (name == kRangeTombstonesName) {
        check(handle, [&, at = handle] { check_entries(at); });
      } else if (name == kDictionaryName) {
        check(handle, [&, at = handle] { read_dictionary(at); });
      } else if (name != kIndexName && !name.starts_with(kPartitionedFilterPrefix)) {
        check(handle, [&, at = handle] { check_bytes(at); });
      }
    }
    // How the index is encoded stands nowhere else; a table without properties has the defaults.
    if (!properties_are_good && metaindex.contains(std::string(kPropertiesName))) return;
    std::optional<BlockHandle> const index = find_index(metaindex);
    if (!index) return;
    if (!key_order_) {
      refuse(fmt::format("tables ordered by '{}'", properties_.comparator), index->offset);
      return;
    }
    for (auto const& [name, handle] : metaindex) {
      if (!name.starts_with(kPartitionedFilterPrefix)) continue;
      check_index(
          handle, [&](BlockHandle const& partition) { check_bytes(partition); }, true);
    }
    auto const check_data = [&](BlockHandle const& handle) { check_entries(handle); };
    checks_order_ = true;
    if (properties_.index_type == static_cast<uint32_t>(IndexType::kTwoLevel)) {
      for (BlockHandle const& partition : entries_of_index(*index)) {
        check_index(partition, check_data);
      }
    } else {
      check_index(*index, check_data);
    }
  }

 private:
  void refuse(std::string feature, uint64_t offset) {
    listener_.on_problem(unsupported_error(
        {std::move(feature), file_.path(), offset, std::string(kReadWithRocksdbAdvice)}));
  }

  // Runs `read` on a block and passes on what it throws. False when it did.
  template <class Read>
  bool check(BlockHandle const& handle, Read&& read) {
    throw_if_interrupted(listener_);
    bool good = true;
    try {
      read();
    } catch (Error const& error) {
      good = false;
      listener_.on_problem(error);
    }
    listener_.on_block(handle.size + kBlockTrailerBytes);
    return good;
  }

  [[nodiscard]] std::optional<BlockHandle> find_index(Metaindex const& metaindex) const {
    if (footer_.index) return footer_.index;
    auto const found = metaindex.find(std::string(kIndexName));
    if (found != metaindex.end()) return found->second;
    listener_.on_problem(corruption_error(file_.path(), footer_.metaindex.offset,
                                          "the metaindex names no index block"));
    return std::nullopt;
  }

  void read_dictionary(BlockHandle const& handle) {
    std::vector<uint8_t> bytes = read_block(file_, handle, footer_, kMetadataBlockBytesMax);
    if (!bytes.empty()) dictionary_.emplace(std::move(bytes));
  }

  // The checksum alone: of filters and the like nothing else is known.
  void check_bytes(BlockHandle const& handle) const {
    std::vector<uint8_t> const raw = file_.read(handle.offset, handle.size + kBlockTrailerBytes);
    verify_block(raw, footer_, {file_.path(), handle.offset});
  }

  // Entries with internal keys, in order unless they are range tombstones, which need not be.
  void check_entries(BlockHandle const& handle) {
    BlockPlace const place{file_.path(), handle.offset};
    // Where the dictionary is bad, what was compressed against it is too.
    std::vector<uint8_t> const block =
        read_block(file_, handle, footer_, UINT32_MAX, dictionary_ ? &*dictionary_ : nullptr);
    previous_key_.clear();
    for_each_entry(block, place, [&](std::span<uint8_t const> key, std::span<uint8_t const>) {
      std::string_view const internal_key = as_text(key);
      if (internal_key.size() < kTrailerBytes) {
        throw corruption_error(place.file, place.offset, "internal key without a trailer");
      }
      if (checks_order_ && !previous_key_.empty() &&
          compare_internal_keys(*key_order_, previous_key_, internal_key) >= 0) {
        throw corruption_error(place.file, place.offset, "entries out of order");
      }
      previous_key_.assign(internal_key);
      return true;
    });
  }

  [[nodiscard]] std::vector<BlockHandle> entries_of_index(BlockHandle const& handle,
                                                          bool of_filter = false) {
    std::vector<BlockHandle> handles;
    check(handle, [&] {
      std::vector<uint8_t> const block = read_block(file_, handle, footer_, kMetadataBlockBytesMax);
      IndexEncoding const encoding{
          .value_is_delta_encoded = properties_.index_value_is_delta_encoded,
          .key_is_user_key = properties_.index_key_is_user_key,
          .has_first_keys =
              properties_.index_type == static_cast<uint32_t>(IndexType::kFirstKey) && !of_filter,
          .key_order = *key_order_};
      for (IndexCursor cursor(block, encoding, footer_.offset, {file_.path(), handle.offset});
           cursor.valid(); cursor.next()) {
        handles.push_back(cursor.handle());
      }
    });
    return handles;
  }

  template <class CheckBlock>
  void check_index(BlockHandle const& index, CheckBlock const& check_block,
                   bool of_filter = false) {
    uint64_t read_ahead_end = 0;
    for (BlockHandle const& handle : entries_of_index(index, of_filter)) {
      if (handle.end() > read_ahead_end) {
        read_ahead_end = handle.offset + kReadAheadBytes;
        file_.will_need(handle.offset, kReadAheadBytes);
      }
      check(handle, [&] { check_block(handle); });
    }
  }

  RandomAccessFile const& file_;
  std::optional<KeyOrder> key_order_;
  CheckListener const& listener_;
  Footer footer_;
  TableProperties properties_;
  std::optional<CompressionDictionary> dictionary_;
  bool checks_order_ = false;
  std::string previous_key_;
};

}  // namespace

void throw_if_interrupted(CheckListener const& listener) {
  if (listener.interrupted != nullptr && listener.interrupted->load()) {
    throw Error(ErrorCode::kInterrupted, "interrupted");
  }
}

void check_table_file(std::string const& path, uint64_t file_bytes,
                      std::optional<KeyOrder> key_order, CheckListener const& listener) {
  try {
    std::optional<RandomAccessFile> const file = RandomAccessFile::open_if_exists(path);
    if (!file) throw corruption_error(path, "the MANIFEST names this table, but it is missing");
    if (file->size() != file_bytes) {
      listener.on_problem(
          corruption_error(path, fmt::format("the table has {} bytes, but the MANIFEST says {}",
                                             file->size(), file_bytes)));
    }
    TableCheck(*file, key_order, listener).run();
  } catch (Error const& error) {
    if (error.code() == ErrorCode::kInterrupted) throw;
    listener.on_problem(error);
  }
}

}  // namespace levelscan
