// Data blocks that stay in device memory from one scan to the next. What a fill of a run's data
// block brings to the device is a piece: it is copied into the cache instead of the level buffer,
// and stays. A later fill that begins with a block of a piece takes its blocks from there, as long
// as they follow one another, and copies nothing; blocks are known by table and place in its file.
//
// All memory is allocated at construction. Pieces lie in it as in a ring: the hand stands where the
// next one goes, and what it finds there makes room, unless a task looks at it or this scan has. So
// a scan of more than fits keeps what it found first, and finds that again the next time, instead
// of taking out each block just before it is asked for.
//
// A piece is held by whoever has a pointer to it. REQUIRES: no work in flight reads or writes it
// when the last pointer goes. Thread-safe.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "device/memory.hpp"
#include "kernels/run_view.hpp"

namespace levelscan {

class DeviceCache {
 public:
  // Of an SST block. Tables are numbered within their run.
  struct Place {
    std::size_t run;
    std::size_t table;
    uint64_t offset;  // in the file
    auto operator<=>(Place const&) const = default;
  };
  struct Block {
    Place place;
    uint64_t stored_bytes;  // in the file
    DataBlockRef ref;       // from the piece's data on
  };

  // What one fill brought. Immutable once it has entered.
  class Piece {
   public:
    [[nodiscard]] uint8_t* data() const { return data_; }  // on the device
    [[nodiscard]] std::vector<Block> const& blocks() const { return blocks_; }
    [[nodiscard]] bool has_key_prefixes() const { return has_key_prefixes_; }
    // The block at `place`, among those from number `first` on. Null: it isn't there.
    [[nodiscard]] Block const* find(Place const& place, std::size_t first = 0) const;

   private:
    friend class DeviceCache;
    uint8_t* data_ = nullptr;
    std::size_t bytes_ = 0;  // of the ring
    std::vector<Block> blocks_;
    bool has_key_prefixes_ = false;
    bool ends_fill_ = false;
    uint64_t used_in_ = 0;  // the last scan that began a fill with it
  };

  // Throws DeviceError.
  DeviceCache(Device& device, std::size_t bytes);

  // REQUIRES: no scan runs.
  void begin_scan();

  // The piece that a fill can begin with whose first block is the one at `place`. Null: none. Not
  // one whose last block it is, unless no more was to be read either when that was filled: a fill
  // of one block may not get past the cursor.
  [[nodiscard]] std::shared_ptr<Piece const> find(Place const& place);

  // Room for so many bytes. Null: there is none.
  [[nodiscard]] std::shared_ptr<Piece> reserve(std::size_t bytes);

  // Hands the piece to other fills. `blocks`: what it holds, in the order of the run.
  // `ends_fill`: the fill found no more to be read. REQUIRES: its data is there and verified.
  void enter(std::shared_ptr<Piece> const& piece, std::vector<Block> blocks, bool has_key_prefixes,
             bool ends_fill);

  [[nodiscard]] std::size_t bytes() const { return memory_.size(); }
  [[nodiscard]] std::size_t used_bytes() const;

 private:
  using Ring = std::map<std::size_t, std::shared_ptr<Piece>>;  // by where they begin

  // Nobody holds it, and this scan can do without it.
  [[nodiscard]] bool can_go(std::shared_ptr<Piece> const& piece) const;
  // The first piece that ends behind `begin`.
  [[nodiscard]] Ring::iterator first_behind(std::size_t begin);
  Ring::iterator remove(Ring::iterator at);

  DeviceBytes memory_;
  mutable std::mutex mutex_;  // guards what follows
  Ring ring_;
  std::map<Place, std::size_t> entered_;  // by their first block: where in the ring
  std::size_t hand_ = 0;
  std::size_t used_bytes_ = 0;
  uint64_t scan_ = 0;
  bool is_full_ = false;  // for this scan
};

}  // namespace levelscan
