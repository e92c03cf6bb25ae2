#include "version/wal_replay.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "table/coding.hpp"
#include "table/key_comparison.hpp"
#include "version/version_edit.hpp"
#include "version/write_batch.hpp"

namespace levelscan {
namespace {

using Kind = BatchOperation::Kind;

constexpr uint64_t kEntryBytesMax = uint64_t{1} << 31;

constexpr std::string_view kTransactionAdvice =
    "open the database with TransactionDB, commit or roll back its prepared transactions, call "
    "Flush() and close it";
constexpr std::string_view kPolicyAdvice =
    "open the database with TransactionDB and the write policy that it was written with, end all "
    "transactions, call Flush() and close it";

// What can't stand between the beginning of a prepared section and its end.
bool begins_or_ends_a_transaction(Kind kind) {
  switch (kind) {
    case Kind::kBeginPrepare:
    case Kind::kBeginPersistedPrepare:
    case Kind::kBeginUnprepare:
    case Kind::kCommit:
    case Kind::kCommitWithTimestamp:
    case Kind::kRollback: return true;
    case Kind::kEntry:
    case Kind::kDeleteRange:
    case Kind::kLogData:
    case Kind::kNoop:
    case Kind::kEndPrepare: return false;
  }
  return false;
}

// A transaction's operations, between its prepare and its commit.
struct PreparedSection {
  struct Operation {
    BatchOperation operation;  // its spans point into `bytes`
    std::vector<uint8_t> bytes;
  };
  std::vector<Operation> operations;
  uint64_t bytes = 0;
  bool is_part = false;  // as the WriteUnprepared policy writes them: others may have the name too
  std::string path;
  uint64_t offset = 0;
};

class Replay {
 public:
  explicit Replay(WalReplayRequest const& request)
      : request_(request), contents_(request.memory_bytes) {}

  WalContents run() {
    for (WalFile const& log : request_.logs) replay_log(log);
    check_families();
    for (auto const& [name, section] : prepared_) {
      contents_.refusals.push_back(
          {"prepared transaction", section.path, section.offset, std::string(kTransactionAdvice)});
    }
    if (next_sequence_ && *next_sequence_ > 0) contents_.last_sequence = *next_sequence_ - 1;
    return std::move(contents_);
  }

 private:
  void replay_log(WalFile const& log) {
    std::optional<RandomAccessFile> const file = RandomAccessFile::open_if_exists(log.path);
    if (!file) {
      throw Error(ErrorCode::kRuntime, fmt::format("{} vanished while it was read", log.path));
    }
    summary_ = &contents_.logs.emplace_back();
    summary_->number = log.number;
    summary_->path = log.path;
    summary_->bytes = file->size();
    WalReader reader(*file, log.number, std::max<uint64_t>(request_.memory_bytes, 1));
    while (std::optional<std::span<uint8_t const>> const record = reader.next()) {
      if (!take_batch(*record, reader)) break;
    }
    check_timestamps(reader);
    if (!summary_->counts) return;
    summary_->end = reader.end();
    summary_->end_offset = reader.end_offset();
    summary_->end_reason = reader.end_reason();
    summary_->is_damaged = reader.is_damaged();
    if (reader.end() == WalEnd::kOld) after_old_ = true;
    if (reader.end() == WalEnd::kTorn || reader.end() == WalEnd::kCutOff) {
      stopped_ = true;
      torn_log_ = log.number;
    }
  }

  // False: nothing more of this log counts.
  bool take_batch(std::span<uint8_t const> record, WalReader& reader) {
    uint64_t const offset = reader.record_offset();
    if (record.size() < kBatchHeaderBytes) {
      reader.tear(offset, fmt::format("write batch of {} bytes", record.size()));
      return false;
    }
    WriteBatchReader batch(record, {summary_->path, offset});
    uint64_t const sequence = batch.sequence();
    if (sequence > kMaxSequence) {
      reader.tear(offset, fmt::format("sequence number {} out of range", sequence));
      return false;
    }
    bool const follows = next_sequence_ == sequence;
    if (stopped_ && !follows) {
      summary_->counts = false;
      return false;
    }
    stopped_ = false;
    if (!follows) check_gap(sequence, offset);
    after_old_ = false;
    sequence_ = sequence;
    ++summary_->batches;
    bool const whole = apply_batch(batch, offset, reader);
    next_sequence_ = sequence_;
    return whole;
  }

  // A batch that doesn't begin where the one before ended.
  void check_gap(uint64_t sequence, uint64_t offset) {
    if (after_old_) {
      refuse("gap of sequence numbers after a recycled write-ahead log", offset,
             "releases of RocksDB differ on what counts after it; open the database with RocksDB, "
             "call Flush() and close it");
    } else if (next_sequence_ && sequence < *next_sequence_) {
      refuse("sequence numbers that go back, as the WritePrepared policy writes them", offset,
             kPolicyAdvice);
    }
  }

  bool apply_batch(WriteBatchReader& batch, uint64_t offset, WalReader& reader) {
    std::optional<PreparedSection> section;
    BatchOperation operation;
    while (batch.next(operation)) {
      if (section && begins_or_ends_a_transaction(operation.kind)) {
        fail(offset, "prepared section without an end");
      }
      switch (operation.kind) {
        case Kind::kEntry:
        case Kind::kDeleteRange:
          if (section) {
            keep(operation, *section, offset);
          } else if (!apply(operation)) {
            stop_at_range(batch, offset, reader);
            return false;
          }
          break;
        case Kind::kLogData:
        case Kind::kNoop: break;
        case Kind::kBeginPrepare:
          if (!request_.two_phase_commit) refuse_transactions(offset);
          section.emplace();
          section->path = summary_->path;
          section->offset = offset;
          break;
        case Kind::kBeginPersistedPrepare:
        case Kind::kBeginUnprepare:
          refuse("transactions of the WritePrepared or WriteUnprepared policy", offset,
                 kPolicyAdvice);
          section.emplace();
          section->is_part = true;
          break;
        case Kind::kEndPrepare:
          if (!section) fail(offset, "end of a prepared section that has no beginning");
          prepare(std::string(as_text(operation.key)), std::move(*section), offset);
          section.reset();
          break;
        case Kind::kCommitWithTimestamp:
        case Kind::kCommit:
          if (!request_.two_phase_commit) refuse_transactions(offset);
          if (!commit(operation)) {
            stop_at_range(batch, offset, reader);
            return false;
          }
          break;
        case Kind::kRollback: static_cast<void>(take_prepared(operation)); break;
      }
    }
    if (section) fail(offset, "prepared section without an end");
    return true;
  }

  // The rest of the batch must make sense all the same.
  static void stop_at_range(WriteBatchReader& batch, uint64_t offset, WalReader& reader) {
    BatchOperation operation;
    while (batch.next(operation)) {
    }
    reader.tear(offset, "DeleteRange that ends before it starts");
  }

  void prepare(std::string name, PreparedSection section, uint64_t offset) {
    if (!section.is_part && prepared_.contains(name)) {
      fail(offset, "transaction that is prepared twice");
    }
    prepared_.insert_or_assign(std::move(name), std::move(section));
  }

  // The section of the transaction that is committed or rolled back. One that isn't there was
  // prepared in a log that is no longer needed: its rows are flushed.
  PreparedSection take_prepared(BatchOperation const& operation) {
    auto const found = prepared_.find(std::string(as_text(operation.key)));
    if (found == prepared_.end()) return {};
    PreparedSection section = std::move(found->second);
    prepared_.erase(found);
    prepared_bytes_ -= section.bytes;
    return section;
  }

  bool commit(BatchOperation const& operation) {
    PreparedSection const section = take_prepared(operation);
    return std::all_of(section.operations.begin(), section.operations.end(),
                       [this](auto const& prepared) { return apply(prepared.operation); });
  }

  void keep(BatchOperation const& operation, PreparedSection& section, uint64_t offset) {
    uint64_t const bytes =
        operation.key.size() + operation.value.size() + sizeof(PreparedSection::Operation);
    section.bytes += bytes;
    prepared_bytes_ += bytes;
    if (prepared_bytes_ > request_.memory_bytes) {
      throw Error(ErrorCode::kDevice,
                  fmt::format("{} at offset {}: prepared transactions of more than {} bytes; raise "
                              "--memory",
                              summary_->path, offset, request_.memory_bytes));
    }
    PreparedSection::Operation kept{operation, {}};
    kept.bytes.reserve(operation.key.size() + operation.value.size());
    kept.bytes.insert(kept.bytes.end(), operation.key.begin(), operation.key.end());
    kept.bytes.insert(kept.bytes.end(), operation.value.begin(), operation.value.end());
    std::span<uint8_t const> const copy(kept.bytes);  // stays where it is when the vector moves
    kept.operation.key = copy.first(operation.key.size());
    kept.operation.value = copy.subspan(operation.key.size());
    section.operations.push_back(std::move(kept));
  }

  // False: RocksDB's recovery stops here.
  bool apply(BatchOperation const& operation) {
    auto const family = request_.families.find(operation.column_family);
    bool const applies =
        family != request_.families.end() && family->second.log_number <= summary_->number;
    if (!applies) {
      ++sequence_;
      return true;
    }
    if (operation.kind == Kind::kDeleteRange) {
      std::string_view const start = as_text(operation.key);
      std::string_view const end = as_text(operation.value);
      if (start == end) return true;
      std::optional<KeyOrder> const order = family->second.key_order;
      if (order && compare_user_keys(*order, start, end) > 0) return false;
    }
    if (operation.column_family == request_.column_family) add(operation);
    ++sequence_;
    return true;
  }

  void add(BatchOperation const& operation) {
    ++summary_->entries;
    if (sequence_ > kMaxSequence) fail(0, "sequence numbers out of range");
    uint64_t const bytes = operation.key.size() + operation.value.size();
    if (operation.kind == Kind::kDeleteRange) {
      tombstone_bytes_ += bytes + sizeof(RangeTombstone);
      if (tombstone_bytes_ > request_.memory_bytes) {
        throw Error(ErrorCode::kDevice,
                    fmt::format("{}: range tombstones of more than {} bytes; raise --memory",
                                summary_->path, request_.memory_bytes));
      }
      RangeTombstone tombstone;
      tombstone.start = as_text(operation.key);
      tombstone.end = as_text(operation.value);
      tombstone.sequence = sequence_;
      contents_.range_tombstones.push_back(std::move(tombstone));
      return;
    }
    if (bytes >= kEntryBytesMax) {
      throw Error(ErrorCode::kDevice,
                  fmt::format("{}: an entry of {} bytes; at most {} can be held", summary_->path,
                              bytes, kEntryBytesMax - 1));
    }
    contents_.entries.add(operation.key,
                          sequence_ << 8 | static_cast<uint64_t>(operation.entry_type),
                          operation.value);
  }

  void refuse_transactions(uint64_t offset) {
    refuse("two-phase commits in a database whose OPTIONS file does not say allow_2pc", offset,
           kTransactionAdvice);
  }

  void check_timestamps(WalReader const& reader) {
    if (!reader.timestamp_bytes().contains(request_.column_family)) return;
    refuse("user-defined timestamps", 0, kReadWithRocksdbAdvice);
  }

  // Column families that were flushed after the place where another one's rows are lost.
  void check_families() const {
    if (!stopped_) return;
    for (auto const& [id, family] : request_.families) {
      if (family.log_number <= torn_log_ || !family.has_tables) continue;
      throw corruption_error(
          torn_path(), fmt::format("the log is torn, but tables of column family '{}' hold rows "
                                   "written after it; RocksDB refuses such a database too",
                                   family.name));
    }
  }

  [[nodiscard]] std::string torn_path() const {
    for (WalSummary const& log : contents_.logs) {
      if (log.number == torn_log_) return log.path;
    }
    return {};
  }

  [[noreturn]] void fail(uint64_t offset, std::string_view what) const {
    throw corruption_error(summary_->path, offset, what);
  }

  // Once a feature.
  void refuse(std::string feature, uint64_t offset, std::string_view advice) {
    auto& refusals = contents_.refusals;
    if (std::any_of(refusals.begin(), refusals.end(),
                    [&](Refusal const& refusal) { return refusal.feature == feature; })) {
      return;
    }
    refusals.push_back({std::move(feature), summary_->path, offset, std::string(advice)});
  }

  WalReplayRequest const& request_;
  WalContents contents_;
  WalSummary* summary_ = nullptr;  // of the log being read
  std::map<std::string, PreparedSection> prepared_;
  uint64_t prepared_bytes_ = 0;
  uint64_t tombstone_bytes_ = 0;
  uint64_t sequence_ = 0;                  // of the next operation
  std::optional<uint64_t> next_sequence_;  // after the last batch that counted
  bool after_old_ = false;                 // a recycled log's end, until a batch after it counts
  bool stopped_ = false;                   // after a torn log
  uint64_t torn_log_ = 0;
};

}  // namespace

WalContents replay_write_ahead_logs(WalReplayRequest const& request) {
  return Replay(request).run();
}

}  // namespace levelscan
