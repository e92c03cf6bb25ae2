// Index blocks: the host's cursor and the kernel's binary search read the same bytes. Where the
// cursor reads the whole block and finds nothing wrong, the search must find what a walk finds.
//
//   input, in pieces: options u8 | lower | upper | block
//   options: bit 0 separators are user keys | bit 1 delta-encoded handles | bit 2 keys descend
//            bit 3 the bounds are after their keys
#include <algorithm>
#include <optional>
#include <vector>

#include "fuzz/block_repair.hpp"
#include "fuzz/fuzz_support.hpp"
#include "fuzz/pieces.hpp"
#include "kernels/index_search.hpp"
#include "table/block_tail.hpp"
#include "table/coding.hpp"
#include "table/index_cursor.hpp"
#include "table/key_comparison.hpp"

namespace levelscan::fuzz {
namespace {

constexpr std::string_view kPath = "000001.sst";
constexpr uint64_t kBlocksEnd = uint64_t{1} << 40;
constexpr std::size_t kFixedPieces = 4;
constexpr std::size_t kBlockPiece = 3;

uint8_t options_of(Pieces const& pieces) { return pieces[0].empty() ? uint8_t{0} : pieces[0][0]; }

IndexEncoding encoding_of(Pieces const& pieces) {
  uint8_t const options = options_of(pieces);
  return {(options & 2) != 0, (options & 1) != 0, false,
          (options & 4) != 0 ? KeyOrder::kReverseBytewise : KeyOrder::kBytewise};
}

struct Separator {
  std::vector<uint8_t> key;  // as stored
  IndexPosition position;
};

// Every entry, in order; nothing where the cursor throws.
std::optional<std::vector<Separator>> walk(std::span<uint8_t const> block, IndexEncoding encoding) {
  std::vector<Separator> separators;
  bool const good = accepts(kPath, [&] {
    uint64_t end = 0;
    for (IndexCursor cursor(block, encoding, kBlocksEnd, {kPath, 0}); cursor.valid();
         cursor.next()) {
      require(cursor.handle().offset >= end && cursor.handle().end() <= kBlocksEnd,
              "a handle outside the file or before the last one");
      end = cursor.handle().end();
      auto const key = cursor.key();
      separators.push_back(
          {{key.begin(), key.end()}, {cursor.restart_index(), cursor.entries_into_restart()}});
      if (has_planted_bug) {
        static uint8_t longest[48];
        std::copy(key.begin(), key.end(), longest);
      }
    }
  });
  if (!good) return std::nullopt;
  return separators;
}

bool is_below(Separator const& separator, IndexEncoding encoding, IndexTarget const& target) {
  bool const user_keys = encoding.key_is_user_key;
  std::size_t const user_size = separator.key.size() - (user_keys ? 0 : kTrailerBytes);
  std::string_view const key = as_text(std::span<uint8_t const>(separator.key).first(user_size));
  int const order = compare_user_keys(encoding.key_order, key,
                                      as_text({target.bound.key.data, target.bound.key.size}));
  if (order != 0) return order < 0;
  if (target.bound.side == BoundSide::kAfter) return true;
  return !user_keys && load_fixed64(separator.key.data() + user_size) > target.trailer;
}

void search(std::span<uint8_t const> block, BlockTail const& tail, IndexEncoding encoding,
            IndexTarget const& target, std::optional<std::vector<Separator>> const& separators) {
  IndexView view{};
  view.index = block.data();
  view.restarts_offset = tail.entries_end;
  view.restart_count = tail.entries_end == 0 ? 0 : tail.restart_count;
  view.user_keys = encoding.key_is_user_key;
  view.delta_encoded = encoding.value_is_delta_encoded;
  view.active = true;
  view.order = encoding.key_order;
  IndexPosition position{};
  uint32_t found = 0;
  bool const good = search_separators(view, target, position, found);
  if (!separators) return;
  require(good, "the search calls an index corrupt that the cursor reads");
  if (separators->empty()) return;
  auto const expected = std::find_if(
      separators->begin(), separators->end(),
      [&](Separator const& separator) { return !is_below(separator, encoding, target); });
  require((found != 0) == (expected != separators->end()), "the search and the walk differ");
  Separator const& wanted = expected == separators->end() ? separators->back() : *expected;
  require(position.restart == wanted.position.restart && position.skip == wanted.position.skip,
          "the search stops at another separator than the walk");
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  fuzz::Pieces pieces = fuzz::split_pieces({data, size});
  pieces.resize(std::max(pieces.size(), fuzz::kFixedPieces));
  IndexEncoding const encoding = fuzz::encoding_of(pieces);
  fuzz::ExactBytes const lower(pieces[1]);
  fuzz::ExactBytes const upper(pieces[2]);
  fuzz::ExactBytes const block(pieces[fuzz::kBlockPiece]);

  auto const separators = fuzz::walk(block.span(), encoding);
  fuzz::accepts(fuzz::kPath, [&] {
    BlockPlace const place{fuzz::kPath, 0};
    BlockTail const tail = parse_block_tail(block.span(), place);
    check_restarts(block.span(), tail, place);
    bool const after = (fuzz::options_of(pieces) & 8) != 0;
    for (auto const& [key, trailer] :
         {std::pair{lower.span(), seek_trailer(1000)}, {upper.span(), UINT64_MAX}}) {
      KeyBoundView const bound{{key.data(), static_cast<uint32_t>(key.size())},
                               after ? BoundSide::kAfter : BoundSide::kBefore};
      fuzz::search(block.span(), tail, encoding, {bound, trailer}, separators);
    }
  });
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  return fuzz::mutate_pieces(
      data, size, size_max, seed, fuzz::kFixedPieces,
      [&](std::size_t index, std::vector<uint8_t>& piece) {
        if (index != fuzz::kBlockPiece || seed % 4 == 0) return;
        fuzz::rebuild_restarts(
            piece,
            fuzz::encoding_of(fuzz::split_pieces({data, size})).value_is_delta_encoded
                ? fuzz::EntryLayout::kDeltaHandles
                : fuzz::EntryLayout::kValueLength,
            seed);
      });
}
