// Kernel: verifies the checksums of uncompressed SST data blocks where they are resident, so that
// the host need not touch their bytes. table/checksum.hpp says what is stored:
//
//   payload | compression type u8 | checksum u32
//
// Of a block the host looks at the last words alone, which say how many restart points there are;
// what they say is checked there, and restart offsets where they are used.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/bytes.hpp"
#include "kernels/crc32c.hpp"
#include "kernels/scan_status.hpp"
#include "kernels/xxh3.hpp"

namespace levelscan {

// The checksums that the kernel knows; blocks with another one are the host's.
enum class BlockChecksum : uint32_t { kCrc32c, kXxh3 };

struct CheckedBlock {
  uint32_t offset;         // of the payload, in the run's data
  uint32_t payload_bytes;  // before the type byte
  uint32_t context;        // of the block's place, added to its checksum
  BlockChecksum checksum;
};
static_assert(sizeof(CheckedBlock) == 16);

// A block is a tile of so many SST data blocks; each is a lane's eighth part.
inline constexpr uint32_t kTileCheckedBlocks = 16;
inline constexpr uint32_t kCheckedBlockLanes = kXxh3Lanes;
inline constexpr uint32_t kTileCheckedLanes = kTileCheckedBlocks * kCheckedBlockLanes;

struct VerifyBlocks {
  struct Args {
    uint8_t const* data;         // the run's; the aligned words that hold any of it are readable
    CheckedBlock const* blocks;  // [block_count]
    uint32_t block_count;
    uint32_t any_crc32c;  // 0: all are kXxh3
    uint32_t run;
    ScanStatus* status;
  };
  struct Shared {
    uint64_t secret[kXxh3SecretWords];
    uint32_t crc_table[kCrc32cTableEntries];  // with any_crc32c
    // Accumulators of XXH3, or states of CRC-32C after each eighth.
    uint64_t lanes[kTileCheckedBlocks][kCheckedBlockLanes];
  };

  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    uint32_t const first = block.index() * kTileCheckedBlocks;
    uint32_t const left = args.block_count - first;
    uint32_t const count = left < kTileCheckedBlocks ? left : kTileCheckedBlocks;
    block.for_each(args.any_crc32c != 0 ? kCrc32cTableEntries : kXxh3SecretWords, [&](uint32_t i) {
      if (i < kXxh3SecretWords) shared.secret[i] = xxh3_secret_word(i);
      if (args.any_crc32c != 0) shared.crc_table[i] = crc32c_table_entry(i);
    });
    block.for_each(count * kCheckedBlockLanes, [&](uint32_t i) {
      uint32_t const lane = i % kCheckedBlockLanes;
      CheckedBlock const& checked = args.blocks[first + i / kCheckedBlockLanes];
      uint64_t& result = shared.lanes[i / kCheckedBlockLanes][lane];
      if (checked.checksum == BlockChecksum::kCrc32c) {
        result = crc32c_of_piece(args.data, checked, lane, shared.crc_table);
      } else if (checked.payload_bytes > kXxh3ShortMax) {
        result = xxh3_lane(payload(args.data, checked), shared.secret, lane);
      }
    });
    block.for_each(count, [&](uint32_t i) {
      CheckedBlock const& checked = args.blocks[first + i];
      uint32_t const computed = checked.checksum == BlockChecksum::kCrc32c
                                    ? crc32c_of(checked, shared.lanes[i])
                                    : xxh3_of(args.data, checked, shared.lanes[i], shared.secret);
      uint32_t const stored = load_unaligned<uint32_t>(args.data + end(checked) + 1);
      if (computed + checked.context != stored) {
        report_fault(block, *args.status, ScanFault::kBlockChecksum, args.run, checked.offset, 0);
      }
    });
  }

 private:
  LEVELSCAN_HOST_DEVICE static Bytes payload(uint8_t const* data, CheckedBlock const& checked) {
    return Bytes{data + checked.offset, checked.payload_bytes};
  }
  // The place of the type byte.
  LEVELSCAN_HOST_DEVICE static std::size_t end(CheckedBlock const& checked) {
    return std::size_t{checked.offset} + checked.payload_bytes;
  }

  // A CRC is that of payload and type byte. All pieces but the first are equally long, so that one
  // power takes each of them past the next.
  LEVELSCAN_HOST_DEVICE static uint32_t piece_bytes(CheckedBlock const& checked) {
    return (checked.payload_bytes + 1) / kCheckedBlockLanes;
  }

  LEVELSCAN_HOST_DEVICE static uint32_t crc32c_of_piece(uint8_t const* data,
                                                        CheckedBlock const& checked, uint32_t lane,
                                                        uint32_t const* table) {
    uint32_t const size = checked.payload_bytes + 1;
    uint32_t const piece = piece_bytes(checked);
    uint8_t const* const all = data + checked.offset;
    uint8_t const* byte = lane == 0 ? all : all + (size - (kCheckedBlockLanes - lane) * piece);
    uint8_t const* const end = all + (size - (kCheckedBlockLanes - 1 - lane) * piece);
    uint32_t state = lane == 0 ? kCrc32cBegin : 0;
    for (; end - byte >= 8; byte += 8) {
      uint64_t word = load_word(byte);
      for (uint32_t i = 0; i < 8; ++i, word >>= 8) {
        state = crc32c_next(table, state, static_cast<uint8_t>(word));
      }
    }
    for (; byte < end; ++byte) state = crc32c_next(table, state, *byte);
    return state;
  }

  LEVELSCAN_HOST_DEVICE static uint32_t crc32c_of(CheckedBlock const& checked,
                                                  uint64_t const* states) {
    uint32_t const power = crc32c_power(piece_bytes(checked));
    uint32_t state = static_cast<uint32_t>(states[0]);
    for (uint32_t lane = 1; lane < kCheckedBlockLanes; ++lane) {
      state = crc32c_multiply(state, power) ^ static_cast<uint32_t>(states[lane]);
    }
    return crc32c_mask(~state);
  }

  // XXH3 is that of the payload; the type byte is folded into it.
  LEVELSCAN_HOST_DEVICE static uint32_t xxh3_of(uint8_t const* data, CheckedBlock const& checked,
                                                uint64_t const* accumulators,
                                                uint64_t const* secret) {
    uint64_t const hash = checked.payload_bytes > kXxh3ShortMax
                              ? xxh3_of_lanes(accumulators, checked.payload_bytes, secret)
                              : xxh3_short(payload(data, checked), secret);
    return static_cast<uint32_t>(hash) ^ data[end(checked)] * kXxh3TypeFactor;
  }
};

}  // namespace levelscan
