// Whole databases with bytes flipped, files cut off, blocks swapped; opened and scanned. Each time
// the answer is the same, or an error says which file is damaged and where; never a crash. With
// checksums off it may be another answer, but nothing is read beyond what was given.
//
// Databases: some that librocksdb writes here, and all fixtures, those that are refused too. The
// seed is printed when something fails; LEVELSCAN_DAMAGES scales how much is tried.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/format_writer.hpp"
#include "support/random.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/scan_rows.hpp"
#include "support/temporary_directory.hpp"
#include "table/footer.hpp"
#include "version/database_version.hpp"

namespace levelscan {
namespace {

namespace fs = std::filesystem;
using testing::Rows;

// Times so many damages are tried.
std::size_t scale() {
  char const* const text = std::getenv("LEVELSCAN_DAMAGES");
  return text == nullptr ? 1 : std::max(1UL, std::strtoul(text, nullptr, 10));
}

// What a scan came to.
struct Answer {
  std::optional<Rows> rows;  // none: an error
  ErrorCode code = ErrorCode::kRuntime;
  std::string error;
};

Answer scan_all(std::string const& path, bool verify_checksums) {
  ScannerOptions options;
  options.backend = Backend::kCpu;
  options.threads = 1;
  options.memory_bytes = 64 << 20;
  options.data_block_bytes = 16384;
  options.candidates_max = 64;
  options.candidate_key_bytes = 8192;
  options.result_bytes = 8192;
  options.read_area_bytes = 32768;
  options.verify_checksums = verify_checksums;
  try {
    return {testing::scan(path, testing::rows_query(), options, CpuMirror::kSeparate).rows, {}, {}};
  } catch (Error const& error) {
    return {std::nullopt, error.code(), error.what()};
  }
}

struct Region {
  uint64_t begin = 0;
  uint64_t end = 0;
};

enum class Expect { kNoticed, kSurvived };

class DamagedFiles : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_ / "db"; }

  // Call once the database is there.
  void note_good_answer() { good_ = scan_all(path(), true); }

  [[nodiscard]] std::vector<std::string> files(
      std::function<bool(std::string const&)> const& wanted) const {
    std::vector<std::string> found;
    for (auto const& entry : fs::directory_iterator(path())) {
      if (wanted(entry.path().filename().string())) found.push_back(entry.path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  [[nodiscard]] std::vector<std::string> tables() const {
    return files(
        [](std::string const& name) { return name.ends_with(".sst") || name.ends_with(".ldb"); });
  }
  [[nodiscard]] std::vector<std::string> files_of_the_version() const {
    return files(
        [](std::string const& name) { return name == "CURRENT" || name.starts_with("MANIFEST-"); });
  }
  [[nodiscard]] std::vector<std::string> logs() const {
    return files([](std::string const& name) { return name.ends_with(".log"); });
  }

  // Where metadata blocks begin; the last kilobytes where the footer is of an unknown kind.
  static uint64_t metadata_begin(std::string const& file) {
    uint64_t const bytes = fs::file_size(file);
    uint64_t begin = bytes - std::min<uint64_t>(bytes, 1024);
    try {
      std::vector<Refusal> refusals;
      auto const table = Table::open(file, 1, bytes, KeyOrder::kBytewise, refusals);
      if (!table) return begin;
      begin = std::min(begin, table->index_handle().offset);
      for (auto const& [name, handle] : table->metaindex()) begin = std::min(begin, handle.offset);
    } catch (Error const&) {
      // Not a table that is read here.
    }
    return begin;
  }

  static void overwrite(std::string const& file, uint64_t offset, std::string_view bytes) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(stream.flush());
  }

  // The same answer as without the damage, or an error that names a file of the database.
  void expect_noticed(std::string const& what) {
    Answer const answer = scan_all(path(), true);
    SCOPED_TRACE(what);
    if (answer.rows) {
      EXPECT_TRUE(good_.rows.has_value()) << "rows where the database was refused before";
      EXPECT_TRUE(answer.rows == good_.rows)
          << answer.rows->size() << " rows where there were " << good_.rows->size();
      ++same_;
      return;
    }
    ++errors_;
    EXPECT_TRUE(answer.code == ErrorCode::kCorruption || answer.code == ErrorCode::kUnsupported ||
                answer.code == ErrorCode::kNotADatabase)
        << answer.error;
    EXPECT_NE(answer.error.find(path()), std::string::npos) << answer.error;
    EXPECT_TRUE(answer.error.find("offset") != std::string::npos ||
                answer.code != ErrorCode::kCorruption ||
                answer.error.find(" bytes") != std::string::npos ||
                answer.error.find("missing") != std::string::npos ||
                answer.error.find("CURRENT") != std::string::npos ||
                answer.error.find("MANIFEST") != std::string::npos)
        << answer.error;
  }
  // Any answer, or an error of a known kind.
  void expect_survived(std::string const& what) {
    Answer const answer = scan_all(path(), false);
    if (answer.rows) return;
    EXPECT_TRUE(answer.code == ErrorCode::kCorruption || answer.code == ErrorCode::kUnsupported ||
                answer.code == ErrorCode::kDevice || answer.code == ErrorCode::kNotADatabase)
        << what << ": " << answer.error;
  }

  void check(Expect expect, std::string const& what) {
    if (expect == Expect::kNoticed) {
      expect_noticed(what);
    } else {
      expect_survived(what);
    }
  }

  // Flips about `count` bytes of the region, all of them where there are no more.
  void flip_bytes(std::string const& file, Region region, std::size_t count, Expect expect) {
    std::string const original = testing::read_whole_file(file);
    if (is_without_checksums(file)) expect = Expect::kSurvived;
    region.end = std::min<uint64_t>(region.end, original.size());
    if (region.begin >= region.end) return;
    uint64_t const step = std::max<uint64_t>(1, (region.end - region.begin) / (count * scale()));
    for (uint64_t at = region.begin; at < region.end;
         at += step == 1 ? 1 : random_.between(1, static_cast<uint32_t>(2 * step - 1))) {
      char const damaged = random_.one_in(2)
                               ? static_cast<char>(original[at] ^ (1 << random_.below(8)))
                               : random_.damaged(original[at]);
      overwrite(file, at, std::string(1, damaged));
      check(expect, fmt::format("{} byte {}: 0x{:02x} instead of 0x{:02x}", file, at,
                                static_cast<uint8_t>(damaged), static_cast<uint8_t>(original[at])));
      overwrite(file, at, original.substr(at, 1));
      if (HasFailure()) return;
    }
  }

  // A table whose writer left them out: what is damaged there shows only where it contradicts
  // itself.
  static bool is_without_checksums(std::string const& file) {
    if (fs::path(file).extension() != ".sst") return false;
    auto const table = open_table(file);
    return table && table->checksum_type() == ChecksumType::kNone;
  }

  void cut(std::string const& file, std::size_t count, Expect expect) {
    std::string const original = testing::read_whole_file(file);
    for (std::size_t i = 0; i < count * scale() && !HasFailure(); ++i) {
      std::size_t const length = random_.below(original.size());
      fs::resize_file(file, length);
      check(expect, fmt::format("{} cut at {}", file, length));
      testing::write_whole_file(file, original);
    }
  }

  // Null where it can't be scanned here.
  static std::shared_ptr<Table const> open_table(std::string const& file) {
    std::vector<Refusal> refusals;
    auto table = Table::open(file, 1, fs::file_size(file), KeyOrder::kBytewise, refusals);
    if (!table || !table->refusals().empty()) return nullptr;
    std::optional<KeyOrder> const order = known_key_order(table->properties().comparator);
    if (!order || *order == KeyOrder::kBytewise) return order ? table : nullptr;
    return Table::open(file, 1, fs::file_size(file), *order, refusals);
  }

  // The data blocks of a table, trailers and all; none where it can't be read here.
  static std::vector<Region> data_blocks(std::string const& file) {
    std::vector<Region> blocks;
    auto const table = open_table(file);
    if (!table) return blocks;
    std::vector<uint8_t> const index = table->read_index_block();
    for (IndexCursor cursor = table->index_cursor(index); cursor.valid(); cursor.next()) {
      blocks.push_back({cursor.handle().offset, cursor.handle().end()});
    }
    return blocks;
  }

  // From format version 6 on a block's checksum says where the block belongs. Before, what comes
  // out of order is noticed; nothing else can be.
  static Expect expect_of_swaps(std::string const& file) {
    auto const table = open_table(file);
    return table && table->format_version() >= 6 && table->checksum_type() != ChecksumType::kNone
               ? Expect::kNoticed
               : Expect::kSurvived;
  }

  // Puts blocks of the same size in each other's place, within and between files.
  void swap_blocks(std::size_t count) {
    std::vector<std::string> const all = tables();
    for (std::string const& to : all) {
      Expect const expect = expect_of_swaps(to);
      std::vector<Region> const targets = data_blocks(to);
      std::string const to_bytes = testing::read_whole_file(to);
      for (std::string const& from : all) {
        std::string const from_bytes = testing::read_whole_file(from);
        std::size_t swapped = 0;
        for (Region const& source : data_blocks(from)) {
          for (Region const& target : targets) {
            std::size_t const bytes = target.end - target.begin;
            std::string const block = from_bytes.substr(source.begin, source.end - source.begin);
            if (block.size() != bytes || block == to_bytes.substr(target.begin, bytes)) continue;
            if (++swapped > count * scale()) break;
            overwrite(to, target.begin, block);
            check(expect, fmt::format("{} block at {} in place of {} block at {}", from,
                                      source.begin, to, target.begin));
            overwrite(to, target.begin, to_bytes.substr(target.begin, bytes));
          }
        }
      }
    }
  }

  testing::TemporaryDirectory directory_;
  Answer good_;
  test::Random random_{test::mix(test::base_seed() + 77)};
  std::size_t same_ = 0;
  std::size_t errors_ = 0;

 private:
  ::testing::ScopedTrace trace_{__FILE__, __LINE__,
                                "LEVELSCAN_SEED=" + std::to_string(test::base_seed())};
};

// All that other builds wrote.
class DamagedFixture : public DamagedFiles, public ::testing::WithParamInterface<std::string> {
 protected:
  DamagedFixture() {
    fs::copy(fs::path(LEVELSCAN_FIXTURES) / GetParam(), path());
    note_good_answer();
  }
};

std::vector<std::string> fixture_names() {
  std::vector<std::string> names;
  for (auto const& entry : fs::directory_iterator(LEVELSCAN_FIXTURES)) {
    if (entry.is_directory() && fs::exists(entry.path() / "CURRENT")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST_P(DamagedFixture, FlippedBytesAreNoticedOrWithoutChecksumsSurvived) {
  for (std::string const& file : files_of_the_version()) {
    flip_bytes(file, {0, UINT64_MAX}, 30, Expect::kNoticed);
  }
  for (std::string const& file : tables()) {
    uint64_t const footer =
        fs::file_size(file) - std::min<uint64_t>(fs::file_size(file), kFooterBytes);
    uint64_t const metadata = metadata_begin(file);
    flip_bytes(file, {0, metadata}, 15, Expect::kNoticed);
    flip_bytes(file, {0, metadata}, 30, Expect::kSurvived);
    flip_bytes(file, {metadata, footer}, 30, Expect::kNoticed);
    flip_bytes(file, {footer, UINT64_MAX}, kFooterBytes, Expect::kNoticed);
  }
  EXPECT_GT(errors_, 20U);
}

// Of a log what comes before the damage counts, so the answer may be an earlier one.
TEST_P(DamagedFixture, DamagedLogsAreSurvived) {
  for (std::string const& file : logs()) {
    if (fs::file_size(file) == 0) continue;
    flip_bytes(file, {0, UINT64_MAX}, 40, Expect::kSurvived);
    cut(file, 10, Expect::kSurvived);
  }
}

TEST_P(DamagedFixture, CutFilesAreNoticed) {
  for (std::string const& file : tables()) cut(file, 5, Expect::kNoticed);
  // A MANIFEST that ends early is one that was not written further.
  for (std::string const& file : files_of_the_version()) cut(file, 10, Expect::kSurvived);
}

TEST_P(DamagedFixture, BlocksThatTakeEachOthersPlaceAreNoticedWhereChecksumsKnowThePlace) {
  swap_blocks(20);
}

TEST_P(DamagedFixture, TablesThatTakeEachOthersPlaceAreSurvived) {
  std::vector<std::string> const all = tables();
  for (std::size_t i = 1; i < all.size(); ++i) {
    fs::rename(all[i], all[0] + ".kept");
    fs::copy(all[0], all[i]);
    expect_survived(all[i] + " replaced by " + all[0]);
    fs::rename(all[0] + ".kept", all[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(, DamagedFixture, ::testing::ValuesIn(fixture_names()),
                         [](auto const& test) {
                           std::string name = test.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

#ifdef LEVELSCAN_WITH_ROCKSDB

struct Shape {
  char const* name;
  uint32_t format_version = 5;
  rocksdb::ChecksumType checksum = rocksdb::kXXH3;
  rocksdb::CompressionType compression = rocksdb::kNoCompression;
  int index_restart_interval = 1;
  bool range_tombstones = false;
};
constexpr Shape kShapes[] = {
    {"v2_crc32c", 2, rocksdb::kCRC32c, rocksdb::kNoCompression, 1, false},
    {"v3_xxhash_snappy", 3, rocksdb::kxxHash, rocksdb::kSnappyCompression, 4, true},
    {"v4_xxhash64_lz4", 4, rocksdb::kxxHash64, rocksdb::kLZ4Compression, 16, false},
    {"v5_xxh3_zstd", 5, rocksdb::kXXH3, rocksdb::kZSTD, 1, true},
};
void PrintTo(Shape const& shape, std::ostream* stream) { *stream << shape.name; }

class DamagedShape : public DamagedFiles, public ::testing::WithParamInterface<Shape> {
 protected:
  DamagedShape() {
    Shape const& shape = GetParam();
    rocksdb::Options options = testing::quiet_options();
    options.compression = shape.compression;
    testing::set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
      table.format_version = shape.format_version;
      table.checksum = shape.checksum;
      table.index_block_restart_interval = shape.index_restart_interval;
      table.block_size = 512;
      table.block_restart_interval = 4;
    });
    testing::write_small_database(path(), options, [&](rocksdb::DB& database) {
      testing::flush(database);
      testing::check_ok(database.CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
      for (int i = 0; i < 200; i += 3)
        testing::put(database, "key" + std::to_string(1000 + i), "newer");
      for (int i = 0; i < 200; i += 7) {
        testing::check_ok(
            database.Delete(rocksdb::WriteOptions(), "key" + std::to_string(1000 + i)));
      }
      if (shape.range_tombstones) {
        testing::check_ok(database.DeleteRange(
            rocksdb::WriteOptions(), database.DefaultColumnFamily(), "key1040", "key1060"));
      }
    });
    note_good_answer();
    EXPECT_TRUE(good_.rows && good_.rows->size() > 100) << good_.error;
  }
};

TEST_P(DamagedShape, EveryByteOfMetadataAndFootersIsNoticed) {
  for (std::string const& file : tables()) {
    flip_bytes(file, {metadata_begin(file), UINT64_MAX}, SIZE_MAX / 2 / scale(), Expect::kNoticed);
  }
  EXPECT_GT(errors_, same_);
}

TEST_P(DamagedShape, BytesOfDataBlocksAreNoticedOrWithoutChecksumsSurvived) {
  for (std::string const& file : tables()) {
    flip_bytes(file, {0, metadata_begin(file)}, 200, Expect::kNoticed);
    flip_bytes(file, {0, metadata_begin(file)}, 400, Expect::kSurvived);
  }
  EXPECT_GT(errors_, 200U);
}

TEST_P(DamagedShape, TablesCutAnywhereAreRefusedWhateverTheirSizeIsSaidToBe) {
  for (std::string const& file : tables()) {
    cut(file, 30, Expect::kNoticed);
    std::string const original = testing::read_whole_file(file);
    for (std::size_t length = original.size(); length-- > 0;) {
      fs::resize_file(file, length);
      std::vector<Refusal> refusals;
      EXPECT_THROW(static_cast<void>(Table::open(file, 1, length, KeyOrder::kBytewise, refusals)),
                   Error)
          << length;
    }
    testing::write_whole_file(file, original);
  }
}

TEST_P(DamagedShape, BlocksThatTakeEachOthersPlaceAreSurvived) { swap_blocks(200); }

INSTANTIATE_TEST_SUITE_P(, DamagedShape, ::testing::ValuesIn(kShapes),
                         [](auto const& test) { return std::string(test.param.name); });

#endif  // LEVELSCAN_WITH_ROCKSDB

}  // namespace
}  // namespace levelscan
