// A write batch: read where a second reader reads it, and as the same operations; else corruption.
#include <algorithm>
#include <array>

#include "fuzz/batch_model.hpp"
#include "fuzz/batch_mutator.hpp"
#include "fuzz/fuzz_support.hpp"
#include "version/write_batch.hpp"

namespace levelscan::fuzz {
namespace {

using Kind = BatchOperation::Kind;

struct Meaning {
  uint8_t tag;
  uint8_t tag_with_column_family;
  Kind kind;
  EntryType entry_type;
};
constexpr EntryType kNoType = BatchOperation().entry_type;
constexpr std::array<Meaning, 17> kMeanings = {{
    {0x01, 0x05, Kind::kEntry, EntryType::kValue},
    {0x00, 0x04, Kind::kEntry, EntryType::kDeletion},
    {0x07, 0x08, Kind::kEntry, EntryType::kSingleDeletion},
    {0x02, 0x06, Kind::kEntry, EntryType::kMerge},
    {0x11, 0x10, Kind::kEntry, EntryType::kBlobIndex},
    {0x16, 0x17, Kind::kEntry, EntryType::kWideColumnEntity},
    {0x18, 0x19, Kind::kEntry, EntryType::kValuePreferredSequence},
    {0x0f, 0x0e, Kind::kDeleteRange, kNoType},
    {0x03, 0x03, Kind::kLogData, kNoType},
    {0x0d, 0x0d, Kind::kNoop, kNoType},
    {0x09, 0x09, Kind::kBeginPrepare, kNoType},
    {0x12, 0x12, Kind::kBeginPersistedPrepare, kNoType},
    {0x13, 0x13, Kind::kBeginUnprepare, kNoType},
    {0x0a, 0x0a, Kind::kEndPrepare, kNoType},
    {0x0b, 0x0b, Kind::kCommit, kNoType},
    {0x15, 0x15, Kind::kCommitWithTimestamp, kNoType},
    {0x0c, 0x0c, Kind::kRollback, kNoType},
}};

void check(BatchOperation const& operation, ModelOperation const& model) {
  Meaning const& meaning =
      *std::find_if(kMeanings.begin(), kMeanings.end(), [&](Meaning const& candidate) {
        return candidate.tag == model.tag || candidate.tag_with_column_family == model.tag;
      });
  require(operation.kind == meaning.kind && operation.entry_type == meaning.entry_type,
          "an operation of another kind");
  require(operation.column_family == model.column_family, "another column family");
  require(operation.writes() == find_batch_tag(model.tag)->writes, "an operation miscounted");
  std::vector<std::span<uint8_t const>> strings = {operation.key, operation.value};
  // A timestamp stands before the name, and log data are no key.
  if (operation.kind == Kind::kCommitWithTimestamp || operation.kind == Kind::kLogData) {
    std::swap(strings[0], strings[1]);
  }
  for (std::size_t i = 0; i < strings.size(); ++i) {
    std::string const expected = i < model.strings.size() ? model.strings[i] : std::string();
    require(as_text(strings[i]) == expected, "another string");
  }
}

void read_all(std::span<uint8_t const> batch, BatchModel const& model, std::string const& path) {
  WriteBatchReader reader(batch, {path, 0});
  require(reader.sequence() == model.sequence && reader.count() == model.count, "another header");
  BatchOperation operation;
  std::size_t operations = 0;
  while (reader.next(operation)) {
    require(operations < model.operations.size(), "an operation that is malformed");
    check(operation, model.operations[operations]);
    ++operations;
  }
  require(operations == model.operations.size(), "an operation that got lost");
  if (has_planted_bug) {
    // "No batch that checks has a longer timestamp."
    static uint8_t timestamp[12];
    for (ModelOperation const& committed : model.operations) {
      if (committed.tag != 0x15) continue;
      std::copy(committed.strings[0].begin(), committed.strings[0].end(), timestamp);
    }
  }
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  if (size < kBatchHeaderBytes) return 0;
  fuzz::ExactBytes const batch({data, size});
  fuzz::BatchModel const model = fuzz::read_batch_model(batch.span());
  std::string const path = "000001.log";
  bool const accepted = fuzz::accepts(path, [&] { fuzz::read_all(batch.span(), model, path); });
  fuzz::require(accepted == model.well_formed, "a second reader takes the batch differently");
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  std::vector<uint8_t> const batch = fuzz::mutate_batch({data, data + size}, seed);
  size = std::min(batch.size(), size_max);
  std::copy_n(batch.begin(), size, data);
  return size;
}
