#include "execute/device_cache.hpp"

#include <algorithm>
#include <utility>

namespace levelscan {

DeviceCache::Block const* DeviceCache::Piece::find(Place const& place, std::size_t first) const {
  auto const found = std::lower_bound(
      blocks_.begin() + static_cast<std::ptrdiff_t>(std::min(first, blocks_.size())), blocks_.end(),
      place, [](Block const& block, Place const& sought) { return block.place < sought; });
  return found == blocks_.end() || found->place != place ? nullptr : &*found;
}

DeviceCache::DeviceCache(Device& device, std::size_t bytes) : memory_(device, bytes) {}

void DeviceCache::begin_scan() {
  std::lock_guard const lock(mutex_);
  ++scan_;
  is_full_ = false;
}

std::size_t DeviceCache::used_bytes() const {
  std::lock_guard const lock(mutex_);
  return used_bytes_;
}

std::shared_ptr<DeviceCache::Piece const> DeviceCache::find(Place const& place) {
  std::lock_guard const lock(mutex_);
  // Pieces overlap where one had to begin with the last block of another: it has more behind it.
  auto const behind = entered_.upper_bound(place);
  if (behind == entered_.begin()) return nullptr;
  std::shared_ptr<Piece> const& piece = ring_.at(std::prev(behind)->second);
  Block const* const block = piece->find(place);
  if (block == nullptr || (block == &piece->blocks_.back() && !piece->ends_fill_)) return nullptr;
  piece->used_in_ = scan_;
  return piece;
}

std::shared_ptr<DeviceCache::Piece> DeviceCache::reserve(std::size_t bytes) {
  std::lock_guard const lock(mutex_);
  if (is_full_ || bytes == 0 || bytes > memory_.size()) return nullptr;
  std::size_t const room =
      std::min(memory_.size(), (bytes + kAllocationAlignment - 1) & ~(kAllocationAlignment - 1));
  std::size_t begin = hand_;
  for (bool wrapped = false;;) {
    if (memory_.size() - begin < room) {
      if (wrapped) {
        is_full_ = true;
        return nullptr;
      }
      wrapped = true;
      begin = 0;
    }
    Ring::iterator obstacle = first_behind(begin);
    while (obstacle != ring_.end() && obstacle->first < begin + room && can_go(obstacle->second)) {
      ++obstacle;
    }
    if (obstacle == ring_.end() || obstacle->first >= begin + room) break;
    begin = obstacle->first + obstacle->second->bytes_;
  }
  for (Ring::iterator at = first_behind(begin); at != ring_.end() && at->first < begin + room;) {
    at = remove(at);
  }
  auto piece = std::make_shared<Piece>();
  piece->data_ = memory_.data() + begin;
  piece->bytes_ = room;
  piece->used_in_ = scan_;
  ring_.emplace(begin, piece);
  used_bytes_ += room;
  hand_ = begin + room;
  return piece;
}

void DeviceCache::enter(std::shared_ptr<Piece> const& piece, std::vector<Block> blocks,
                        bool has_key_prefixes, bool ends_fill) {
  bool const ascends =
      std::adjacent_find(blocks.begin(), blocks.end(), [](Block const& a, Block const& b) {
        return a.place >= b.place;
      }) == blocks.end();
  if (blocks.empty() || !ascends) return;
  std::lock_guard const lock(mutex_);
  std::size_t const begin = static_cast<std::size_t>(piece->data_ - memory_.data());
  auto const [entered, is_new] = entered_.emplace(blocks.front().place, begin);
  if (!is_new) {
    // Two tasks met the same blocks at once.
    if (ring_.at(entered->second)->blocks_.size() >= blocks.size()) return;
    entered->second = begin;
  }
  piece->blocks_ = std::move(blocks);
  piece->has_key_prefixes_ = has_key_prefixes;
  piece->ends_fill_ = ends_fill;
}

// Others come to a piece only by find(), so what the ring alone holds nobody is about to hold.
bool DeviceCache::can_go(std::shared_ptr<Piece> const& piece) const {
  return piece.use_count() == 1 && (piece->blocks_.empty() || piece->used_in_ != scan_);
}

DeviceCache::Ring::iterator DeviceCache::first_behind(std::size_t begin) {
  Ring::iterator const next = ring_.upper_bound(begin);
  if (next == ring_.begin()) return next;
  Ring::iterator const before = std::prev(next);
  return before->first + before->second->bytes_ > begin ? before : next;
}

DeviceCache::Ring::iterator DeviceCache::remove(Ring::iterator at) {
  Piece const& piece = *at->second;
  if (!piece.blocks_.empty()) {
    auto const entered = entered_.find(piece.blocks_.front().place);
    if (entered != entered_.end() && entered->second == at->first) entered_.erase(entered);
  }
  used_bytes_ -= piece.bytes_;
  return ring_.erase(at);
}

}  // namespace levelscan
