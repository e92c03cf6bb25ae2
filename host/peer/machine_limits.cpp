#include "peer/machine_limits.hpp"

#include <fcntl.h>
#include <lz4.h>
#include <snappy.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "levelscan/error.hpp"
#include "table/block_handle.hpp"
#include "table/checksum.hpp"
#include "table/codec.hpp"
#include "table/coding.hpp"
#include "table/table_index.hpp"

namespace levelscan {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;
constexpr std::size_t kCopyBytes = 16 << 20;

// As scans hash blocks, so with the widest vectors that the processor has. REQUIRES: not empty.
uint32_t hash_of(std::span<uint8_t const> bytes) {
  return block_checksum(ChecksumType::kXxh3, bytes.first(bytes.size() - 1), bytes.back());
}

// One data block as it stands in its file, without its checksum; the last byte is its type.
class BlockDecompressor {
 public:
  BlockDecompressor() : zstd_(ZSTD_createDCtx()) {}
  BlockDecompressor(BlockDecompressor const&) = delete;
  BlockDecompressor& operator=(BlockDecompressor const&) = delete;
  ~BlockDecompressor() { ZSTD_freeDCtx(zstd_); }

  void run(Table const& table, CompressionDictionary const* dictionary, uint64_t offset,
           std::span<uint8_t const> block) {
    uint8_t const type = block.back();
    std::span<uint8_t const> const payload = block.first(block.size() - 1);
    if (type == static_cast<uint8_t>(Compression::kNone)) return;
    BlockPlace const place{table.path(), offset};
    std::size_t const size =
        uncompressed_size(type, payload, table.format_version(), place, dictionary);
    if (out_.size() < size) out_.resize(size);
    bool const has_plain_head = table.format_version() >= 2 && dictionary == nullptr;
    std::size_t head = 0;  // the varint32 size
    while (payload[head] >= 0x80) ++head;
    ++head;
    auto const* const from = reinterpret_cast<char const*>(payload.data());
    auto* const to = reinterpret_cast<char*>(out_.data());
    bool good = true;
    switch (static_cast<Compression>(type)) {
      case Compression::kSnappy: good = snappy::RawUncompress(from, payload.size(), to); break;
      case Compression::kLz4:
      case Compression::kLz4hc:
        if (has_plain_head) {
          good = LZ4_decompress_safe(from + head, to, static_cast<int>(payload.size() - head),
                                     static_cast<int>(size)) == static_cast<int>(size);
          break;
        }
        [[fallthrough]];
      case Compression::kZstd:
        if (has_plain_head && type == static_cast<uint8_t>(Compression::kZstd)) {
          good = ZSTD_decompressDCtx(zstd_, to, size, from + head, payload.size() - head) == size;
          break;
        }
        [[fallthrough]];
      default:
        decompress(type, payload, table.format_version(), std::span(out_).first(size), place,
                   dictionary);
    }
    if (!good) throw Error(ErrorCode::kCorruption, table.path() + ": a block doesn't decompress");
  }

 private:
  ZSTD_DCtx* zstd_;
  std::vector<uint8_t> out_;
};

// By the property of a table: see table/compression_property.hpp.
bool may_be_compressed(std::string_view compression) {
  return compression != "NoCompression" && !compression.starts_with(';');
}

}  // namespace

MachineLimits::MachineLimits(DatabaseVersion const& version, KeyRange const& range)
    : piece_(kPieceBytes) {
  for (SortedRun const& run : version.runs) {
    if (run.level == kUnflushedLevel) continue;
    for (std::size_t i = 0; i < run.tables.size(); ++i) {
      TableMeta const& meta = run.metas[i];
      if (!is_below(version.key_order, meta.smallest_user_key(), range.upper) ||
          is_below(version.key_order, meta.largest_user_key(), range.lower)) {
        continue;
      }
      Table const& table = *run.tables[i];
      files_.push_back({&table, {}});
      file_bytes_ += table.file_bytes();
      is_compressed_ = is_compressed_ || may_be_compressed(table.properties().compression);
    }
  }
}

void MachineLimits::read() {
  for (File const& file : files_) {
    for (uint64_t at = 0; at < file.table->file_bytes(); at += kPieceBytes) {
      std::size_t const bytes = std::min<uint64_t>(kPieceBytes, file.table->file_bytes() - at);
      file.table->file().read(at, std::span(piece_).first(bytes));
    }
  }
}

void MachineLimits::read_and_hash() {
  for (File const& file : files_) {
    for (uint64_t at = 0; at < file.table->file_bytes(); at += kPieceBytes) {
      std::size_t const bytes = std::min<uint64_t>(kPieceBytes, file.table->file_bytes() - at);
      file.table->file().read(at, std::span(piece_).first(bytes));
      digest_ ^= hash_of({piece_.data(), bytes});
    }
  }
}

void MachineLimits::find_blocks() {
  if (has_blocks_) return;
  for (File& file : files_) {
    for_each_data_block(*file.table, [&](IndexCursor const& cursor) {
      file.blocks.push_back({cursor.handle().offset, cursor.handle().size});
      return true;
    });
    std::sort(file.blocks.begin(), file.blocks.end(),
              [](Block const& a, Block const& b) { return a.offset < b.offset; });
  }
  has_blocks_ = true;
}

void MachineLimits::read_hash_and_decompress() {
  find_blocks();
  BlockDecompressor decompressor;
  for (File const& file : files_) {
    Table const& table = *file.table;
    std::shared_ptr<CompressionDictionary const> const dictionary = table.dictionary();
    std::size_t next = 0;  // block
    for (uint64_t at = 0; at < table.file_bytes();) {
      // Up to the last block that ends within a piece; behind the blocks a plain piece.
      uint64_t end = std::min<uint64_t>(at + kPieceBytes, table.file_bytes());
      std::size_t past = next;
      while (past < file.blocks.size() &&
             (past == next ||
              file.blocks[past].offset + file.blocks[past].bytes + kBlockTrailerBytes <=
                  at + kPieceBytes)) {
        end = file.blocks[past].offset + file.blocks[past].bytes + kBlockTrailerBytes;
        ++past;
      }
      if (piece_.size() < end - at) piece_.resize(end - at);
      std::span<uint8_t> const piece = std::span(piece_).first(end - at);
      table.file().read(at, piece);
      digest_ ^= hash_of(piece);
      for (; next < past; ++next) {
        Block const& block = file.blocks[next];
        decompressor.run(table, dictionary.get(), block.offset,
                         piece.subspan(block.offset - at, block.bytes + 1));
      }
      at = end;
    }
  }
}

void MachineLimits::evict() const {
  for (File const& file : files_) {
    int const descriptor = ::open(file.table->path().c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw Error(ErrorCode::kRuntime, "cannot open " + file.table->path());
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
  }
}

CopyLimit::CopyLimit(Device& device, uint64_t bytes)
    : device_(device),
      bytes_(bytes),
      pinned_(device.allocate_pinned(kCopyBytes)),
      copy_(device.allocate_device(kCopyBytes)),
      stream_(device.create_stream()) {}

CopyLimit::~CopyLimit() {
  device_.destroy_stream(stream_);
  device_.free_device(copy_, kCopyBytes);
  device_.free_pinned(pinned_, kCopyBytes);
}

void CopyLimit::run() {
  for (uint64_t left = bytes_; left > 0;) {
    std::size_t const bytes = std::min<uint64_t>(left, kCopyBytes);
    device_.copy_to_device_async(copy_, pinned_, bytes, stream_);
    left -= bytes;
  }
  device_.synchronize(stream_);
}

}  // namespace levelscan
