// Seeded randomness for tests. LEVELSCAN_SEED in the environment replaces the fixed default seed;
// whoever draws from it prints the seed when something fails.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace levelscan::test {

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
inline uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Not thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    return mix(state_);
  }
  // REQUIRES: bound > 0.
  uint32_t below(uint64_t bound) { return static_cast<uint32_t>(next() % bound); }
  // Both ends included.
  uint32_t between(uint32_t smallest, uint32_t largest) {
    return smallest + below(uint64_t{largest} - smallest + 1);
  }
  bool one_in(uint32_t n) { return below(n) == 0; }

  template <class Container>
  auto const& pick(Container const& container) {
    return container[below(container.size())];
  }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

  // Another byte than the one given.
  char damaged(char byte) {
    return static_cast<char>(static_cast<unsigned char>(byte) ^ between(1, 255));
  }

  std::string bytes(std::size_t size) {
    std::string result(size, '\0');
    for (char& byte : result) byte = static_cast<char>(next());
    return result;
  }

 private:
  uint64_t state_;
};

inline uint64_t base_seed() {
  char const* const given = std::getenv("LEVELSCAN_SEED");
  return given != nullptr && *given != '\0' ? std::strtoull(given, nullptr, 0) : 20250801;
}

}  // namespace levelscan::test
