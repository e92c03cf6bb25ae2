// Whole scans of a damaged table: run reader, windows, kernels, rows, with checksums verified and
// not. The table stands in two runs, so that every row is looked for in another run.
#include <algorithm>

#include "execute/scanner.hpp"
#include "fuzz/fuzz_support.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/table_mutator.hpp"
#include "query/parser.hpp"
#include "table/table_reader.hpp"

namespace levelscan::fuzz {
namespace {

constexpr uint64_t kMemoryBytes = 8 << 20;

// Looks at every byte of every cell.
class ReadingSink : public RowSink {
 public:
  void format(RowBatch const& batch, Text& text) const override {
    for (uint32_t i = 0; i < batch.row_count * batch.column_count; ++i) {
      Cell const& cell = batch.cells[i];
      if (cell.kind != ScalarKind::kBytes) continue;
      ByteSpan const bytes = batch.bytes_of(cell);
      text.append(reinterpret_cast<char const*>(bytes.data()), bytes.size());
      if (has_planted_bug) {
        static uint8_t copy[12];  // "no cell is longer"
        std::copy(bytes.begin(), bytes.end(), copy);
      }
    }
  }
  void write(std::string_view text) override { bytes_ += text.size(); }

 private:
  std::size_t bytes_ = 0;
};

DatabaseVersion version_of(std::shared_ptr<Table const> const& table) {
  DatabaseVersion version;
  version.path = table->path();
  version.last_sequence = kSequenceMax;
  for (int const level : {0, 1}) {
    TableMeta meta;
    meta.file_number = 1;
    meta.path = table->path();
    meta.file_bytes = table->file_bytes();
    meta.level = level;
    meta.smallest = std::string(8, '\xff');
    meta.largest = std::string(40, '\xff') + std::string(8, '\0');
    meta.largest_sequence = kSequenceMax;
    version.runs.push_back({level, {table}, {meta}, kSequenceMax});
  }
  return version;
}

void scan(DatabaseVersion const& version, bool verify_checksums) {
  static Schema const schema;
  static auto const where = std::make_shared<Expression const>(
      parse_expression("key_size > 3 and not value < 'b'", schema));
  ScannerOptions options;
  options.backend = Backend::kCpu;
  options.threads = 1;
  options.memory_bytes = kMemoryBytes;
  options.data_block_bytes = 1024;
  options.candidates_max = 64;
  options.candidate_key_bytes = 4096;
  options.result_bytes = 4096;
  options.read_area_bytes = 16384;
  options.verify_checksums = verify_checksums;
  Query query;
  query.columns = {*schema.find("key"), *schema.find("value")};
  if (!verify_checksums) query.where = where;
  ReadingSink sink;
  try {
    Scanner(version, options).run(query, &sink);
  } catch (Error const& error) {
    bool const known = error.code() == ErrorCode::kCorruption ||
                       error.code() == ErrorCode::kUnsupported ||
                       error.code() == ErrorCode::kDevice;
    if (!known) report(std::string("an error of another kind: ") + error.what());
  }
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  static fuzz::MemoryFile file;
  file.fill({data, size});
  std::shared_ptr<Table const> table;
  fuzz::accepts(file.path(), [&] {
    std::vector<Refusal> refusals;
    table = Table::open(file.path(), 1, size, KeyOrder::kBytewise, refusals);
  });
  if (!table || !table->refusals().empty()) return 0;
  DatabaseVersion const version = fuzz::version_of(table);
  fuzz::scan(version, true);
  fuzz::scan(version, false);
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  return fuzz::mutate_table(data, size, size_max, seed);
}
