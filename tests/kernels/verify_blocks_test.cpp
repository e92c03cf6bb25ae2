// VerifyBlocks against xxHash and isa-l: what they compute is accepted, of any length at any
// alignment, and nothing else is.
#include "kernels/verify_blocks.hpp"

#include <isa-l/crc.h>
#include <xxhash.h>

#include <cstring>

#include "support/device_array.hpp"
#include "support/kernel_suite.hpp"

namespace levelscan::test {
namespace {

// What is stored behind a block, by the libraries. `covered`: the payload and the type byte.
uint32_t library_checksum(BlockChecksum checksum, std::string const& covered, uint32_t context) {
  std::size_t const payload_bytes = covered.size() - 1;
  if (checksum == BlockChecksum::kXxh3) {
    auto const hash = static_cast<uint32_t>(XXH3_64bits(covered.data(), payload_bytes));
    return (hash ^ static_cast<uint8_t>(covered.back()) * 0x6b9083d9U) + context;
  }
  std::string bytes = covered;  // its parameter lacks a const
  uint32_t const crc = ~crc32_iscsi(reinterpret_cast<unsigned char*>(bytes.data()),
                                    static_cast<int>(bytes.size()), UINT32_MAX);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U + context;
}

// Blocks as a run's data holds them, some bytes apart.
class BlockData {
 public:
  void add(Random& random, BlockChecksum checksum, uint32_t payload_bytes) {
    data_ += random.bytes(random.below(9));
    std::string covered = random.bytes(payload_bytes + 1);
    if (random.one_in(2)) covered.back() = 0;
    uint32_t const context = random.one_in(2) ? 0 : static_cast<uint32_t>(random.next());
    blocks_.push_back({static_cast<uint32_t>(data_.size()), payload_bytes, context, checksum});
    uint32_t const stored = library_checksum(checksum, covered, context);
    data_ += covered;
    data_.append(reinterpret_cast<char const*>(&stored), sizeof stored);
  }

  // A block of which `covered` are payload and type byte, stored with that checksum.
  void add(std::string const& covered, BlockChecksum checksum, uint32_t stored) {
    blocks_.push_back({static_cast<uint32_t>(data_.size()),
                       static_cast<uint32_t>(covered.size() - 1), 0, checksum});
    data_ += covered;
    data_.append(reinterpret_cast<char const*>(&stored), sizeof stored);
  }

  [[nodiscard]] std::vector<CheckedBlock> const& blocks() const { return blocks_; }
  std::string& data() { return data_; }

  [[nodiscard]] ScanStatus verify(Device& device, StreamView stream) const {
    // Words are read whole.
    std::string const slack(16, '\x5a');
    DeviceArray<uint8_t> const data(device, stream, slack + data_ + slack);
    DeviceArray<CheckedBlock> const blocks(device, stream, blocks_);
    DeviceArray<ScanStatus> const status(device, stream, std::vector<ScanStatus>(1));
    uint32_t any_crc32c = 0;
    for (CheckedBlock const& block : blocks_) {
      if (block.checksum == BlockChecksum::kCrc32c) any_crc32c = 1;
    }
    device.verify_blocks_async(
        VerifyBlocks::Args{data.device() + slack.size(), blocks.device(),
                           static_cast<uint32_t>(blocks_.size()), any_crc32c, 7, status.device()},
        stream);
    return status.read().front();
  }

 private:
  std::string data_;
  std::vector<CheckedBlock> blocks_;
};

class VerifyBlocksSuite : public KernelSuite {};
INSTANTIATE_TEST_SUITE_P(Blocks, VerifyBlocksSuite, all_blocks(), block_name);

TEST_P(VerifyBlocksSuite, AcceptsWhatTheLibrariesComputeForEveryLength) {
  Random random(mix(base_seed() + 91));
  uint32_t const stride = has_rounds_enough() ? 1 : 37;
  for (BlockChecksum const checksum : {BlockChecksum::kXxh3, BlockChecksum::kCrc32c}) {
    BlockData blocks;
    for (uint32_t bytes = 0; bytes <= 2100; bytes += stride) blocks.add(random, checksum, bytes);
    ScanStatus const status = blocks.verify(device(), stream());
    EXPECT_EQ(status.errors, 0u) << "at offset " << status.fault_offset;
  }
}

// The check value of CRC-32C, those of RFC 3720 (B.4), and XXH3 of nothing: 2d06800538d394c2.
TEST_P(VerifyBlocksSuite, AcceptsPublishedVectors) {
  auto const masked = [](uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; };
  std::string ascending;
  for (char byte = 0; byte < 32; ++byte) ascending += byte;
  BlockData blocks;
  blocks.add("123456789", BlockChecksum::kCrc32c, masked(0xe3069283));
  blocks.add(std::string(32, '\0'), BlockChecksum::kCrc32c, masked(0x8a9136aa));
  blocks.add(std::string(32, '\xff'), BlockChecksum::kCrc32c, masked(0x62a8ab43));
  blocks.add(ascending, BlockChecksum::kCrc32c, masked(0x46dd794e));
  blocks.add(std::string(1, '\0'), BlockChecksum::kXxh3, 0x38d394c2);
  EXPECT_EQ(blocks.verify(device(), stream()).errors, 0u);
}

TEST_P(VerifyBlocksSuite, AcceptsLargeBlocksAndReportsTheOneThatIsDamaged) {
  Random random(mix(base_seed() + 92));
  for (uint32_t round = 0; round < affordable(200); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    BlockData blocks;
    bool const mixed = random.one_in(2);
    for (uint32_t i = random.between(1, 40); i > 0; --i) {
      uint32_t const bytes = random.one_in(10) ? random.below(100'000) : random.below(5000);
      blocks.add(random, mixed && random.one_in(2) ? BlockChecksum::kCrc32c : BlockChecksum::kXxh3,
                 bytes);
    }
    ASSERT_EQ(blocks.verify(device(), stream()).errors, 0u);

    CheckedBlock const& damaged = random.pick(blocks.blocks());
    char& byte = blocks.data()[damaged.offset + random.below(damaged.payload_bytes + 5)];
    byte = random.one_in(2)
               ? random.damaged(byte)
               : static_cast<char>(static_cast<unsigned char>(byte) ^ (1u << random.below(8)));
    ScanStatus const status = blocks.verify(device(), stream());
    ASSERT_EQ(status.errors, 1u);
    ASSERT_EQ(status.fault, ScanFault::kBlockChecksum);
    ASSERT_EQ(status.fault_run, 7u);
    ASSERT_EQ(status.fault_offset, damaged.offset);
  }
}

TEST_P(VerifyBlocksSuite, CountsEveryDamagedBlock) {
  Random random(mix(base_seed() + 93));
  BlockData blocks;
  for (uint32_t i = 0; i < 3 * kTileCheckedBlocks + 1; ++i) {
    blocks.add(random, i % 3 == 0 ? BlockChecksum::kCrc32c : BlockChecksum::kXxh3, 20 * i);
  }
  for (CheckedBlock const& block : blocks.blocks()) {
    char& type = blocks.data()[block.offset + block.payload_bytes];
    type = random.damaged(type);
  }
  EXPECT_EQ(blocks.verify(device(), stream()).errors, blocks.blocks().size());
}

TEST(LoadWord, FromAlignedWordsIsWhatStandsThere) {
  Random random(mix(base_seed() + 94));
  std::vector<uint64_t> words(3);
  for (uint64_t& word : words) word = random.next();
  auto const* const bytes = reinterpret_cast<uint8_t const*>(words.data());
  for (uint32_t offset = 0; offset <= 16; ++offset) {
    uint64_t expected = 0;
    std::memcpy(&expected, bytes + offset, sizeof expected);
    EXPECT_EQ(load_from_aligned_words(bytes + offset), expected) << offset;
  }
}

}  // namespace
}  // namespace levelscan::test
