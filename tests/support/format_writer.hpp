// Hand-made bytes of RocksDB files, written from the format's description and sharing nothing with
// the code under test. Plain functions over std::string.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace levelscan::testing {

inline std::span<uint8_t const> bytes_of(std::string_view text) {
  return {reinterpret_cast<uint8_t const*>(text.data()), text.size()};
}
inline std::string text_of(std::span<uint8_t const> bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

template <typename Integer>
std::string fixed(Integer value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

inline std::string varint(uint64_t value) {
  std::string bytes;
  while (value >= 0x80) {
    bytes += static_cast<char>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  bytes += static_cast<char>(value);
  return bytes;
}

inline std::string zigzag(int64_t value) {
  return varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

inline std::string prefixed(std::string_view body) {
  return varint(body.size()) + std::string(body);
}

inline std::string internal_key(std::string_view user_key, uint64_t sequence, uint8_t type = 1) {
  return std::string(user_key) + fixed<uint64_t>(sequence << 8 | type);
}

inline std::string handle_bytes(uint64_t offset, uint64_t size) {
  return varint(offset) + varint(size);
}

// A block's entries and restart array from ready-made entries, with a restart point at each
// `restart_interval`-th.
inline std::string block_of_entries(std::vector<std::string> const& entries,
                                    std::size_t restart_interval) {
  std::string block;
  std::string restarts;
  uint32_t restart_count = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i % restart_interval == 0) {
      restarts += fixed(static_cast<uint32_t>(block.size()));
      ++restart_count;
    }
    block += entries[i];
  }
  if (entries.empty()) {
    restarts = fixed(uint32_t{0});
    restart_count = 1;
  }
  return block + restarts + fixed(restart_count);
}

inline std::size_t shared_prefix(std::string_view a, std::string_view b) {
  std::size_t shared = 0;
  while (shared < a.size() && shared < b.size() && a[shared] == b[shared]) ++shared;
  return shared;
}

// shared | non_shared | value_len | key | value
inline std::string key_value_block(std::vector<std::pair<std::string, std::string>> const& rows,
                                   std::size_t restart_interval = 1) {
  std::vector<std::string> entries;
  std::string previous;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const& [key, value] = rows[i];
    std::size_t const shared = i % restart_interval == 0 ? 0 : shared_prefix(previous, key);
    entries.push_back(varint(shared) + varint(key.size() - shared) + varint(value.size()) +
                      key.substr(shared) + value);
    previous = key;
  }
  return block_of_entries(entries, restart_interval);
}

// CRC-32C, bit by bit.
inline uint32_t slow_crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (char const byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
  }
  return ~crc;
}
inline uint32_t slow_masked_crc32c(std::string_view bytes) {
  uint32_t const crc = slow_crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

// What format versions 6 and later add to a checksum.
inline uint32_t context_of(uint32_t base, uint64_t offset) {
  return base == 0 ? 0
                   : base ^ (static_cast<uint32_t>(offset) + static_cast<uint32_t>(offset >> 32));
}

// A block with its trailer under checksum type 1; with the context of `offset` where there is a
// base.
inline std::string stored_block(std::string const& payload, uint8_t type_byte = 0,
                                uint32_t base = 0, uint64_t offset = 0) {
  std::string const covered = payload + static_cast<char>(type_byte);
  return covered + fixed(slow_masked_crc32c(covered) + context_of(base, offset));
}

// The 53-byte footer of format versions 1 to 5.
inline std::string footer_bytes(uint8_t checksum_type, std::string const& metaindex,
                                std::string const& index, uint32_t format_version,
                                uint64_t magic = 0x88e241b785f4cff7ULL) {
  std::string handles = metaindex + index;
  handles.resize(40, '\0');
  return static_cast<char>(checksum_type) + handles + fixed(format_version) + fixed(magic);
}

// The 48-byte footer of LevelDB and format version 0.
inline std::string old_footer_bytes(std::string const& metaindex, std::string const& index,
                                    uint64_t magic = 0xdb4775248b80fb57ULL) {
  std::string handles = metaindex + index;
  handles.resize(40, '\0');
  return handles + fixed(magic);
}

// The 53-byte footer of format versions 6 and later under checksum type 0 or 1, for the place
// `offset` in its file.
inline std::string footer_with_context(uint8_t checksum_type, uint32_t base,
                                       uint32_t metaindex_bytes, uint32_t format_version,
                                       uint64_t offset, uint64_t reserved = 0) {
  auto const bytes_with = [&](uint32_t checksum) {
    return static_cast<char>(checksum_type) + std::string("\x3e\x00\x7a\x00", 4) + fixed(checksum) +
           fixed(base) + fixed(metaindex_bytes) + std::string(16, '\0') + fixed(reserved) +
           fixed(format_version) + fixed(uint64_t{0x88e241b785f4cff7});
  };
  uint32_t const plain = checksum_type == 0 ? 0 : slow_masked_crc32c(bytes_with(0));
  return bytes_with(plain + context_of(base, offset));
}

// A log record of one fragment type.
inline std::string log_fragment(uint8_t type, std::string_view data) {
  std::string const covered = static_cast<char>(type) + std::string(data);
  return fixed(slow_masked_crc32c(covered)) + fixed(static_cast<uint16_t>(data.size())) + covered;
}

// Appends whole records to a log, cut at 32 KiB blocks as a writer does.
inline void append_log_record(std::string& log, std::string_view data) {
  constexpr std::size_t kBlock = 32768;
  constexpr std::size_t kHeader = 7;
  bool first = true;
  while (true) {
    std::size_t left = kBlock - log.size() % kBlock;
    if (left < kHeader) {
      log.append(left, '\0');
      left = kBlock;
    }
    std::size_t const bytes = std::min(data.size(), left - kHeader);
    bool const last = bytes == data.size();
    uint8_t const type = first ? (last ? 1 : 2) : (last ? 4 : 3);
    log += log_fragment(type, data.substr(0, bytes));
    data.remove_prefix(bytes);
    first = false;
    if (last) return;
  }
}

inline std::string read_whole_file(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
inline void write_whole_file(std::string const& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace levelscan::testing
