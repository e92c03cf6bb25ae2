#include "version/log_reader.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "table/checksum.hpp"
#include "table/refusal.hpp"

namespace levelscan {

bool LogReader::next(std::vector<uint8_t>& record) {
  record.clear();
  bool in_record = false;
  LogFragment fragment;
  while (next_fragment(fragment)) {
    bool const starts = fragment.type == kLogFull || fragment.type == kLogFirst;
    bool const ends = fragment.type == kLogFull || fragment.type == kLogLast;
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
      complete_bytes_ = fragments_.position();
      return true;
    }
  }
  // A record whose last fragments are not there yet does not count.
  record.clear();
  return false;
}

bool LogReader::next_fragment(LogFragment& fragment) {
  while (true) {
    switch (fragments_.next(fragment)) {
      case LogEvent::kEnd:
      case LogEvent::kTruncatedHeader:
      case LogEvent::kOldRecord: return false;
      case LogEvent::kZeros: check_zeros(fragment.offset); return false;
      case LogEvent::kTruncatedData: check_torn_record(fragment); return false;
      case LogEvent::kTooLong:
        throw corruption_error(
            path_, fragment.offset,
            fmt::format("log record of {} bytes crosses its block", fragment.length));
      case LogEvent::kBadChecksum:
        throw corruption_error(path_, fragment.offset,
                               fmt::format("log record has checksum 0x{:08x}, stored is 0x{:08x}",
                                           fragment.computed, fragment.stored));
      case LogEvent::kFragment: break;
    }
    if (fragment.type >= kLogFull && fragment.type <= kLogLast) return true;
    if ((fragment.type & kLogIgnorableBit) != 0) continue;
    throw unsupported_error({fmt::format("log record type {}", fragment.type), path_,
                             fragment.offset,
                             "read this database with the RocksDB release that wrote it"});
  }
}

// Preallocated space: nothing but zeros may follow.
void LogReader::check_zeros(uint64_t offset) const {
  auto const rest = log_.subspan(offset);
  if (std::any_of(rest.begin(), rest.end(), [](uint8_t byte) { return byte != 0; })) {
    throw corruption_error(path_, offset, "zeros before the end of the log");
  }
}

// A record that runs past the end of the file was not wholly written, or its length is wrong. The
// checksum does not cover the length, so a shorter one that checks gives the second case away.
void LogReader::check_torn_record(LogFragment const& fragment) const {
  uint64_t const covered = fragment.offset + kLogHeaderBytes - 1;  // from the type byte on
  uint32_t crc = 0;
  for (uint64_t at = covered; at < log_.size(); ++at) {
    crc = crc32c({log_.data() + at, 1}, crc);
    if (crc32c_mask(crc) == fragment.stored) {
      throw corruption_error(path_, fragment.offset,
                             fmt::format("log record claims {} bytes, its checksum fits {}",
                                         fragment.length, at - covered));
    }
  }
}

}  // namespace levelscan
