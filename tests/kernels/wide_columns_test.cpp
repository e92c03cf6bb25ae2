// Wide-column entities and values by type, against entities that the test itself wrote down. Bytes
// stand in blocks of exactly their size, so that AddressSanitizer sees every read beyond them.
#include "kernels/wide_columns.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "kernels/entry_value.hpp"
#include "kernels/predicate.hpp"
#include "support/random.hpp"
#include "support/sst_builder.hpp"

namespace levelscan::test {
namespace {

struct ExactBytes {
  explicit ExactBytes(std::string_view text)
      : bytes(new uint8_t[text.size()]), size(static_cast<uint32_t>(text.size())) {
    std::copy(text.begin(), text.end(), bytes.get());
  }
  [[nodiscard]] Bytes view() const { return {bytes.get(), size}; }

  std::unique_ptr<uint8_t[]> bytes;
  uint32_t size;
};

std::string text_of(Bytes bytes) { return {reinterpret_cast<char const*>(bytes.data), bytes.size}; }

std::optional<std::string> column_of(std::string const& entity, std::string const& name) {
  ExactBytes const bytes(entity);
  ExactBytes const name_bytes(name);
  Bytes value{nullptr, 0};
  if (!find_column(bytes.view(), name_bytes.view(), value)) return std::nullopt;
  return text_of(value);
}

EntityFault fault_of(std::string const& entity) { return check_entity(ExactBytes(entity).view()); }

TEST(WideColumns, AreFoundByTheirNames) {
  std::string const entity =
      entity_bytes({{"", "default"}, {"a", ""}, {"ab", std::string(300, 'x')}, {"b", "last"}});
  EXPECT_EQ(fault_of(entity), EntityFault::kNone);
  EXPECT_EQ(column_of(entity, ""), "default");
  EXPECT_EQ(column_of(entity, "a"), "");
  EXPECT_EQ(column_of(entity, "ab"), std::string(300, 'x'));
  EXPECT_EQ(column_of(entity, "b"), "last");
  EXPECT_EQ(column_of(entity, "aa"), std::nullopt);
  EXPECT_EQ(column_of(entity, "c"), std::nullopt);
}

TEST(WideColumns, AnEntityMayHaveNone) {
  std::string const entity = entity_bytes({});
  EXPECT_EQ(fault_of(entity), EntityFault::kNone);
  EXPECT_EQ(column_of(entity, ""), std::nullopt);
}

TEST(WideColumns, OtherVersionsAreNotTakenForThisOne) {
  EXPECT_EQ(fault_of(varint(2) + varint(0)), EntityFault::kVersion);
  EXPECT_EQ(fault_of(varint(70000) + varint(0)), EntityFault::kVersion);
  EXPECT_EQ(fault_of(varint(0) + varint(0)), EntityFault::kCorrupt);
  EXPECT_EQ(column_of(varint(2) + entity_bytes({{"", "v"}}).substr(1), ""), std::nullopt);
}

TEST(WideColumns, ForgedCountsSizesAndOrdersAreCorrupt) {
  std::string const one = entity_bytes({{"a", "value"}});
  for (std::string const& forged : {
           std::string(),
           varint(1),
           varint(1) + varint(1),
           varint(1) + varint(UINT32_MAX),
           varint(1) + varint(UINT32_MAX) + one.substr(2),
           varint(1) + varint(1) + varint(UINT32_MAX) + "a" + varint(1) + "v",
           varint(1) + varint(1) + varint(1) + "a" + varint(UINT32_MAX) + "v",
           varint(1) + varint(2) + varint(1) + "a" + varint(UINT32_MAX) + varint(1) + "b" +
               varint(UINT32_MAX) + "v",
           one + "x",
           one.substr(0, one.size() - 1),
           entity_bytes({{"a", "1"}, {"a", "2"}}),
           entity_bytes({{"b", "1"}, {"a", "2"}}),
           entity_bytes({{"a", "1"}, {"", "2"}}),
           std::string(20, '\xff'),
       }) {
    EXPECT_EQ(fault_of(forged), EntityFault::kCorrupt);
    // Nothing beyond the bytes is read, whatever is asked for.
    for (char const* const name : {"", "a", "b"}) static_cast<void>(column_of(forged, name));
  }
}

TEST(WideColumns, RandomBytesAreNeverReadBeyondTheirEnd) {
  Random random(mix(base_seed() + 71));
  for (int round = 0; round < 20000; ++round) {
    std::map<std::string, std::string> columns;
    for (uint32_t i = random.below(5); i > 0; --i) {
      columns[random.bytes(random.below(4))] = random.bytes(random.below(200));
    }
    std::vector<std::pair<std::string, std::string>> const list(columns.begin(), columns.end());
    std::string entity = entity_bytes(list);
    ASSERT_EQ(fault_of(entity), EntityFault::kNone);
    for (auto const& [name, value] : columns) ASSERT_EQ(column_of(entity, name), value);
    for (uint32_t i = random.between(1, 3); i > 0; --i) {
      entity[random.below(entity.size())] = static_cast<char>(random.next());
    }
    entity.resize(entity.size() - random.below(entity.size()));
    static_cast<void>(fault_of(entity));
    std::optional<std::string> const found = column_of(entity, random.bytes(random.below(3)));
    if (found) {
      ASSERT_LE(found->size(), entity.size());
    }
  }
}

std::string value_of(EntryType type, std::string const& stored) {
  return text_of(entry_value(type, ExactBytes(stored).view()).value);
}

TEST(EntryValueOf, IsWhatAnIteratorShows) {
  EXPECT_EQ(value_of(EntryType::kValue, "plain"), "plain");
  EXPECT_EQ(value_of(EntryType::kValuePreferredSequence, "timed12345678"), "timed");
  EXPECT_EQ(value_of(EntryType::kValuePreferredSequence, "12345678"), "");
  EXPECT_EQ(value_of(EntryType::kValuePreferredSequence, "short"), "");
  EXPECT_EQ(value_of(EntryType::kWideColumnEntity, entity_bytes({{"", "v"}, {"a", "b"}})), "v");
  EXPECT_EQ(value_of(EntryType::kWideColumnEntity, entity_bytes({{"a", "b"}})), "");
}

TEST(EntryValueOf, FaultsSayWhatIsWrong) {
  auto const check = [](EntryType type, std::string const& stored) {
    return check_entry_value(type, ExactBytes(stored).view());
  };
  EXPECT_EQ(check(EntryType::kValue, ""), ValueFault::kNone);
  EXPECT_EQ(check(EntryType::kValuePreferredSequence, "12345678"), ValueFault::kNone);
  EXPECT_EQ(check(EntryType::kValuePreferredSequence, "1234567"), ValueFault::kCorrupt);
  EXPECT_EQ(check(EntryType::kWideColumnEntity, entity_bytes({})), ValueFault::kNone);
  EXPECT_EQ(check(EntryType::kWideColumnEntity, ""), ValueFault::kCorrupt);
  EXPECT_EQ(check(EntryType::kWideColumnEntity, varint(2)), ValueFault::kVersion);
  EXPECT_EQ(check(EntryType::kDeletionWithTimestamp, ""), ValueFault::kUnsupported);
  EXPECT_EQ(check(static_cast<EntryType>(0x33), ""), ValueFault::kUnknown);
}

TEST(FieldsOfColumns, AreNullWhereTheRowHasNoSuchColumn) {
  std::string const entity = entity_bytes({{"", "\x05"}, {"n", "\x07\x01"}});
  ExactBytes const bytes(entity);
  EntryValue const value = entry_value(EntryType::kWideColumnEntity, bytes.view());
  Row const row{{nullptr, 0}, 0, value.value, 1, value.entity};
  Row const plain{{nullptr, 0}, 0, value.value, 1};
  auto const field = [](std::string const& column, FieldType type, uint32_t offset, uint32_t size,
                        bool from_end = false) {
    Bytes const view{reinterpret_cast<uint8_t const*>(column.data()),
                     static_cast<uint32_t>(column.size())};
    return Field{FieldSource::kColumn, type, false, from_end, offset, size, view};
  };
  EXPECT_EQ(load_field(field("n", FieldType::kU16, 0, 2), row).bits, 0x0107u);
  EXPECT_EQ(load_field(field("n", FieldType::kU8, 1, 1, true), row).bits, 1u);
  EXPECT_EQ(load_field(field("n", FieldType::kU8, 2, 1), row).kind, ScalarKind::kNull);
  EXPECT_EQ(load_field(field("m", FieldType::kU8, 0, 1), row).kind, ScalarKind::kNull);
  EXPECT_EQ(load_field(field("", FieldType::kU8, 0, 1), row).bits, 5u);
  // A plain value is a default column and nothing else.
  EXPECT_EQ(load_field(field("", FieldType::kU8, 0, 1), plain).bits, 5u);
  EXPECT_EQ(load_field(field("n", FieldType::kU8, 0, 1), plain).kind, ScalarKind::kNull);
  Row const without{{nullptr, 0}, 0, {bytes.bytes.get(), 0}, 1, {bytes.bytes.get(), 0}};
  EXPECT_EQ(load_field(field("", FieldType::kBytes, 0, kToTheEnd), without).kind,
            ScalarKind::kNull);
}

}  // namespace
}  // namespace levelscan::test
