// The entries of a column family that stand in write-ahead logs only, gathered in log order and
// then made into a table in memory. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/key_order.hpp"
#include "table/random_access_file.hpp"

namespace levelscan {

class UnflushedEntries {
 public:
  // Beyond `memory_bytes` entries are counted and no longer kept.
  explicit UnflushedEntries(uint64_t memory_bytes) : memory_bytes_(memory_bytes) {}

  // Copies the key and the value. `trailer`: sequence << 8 | type.
  void add(std::span<uint8_t const> user_key, uint64_t trailer, std::span<uint8_t const> value);

  [[nodiscard]] uint64_t count() const { return count_; }
  // Of keys and values.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  // What making the table takes at its peak, and whether that is more than may be used.
  [[nodiscard]] uint64_t memory_needed() const;
  [[nodiscard]] bool exceeds_memory() const { return memory_needed() > memory_bytes_; }

  struct Built {
    RandomAccessFile table;
    uint64_t entries = 0;  // without those that stood in the logs twice
    std::string smallest;  // internal keys
    std::string largest;
    uint64_t smallest_sequence = 0;
    uint64_t largest_sequence = 0;
  };
  // REQUIRES: count() > 0 and not exceeds_memory(). The entries are spent.
  [[nodiscard]] Built build(std::string const& comparator, KeyOrder key_order,
                            std::string const& name);

 private:
  struct Entry {
    uint8_t const* bytes;  // user key, then value
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint64_t trailer;

    [[nodiscard]] std::span<uint8_t const> key() const { return {bytes, key_bytes}; }
    [[nodiscard]] std::span<uint8_t const> value() const {
      return {bytes + key_bytes, value_bytes};
    }
  };

  uint8_t* allocate(std::size_t bytes);

  uint64_t memory_bytes_;
  uint64_t count_ = 0;
  uint64_t bytes_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
  uint8_t* free_ = nullptr;  // in the last chunk
  std::size_t free_bytes_ = 0;
};

}  // namespace levelscan
