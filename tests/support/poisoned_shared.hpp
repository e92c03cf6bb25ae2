// A kernel's Shared with seeded bytes in it, so that reading what no phase wrote shows.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#include "support/random.hpp"

namespace levelscan::test {

// Allocated by itself and at its exact size, so that AddressSanitizer sees every byte beyond it.
template <class Shared>
class PoisonedShared {
  static_assert(std::is_trivially_copyable_v<Shared>);
  static_assert(std::is_trivially_default_constructible_v<Shared>);

 public:
  PoisonedShared() : shared_(new Shared) {}

  void poison(uint64_t seed) {
    Random random(seed);
    auto* const bytes = reinterpret_cast<unsigned char*>(shared_.get());
    for (std::size_t i = 0; i < sizeof(Shared); ++i) {
      bytes[i] = static_cast<unsigned char>(random.next());
    }
  }
  Shared& get() { return *shared_; }

 private:
  std::unique_ptr<Shared> shared_;
};

}  // namespace levelscan::test
