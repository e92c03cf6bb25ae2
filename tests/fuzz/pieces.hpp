// An input made of several byte strings: options, keys, blocks.
//
//   piece: length u16 little-endian | bytes[length]      the last one may be cut off
//
// Any bytes are pieces. Mutating keeps the lengths right, so that a piece can grow without moving
// into the next one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace levelscan::fuzz {

using Pieces = std::vector<std::vector<uint8_t>>;

[[nodiscard]] Pieces split_pieces(std::span<uint8_t const> input);
// Without the pieces that don't fit `size_max` bytes.
[[nodiscard]] std::vector<uint8_t> join_pieces(Pieces const& pieces, std::size_t size_max);

// Mutates one piece, or adds, repeats or drops one from index `fixed_pieces` on; then calls
// `repair` with the index and the bytes of the piece that changed, where one did. Writes the input
// back to data[0, size_max) and returns its size. `seed` decides.
std::size_t mutate_pieces(uint8_t* data, std::size_t size, std::size_t size_max, unsigned int seed,
                          std::size_t fixed_pieces,
                          std::function<void(std::size_t, std::vector<uint8_t>&)> const& repair);

}  // namespace levelscan::fuzz
