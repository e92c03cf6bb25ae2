#include "plan/backend_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "levelscan/error.hpp"

namespace levelscan {
namespace {

std::string megabytes(uint64_t bytes) {
  return fmt::format("{:.0f} MB", static_cast<double>(bytes) / 1e6);
}

std::string reason_of(ScanSize const& size, BackendEstimate const& estimate) {
  std::string text = fmt::format(
      "estimated for {} on {} thread{}: {:.3f} s on the CPU, {:.3f} s with CUDA ({:.3f} s to "
      "create its context and to pin {}, {:.3f} s to scan)",
      megabytes(size.bytes_planned), size.threads, size.threads == 1 ? "" : "s",
      estimate.cpu_seconds, estimate.cuda_start_seconds + estimate.cuda_scan_seconds,
      estimate.cuda_start_seconds, megabytes(size.pinned_bytes), estimate.cuda_scan_seconds);
  if (size.ends_early) text += "; but a limit may end it early";
  return text;
}

}  // namespace

BackendEstimate estimate_backends(ScanSize const& size, BackendRates const& rates) {
  double const bytes = static_cast<double>(size.bytes_planned);
  double const threads = static_cast<double>(size.threads);
  double const cpu_rate = threads * (size.selects ? rates.cpu_selecting : rates.cpu_taking_all);
  double const feed_rate = threads * rates.feed;
  double const cuda_rate = std::min(feed_rate, rates.copy);
  BackendEstimate estimate;
  estimate.cpu_seconds = bytes / cpu_rate;
  estimate.cuda_start_seconds =
      rates.context_seconds + static_cast<double>(size.pinned_bytes) / rates.pin;
  estimate.cuda_scan_seconds = bytes / cuda_rate;
  double const saved_a_byte = 1 / cpu_rate - 1 / cuda_rate;
  if (saved_a_byte > 0) {
    double const from = std::ceil(estimate.cuda_start_seconds / saved_a_byte);
    if (from < 1e18) estimate.cuda_wins_from_bytes = static_cast<uint64_t>(from);
  }
  return estimate;
}

BackendChoice choose_backend(Backend wanted, std::string const& cuda_problem,
                             ScanSize const& size) {
  if (wanted == Backend::kCpu) return {Backend::kCpu, "asked for"};
  if (wanted == Backend::kCuda) {
    if (cuda_problem.empty()) return {Backend::kCuda, "asked for"};
    throw Error(ErrorCode::kDevice, "--backend cuda: " + cuda_problem);
  }
  if (!cuda_problem.empty()) return {Backend::kCpu, cuda_problem};
  BackendEstimate const estimate = estimate_backends(size);
  bool const on_cuda = estimate.cuda_wins() && !size.ends_early;
  return {on_cuda ? Backend::kCuda : Backend::kCpu, reason_of(size, estimate)};
}

std::string BackendChoice::text() const {
  return fmt::format("backend {}: {}", backend == Backend::kCuda ? "cuda" : "cpu", reason);
}

std::string describe_threshold(ScanSize const& size) {
  auto const from = [&](bool selects) {
    ScanSize scan = size;
    scan.selects = selects;
    auto const bytes = estimate_backends(scan).cuda_wins_from_bytes;
    return bytes ? "from " + megabytes(*bytes) + " on" : std::string("never");
  };
  return fmt::format(
      "takes CUDA for scans of every row {}, for those with a condition {} ({} "
      "thread{}, {} to pin)",
      from(false), from(true), size.threads, size.threads == 1 ? "" : "s",
      megabytes(size.pinned_bytes));
}

}  // namespace levelscan
