#include "table/blob_check.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <vector>

#include "table/blob_file.hpp"
#include "table/checksum.hpp"
#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

constexpr uint64_t kPieceBytes = 1 << 20;
// Of a record's header, what its checksum covers.
constexpr uint32_t kSizesBytes = 24;

uint32_t checksum_of(RandomAccessFile const& file, uint64_t offset, uint64_t bytes) {
  uint32_t crc = 0;
  std::vector<uint8_t> piece;
  for (uint64_t done = 0; done < bytes; done += piece.size()) {
    piece.resize(std::min(kPieceBytes, bytes - done));
    file.read(offset + done, piece);
    crc = crc32c(piece, crc);
  }
  return crc32c_mask(crc);
}

// Sizes that can't be trusted end the walk: where the next record begins stands nowhere else.
void check_records(RandomAccessFile const& file, CheckListener const& listener) {
  uint64_t const end = file.size() - kBlobFooterBytes;
  for (uint64_t offset = kBlobHeaderBytes; offset < end;) {
    throw_if_interrupted(listener);
    std::array<uint8_t, kBlobRecordHeaderBytes> header;
    if (end - offset < header.size()) {
      throw corruption_error(file.path(), offset, "blob record cut off");
    }
    file.read(offset, header);
    uint64_t const key_bytes = load_fixed64(header.data());
    uint64_t const value_bytes = load_fixed64(header.data() + 8);
    uint64_t const left = end - offset - header.size();
    if (crc32c_mask(crc32c({header.data(), kSizesBytes})) !=
        load_fixed32(header.data() + kSizesBytes)) {
      throw corruption_error(file.path(), offset, "blob record's header has another checksum");
    }
    if (key_bytes > left || value_bytes > left - key_bytes) {
      throw corruption_error(file.path(), offset, "blob record reaches beyond the records");
    }
    uint64_t const bytes = key_bytes + value_bytes;
    if (checksum_of(file, offset + header.size(), bytes) !=
        load_fixed32(header.data() + kSizesBytes + sizeof(uint32_t))) {
      listener.on_problem(
          corruption_error(file.path(), offset, "blob record has another checksum"));
    }
    listener.on_block(header.size() + bytes);
    offset += header.size() + bytes;
  }
}

}  // namespace

void check_blob_file(std::string const& path, uint64_t record_bytes, uint32_t column_family,
                     CheckListener const& listener) {
  try {
    check_records(BlobFile::open(path, record_bytes, column_family).file(), listener);
  } catch (Error const& error) {
    if (error.code() == ErrorCode::kInterrupted) throw;
    listener.on_problem(error);
  }
}

}  // namespace levelscan
