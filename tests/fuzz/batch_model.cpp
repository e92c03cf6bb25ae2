#include "fuzz/batch_model.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "support/format_writer.hpp"

namespace levelscan::fuzz {
namespace {

constexpr std::size_t kHeaderBytes = 12;

// db/dbformat.h of RocksDB 11.
constexpr std::array<BatchTag, 25> kTags = {{
    {0x01, false, 2, true},  {0x05, true, 2, true},                             // put
    {0x00, false, 1, true},  {0x04, true, 1, true},                             // delete
    {0x07, false, 1, true},  {0x08, true, 1, true},                             // single delete
    {0x02, false, 2, true},  {0x06, true, 2, true},                             // merge
    {0x0f, false, 2, true},  {0x0e, true, 2, true},                             // delete range
    {0x11, false, 2, true},  {0x10, true, 2, true},                             // blob reference
    {0x16, false, 2, true},  {0x17, true, 2, true},                             // wide columns
    {0x18, false, 2, true},  {0x19, true, 2, true},                             // timed put
    {0x03, false, 1, false},                                                    // log data
    {0x0d, false, 0, false},                                                    // no-op
    {0x09, false, 0, false}, {0x12, false, 0, false}, {0x13, false, 0, false},  // begin
    {0x0a, false, 1, false},                                                    // end
    {0x0b, false, 1, false}, {0x15, false, 2, false},                           // commit
    {0x0c, false, 1, false},                                                    // rollback
}};

// Reads from the front of `rest`.
std::optional<uint32_t> take_varint(std::span<uint8_t const>& rest) {
  uint64_t value = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(rest.size(), 5); ++i) {
    value += uint64_t{rest[i] & 0x7fU} << (7 * i);
    if (rest[i] < 0x80) {
      rest = rest.subspan(i + 1);
      if (value > UINT32_MAX) return std::nullopt;
      return static_cast<uint32_t>(value);
    }
  }
  return std::nullopt;
}

std::optional<ModelOperation> take_operation(std::span<uint8_t const>& rest) {
  BatchTag const* const tag = find_batch_tag(rest.front());
  if (tag == nullptr) return std::nullopt;
  ModelOperation operation;
  operation.tag = rest.front();
  rest = rest.subspan(1);
  if (tag->has_column_family) {
    std::optional<uint32_t> const family = take_varint(rest);
    if (!family) return std::nullopt;
    operation.column_family = *family;
  }
  for (uint32_t i = 0; i < tag->strings; ++i) {
    std::optional<uint32_t> const length = take_varint(rest);
    if (!length || *length > rest.size()) return std::nullopt;
    operation.strings.emplace_back(rest.begin(), rest.begin() + *length);
    rest = rest.subspan(*length);
  }
  return operation;
}

}  // namespace

std::span<BatchTag const> batch_tags() { return kTags; }

BatchTag const* find_batch_tag(uint8_t tag) {
  auto const found =
      std::find_if(kTags.begin(), kTags.end(), [tag](BatchTag const& t) { return t.tag == tag; });
  return found == kTags.end() ? nullptr : &*found;
}

uint32_t BatchModel::writes() const {
  return static_cast<uint32_t>(std::count_if(
      operations.begin(), operations.end(),
      [](ModelOperation const& operation) { return find_batch_tag(operation.tag)->writes; }));
}

BatchModel read_batch_model(std::span<uint8_t const> batch) {
  BatchModel model;
  for (std::size_t i = 0; i < 8; ++i) model.sequence |= uint64_t{batch[i]} << (8 * i);
  for (std::size_t i = 0; i < 4; ++i) model.count |= uint32_t{batch[8 + i]} << (8 * i);
  std::span<uint8_t const> rest = batch.subspan(kHeaderBytes);
  while (!rest.empty()) {
    std::optional<ModelOperation> operation = take_operation(rest);
    if (!operation) return model;
    model.operations.push_back(std::move(*operation));
  }
  model.well_formed = model.writes() == model.count;
  return model;
}

std::vector<uint8_t> batch_bytes(BatchModel const& batch) {
  std::string bytes = testing::fixed(batch.sequence) + testing::fixed(batch.count);
  for (ModelOperation const& operation : batch.operations) {
    bytes += static_cast<char>(operation.tag);
    if (find_batch_tag(operation.tag)->has_column_family) {
      bytes += testing::varint(operation.column_family);
    }
    for (std::string const& text : operation.strings) bytes += testing::prefixed(text);
  }
  return {bytes.begin(), bytes.end()};
}

}  // namespace levelscan::fuzz
