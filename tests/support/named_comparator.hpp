// A comparator with a name of its own, for databases that name one that levelscan doesn't know.
#pragma once

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <rocksdb/comparator.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace levelscan::testing {

class NamedComparator final : public rocksdb::Comparator {
 public:
  using Compare3 = std::function<int(std::string_view, std::string_view)>;

  NamedComparator(std::string name, Compare3 compare)
      : name_(std::move(name)), compare_(std::move(compare)) {}

  [[nodiscard]] char const* Name() const override { return name_.c_str(); }
  [[nodiscard]] int Compare(rocksdb::Slice const& a, rocksdb::Slice const& b) const override {
    return compare_({a.data(), a.size()}, {b.data(), b.size()});
  }
  void FindShortestSeparator(std::string*, rocksdb::Slice const&) const override {}
  void FindShortSuccessor(std::string*) const override {}

 private:
  std::string name_;
  Compare3 compare_;
};

inline int bytewise(std::string_view a, std::string_view b) { return a.compare(b); }
inline int reverse_bytewise(std::string_view a, std::string_view b) { return b.compare(a); }

}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
