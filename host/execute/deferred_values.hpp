// Values of candidates that do not stand in their block: blob references and merge operands. They
// come here resolved, so each is a row if the predicate accepts its value.
//
// The candidates' keys are brought to the host. In key order, as far as the space for values
// reaches, blobs are read (a batch at a time, in file order, neighbours in one read) and operands
// merged; a kernel then puts the values in their places. Where the space ends the window has to end
// too: the round is done again with it, and finds here what is complete already.
//
// Belongs to one task; not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.hpp"
#include "execute/entry_versions.hpp"
#include "execute/scan_result.hpp"
#include "pool/scan_buffer.hpp"
#include "table/blob_file.hpp"
#include "version/database_version.hpp"

namespace levelscan {

// What stands behind a candidate with merge operands: versions newest first, the last one perhaps
// the base. Bytes that are no longer resident are kept in `copies`.
struct MergeHistory {
  std::vector<EntryVersion> versions;
  std::deque<std::string> copies;
};

// The entries that candidates were made of.
class EntrySource {
 public:
  // The value's bytes in the block.
  [[nodiscard]] virtual std::string_view stored(Candidate const& candidate) const = 0;
  // Appends the visible versions of a key down to the first that is no merge operand.
  virtual void find_versions(std::string const& user_key, MergeHistory& history) = 0;
  // Names file and offset.
  [[nodiscard]] virtual std::string place(Candidate const& candidate) const = 0;

 protected:
  ~EntrySource() = default;
};

class DeferredValues {
 public:
  // All references outlive it.
  DeferredValues(DatabaseVersion const& version, ScanBuffer& buffer, Device& device,
                 bool verify_checksums, ScanStatistics& statistics)
      : version_(version),
        buffer_(buffer),
        device_(device),
        verify_checksums_(verify_checksums),
        statistics_(statistics) {}

  // Forgets the values of the round before.
  void begin_round();

  // Completes the candidates [0, candidate_count) that are alive and deferred, and enqueues the
  // kernel that puts the values in place. Returns the smallest user key that found no room, if one
  // did: then the candidates from there on are as they were. Throws Error; NeedLayout when not even
  // one value finds room.
  [[nodiscard]] std::optional<std::string> complete(CompleteDeferred::Args const& query,
                                                    uint32_t candidate_count, EntrySource& source);

 private:
  struct Item {
    std::string user_key;
    Candidate candidate;
    uint32_t place = 0;
  };
  // What is known of an item before its blob is read.
  struct Draft {
    std::optional<BlobReference> blob;  // the value, or with operands what they are merged to
    BlobFile const* file = nullptr;
    BlobFile::Record record;
    std::size_t record_at = 0;  // in the read area
    MergeHistory history;       // with operands
  };
  struct Value {
    std::string user_key;
    EntryType type = EntryType::kValue;
    uint32_t offset = 0;
    uint32_t size = 0;
  };

  void collect(uint32_t candidate_count);
  void keep_values_of(std::size_t& complete_count);
  [[nodiscard]] Draft draft(Item const& item, EntrySource& source) const;
  void read_blobs(std::vector<Draft>& drafts);
  [[nodiscard]] std::span<uint8_t const> stored_blob(Draft const& draft,
                                                     std::string const& user_key) const;
  // Appends the item's value. False when it finds no room.
  [[nodiscard]] bool append_blob(Item const& item, Draft const& draft);
  [[nodiscard]] bool append_merged(Item const& item, Draft const& draft, EntrySource const& source);
  // Room for `bytes` at the end of the values; null when there is none.
  [[nodiscard]] uint8_t* room_for(uint64_t bytes) const;
  void add_value(std::string const& user_key, EntryType type, uint64_t bytes);
  void put_in_place(CompleteDeferred::Args query);

  DatabaseVersion const& version_;
  ScanBuffer& buffer_;
  Device& device_;
  bool verify_checksums_;
  ScanStatistics& statistics_;

  std::vector<Item> items_;    // of the attempt, in key order
  std::vector<Value> values_;  // of the round, in key order: of the first items
  uint32_t used_bytes_ = 0;    // of the space for values
  std::vector<uint8_t> base_;  // a blob that operands are merged to
};

}  // namespace levelscan
