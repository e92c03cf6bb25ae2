// Table files: footer, metaindex, properties, index, and the entries of data blocks as the host
// reads them.
#include <algorithm>

#include "fuzz/fuzz_support.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/table_mutator.hpp"
#include "table/table_reader.hpp"

namespace levelscan::fuzz {
namespace {

constexpr uint32_t kDataBlocksMax = 32;

void read_data_block(Table const& table, BlockHandle const& handle) {
  std::vector<uint8_t> const block = table.read_block(handle);
  for_each_data_entry(block, table.entries_per_restart(), {table.path(), handle.offset},
                      [](auto const&, auto const&) { return true; });
}

void read(Table const& table) {
  require(table.blocks_end() <= table.file_bytes(), "blocks beyond the file");
  for (auto const& [name, handle] : table.metaindex()) {
    require(block_handle_in_bounds(handle, table.blocks_end()),
            "a metadata block outside the file");
  }
  if (has_planted_bug) {
    static uint8_t seen[1024];
    seen[table.properties().entries] = 1;  // "no table has more"
  }
  if (!table.refusals().empty()) return;
  std::vector<uint8_t> const index = table.read_index_block();
  uint32_t blocks = 0;
  for (IndexCursor cursor = table.index_cursor(index); cursor.valid(); cursor.next()) {
    require(block_handle_in_bounds(cursor.handle(), table.blocks_end()),
            "a data block outside the file");
    if (++blocks <= kDataBlocksMax) {
      accepts(table.path(), [&] { read_data_block(table, cursor.handle()); });
    }
  }
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  static fuzz::MemoryFile file;
  file.fill({data, size});
  fuzz::accepts(file.path(), [&] {
    std::vector<Refusal> refusals;
    auto const table = Table::open(file.path(), 1, size, KeyOrder::kBytewise, refusals);
    fuzz::require(table != nullptr || !refusals.empty(), "no table, and nothing refused");
    if (table) fuzz::read(*table);
  });
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  return fuzz::mutate_table(data, size, size_max, seed);
}
