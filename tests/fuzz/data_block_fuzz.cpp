// Data blocks of up to three runs, through a whole round of kernels: narrow, filter, gather,
// resolve, order. Where a plain walk over the blocks finds them in order, the rows must be those of
// ordered maps; else the kernels report a fault or answer, and stay inside the bytes.
//
//   input, in pieces: options | lower | upper | block...
//   options: flags u8 | snapshot u8 | more flags u8 | entries per restart u8
//   flags:   bit 0 lower bound | bit 1 upper bound | bit 2 resolve by marking | bit 3 snapshot
//   given
//            bits 4-5 predicate | bit 6 the runs' sequence numbers are not those of their entries
//            bit 7 keys descend
//   more:    bit 0 the lower bound is after its key | bit 1 the upper one
//            bit 2 the last run was ingested; its entries count with the snapshot's number
//   entries per restart: 0, or keys and values are separated
//   block:   run u8 | an uncompressed data block
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "fuzz/block_repair.hpp"
#include "fuzz/fuzz_support.hpp"
#include "fuzz/pieces.hpp"
#include "support/format_writer.hpp"
#include "support/kernel_pipeline.hpp"
#include "table/block_tail.hpp"
#include "table/coding.hpp"

namespace levelscan::fuzz {
namespace {

constexpr std::string_view kPath = "000001.sst";
constexpr std::size_t kFixedPieces = 3;
constexpr std::size_t kRunsMax = 3;
constexpr std::size_t kBlocksMax = 12;

struct Input {
  std::vector<test::RunData> runs;
  std::vector<std::vector<test::TestEntry>> entries;  // [run]
  bool in_order = true;  // all blocks are well-formed, and their runs in order
  test::WindowSpec window;
  test::Resolution resolution = test::Resolution::kProbe;
  test::PredicateProgram program;
  test::RowPredicate predicate = [](auto const&...) { return true; };
};

std::string text_of(std::span<uint8_t const> bytes) { return std::string(as_text(bytes)); }

// What a table says of its data blocks.
struct Layout {
  uint32_t entries_per_restart;
  uint64_t global_sequence;
};

// The lengths that begin an entry, and its key's bytes.
struct EntryParts {
  uint32_t shared = 0;
  std::span<uint8_t const> delta;
  std::span<uint8_t const> value;
};

bool read_entry(ByteReader& reader, bool at_restart, bool separated,
                std::span<uint8_t const> values, std::size_t& value_offset, EntryParts& entry) {
  uint32_t non_shared = 0;
  uint32_t value_bytes = 0;
  if (!reader.read_varint32(entry.shared) || !reader.read_varint32(non_shared) ||
      !reader.read_varint32(value_bytes)) {
    return false;
  }
  if (!separated) {
    return reader.read_bytes(non_shared, entry.delta) &&
           reader.read_bytes(value_bytes, entry.value);
  }
  uint32_t stored = 0;
  if (at_restart && !reader.read_varint32(stored)) return false;
  if (at_restart) value_offset = stored;
  if (value_offset > values.size() || value_bytes > values.size() - value_offset) return false;
  entry.value = values.subspan(value_offset, value_bytes);
  value_offset += value_bytes;
  return reader.read_bytes(non_shared, entry.delta);
}

// Adds the block's entries. False when one is malformed, of a type that no scan takes, out of
// order, or when restart points don't stand where entries are.
bool read_entries(std::span<uint8_t const> block, BlockTail const& tail, Layout const& layout,
                  KeyOrder order, std::vector<test::TestEntry>& entries) {
  bool const separated = layout.entries_per_restart != 0;
  std::span<uint8_t const> const values =
      block.subspan(tail.entries_end, tail.restarts_offset - tail.entries_end);
  ByteReader reader(block.first(tail.entries_end));
  std::string key;
  std::size_t value_offset = 0;
  uint32_t previous_shared = 0;
  uint32_t restart = 0;
  uint32_t entries_since_restart = layout.entries_per_restart;
  while (!reader.empty()) {
    bool const at_restart =
        restart < tail.restart_count &&
        load_fixed32(block.data() + tail.restarts_offset + 4 * restart) == reader.position();
    if (separated && at_restart != (entries_since_restart == layout.entries_per_restart)) {
      return false;
    }
    entries_since_restart = at_restart ? 1 : entries_since_restart + 1;
    EntryParts parts;
    if (!read_entry(reader, at_restart, separated, values, value_offset, parts) ||
        parts.shared > key.size() || (at_restart && parts.shared != 0)) {
      return false;
    }
    std::string const previous =
        std::exchange(key, key.substr(0, parts.shared) + text_of(parts.delta));
    // What entry_walk.hpp takes on trust: that a writer shared all it could, where the entry before
    // doesn't show it.
    if (!at_restart && parts.shared < previous_shared &&
        testing::shared_prefix(previous, key) > parts.shared) {
      return false;
    }
    previous_shared = parts.shared;
    if (at_restart) ++restart;
    if (key.size() < kTrailerBytes) return false;
    uint64_t trailer = 0;
    std::memcpy(&trailer, key.data() + key.size() - kTrailerBytes, kTrailerBytes);
    test::TestEntry entry{key.substr(0, key.size() - kTrailerBytes), trailer >> 8,
                          static_cast<uint8_t>(trailer), text_of(parts.value)};
    if (entry.type != test::kTypeValue && entry.type != test::kTypeDeletion &&
        entry.type != test::kTypeSingleDeletion) {
      return false;
    }
    if (layout.global_sequence != kNoGlobalSequence) {
      entry.sequence = layout.global_sequence;
      // Such a table has a user key once.
      if (!entries.empty() && entries.back().user_key == entry.user_key) return false;
    }
    if (!entries.empty() && !test::entry_before(entries.back(), entry, order)) return false;
    entries.push_back(std::move(entry));
  }
  return restart == tail.restart_count;
}

void add_block(Input& input, Layout layout, std::span<uint8_t const> piece) {
  std::size_t const r = piece.front() % kRunsMax;
  if (r != kRunsMax - 1) layout.global_sequence = kNoGlobalSequence;
  std::span<uint8_t const> const block = piece.subspan(1);
  BlockTail const tail = parse_data_block_tail(block, layout.entries_per_restart != 0, {kPath, 0});
  if (tail.entries_end == 0) return;
  test::RunData& run = input.runs[r];
  run.append(test::BuiltBlock{text_of(block), tail.entries_end, tail.restarts_offset,
                              tail.restart_count, layout.entries_per_restart},
             {}, layout.global_sequence);
  input.in_order = read_entries(block, tail, layout, run.order, input.entries[r]) && input.in_order;
}

void choose_predicate(Input& input, uint32_t choice) {
  test::PredicateProgram& program = input.program;
  if (choice == 1) {
    uint16_t const field = program.field(test::bytes_field(FieldSource::kKey, 1, kToTheEnd));
    program.test(field, Comparison::kGreaterEqual, program.text("a"));
    input.predicate = [](std::string const& key, uint64_t, std::string const&) {
      return !key.empty() && key.substr(1) >= "a";
    };
  } else if (choice == 2) {
    uint16_t const field =
        program.field(test::from_end(test::number_field(FieldSource::kValue, FieldType::kU8, 1)));
    program.test(field, Comparison::kLess, program.integer(0x70));
    input.predicate = [](std::string const&, uint64_t, std::string const& value) {
      return !value.empty() && static_cast<uint8_t>(value.back()) < 0x70;
    };
  } else if (choice == 3) {
    uint16_t const field =
        program.field(test::number_field(FieldSource::kValue, FieldType::kU16, 1));
    program.test(field, Comparison::kNotEqual, program.integer(0));
    input.predicate = [](std::string const&, uint64_t, std::string const& value) {
      return value.size() >= 3 && (value[1] != 0 || value[2] != 0);
    };
  }
}

KeyOrder order_of(Pieces const& pieces) {
  bool const descend = !pieces.empty() && !pieces[0].empty() && (pieces[0][0] & 0x80) != 0;
  return descend ? KeyOrder::kReverseBytewise : KeyOrder::kBytewise;
}

Layout layout_of(Pieces const& pieces) {
  std::vector<uint8_t> options = pieces.empty() ? std::vector<uint8_t>() : pieces[0];
  options.resize(4);
  return {options[3], (options[2] & 4) != 0 ? options[1] : kNoGlobalSequence};
}

Input parse(Pieces const& pieces) {
  Input input;
  input.runs.resize(kRunsMax);
  input.entries.resize(kRunsMax);
  std::vector<uint8_t> options = pieces[0];
  options.resize(3);
  uint8_t const flags = options[0];
  input.window.order = order_of(pieces);
  for (test::RunData& run : input.runs) run.order = input.window.order;
  input.window.lower_after = (options[2] & 1) != 0;
  input.window.upper_after = (options[2] & 2) != 0;
  if ((flags & 1) != 0) input.window.lower = text_of(pieces[1]);
  if ((flags & 2) != 0) input.window.upper = text_of(pieces[2]);
  if ((flags & 4) != 0) input.resolution = test::Resolution::kMark;
  if ((flags & 8) != 0) input.window.snapshot = options[1];
  choose_predicate(input, flags >> 4 & 3);

  for (std::size_t i = kFixedPieces; i < std::min(pieces.size(), kFixedPieces + kBlocksMax); ++i) {
    if (pieces[i].empty()) continue;
    accepts(kPath, [&] { add_block(input, layout_of(pieces), pieces[i]); });
  }
  for (std::size_t r = 0; r < kRunsMax; ++r) {
    test::RunData& run = input.runs[r];
    if ((flags & 0x40) != 0) {
      input.in_order = false;
      run.smallest_sequence = options[1] / 2;
      run.largest_sequence = options[1];
      continue;
    }
    for (test::TestEntry const& entry : input.entries[r]) {
      run.largest_sequence = std::max(run.largest_sequence, entry.sequence);
      run.smallest_sequence = std::min(run.smallest_sequence, entry.sequence);
    }
  }
  return input;
}

Device& device() {
  static std::unique_ptr<Device> const separate = make_cpu_device(CpuMirror::kSeparate);
  return *separate;
}

void run(Input const& input) {
  static StreamView const stream = device().create_stream();
  test::KernelPipeline pipeline(device(), stream, input.runs, input.window, input.program);
  ScanStatus const status = pipeline.run(input.resolution);
  if (status.errors != 0) {
    require(status.fault != ScanFault::kNone && status.fault_run < input.runs.size(),
            "a fault that is none, or in no run");
    require(!input.in_order, "a fault in blocks that are in order");
    return;
  }
  std::vector<test::ModelRow> const rows = pipeline.rows();  // checks each row's offsets
  if (has_planted_bug) {
    for (test::ModelRow const& row : rows) {
      ExactBytes const value(
          {reinterpret_cast<uint8_t const*>(row.value.data()), row.value.size()});
      static volatile uint8_t sum = 0;
      // Long keys are taken to have a value.
      if (row.user_key.size() > 12) sum = sum + value.data()[3];
    }
  }
  if (!input.in_order) return;
  std::vector<test::ModelRow> const expected =
      test::model_scan(input.entries, input.window, input.predicate).rows;
  if (rows == expected) return;
  std::ostringstream text;
  text << "other rows than those of the maps\n";
  for (test::ModelRow const& row : expected) text << "  expected " << row << '\n';
  for (test::ModelRow const& row : rows) text << "  found    " << row << '\n';
  report(text.str());
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  GTEST_FLAG_SET(throw_on_failure, true);  // what the pipeline expects of its rows
  return 0;
}

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  fuzz::Pieces pieces = fuzz::split_pieces({data, size});
  if (pieces.size() <= fuzz::kFixedPieces) return 0;
  fuzz::run(fuzz::parse(pieces));
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  return fuzz::mutate_pieces(
      data, size, size_max, seed, fuzz::kFixedPieces,
      [&](std::size_t index, std::vector<uint8_t>& piece) {
        if (index < fuzz::kFixedPieces || piece.empty() || seed % 8 == 0) return;
        std::vector<uint8_t> block(piece.begin() + 1, piece.end());
        fuzz::Pieces const whole = fuzz::split_pieces({data, size});
        uint32_t const entries_per_restart = fuzz::layout_of(whole).entries_per_restart;
        if (seed % 2 == 0) {
          fuzz::mutate_entries(block, fuzz::order_of(whole), entries_per_restart, seed);
        } else if (entries_per_restart == 0) {
          fuzz::rebuild_restarts(block, fuzz::EntryLayout::kValueLength, seed);
        }
        piece.resize(1);
        piece.insert(piece.end(), block.begin(), block.end());
      });
}
