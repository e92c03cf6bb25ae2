// Writes the seeds of the fuzz targets: DIRECTORY/TARGET/NAME. Small files of each shape that the
// parsers know, from the builders that the tests use.
#include <zstd.h>
#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "fuzz/fuzz_support.hpp"
#include "fuzz/log_mutator.hpp"
#include "fuzz/pieces.hpp"
#include "fuzz/table_mutator.hpp"
#include "support/format_writer.hpp"
#include "support/sst_builder.hpp"
#include "support/wal_writer.hpp"

namespace levelscan::fuzz {
namespace {

std::filesystem::path directory;

void write(std::string const& target, std::string const& name, std::string_view bytes) {
  std::filesystem::create_directories(directory / target);
  testing::write_whole_file(directory / target / name, bytes);
}
void write(std::string const& target, std::string const& name, std::vector<uint8_t> const& bytes) {
  write(target, name, testing::text_of(bytes));
}

std::vector<uint8_t> bytes_of(std::string const& text) { return {text.begin(), text.end()}; }

std::string key_of(uint32_t i) { return "key" + std::to_string(100 + i); }

// Two versions of every third key, a tombstone at every fifth.
std::vector<test::TestEntry> some_entries(uint32_t first, uint32_t count) {
  std::vector<test::TestEntry> entries;
  for (uint32_t i = first; i < first + count; ++i) {
    if (i % 3 == 0) entries.push_back({key_of(i), 40, test::kTypeValue, "new" + std::to_string(i)});
    uint8_t const type = i % 5 == 0 ? test::kTypeDeletion : test::kTypeValue;
    entries.push_back(
        {key_of(i), 20, type, type == test::kTypeValue ? "v" + std::to_string(i) : ""});
  }
  return entries;
}

struct TableShape {
  uint32_t format_version = 5;
  uint8_t checksum_type = 4;
  bool user_keys = true;
  bool delta_encoded = true;
  uint32_t index_restart_interval = 1;
};

std::vector<uint8_t> table_of(TableShape const& shape) {
  TableParts parts;
  parts.format_version = shape.format_version;
  parts.checksum_type = shape.checksum_type;
  parts.checksum_base = shape.format_version >= 6 ? 0x12345678 : 0;
  std::vector<test::IndexEntry> index;
  for (uint32_t block = 0; block < 3; ++block) {
    std::string const bytes = test::build_data_block(some_entries(10 * block, 8), {4, true}).bytes;
    std::string const separator = key_of(10 * block + 9);
    index.push_back({shape.user_keys ? separator : test::internal_key(separator, 20 << 8 | 1),
                     parts.data.size(), bytes.size()});
    std::vector<uint8_t> const stored = bytes_of(bytes + std::string(5, '\0'));
    parts.data.insert(parts.data.end(), stored.begin(), stored.end());
  }
  parts.index = bytes_of(
      test::build_index_block(index, {shape.index_restart_interval, true}, shape.delta_encoded)
          .bytes +
      '\0');
  std::string const one(1, '\1');
  std::string const none(1, '\0');
  std::vector<std::pair<std::string, std::string>> const properties = {
      {"rocksdb.block.based.table.index.type", testing::fixed(uint32_t{0})},
      {"rocksdb.comparator", "leveldb.BytewiseComparator"},
      {"rocksdb.compression", shape.format_version >= 7 ? "BuiltinV2;;" : "NoCompression"},
      {"rocksdb.external_sst_file.global_seqno", testing::fixed(uint64_t{0})},
      {"rocksdb.index.key.is.user.key", shape.user_keys ? one : none},
      {"rocksdb.index.value.is.delta.encoded", shape.delta_encoded ? one : none},
      {"rocksdb.merge.operands", none},
      {"rocksdb.num.data.blocks", std::string(1, '\3')},
      {"rocksdb.num.entries", std::string(1, '\x20')},
      {"rocksdb.num.range-deletions", none}};
  parts.meta["rocksdb.properties"] = bytes_of(testing::key_value_block(properties, 1000) + '\0');
  parts.meta["fullfilter.rocksdb.BuiltinBloomFilter"] = bytes_of(std::string(16, '\x55') + '\0');
  return put_together(parts);
}

void write_tables() {
  std::map<std::string, TableShape> const shapes = {
      {"v0-crc32c", {0, 1, false, false, 1}}, {"v2-none", {2, 0, false, false, 1}},
      {"v3-crc32c", {3, 1, true, false, 1}},  {"v4-xxh32", {4, 2, true, true, 4}},
      {"v5-xxh64", {5, 3, false, true, 4}},   {"v5-xxh3", {5, 4, true, true, 1}},
      {"v6-xxh3", {6, 4, true, true, 1}},     {"v7-xxh3", {7, 4, true, true, 4}},
  };
  for (auto const& [name, shape] : shapes) {
    std::vector<uint8_t> const table = table_of(shape);
    write("table", name, table);
    write("scan", name, table);
  }
}

void write_index_blocks() {
  std::vector<test::IndexEntry> user_keys;
  std::vector<test::IndexEntry> internal_keys;
  for (uint32_t i = 0; i < 9; ++i) {
    user_keys.push_back({key_of(7 * i), 1000 * i, 900 + 3 * i});
    internal_keys.push_back({test::internal_key(key_of(i / 2), (100 - i) << 8 | 1), 1000 * i, 900});
  }
  auto descending = user_keys;
  std::reverse(descending.begin(), descending.end());
  for (std::size_t i = 0; i < descending.size(); ++i) descending[i].offset = 1000 * i;
  write("index_block", "descending",
        join_pieces({{0x0f},
                     bytes_of(key_of(30)),
                     bytes_of(key_of(3)),
                     bytes_of(test::build_index_block(descending, {4, true}, true).bytes)},
                    SIZE_MAX));
  for (uint8_t options = 0; options < 4; ++options) {
    bool const is_user = (options & 1) != 0;
    bool const delta = (options & 2) != 0;
    for (uint32_t const interval : {1U, 4U}) {
      std::string const block =
          test::build_index_block(is_user ? user_keys : internal_keys, {interval, true}, delta)
              .bytes;
      Pieces const pieces{{options}, bytes_of(key_of(3)), bytes_of(key_of(30)), bytes_of(block)};
      write("index_block",
            (is_user ? "user" : "internal") + std::string(delta ? "-delta-" : "-") +
                std::to_string(interval),
            join_pieces(pieces, SIZE_MAX));
    }
  }
}

void write_data_blocks() {
  auto const block = [](uint8_t run, std::vector<test::TestEntry> const& entries,
                        test::BlockOptions options) {
    std::vector<uint8_t> piece = bytes_of(test::build_data_block(entries, options).bytes);
    piece.insert(piece.begin(), run);
    return piece;
  };
  std::vector<uint8_t> const from = bytes_of(key_of(3));
  std::vector<uint8_t> const to = bytes_of(key_of(17));
  auto const first = some_entries(0, 9);
  auto const second = some_entries(9, 9);
  auto newer = some_entries(4, 8);
  for (test::TestEntry& entry : newer) entry.sequence += 3;
  // As an ingested table has them: each user key once, of sequence number 0.
  std::vector<test::TestEntry> const once = {
      {key_of(2), 0, 1, "ingested"}, {key_of(5), 0, 0, ""}, {key_of(8), 0, 1, "ingested too"}};
  std::vector<test::TestEntry> const awkward = {{"a", 0x6201, 1, "value"},
                                                {"a\x01\x62", 7, 1, "x"},
                                                {std::string("a\x01") + 'b' + '\0', 6, 0, ""}};
  Pieces const one{{0, 0}, from, to, block(0, first, {4, true}), block(0, second, {16, true})};
  Pieces const two{{0x0f, 41}, from, to, block(1, first, {3, true}), block(0, newer, {4, false})};
  Pieces const three{{0x23, 0},
                     from,
                     to,
                     block(2, first, {1, true}),
                     block(1, newer, {4, true}),
                     block(0, awkward, {8, true})};
  auto descending = newer;
  std::sort(descending.begin(), descending.end(), [](auto const& a, auto const& b) {
    return test::entry_before(a, b, KeyOrder::kReverseBytewise);
  });
  Pieces const reverse{{0x83, 0, 3}, to, from, block(0, descending, {4, true})};
  write("data_block", "descending", join_pieces(reverse, SIZE_MAX));
  Pieces const apart{{0x02, 0, 0, 3},
                     {},
                     to,
                     block(0, first, {3, true, true}),
                     block(1, newer, {3, true, true, 5})};
  write("data_block", "separated-values", join_pieces(apart, SIZE_MAX));
  Pieces const ingested{
      {0x08, 30, 4, 0}, {}, {}, block(2, once, {4, true}), block(0, first, {4, true, false, 9})};
  write("data_block", "ingested", join_pieces(ingested, SIZE_MAX));
  Pieces const keys{{0x14, 0}, {}, {}, block(0, awkward, {2, true})};
  write("data_block", "one-run", join_pieces(one, SIZE_MAX));
  write("data_block", "two-runs", join_pieces(two, SIZE_MAX));
  write("data_block", "three-runs", join_pieces(three, SIZE_MAX));
  write("data_block", "keys-and-trailers", join_pieces(keys, SIZE_MAX));
}

using testing::prefixed;
using testing::varint;

std::string new_file(uint32_t level, uint32_t number, std::string const& custom = {}) {
  return varint(103) + varint(level) + varint(number) + varint(1000) +
         prefixed(testing::internal_key("a", 5)) + prefixed(testing::internal_key("z", 9)) +
         varint(5) + varint(9) + custom + varint(1);
}

void write_manifests() {
  std::string const head = varint(1) + prefixed("leveldb.BytewiseComparator") + varint(2) +
                           varint(4) + varint(3) + varint(9) + varint(4) + varint(100);
  std::string const family =
      varint(200) + varint(1) + varint(201) + prefixed("other") + varint(203) + varint(1);
  std::string const custom = varint(13) + prefixed(varint(3)) + varint(65) +
                             prefixed(std::string(1, '\0')) + varint(5) + prefixed("unknown");
  auto const log = [](std::vector<std::string> const& records) {
    std::vector<std::vector<uint8_t>> bytes;
    for (std::string const& record : records) bytes.push_back(bytes_of(record));
    return log_of_records(bytes);
  };
  write("manifest", "two-levels",
        log({head, new_file(0, 5) + new_file(1, 6), varint(6) + varint(0) + varint(5)}));
  write("manifest", "families",
        log({head, family, varint(200) + varint(1) + new_file(0, 5), new_file(0, 7, custom),
             varint(200) + varint(1) + varint(202)}));
  write("manifest", "atomic-group",
        log({head, new_file(2, 5) + varint(300) + varint(1),
             new_file(2, 6) + varint(300) + varint(0)}));
  write("manifest", "blobs",
        log({head,
             varint(400) + varint(8) + varint(10) + varint(500) + prefixed("") + prefixed("") +
                 varint(0),
             varint(401) + varint(8) + varint(2) + varint(50) + varint(0)}));
  write("manifest", "logs-and-older-tags",
        log({head,
             varint(8199) + prefixed(varint(4) + varint(2) + varint(700) + varint(1)) +
                 varint(8200) + prefixed(varint(3)),
             varint(7) + varint(1) + varint(5) + varint(10) +
                 prefixed(testing::internal_key("a", 1)) + prefixed(testing::internal_key("b", 1)),
             varint(5) + varint(1) + prefixed(testing::internal_key("a", 1)) + varint(9) +
                 varint(0) + varint(10) + varint(2) + varint(8201) + prefixed("\1")}));
}

void write_logs() {
  write("log", "short-records",
        log_of_records({bytes_of("one"), bytes_of("two"), {}, bytes_of("three")}));
  write("log", "fragments",
        bytes_of(testing::log_fragment(2, "first") + testing::log_fragment(3, "middle") +
                 testing::log_fragment(4, "last") + testing::log_fragment(1, "full")));
  write("log", "zero-tail", bytes_of(testing::log_fragment(1, "full") + std::string(64, '\0')));
  write("log", "cut",
        bytes_of(testing::log_fragment(1, "full") +
                 testing::log_fragment(1, "cut off").substr(0, 9)));
  write("log", "types",
        bytes_of(testing::log_fragment(0x81, "ignorable") + testing::log_fragment(9, "zzzz") +
                 testing::log_fragment(5, "1234full")));
}

std::string batch_of_all_kinds() {
  using testing::batch_operation;
  using testing::batch_operation_of;
  std::string operations = testing::put("key1", "value");
  for (uint8_t const tag : {uint8_t{0x00}, uint8_t{0x07}}) {
    operations += batch_operation(tag, {"key2"});
  }
  for (uint8_t const tag : {uint8_t{0x02}, uint8_t{0x11}, uint8_t{0x16}, uint8_t{0x18}}) {
    operations += batch_operation(tag, {"key3", "12345678"});
  }
  operations += batch_operation(0x0f, {"a", "b"}) + batch_operation_of(1, 0x0e, {"c", "d"}) +
                batch_operation_of(1, 0x05, {"key4", "second"}) +
                batch_operation_of(7, 0x04, {"key5"}) + batch_operation(0x03, {"log data"});
  return testing::write_batch(100, 11, operations);
}

void write_write_ahead_logs() {
  using testing::batch_operation;
  std::string const prepare = testing::write_batch(
      111, 1, batch_operation(0x09, {}) + testing::put("t", "1") + batch_operation(0x0a, {"xid"}));
  std::string const commit = testing::write_batch(111, 0, batch_operation(0x0b, {"xid"}));
  std::string const rollback = testing::write_batch(112, 0, batch_operation(0x0c, {"xid"}));
  std::string const persisted = testing::write_batch(
      112, 0,
      batch_operation(0x12, {}) + batch_operation(0x0a, {"xid"}) + batch_operation(0x0d, {}));
  std::string const timed = testing::write_batch(5, 0, batch_operation(0x15, {"12345678", "xid"}));
  write("write_batch", "all-kinds", batch_of_all_kinds());
  write("write_batch", "prepare", prepare);
  write("write_batch", "persisted", persisted);
  write("write_batch", "timed", timed);

  auto const log = [](std::vector<std::string> const& records) {
    std::vector<std::vector<uint8_t>> bytes;
    for (std::string const& record : records) bytes.push_back(bytes_of(record));
    return log_of_records(bytes);
  };
  write("wal", "all-kinds", log({batch_of_all_kinds()}));
  write("wal", "transactions",
        log({batch_of_all_kinds(), prepare, commit, prepare, rollback, prepare}));
  write("wal", "other-policy", log({persisted, timed}));
  write("wal", "prepared-twice", log({prepare, prepare, commit}));
  write("wal", "commit-inside-a-section",
        log({prepare, testing::write_batch(112, 1,
                                           batch_operation(0x09, {}) + testing::put("u", "2") +
                                               batch_operation(0x0b, {"xid"}) +
                                               batch_operation(0x0a, {"second"}))}));
  write("wal", "preallocated",
        testing::text_of(log({batch_of_all_kinds()})) + std::string(40, '\0'));
  write("wal", "gap-and-torn",
        testing::text_of(log({testing::write_batch(5, 1, testing::put("a", "b")),
                              testing::write_batch(9, 1, testing::put("a", "c"))})) +
            "torn");
  write("wal", "reversed-range",
        log({testing::write_batch(5, 2,
                                  testing::put("a", "b") + batch_operation(0x0f, {"b", "a"}))}));
  std::string const batch = batch_of_all_kinds();
  write("wal", "recycled",
        testing::recyclable_fragment(6, 12, batch.substr(0, 20)) +
            testing::recyclable_fragment(8, 12, batch.substr(20)) +
            testing::recyclable_fragment(5, 9, "of an older log"));
  std::string frame(ZSTD_compressBound(batch.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), batch.data(), batch.size(), 3));
  write("wal", "compressed",
        testing::log_fragment(9, testing::fixed(uint32_t{7})) + testing::log_fragment(1, frame));
  write("wal", "special-records",
        testing::log_fragment(10, testing::fixed(uint32_t{1}) + testing::fixed(uint16_t{8})) +
            testing::log_fragment(130, "predecessor") + testing::log_fragment(1, batch));
}

void write_texts() {
  std::string const nul(1, '\0');
  std::vector<std::string> const expressions = {
      "a == 1 and not (b < -3 or c >= 0x10)" + nul + "key1" + nul + "value123",
      "s in ('abc', x'00ff') or t between 'a' and 'b\\x00'" + nul + "kkabc" + nul + "vb",
      "f > 1.5e3 && g is not null || !(d <> 9223372036854775807)" + nul + "k" + nul + "0123456789",
      "key = 'k' and value != key and key_size <= 4 and value_size > 0 and seq == 300" + nul + "k" +
          nul + "v",
      "count(), sum(c), min(f), avg(d), max(b), count(key)",
      "key,value,seq,u",
      "((((a = a))))"};
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    write("expression", "text-" + std::to_string(i), expressions[i]);
  }
  write("schema", "numbers",
        std::string("a:u8@key+0\nb:i16be@key-2\nc:u64@value+10\nd:f32@value-4\ne:f64be@value+1\n"));
  write("schema", "bytes",
        std::string("s:bytes[16]@value+3\nt:bytes@key-8\ns:bytes@key+0\nand:u8@key+0\n"));
  write("schema", "keys", std::string("0x00ff10\nplain\\x00\\\\text\n0xabc\n\\xg0\n\xff\xff\n"));
}

}  // namespace
}  // namespace levelscan::fuzz

// The mutators stand beside the builders; here nothing is mutated.
std::size_t LLVMFuzzerMutate(uint8_t*, std::size_t size, std::size_t) { return size; }

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  levelscan::fuzz::directory = argv[1];
  levelscan::fuzz::write_tables();
  levelscan::fuzz::write_index_blocks();
  levelscan::fuzz::write_data_blocks();
  levelscan::fuzz::write_manifests();
  levelscan::fuzz::write_logs();
  levelscan::fuzz::write_write_ahead_logs();
  levelscan::fuzz::write_texts();
  return 0;
}
