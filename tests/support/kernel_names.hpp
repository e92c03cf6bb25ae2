// The kernels' names, as launches and reports of tests write them.
#pragma once

#include "kernels/complete_deferred.hpp"
#include "kernels/filter.hpp"
#include "kernels/gather.hpp"
#include "kernels/index_search.hpp"
#include "kernels/narrow.hpp"
#include "kernels/resolve_mark.hpp"
#include "kernels/resolve_merge.hpp"
#include "kernels/resolve_probe.hpp"
#include "kernels/resolve_ranges.hpp"
#include "kernels/rows.hpp"
#include "kernels/segments.hpp"
#include "kernels/verify_blocks.hpp"

namespace levelscan::test {

// A kernel of a test's own says its name itself.
template <class Kernel>
constexpr char const* kernel_name() {
  return Kernel::kName;
}
template <>
constexpr char const* kernel_name<IndexSearch>() {
  return "IndexSearch";
}
template <>
constexpr char const* kernel_name<Narrow>() {
  return "Narrow";
}
template <>
constexpr char const* kernel_name<Filter>() {
  return "Filter";
}
template <>
constexpr char const* kernel_name<Gather>() {
  return "Gather";
}
template <>
constexpr char const* kernel_name<ResolveRanges>() {
  return "ResolveRanges";
}
template <>
constexpr char const* kernel_name<ResolveMark>() {
  return "ResolveMark";
}
template <>
constexpr char const* kernel_name<ResolveProbe>() {
  return "ResolveProbe";
}
template <>
constexpr char const* kernel_name<ResolveMerge>() {
  return "ResolveMerge";
}
template <>
constexpr char const* kernel_name<CompleteDeferred>() {
  return "CompleteDeferred";
}
template <>
constexpr char const* kernel_name<PickRows>() {
  return "PickRows";
}
template <>
constexpr char const* kernel_name<MeasureRows>() {
  return "MeasureRows";
}
template <>
constexpr char const* kernel_name<FitRows>() {
  return "FitRows";
}
template <>
constexpr char const* kernel_name<EmitRows>() {
  return "EmitRows";
}
template <>
constexpr char const* kernel_name<LocateSegments>() {
  return "LocateSegments";
}
template <>
constexpr char const* kernel_name<VerifyBlocks>() {
  return "VerifyBlocks";
}

}  // namespace levelscan::test
