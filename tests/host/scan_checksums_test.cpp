// Who verifies the checksums of data blocks: the device those of uncompressed blocks that it has a
// copy of, the host all others. Whoever it is, a scan of damaged tables ends alike.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "execute/scanner.hpp"
#include "support/device_suite.hpp"
#include "support/format_writer.hpp"
#include "support/forwarding_device.hpp"
#include "support/random.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/scan_rows.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan::test {
namespace {

namespace fs = std::filesystem;
using levelscan::testing::RowCollector;
using levelscan::testing::rows_query;
using levelscan::testing::TemporaryDirectory;
using ::testing::HasSubstr;

struct Format {
  char const* name;
  uint32_t version;
  rocksdb::ChecksumType checksum;
  rocksdb::CompressionType compression;
  bool is_the_devices;  // to verify
};
constexpr Format kFormats[] = {
    {"xxh3", 5, rocksdb::kXXH3, rocksdb::kNoCompression, true},
    {"crc32c", 2, rocksdb::kCRC32c, rocksdb::kNoCompression, true},
    {"xxhash64", 4, rocksdb::kxxHash64, rocksdb::kNoCompression, false},
    {"compressed", 5, rocksdb::kXXH3, rocksdb::kSnappyCompression, false},
};

// Two runs; what is in the upper one shadows some of the lower.
void write_database(std::string const& path, Format const& format) {
  namespace t = levelscan::testing;
  rocksdb::Options options = t::quiet_options();
  options.compression = format.compression;
  t::set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
    table.format_version = format.version;
    table.checksum = format.checksum;
    table.block_size = 300;
    table.block_restart_interval = 4;
  });
  t::write_small_database(path, options, [](rocksdb::DB& database) {
    t::flush(database);
    for (int i = 0; i < 200; i += 3) t::put(database, "key" + std::to_string(1000 + i), "newer");
  });
}

std::vector<std::string> tables_of(std::string const& path) {
  std::vector<std::string> tables;
  for (auto const& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".sst") tables.push_back(entry.path().string());
  }
  std::sort(tables.begin(), tables.end());
  return tables;
}

// Small, so that a scanner is made quickly: of tens of blocks, or tiny.
ScannerOptions options_of(bool tiny) {
  ScannerOptions options;
  options.threads = 1;
  options.memory_bytes = 64 << 20;
  options.data_block_bytes = tiny ? 2048 : 65536;
  options.candidates_max = tiny ? 64 : 1024;
  options.candidate_key_bytes = tiny ? 4096 : 65536;
  options.result_bytes = tiny ? 4096 : 65536;
  options.read_area_bytes = tiny ? 2048 : 65536;
  options.values_bytes = 4096;
  return options;
}

// What a scan comes to: its rows, or its error.
std::string answer(std::string const& path, Device& device, ScannerOptions const& options) {
  try {
    DatabaseVersion const version = open_version(path);
    Scanner scanner(version, options, device);
    RowCollector collector;
    scanner.run(rows_query(), &collector);
    std::string text;
    for (auto const& [key, value] : collector.rows()) text += key + '=' + value + '\n';
    return text;
  } catch (Error const& error) {
    return fmt::format("exit {}: {}", static_cast<int>(error.code()), error.what());
  }
}

class ScanChecksumsSuite : public DeviceSuite {};
INSTANTIATE_TEST_SUITE_P(Devices, ScanChecksumsSuite,
                         ::testing::Values(DeviceKind::kCpuSeparate, DeviceKind::kCuda),
                         [](::testing::TestParamInfo<DeviceKind> const& kind) {
                           return name_of(kind.param);
                         });

TEST_P(ScanChecksumsSuite, ADamagedByteIsToldAsTheHostTellsIt) {
  SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()));
  Random random(mix(base_seed() + 113));
  auto const host = make_cpu_device(CpuMirror::kAliasing);
  for (Format const& format : kFormats) {
    SCOPED_TRACE(format.name);
    TemporaryDirectory const directory;
    std::string const path = directory / "db";
    write_database(path, format);
    std::string const rows = answer(path, *host, options_of(false));
    std::size_t errors = 0;
    for (std::string const& table : tables_of(path)) {
      std::string const bytes = levelscan::testing::read_whole_file(table);
      // All of the first blocks, and some of the rest of the table, metadata included.
      for (std::size_t at = 0; at < bytes.size();
           at += at < 350 ? 1 : random.between(1, static_cast<uint32_t>(bytes.size() / 60))) {
        std::string damaged = bytes;
        damaged[at] =
            random.one_in(2)
                ? random.damaged(damaged[at])
                : static_cast<char>(static_cast<uint8_t>(damaged[at]) ^ (1u << random.below(8)));
        levelscan::testing::write_whole_file(table, damaged);
        ScannerOptions const options = options_of(random.one_in(2));
        std::string const expected = answer(path, *host, options);
        ASSERT_EQ(answer(path, device(), options), expected)
            << table << " byte " << at << ": " << static_cast<int>(damaged[at]) << " instead of "
            << static_cast<int>(bytes[at]);
        if (at < 300) {
          ASSERT_THAT(expected, HasSubstr("checksum"));
        }
        if (expected != rows) ++errors;
      }
      levelscan::testing::write_whole_file(table, bytes);
    }
    EXPECT_GT(errors, 600u);
  }
}

// Counts what is verified, and damages the first copy of many bytes, if it is told to.
class WatchedDevice final : public ForwardingDevice {
 public:
  WatchedDevice() : ForwardingDevice(make_cpu_device(CpuMirror::kSeparate)) {}

  void copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                            StreamView stream) override {
    if (!damages || bytes < 2048) {
      inner().copy_to_device_async(device, pinned, bytes, stream);
      return;
    }
    damages = false;
    std::vector<char> copy(bytes);
    std::copy_n(static_cast<char const*>(pinned), bytes, copy.begin());
    copy[bytes / 2] = static_cast<char>(copy[bytes / 2] ^ 1);
    inner().copy_to_device_async(device, copy.data(), bytes, stream);  // which waits
  }
  void verify_blocks_async(VerifyBlocks::Args const& args, StreamView stream) override {
    blocks += args.block_count;
    inner().verify_blocks_async(args, stream);
  }

  bool damages = false;
  uint64_t blocks = 0;
};

TEST(ScanChecksums, TheDeviceVerifiesUncompressedBlocksWhoseChecksumItKnows) {
  for (Format const& format : kFormats) {
    SCOPED_TRACE(format.name);
    TemporaryDirectory const directory;
    std::string const path = directory / "db";
    write_database(path, format);
    uint64_t data_blocks = 0;
    for (SortedRun const& run : open_version(path).runs) {
      for (auto const& table : run.tables) data_blocks += table->properties().data_blocks;
    }
    ASSERT_GT(data_blocks, 20u);
    ScannerOptions options = options_of(false);
    WatchedDevice device;
    std::string const rows = answer(path, device, options);
    EXPECT_THAT(rows, HasSubstr("key1199=value199"));
    EXPECT_EQ(device.blocks, format.is_the_devices ? data_blocks : 0u);
    // Many windows: each block once for each time that it is copied.
    device.blocks = 0;
    EXPECT_EQ(answer(path, device, options_of(true)), rows);
    EXPECT_EQ(device.blocks >= data_blocks, format.is_the_devices);
    device.blocks = 0;
    options.verify_checksums = false;
    EXPECT_EQ(answer(path, device, options), rows);
    EXPECT_EQ(device.blocks, 0u);
  }
}

TEST(ScanChecksums, ACopyThatIsNotWhatTheHostHasEndsTheScanWithADeviceError) {
  TemporaryDirectory const directory;
  std::string const path = directory / "db";
  write_database(path, kFormats[0]);
  WatchedDevice device;
  device.damages = true;
  std::string const found = answer(path, device, options_of(false));
  EXPECT_FALSE(device.damages);
  EXPECT_THAT(found, HasSubstr("exit 6: " + path));
  EXPECT_THAT(found, HasSubstr("the device computes another checksum than the host"));
}

}  // namespace
}  // namespace levelscan::test

#endif  // LEVELSCAN_WITH_ROCKSDB
