// A small database with single bytes flipped and files cut off: each time the same answer, or an
// error; never a crash.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "support/format_writer.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"
#include "table/table_index.hpp"
#include "version/database_version.hpp"

namespace levelscan {
namespace {

using testing::read_whole_file;
using testing::TemporaryDirectory;
using testing::write_whole_file;

// All that a scan would go by.
struct Description {
  uint64_t last_sequence = 0;
  std::string comparator;
  std::vector<std::string> features_refused;
  std::vector<std::tuple<int, uint64_t, std::string, std::string, uint64_t, uint64_t>> tables;
  std::vector<std::pair<std::string, BlockHandle>> blocks;  // separators of all tables
  std::vector<std::map<std::string, std::string>> properties;

  bool operator==(Description const&) const = default;
};

Description describe(std::string const& path) {
  DatabaseVersion const version = open_version(path);
  Description description;
  description.last_sequence = version.last_sequence;
  description.comparator = version.comparator;
  for (Refusal const& refusal : version.refusals)
    description.features_refused.push_back(refusal.feature);
  for (SortedRun const& run : version.runs) {
    for (std::size_t i = 0; i < run.metas.size(); ++i) {
      TableMeta const& meta = run.metas[i];
      description.tables.emplace_back(meta.level, meta.file_number, meta.smallest, meta.largest,
                                      meta.smallest_sequence, meta.largest_sequence);
      if (!run.tables[i]) continue;
      for_each_data_block(*run.tables[i], [&](IndexCursor const& cursor) {
        description.blocks.emplace_back(testing::text_of(cursor.key()), cursor.handle());
        return true;
      });
      description.properties.push_back(run.tables[i]->properties().all);
    }
  }
  return description;
}

class DamagedDatabase : public ::testing::Test {
 protected:
  DamagedDatabase() {
    rocksdb::Options options = testing::quiet_options();
    options.compression = rocksdb::kSnappyCompression;
    testing::set_table_options(
        options, [](rocksdb::BlockBasedTableOptions& table) { table.block_size = 512; });
    testing::write_small_database(path(), options, [](rocksdb::DB& database) {
      testing::flush(database);
      testing::check_ok(database.CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
      testing::put(database, "key1005", "newer");
    });
    good_ = describe(path());
    EXPECT_TRUE(good_.features_refused.empty());
    EXPECT_EQ(good_.tables.size(), 2u);
    EXPECT_GT(good_.blocks.size(), 3u);
  }

  [[nodiscard]] std::string path() const { return directory_ / "db"; }
  [[nodiscard]] std::string manifest() const {
    std::string const current = read_whole_file(path() + "/CURRENT");
    return path() + "/" + current.substr(0, current.size() - 1);
  }
  [[nodiscard]] std::vector<std::string> tables() const {
    std::vector<std::string> paths;
    for (auto const& entry : std::filesystem::directory_iterator(path())) {
      if (entry.path().extension() == ".sst") paths.push_back(entry.path().string());
    }
    return paths;
  }

  // The answer with these bytes in place of the file; nothing where it was an error.
  std::optional<Description> describe_with(std::string const& file, std::string const& bytes) {
    write_whole_file(file, bytes);
    return describe_damaged();
  }

  std::optional<Description> describe_damaged() {
    try {
      return describe(path());
    } catch (Error const& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kCorruption ||
                  error.code() == ErrorCode::kUnsupported ||
                  error.code() == ErrorCode::kNotADatabase)
          << error.what();
      EXPECT_NE(std::string(error.what()).find(path()), std::string::npos) << error.what();
      return std::nullopt;
    }
  }

  void expect_flips_noticed(std::string const& file, std::size_t begin, std::size_t end) {
    std::string const original = read_whole_file(file);
    for (std::size_t i = begin; i < std::min(end, original.size()); ++i) {
      for (int const mask : {0x01, 0x04, 0x80, 0xff}) {
        // In place: writing whole files anew is slow where the file system then flushes them.
        overwrite_byte(file, i, static_cast<char>(original[i] ^ mask));
        std::optional<Description> const seen = describe_damaged();
        // A refusal says that there is no answer.
        if (seen && seen->features_refused.empty()) {
          EXPECT_EQ(*seen, good_) << file << " byte " << i << " mask " << mask;
        }
      }
      overwrite_byte(file, i, original[i]);
    }
  }

  static void overwrite_byte(std::string const& file, std::size_t offset, char byte) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(byte);
    ASSERT_TRUE(stream.flush());
  }

  Description good_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(DamagedDatabase, FlippedBytesOfCurrentAndManifestAreNoticed) {
  expect_flips_noticed(path() + "/CURRENT", 0, SIZE_MAX);
  expect_flips_noticed(manifest(), 0, SIZE_MAX);
}

TEST_F(DamagedDatabase, FlippedBytesOfIndexAndMetadataBlocksAndFootersAreNoticed) {
  std::vector<std::pair<std::string, uint64_t>> index_offsets;
  for (SortedRun const& run : open_version(path()).runs) {
    index_offsets.emplace_back(run.metas.at(0).path, run.tables.at(0)->index_handle().offset);
  }
  // The index block is the first after the data; filters, properties, metaindex and footer follow.
  for (auto const& [file, offset] : index_offsets) expect_flips_noticed(file, offset, SIZE_MAX);
}

TEST_F(DamagedDatabase, CutTablesAreNoticed) {
  for (std::string const& file : tables()) {
    std::string const original = read_whole_file(file);
    for (std::size_t length = 0; length < original.size(); length += 1 + length / 37) {
      EXPECT_FALSE(describe_with(file, original.substr(0, length))) << file << " cut at " << length;
    }
    write_whole_file(file, original);
  }
}

// A MANIFEST that ends early is one that was not written further: an earlier version, or files that
// are gone.
TEST_F(DamagedDatabase, CutManifestsGiveAnEarlierVersionOrAnError) {
  std::string const file = manifest();
  std::string const original = read_whole_file(file);
  std::size_t answers = 0;
  for (std::size_t length = 0; length < original.size(); ++length) {
    std::optional<Description> const seen = describe_with(file, original.substr(0, length));
    if (!seen) continue;
    ++answers;
    EXPECT_LE(seen->last_sequence, good_.last_sequence);
  }
  EXPECT_LT(answers, original.size());
}

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_WITH_ROCKSDB
