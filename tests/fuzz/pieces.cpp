#include "fuzz/pieces.hpp"

#include <algorithm>

#include "fuzz/fuzz_support.hpp"
#include "support/random.hpp"

namespace levelscan::fuzz {
namespace {

constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kPieceBytesMax = 0xffff;

}  // namespace

Pieces split_pieces(std::span<uint8_t const> input) {
  Pieces pieces;
  while (input.size() >= kLengthBytes) {
    std::size_t const length = static_cast<std::size_t>(input[0] | input[1] << 8);
    input = input.subspan(kLengthBytes);
    auto const piece = input.first(std::min(length, input.size()));
    pieces.emplace_back(piece.begin(), piece.end());
    input = input.subspan(piece.size());
  }
  return pieces;
}

std::vector<uint8_t> join_pieces(Pieces const& pieces, std::size_t size_max) {
  std::vector<uint8_t> joined;
  for (std::vector<uint8_t> const& piece : pieces) {
    std::size_t const length = std::min(piece.size(), kPieceBytesMax);
    if (joined.size() + kLengthBytes + length > size_max) break;
    joined.push_back(static_cast<uint8_t>(length));
    joined.push_back(static_cast<uint8_t>(length >> 8));
    joined.insert(joined.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(length));
  }
  return joined;
}

std::size_t mutate_pieces(uint8_t* data, std::size_t size, std::size_t size_max, unsigned int seed,
                          std::size_t fixed_pieces,
                          std::function<void(std::size_t, std::vector<uint8_t>&)> const& repair) {
  test::Random random(seed);
  Pieces pieces = split_pieces({data, size});
  while (pieces.size() < fixed_pieces) pieces.emplace_back();
  std::size_t const free_pieces = pieces.size() - fixed_pieces;
  auto const place = [&](std::size_t index) {
    return pieces.begin() + static_cast<std::ptrdiff_t>(fixed_pieces + index);
  };
  uint32_t const choice = random.below(16);
  if (choice == 0 && free_pieces > 0) {
    pieces.erase(place(random.below(free_pieces)));
  } else if (choice == 1 && free_pieces > 0) {
    std::vector<uint8_t> const copy = *place(random.below(free_pieces));
    pieces.insert(place(random.below(free_pieces + 1)), copy);
  } else if (choice == 2) {
    pieces.insert(place(random.below(free_pieces + 1)), std::vector<uint8_t>());
  } else if (!pieces.empty()) {
    std::size_t const index = random.below(pieces.size());
    std::vector<uint8_t>& piece = pieces[index];
    std::size_t const before = piece.size();
    piece.resize(std::min(before + 64, kPieceBytesMax));
    piece.resize(LLVMFuzzerMutate(piece.data(), std::min(before, piece.size()), piece.size()));
    repair(index, piece);
  }
  std::vector<uint8_t> const joined = join_pieces(pieces, size_max);
  std::copy(joined.begin(), joined.end(), data);
  return joined.size();
}

}  // namespace levelscan::fuzz
