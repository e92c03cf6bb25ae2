// A write-ahead log: fragments, batches, transactions, and the table that its entries become.
//
// A log that is framed plainly must come to what the model of its records comes to, and must do so
// in recyclable records and compressed too. Of other logs the table must be whole.
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/batch_mutator.hpp"
#include "fuzz/fuzz_support.hpp"
#include "fuzz/log_mutator.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/wal_model.hpp"
#include "support/format_writer.hpp"
#include "table/key_comparison.hpp"
#include "table/table_reader.hpp"
#include "version/wal_replay.hpp"

namespace levelscan::fuzz {
namespace {

constexpr uint64_t kLogNumber = 12;
constexpr uint64_t kMemoryBytes = 8 << 20;
constexpr std::size_t kBatchHeaderBytes = 12;

// The entries of the table that those of the log become.
std::vector<WalModel::Entry> table_entries(WalContents& contents) {
  std::vector<WalModel::Entry> entries;
  uint64_t const logged = contents.entries.count();
  if (logged == 0) return entries;
  std::vector<Refusal> refusals;
  UnflushedEntries::Built built =
      contents.entries.build("leveldb.BytewiseComparator", KeyOrder::kBytewise, "rows");
  require(built.entries <= logged, "more entries in the table than in the log");
  auto const table = Table::open(std::move(built.table), 1, KeyOrder::kBytewise, refusals);
  require(table != nullptr && refusals.empty(), "a table that doesn't open");
  std::string previous;
  std::vector<uint8_t> const index = table->read_index_block();
  for (IndexCursor cursor = table->index_cursor(index); cursor.valid(); cursor.next()) {
    for_each_entry(
        table->read_block(cursor.handle()), {"rows", cursor.handle().offset},
        [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
          std::string const now(as_text(key));
          require(entries.empty() || compare_internal_keys(KeyOrder::kBytewise, previous, now) < 0,
                  "entries out of order");
          if (has_planted_bug) {
            static uint8_t copy[32];  // "no key is longer"
            std::copy(key.begin(), key.end(), copy);
          }
          entries.push_back(
              {std::string(user_key_of(now)), trailer_of(now), std::string(as_text(value))});
          previous = now;
          return true;
        });
  }
  require(entries.size() == built.entries, "entries that got lost");
  require(trailer_of(built.smallest) == entries.front().trailer &&
              trailer_of(built.largest) == entries.back().trailer,
          "bounds that are no entries");
  return entries;
}

struct Question {
  uint32_t column_family;
  bool two_phase_commit;
};
Question question_of(bool second) {
  return second ? Question{kSecondFamily, false} : Question{kFirstFamily, true};
}

// What the log holds; nothing where it is refused.
std::optional<WalContents> replay(MemoryFile const& file, Question const& question) {
  WalReplayRequest request;
  request.logs = {{kLogNumber, file.path()}};
  request.families[kFirstFamily] = {"default", 3, true, KeyOrder::kBytewise};
  request.families[kSecondFamily] = {"second", kLogNumber, false, std::nullopt};
  request.families[kFlushedFamily] = {"flushed", kLogNumber + 1, false, KeyOrder::kBytewise};
  request.column_family = question.column_family;
  request.two_phase_commit = question.two_phase_commit;
  request.memory_bytes = kMemoryBytes;
  std::optional<WalContents> contents;
  accepts(file.path(), [&] {
    try {
      contents = replay_write_ahead_logs(request);
    } catch (Error const& error) {
      // A small log may hold large records that are compressed.
      if (error.code() != ErrorCode::kDevice) throw;
    }
  });
  if (!contents) return contents;
  WalSummary const& log = contents->logs.at(0);
  require(log.end_offset <= log.bytes, "an end beyond the file");
  require(log.entries == contents->entries.count() + contents->range_tombstones.size(),
          "operations that were miscounted");
  if (!contents->refusals.empty()) contents.reset();
  return contents;
}

// The table of a log that isn't framed plainly.
void check_whole(MemoryFile const& file, Question const& question) {
  std::optional<WalContents> contents = replay(file, question);
  if (contents && !contents->entries.exceeds_memory()) table_entries(*contents);
}

void compare(MemoryFile const& file, Question const& question,
             std::vector<std::vector<uint8_t>> const& records) {
  WalModel const model = replay_model(records, question.column_family, question.two_phase_commit);
  std::optional<WalContents> contents = replay(file, question);
  require(contents.has_value() != model.refused, "the model of the log is refused where it isn't");
  if (!contents) return;
  WalSummary const& log = contents->logs[0];
  require(log.end == (model.torn ? WalEnd::kTorn : WalEnd::kWhole), "another end of the log");
  require(log.batches == model.batches, "batches that were miscounted");
  require(contents->last_sequence == model.last_sequence, "another last sequence number");
  require(contents->range_tombstones == model.tombstones, "other range tombstones");
  require(table_entries(*contents) == model.entries, "other entries than the model's");
}

std::vector<uint8_t> compressed_log(std::vector<std::vector<uint8_t>> const& records) {
  static std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> const context(ZSTD_createCCtx(),
                                                                            &ZSTD_freeCCtx);
  std::vector<std::vector<uint8_t>> frames;
  for (std::vector<uint8_t> const& record : records) {
    std::vector<uint8_t>& frame = frames.emplace_back(ZSTD_compressBound(record.size()));
    frame.resize(ZSTD_compressCCtx(context.get(), frame.data(), frame.size(), record.data(),
                                   record.size(), 1));
  }
  std::string log = testing::log_fragment(9, testing::fixed(uint32_t{7}));
  log += as_text(log_of_records(frames));
  return {log.begin(), log.end()};
}

// The log with its batches' sequence numbers one after the other, where it is framed plainly.
std::vector<uint8_t> with_sequences_in_step(std::span<uint8_t const> log) {
  std::vector<std::vector<uint8_t>> records = log_records(log);
  uint64_t next = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].size() < kBatchHeaderBytes) continue;
    if (i == 0) next = load_fixed64(records[i].data());
    std::copy_n(testing::fixed(next).begin(), sizeof next, records[i].begin());
    next += load_fixed32(records[i].data() + sizeof next);
  }
  return log_of_records(records);
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  static fuzz::MemoryFile file;
  std::vector<std::vector<uint8_t>> const records = fuzz::log_records({data, size});
  std::vector<uint8_t> const plain = fuzz::log_of_records(records);
  if (!std::equal(plain.begin(), plain.end(), data, data + size)) {
    file.fill({data, size});
    fuzz::check_whole(file, fuzz::question_of(false));
    fuzz::check_whole(file, fuzz::question_of(true));
    return 0;
  }
  // One family's from the log as it is, the other's from the same records framed otherwise.
  bool const second_first = size % 2 != 0;
  file.fill(plain);
  fuzz::compare(file, fuzz::question_of(second_first), records);
  file.fill(size % 4 < 2 ? fuzz::compressed_log(records)
                         : fuzz::log_of_records(records, fuzz::kLogNumber));
  fuzz::compare(file, fuzz::question_of(!second_first), records);
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  size = fuzz::mutate_log(data, size, size_max, seed, fuzz::mutate_batch);
  if (seed % 4 == 0) return size;
  std::vector<uint8_t> const log = fuzz::with_sequences_in_step({data, size});
  if (log.size() == size) std::copy(log.begin(), log.end(), data);
  return size;
}
