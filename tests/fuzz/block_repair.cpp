#include "fuzz/block_repair.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

#include "fuzz/fuzz_support.hpp"
#include "levelscan/error.hpp"
#include "support/random.hpp"
#include "support/sst_builder.hpp"
#include "table/block.hpp"
#include "table/coding.hpp"

namespace levelscan::fuzz {
namespace {

constexpr uint32_t kRestartCountMask = (1U << 28) - 1;

bool skip_entry(ByteReader& reader, EntryLayout layout, uint32_t& shared) {
  uint32_t non_shared = 0;
  uint32_t value_bytes = 0;
  std::span<uint8_t const> skipped;
  if (!reader.read_varint32(shared) || !reader.read_varint32(non_shared)) return false;
  if (layout == EntryLayout::kValueLength) {
    return reader.read_varint32(value_bytes) && reader.read_bytes(non_shared, skipped) &&
           reader.read_bytes(value_bytes, skipped);
  }
  uint64_t number = 0;
  return reader.read_bytes(non_shared, skipped) && reader.read_varint64(number) &&
         (shared != 0 || reader.read_varint64(number));
}

void append_fixed32(std::vector<uint8_t>& bytes, uint32_t value) {
  uint8_t encoded[sizeof value];
  std::memcpy(encoded, &value, sizeof value);
  bytes.insert(bytes.end(), encoded, encoded + sizeof value);
}

// The entries up to the first that is malformed.
std::vector<test::TestEntry> entries_of(std::span<uint8_t const> block,
                                        uint32_t entries_per_restart) {
  std::vector<test::TestEntry> entries;
  try {
    for_each_data_entry(
        block, entries_per_restart, {"block", 0},
        [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
          if (key.size() < kTrailerBytes) return false;
          std::size_t const user_size = key.size() - kTrailerBytes;
          uint64_t const trailer = load_fixed64(key.data() + user_size);
          entries.push_back({std::string(as_text(key.first(user_size))), trailer >> 8,
                             static_cast<uint8_t>(trailer), std::string(as_text(value))});
          return true;
        });
  } catch (Error const&) {
    // What came before it counts.
  }
  return entries;
}

void mutate_text(std::string& text) {
  std::size_t const before = text.size();
  text.resize(before + 8);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), before, text.size()));
}

}  // namespace

void mutate_entries(std::vector<uint8_t>& block, KeyOrder order, uint32_t entries_per_restart,
                    uint64_t seed) {
  test::Random random(seed);
  std::vector<test::TestEntry> entries = entries_of(block, entries_per_restart);
  if (entries.empty()) entries.emplace_back();
  test::TestEntry& entry = entries[random.below(entries.size())];
  switch (random.below(6)) {
    case 0: entry.sequence = random.one_in(2) ? random.below(50) : random.next() >> 8; break;
    case 1:
      entry.type = static_cast<uint8_t>(random.below(3) == 0 ? random.below(26) : random.below(2));
      break;
    case 2: mutate_text(entry.value); break;
    case 3: entries.push_back({entry.user_key, entry.sequence + 1, entry.type, entry.value}); break;
    case 4:
      entry.user_key += test::fixed(entry.trailer(), 8).substr(0, random.between(1, 8));
      break;
    default: mutate_text(entry.user_key);
  }
  if (!random.one_in(8)) {
    std::sort(entries.begin(), entries.end(),
              [&](auto const& a, auto const& b) { return test::entry_before(a, b, order); });
  }
  test::BlockOptions options{random.between(1, 5), !random.one_in(4)};
  if (entries_per_restart != 0) options.restart_interval = entries_per_restart;
  options.separate_values = entries_per_restart != 0;
  if (random.one_in(4)) options.hash_buckets = static_cast<uint16_t>(random.between(1, 9));
  std::string const built = test::build_data_block(entries, options).bytes;
  block.assign(built.begin(), built.end());
}

void rebuild_restarts(std::vector<uint8_t>& block, EntryLayout layout, uint64_t seed) {
  if (block.size() < 2 * sizeof(uint32_t)) return;
  uint32_t const packed = load_fixed32(block.data() + block.size() - sizeof(uint32_t));
  uint64_t const array_bytes = (uint64_t{packed & kRestartCountMask} + 1) * sizeof(uint32_t);
  if (array_bytes > block.size()) return;
  test::Random random(seed);
  std::size_t const entries_end = block.size() - array_bytes;
  ByteReader reader(std::span<uint8_t const>(block).first(entries_end));
  std::vector<uint32_t> restarts{0};
  while (!reader.empty()) {
    uint32_t const offset = static_cast<uint32_t>(reader.position());
    uint32_t shared = 0;
    if (!skip_entry(reader, layout, shared)) break;
    if (offset != 0 && shared == 0 && !random.one_in(8)) restarts.push_back(offset);
  }
  block.resize(entries_end);
  for (uint32_t const restart : restarts) append_fixed32(block, restart);
  append_fixed32(block, (packed & ~kRestartCountMask) | static_cast<uint32_t>(restarts.size()));
}

}  // namespace levelscan::fuzz
