#include "fuzz/wal_model.hpp"

#include <algorithm>
#include <map>

#include "fuzz/batch_model.hpp"

namespace levelscan::fuzz {
namespace {

constexpr std::size_t kHeaderBytes = 12;

class Replay {
 public:
  Replay(uint32_t column_family, bool two_phase_commit)
      : column_family_(column_family), two_phase_commit_(two_phase_commit) {}

  WalModel run(std::vector<std::vector<uint8_t>> const& records) {
    for (std::vector<uint8_t> const& record : records) {
      if (!model_.torn && !model_.refused) take(record);
    }
    if (!prepared_.empty()) model_.refused = true;
    if (next_ && *next_ > 0) model_.last_sequence = *next_ - 1;
    std::sort(model_.entries.begin(), model_.entries.end(),
              [](WalModel::Entry const& a, WalModel::Entry const& b) {
                return a.key != b.key ? a.key < b.key : a.trailer > b.trailer;
              });
    return std::move(model_);
  }

 private:
  void take(std::vector<uint8_t> const& record) {
    if (record.size() < kHeaderBytes) {
      model_.torn = true;
      return;
    }
    BatchModel const batch = read_batch_model(record);
    if (batch.sequence > kMaxSequence) {
      model_.torn = true;
      return;
    }
    model_.refused = !batch.well_formed || (next_ && batch.sequence < *next_);
    sequence_ = batch.sequence;
    ++model_.batches;
    section_.reset();
    for (ModelOperation const& operation : batch.operations) {
      if (model_.torn || model_.refused) break;
      take(operation);
    }
    if (section_) model_.refused = true;
    next_ = sequence_;
  }

  void take(ModelOperation const& operation) {
    switch (operation.tag) {
      case 0x03:  // log data
      case 0x0d:  // no-op
        return;
      case 0x09:  // begin of a prepared section
        model_.refused = !two_phase_commit_ || section_;
        section_.emplace();
        return;
      case 0x12:  // of the other policies
      case 0x13: model_.refused = true; return;
      case 0x0a: {  // its end
        std::string const& name = operation.strings[0];
        model_.refused = !section_ || prepared_.contains(name);
        if (section_) prepared_[name] = std::move(*section_);
        section_.reset();
        return;
      }
      case 0x0b:  // commit
      case 0x15:
        model_.refused = !two_phase_commit_ || section_;
        finish(operation.strings.back(), true);
        return;
      case 0x0c:  // rollback
        model_.refused = section_.has_value();
        finish(operation.strings[0], false);
        return;
      default:
        if (section_) {
          section_->push_back(operation);
        } else {
          apply(operation);
        }
    }
  }

  void finish(std::string const& name, bool commits) {
    auto const found = prepared_.find(name);
    if (found == prepared_.end()) return;
    for (ModelOperation const& operation : found->second) {
      if (commits && !model_.torn) apply(operation);
    }
    prepared_.erase(found);
  }

  void apply(ModelOperation const& operation) {
    bool const counts =
        operation.column_family == kFirstFamily || operation.column_family == kSecondFamily;
    bool const is_range = operation.tag == 0x0e || operation.tag == 0x0f;
    if (counts && is_range) {
      if (operation.strings[0] == operation.strings[1]) return;  // and takes no number
      if (operation.column_family == kFirstFamily && operation.strings[0] > operation.strings[1]) {
        model_.torn = true;
        return;
      }
    }
    if (operation.column_family == column_family_) {
      if (sequence_ > kMaxSequence) model_.refused = true;
      if (is_range) {
        RangeTombstone tombstone;
        tombstone.start = operation.strings[0];
        tombstone.end = operation.strings[1];
        tombstone.sequence = sequence_;
        model_.tombstones.push_back(tombstone);
      } else {
        model_.entries.push_back({operation.strings[0],
                                  sequence_ << 8 | type_in_tables(operation.tag),
                                  operation.strings.size() > 1 ? operation.strings[1] : ""});
      }
    }
    ++sequence_;
  }

  // In tables an entry has the type of the tag without a column family.
  static uint8_t type_in_tables(uint8_t tag) {
    static std::map<uint8_t, uint8_t> const without_family = {
        {0x05, 0x01}, {0x04, 0x00}, {0x08, 0x07}, {0x06, 0x02},
        {0x10, 0x11}, {0x17, 0x16}, {0x19, 0x18}};
    auto const found = without_family.find(tag);
    return found == without_family.end() ? tag : found->second;
  }

  uint32_t column_family_;
  bool two_phase_commit_;
  WalModel model_;
  std::optional<std::vector<ModelOperation>> section_;  // that is open
  std::map<std::string, std::vector<ModelOperation>> prepared_;
  uint64_t sequence_ = 0;
  std::optional<uint64_t> next_;
};

}  // namespace

WalModel replay_model(std::vector<std::vector<uint8_t>> const& records, uint32_t column_family,
                      bool two_phase_commit) {
  return Replay(column_family, two_phase_commit).run(records);
}

}  // namespace levelscan::fuzz
