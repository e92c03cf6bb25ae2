#include "version/log_reader.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "table/checksum.hpp"
#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

constexpr uint8_t kZeroType = 0;
constexpr uint8_t kFullType = 1;
constexpr uint8_t kFirstType = 2;
constexpr uint8_t kLastType = 4;
// Record types with this bit may be skipped by readers that do not know them.
constexpr uint8_t kIgnorableTypeBit = 0x80;

constexpr uint32_t kTypeOffset = 6;

}  // namespace

bool LogReader::next(std::vector<uint8_t>& record) {
  record.clear();
  bool in_record = false;
  Fragment fragment;
  while (next_fragment(fragment)) {
    bool const starts = fragment.type == kFullType || fragment.type == kFirstType;
    bool const ends = fragment.type == kFullType || fragment.type == kLastType;
    // Early LevelDB could leave an empty first fragment at a block's end.
    if (starts && in_record && !record.empty()) {
      throw corruption_error(path_, fragment.offset, "log record begins inside another");
    }
    if (!starts && !in_record) {
      throw corruption_error(path_, fragment.offset, "log record without a beginning");
    }
    if (starts) record_offset_ = fragment.offset;
    in_record = true;
    record.insert(record.end(), fragment.data.begin(), fragment.data.end());
    if (ends) {
      complete_bytes_ = position_;
      return true;
    }
  }
  // A record whose last fragments are not there yet does not count.
  record.clear();
  return false;
}

bool LogReader::next_fragment(Fragment& fragment) {
  while (true) {
    uint64_t const left_in_block = kLogBlockBytes - position_ % kLogBlockBytes;
    if (left_in_block < kLogHeaderBytes) position_ += left_in_block;
    if (position_ >= log_.size() || log_.size() - position_ < kLogHeaderBytes) return false;

    uint64_t const offset = position_;
    uint8_t const* const header = log_.data() + offset;
    uint64_t const block_end =
        std::min<uint64_t>(offset + kLogBlockBytes - offset % kLogBlockBytes, log_.size());
    uint32_t const length = load_fixed16(header + sizeof(uint32_t));
    uint8_t const type = header[kTypeOffset];

    if (type == kZeroType && length == 0) {
      // Preallocated space: nothing but zeros may follow.
      auto const rest = log_.subspan(offset);
      if (std::any_of(rest.begin(), rest.end(), [](uint8_t byte) { return byte != 0; })) {
        throw corruption_error(path_, offset, "zeros before the end of the log");
      }
      return false;
    }
    if (offset + kLogHeaderBytes + length > block_end) {
      if (block_end < log_.size() || block_end % kLogBlockBytes == 0) {
        throw corruption_error(path_, offset,
                               fmt::format("log record of {} bytes crosses its block", length));
      }
      check_torn_record(offset);
      return false;
    }
    uint32_t const stored = load_fixed32(header);
    uint32_t const computed = crc32c_mask(crc32c({header + kTypeOffset, 1 + length}));
    if (stored != computed) {
      throw corruption_error(
          path_, offset,
          fmt::format("log record has checksum 0x{:08x}, stored is 0x{:08x}", computed, stored));
    }
    position_ = offset + kLogHeaderBytes + length;
    if (type < kFullType || type > kLastType) {
      if ((type & kIgnorableTypeBit) != 0) continue;
      throw unsupported_error({fmt::format("log record type {}", type), path_, offset,
                               "read this database with the RocksDB release that wrote it"});
    }
    fragment = {type, {header + kLogHeaderBytes, length}, offset};
    return true;
  }
}

// A record that runs past the end of the file was not wholly written, or its length is wrong. The
// checksum does not cover the length, so a shorter one that checks gives the second case away.
void LogReader::check_torn_record(uint64_t offset) const {
  uint8_t const* const header = log_.data() + offset;
  uint32_t const stored = load_fixed32(header);
  uint32_t crc = 0;
  for (uint64_t at = offset + kTypeOffset; at < log_.size(); ++at) {
    crc = crc32c({log_.data() + at, 1}, crc);
    if (crc32c_mask(crc) == stored) {
      throw corruption_error(
          path_, offset,
          fmt::format("log record claims {} bytes, its checksum fits {}",
                      load_fixed16(header + sizeof(uint32_t)), at - offset - kTypeOffset));
    }
  }
}

}  // namespace levelscan
