// What a write-ahead log's records come to, replayed over ordered lists: the rules of
// wal_replay.hpp for a log that is framed as it should be, on top of batch_model.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "version/range_tombstone.hpp"

namespace levelscan::fuzz {

// The column families of the database that the log belongs to: of the first two it counts, the
// third has been flushed since, others were dropped. The first one's keys are bytewise.
inline constexpr uint32_t kFirstFamily = 0;
inline constexpr uint32_t kSecondFamily = 1;
inline constexpr uint32_t kFlushedFamily = 2;

struct WalModel {
  struct Entry {
    std::string key;
    uint64_t trailer = 0;
    std::string value;
    bool operator==(Entry const&) const = default;
  };

  bool refused = false;  // then nothing below counts
  bool torn = false;
  uint64_t batches = 0;
  std::vector<Entry> entries;  // of the column family, in internal-key order
  std::vector<RangeTombstone> tombstones;
  std::optional<uint64_t> last_sequence;
};

[[nodiscard]] WalModel replay_model(std::vector<std::vector<uint8_t>> const& records,
                                    uint32_t column_family, bool two_phase_commit);

}  // namespace levelscan::fuzz
