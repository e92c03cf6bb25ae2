#include "version/log_fragment.hpp"

#include <algorithm>

#include "table/checksum.hpp"
#include "table/coding.hpp"

namespace levelscan {
namespace {

constexpr uint32_t kLengthOffset = 4;
constexpr uint32_t kTypeOffset = 6;
constexpr uint64_t kReadBytes = uint64_t{16} * kLogBlockBytes;

}  // namespace

bool is_recyclable(uint8_t type) {
  return (type >= kLogRecyclableFull && type <= kLogRecyclableLast) ||
         type == kLogRecyclableTimestampSizes || type == kLogRecyclablePredecessor;
}

uint8_t without_recycling(uint8_t type) {
  if (type >= kLogRecyclableFull && type <= kLogRecyclableLast) {
    return static_cast<uint8_t>(type - kLogRecyclableFull + kLogFull);
  }
  if (type == kLogRecyclableTimestampSizes) return kLogTimestampSizes;
  if (type == kLogRecyclablePredecessor) return kLogPredecessor;
  return type;
}

std::span<uint8_t const> MemoryLogSource::block(uint64_t offset) {
  return bytes_.subspan(offset, std::min<uint64_t>(kLogBlockBytes, bytes_.size() - offset));
}

std::span<uint8_t const> FileLogSource::block(uint64_t offset) {
  uint64_t const bytes = std::min<uint64_t>(kLogBlockBytes, size() - offset);
  if (offset < buffer_offset_ || offset + bytes > buffer_offset_ + buffer_.size()) {
    buffer_ = file_.read(offset, std::min(kReadBytes, size() - offset));
    buffer_offset_ = offset;
  }
  return std::span<uint8_t const>(buffer_).subspan(offset - buffer_offset_, bytes);
}

LogEvent FragmentReader::next(LogFragment& fragment) {
  while (true) {
    fragment.offset = position_;
    if (position_ >= source_.size()) return LogEvent::kEnd;
    uint64_t const block_offset = position_ - position_ % kLogBlockBytes;
    std::span<uint8_t const> const bytes =
        source_.block(block_offset).subspan(position_ - block_offset);
    bool const block_is_whole = source_.size() - block_offset >= kLogBlockBytes;
    if (bytes.size() < kLogHeaderBytes) {
      if (!block_is_whole) return LogEvent::kTruncatedHeader;
      skip_block();
      continue;
    }
    fragment.stored = load_fixed32(bytes.data());
    fragment.length = load_fixed16(bytes.data() + kLengthOffset);
    fragment.type = bytes[kTypeOffset];
    uint32_t header_bytes = kLogHeaderBytes;
    if (log_number_ && is_recyclable(fragment.type)) {
      header_bytes = kRecyclableLogHeaderBytes;
      if (bytes.size() < header_bytes) {
        if (!block_is_whole) return LogEvent::kTruncatedHeader;
        skip_block();
        continue;
      }
      if (load_fixed32(bytes.data() + kLogHeaderBytes) != static_cast<uint32_t>(*log_number_)) {
        return LogEvent::kOldRecord;
      }
    }
    if (header_bytes + fragment.length > bytes.size()) {
      return block_is_whole ? LogEvent::kTooLong : LogEvent::kTruncatedData;
    }
    if (fragment.type == kLogZero && fragment.length == 0) return LogEvent::kZeros;
    fragment.computed = crc32c_mask(
        crc32c(bytes.subspan(kTypeOffset, header_bytes + fragment.length - kTypeOffset)));
    if (fragment.computed != fragment.stored) return LogEvent::kBadChecksum;
    fragment.data = bytes.subspan(header_bytes, fragment.length);
    position_ += header_bytes + fragment.length;
    return LogEvent::kFragment;
  }
}

bool FragmentReader::records_follow(uint64_t offset, bool recyclable) const {
  uint32_t const header_bytes = recyclable ? kRecyclableLogHeaderBytes : kLogHeaderBytes;
  auto const begins_with_record = [&](std::span<uint8_t const> bytes) {
    if (bytes.size() < header_bytes) return false;
    uint8_t const type = bytes[kTypeOffset];
    uint32_t const length = load_fixed16(bytes.data() + kLengthOffset);
    uint8_t const plain = without_recycling(type);
    if (is_recyclable(type) != recyclable || plain < kLogFull || plain > kLogLast ||
        length > bytes.size() - header_bytes) {
      return false;
    }
    if (recyclable && load_fixed32(bytes.data() + kLogHeaderBytes) !=
                          static_cast<uint32_t>(log_number_.value_or(0))) {
      return false;
    }
    uint32_t const computed =
        crc32c_mask(crc32c(bytes.subspan(kTypeOffset, header_bytes + length - kTypeOffset)));
    return computed == load_fixed32(bytes.data());
  };
  uint64_t block_offset = offset - offset % kLogBlockBytes;
  if (block_offset < source_.size()) {
    std::span<uint8_t const> const block = source_.block(block_offset);
    for (uint64_t at = offset - block_offset + 1; at < block.size(); ++at) {
      if (begins_with_record(block.subspan(at))) return true;
    }
  }
  for (block_offset += kLogBlockBytes; block_offset < source_.size();
       block_offset += kLogBlockBytes) {
    if (begins_with_record(source_.block(block_offset))) return true;
  }
  return false;
}

}  // namespace levelscan
