#include "version/wal_reader.hpp"

#include <fmt/core.h>
#include <zstd.h>

#include <new>
#include <utility>

#include "table/codec.hpp"
#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

constexpr std::string_view kOtherReleaseAdvice =
    "open the database with the RocksDB release that wrote it, call Flush() and close it";

}  // namespace

struct WalReader::Decompressor {
  Decompressor() : context(ZSTD_createDCtx()) {
    if (context == nullptr) throw std::bad_alloc();
  }
  ~Decompressor() { ZSTD_freeDCtx(context); }
  Decompressor(Decompressor const&) = delete;
  Decompressor& operator=(Decompressor const&) = delete;

  void begin_record() { ZSTD_DCtx_reset(context, ZSTD_reset_session_only); }

  ZSTD_DCtx* context;
  std::vector<uint8_t> piece = std::vector<uint8_t>(kLogBlockBytes);
};

WalReader::WalReader(RandomAccessFile const& file, uint64_t log_number, uint64_t record_bytes_max)
    : file_(file),
      record_bytes_max_(record_bytes_max),
      source_(file),
      fragments_(source_, log_number) {}

WalReader::~WalReader() = default;

void WalReader::finish(WalEnd end, uint64_t offset, std::string reason) {
  end_ = end;
  end_offset_ = offset;
  end_reason_ = std::move(reason);
  is_damaged_ = end == WalEnd::kTorn;
  in_record_ = false;
  record_.clear();
}

void WalReader::finish_within(WalEnd end, uint64_t offset, LogFragment const& fragment,
                              std::string reason) {
  finish(end, offset, std::move(reason));
  // What a killed writer leaves is the end of its log, whatever the file held before.
  bool const recyclable = is_recycled_ || (!has_read_record_ && is_recyclable(fragment.type));
  is_damaged_ = is_damaged_ || fragments_.records_follow(fragment.offset, recyclable);
}

void WalReader::tear(uint64_t offset, std::string what) {
  finish(WalEnd::kTorn, offset, std::move(what));
}

std::optional<std::span<uint8_t const>> WalReader::next() {
  if (end_) return std::nullopt;
  record_.clear();
  in_record_ = false;
  if (decompressor_) decompressor_->begin_record();
  LogFragment fragment;
  while (true) {
    LogEvent const event = fragments_.next(fragment);
    if (event != LogEvent::kFragment) {
      if (ends_at(event, fragment)) return std::nullopt;
      continue;
    }
    if (is_recyclable(fragment.type)) {
      if (has_read_record_ && !is_recycled_) {
        tear(fragment.offset, "recyclable record in a log that began with another kind");
        return std::nullopt;
      }
      is_recycled_ = true;
    }
    uint8_t const type = without_recycling(fragment.type);
    if (type < kLogFull || type > kLogLast) {
      if (!take_special(fragment)) return std::nullopt;
      continue;
    }
    bool const starts = type == kLogFull || type == kLogFirst;
    // Early LevelDB could leave an empty first fragment at a block's end.
    if (starts ? in_record_ && !record_.empty() : !in_record_) {
      tear(fragment.offset, starts ? "record begins inside another" : "record without a beginning");
      return std::nullopt;
    }
    if (starts) {
      record_.clear();
      record_offset_ = fragment.offset;
    }
    in_record_ = true;
    if (type == kLogFull && !decompressor_) {
      has_read_record_ = true;
      return fragment.data;
    }
    append(fragment);
    if (type == kLogFull || type == kLogLast) {
      has_read_record_ = true;
      return record_;
    }
  }
}

bool WalReader::ends_at(LogEvent event, LogFragment const& fragment) {
  switch (event) {
    case LogEvent::kZeros:
      // Writers of mapped files preallocated so, in whole blocks too.
      if (in_record_) {
        tear(fragment.offset, "zeros inside a record");
        return true;
      }
      fragments_.skip_block();
      return false;
    case LogEvent::kEnd:
      if (in_record_) {
        finish(WalEnd::kCutOff, record_offset_, "record cut off by the end of the file");
      } else {
        finish(WalEnd::kWhole, fragment.offset, {});
      }
      return true;
    case LogEvent::kOldRecord:
      if (in_record_) {
        finish_within(WalEnd::kCutOff, record_offset_, fragment,
                      "record cut off by one of an older log");
      } else {
        finish_within(WalEnd::kOld, fragment.offset, fragment, "record of another log");
      }
      return true;
    case LogEvent::kTruncatedHeader:
    case LogEvent::kTruncatedData:
      finish_within(WalEnd::kCutOff, in_record_ ? record_offset_ : fragment.offset, fragment,
                    "record cut off by the end of the file");
      return true;
    case LogEvent::kTooLong:
      finish_within(is_recycled_ ? WalEnd::kCutOff : WalEnd::kTorn, fragment.offset, fragment,
                    fmt::format("record of {} bytes crosses its block", fragment.length));
      return true;
    case LogEvent::kBadChecksum:
      finish_within(is_recycled_ ? WalEnd::kCutOff : WalEnd::kTorn, fragment.offset, fragment,
                    fmt::format("record has checksum 0x{:08x}, stored is 0x{:08x}",
                                fragment.computed, fragment.stored));
      return true;
    case LogEvent::kFragment: break;
  }
  return false;
}

bool WalReader::take_special(LogFragment const& fragment) {
  ByteReader body(fragment.data);
  switch (without_recycling(fragment.type)) {
    case kLogCompressionType: {
      uint32_t codec = 0;
      if (decompressor_ || has_read_record_ || !body.read_fixed32(codec)) {
        tear(fragment.offset, "compression record out of place or malformed");
        return false;
      }
      if (codec != static_cast<uint32_t>(Compression::kZstd)) {
        throw unsupported_error({fmt::format("write-ahead log compressed with codec {}", codec),
                                 file_.path(), fragment.offset, std::string(kOtherReleaseAdvice)});
      }
      decompressor_ = std::make_unique<Decompressor>();
      break;
    }
    case kLogTimestampSizes:
      // (column family u32, bytes u16)*
      if (in_record_ && !record_.empty()) {
        tear(fragment.offset, "timestamp sizes inside a record");
        return false;
      }
      while (!body.empty()) {
        std::span<uint8_t const> pair;
        if (!body.read_bytes(sizeof(uint32_t) + sizeof(uint16_t), pair) ||
            load_fixed16(pair.data() + sizeof(uint32_t)) == 0 ||
            !timestamp_bytes_
                 .emplace(load_fixed32(pair.data()), load_fixed16(pair.data() + sizeof(uint32_t)))
                 .second) {
          tear(fragment.offset, "malformed timestamp sizes");
          return false;
        }
      }
      break;
    case kLogPredecessor: break;
    default:
      if ((fragment.type & kLogIgnorableBit) == 0) {
        throw unsupported_error({fmt::format("write-ahead log record type {}", fragment.type),
                                 file_.path(), fragment.offset, std::string(kOtherReleaseAdvice)});
      }
      in_record_ = false;
  }
  record_.clear();
  return true;
}

void WalReader::append(LogFragment const& fragment) {
  auto const add = [this](std::span<uint8_t const> bytes) {
    if (bytes.size() > record_bytes_max_ - record_.size()) {
      throw Error(ErrorCode::kDevice,
                  fmt::format("{} at offset {}: a record of more than {} bytes; raise --memory",
                              file_.path(), record_offset_, record_bytes_max_));
    }
    record_.insert(record_.end(), bytes.begin(), bytes.end());
  };
  if (!decompressor_) {
    add(fragment.data);
    return;
  }
  ZSTD_inBuffer input{fragment.data.data(), fragment.data.size(), 0};
  while (true) {
    std::vector<uint8_t>& piece = decompressor_->piece;
    ZSTD_outBuffer output{piece.data(), piece.size(), 0};
    std::size_t const consumed_before = input.pos;
    std::size_t const result = ZSTD_decompressStream(decompressor_->context, &output, &input);
    if (ZSTD_isError(result) != 0) {
      throw corruption_error(file_.path(), fragment.offset,
                             fmt::format("compressed record: {}", ZSTD_getErrorName(result)));
    }
    add({piece.data(), output.pos});
    bool const output_was_full = output.pos == piece.size();
    bool const moved = output.pos > 0 || input.pos > consumed_before;
    if (!output_was_full && (input.pos == input.size || !moved)) return;
  }
}

}  // namespace levelscan
