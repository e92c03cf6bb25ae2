// A database opened read-only with librocksdb, and its iterator with the knobs that suit a scan of
// everything once: no filling of the block cache, large readahead.
//
// A reader is immutable after open and thread-safe; a cursor is not, and must not outlive its
// reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/key_range.hpp"
#include "version/database_version.hpp"

namespace rocksdb {
class Iterator;
}  // namespace rocksdb

namespace levelscan {

// How a database is opened.
struct ReaderKnobs {
  std::size_t block_cache_bytes = 0;  // 0: as librocksdb has it by default
};

struct ReadKnobs {
  bool verify_checksums = true;
  bool fill_cache = false;
  std::size_t readahead_bytes = std::size_t{4} << 20;
};

class RocksdbCursor;

class RocksdbReader {
 public:
  // The column family of `version`, a version of the same database, at its newest sequence number,
  // with the order and the merge operator of `version`. Throws Error(kUnsupported) with
  // librocksdb's message where it can't open the database.
  RocksdbReader(std::string const& path, DatabaseVersion const& version,
                ReaderKnobs const& knobs = {});
  ~RocksdbReader();

  [[nodiscard]] KeyOrder key_order() const;
  [[nodiscard]] uint64_t last_sequence() const;
  // Over the keys that are selected, standing on the first row.
  [[nodiscard]] RocksdbCursor cursor(KeySelection const& keys, ReadKnobs const& knobs) const;
  [[nodiscard]] RocksdbCursor cursor(KeyRange const& range, ReadKnobs const& knobs) const;

 private:
  friend class RocksdbCursor;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class RocksdbCursor {
 public:
  RocksdbCursor(RocksdbCursor&&) noexcept;
  ~RocksdbCursor();

  // False at the end. Throws Error(kRuntime) when librocksdb stopped for any other reason.
  [[nodiscard]] bool valid() const;
  // REQUIRES (all four): valid().
  void next();
  [[nodiscard]] std::string_view key() const;
  [[nodiscard]] std::string_view value() const;
  // Names and values of the wide columns; a plain value is one without a name.
  void columns(std::vector<std::pair<std::string_view, std::string_view>>& columns) const;
  // Back to the first row, with the same iterator.
  void rewind();

  // librocksdb's own, for loops that are measured. REQUIRES: the end is asked of valid() unless
  // ends_with_iterator().
  [[nodiscard]] rocksdb::Iterator& iterator();
  // Whether the rows end where the iterator does.
  [[nodiscard]] bool ends_with_iterator() const;
  // Throws Error(kRuntime) when the iterator stopped for another reason than its end.
  void check() const;

 private:
  friend class RocksdbReader;
  struct Impl;
  explicit RocksdbCursor(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace levelscan
