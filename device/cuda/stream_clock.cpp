#include "cuda/stream_clock.hpp"

#include <algorithm>
#include <utility>

#include "cuda/cuda_error.hpp"

namespace levelscan {
namespace {

// The time in which intervals of each kind lie, [copies, others, both].
std::array<uint64_t, 3> time_covered(std::vector<StreamTimeline::Interval> const& intervals) {
  struct Edge {
    uint64_t at_ns;
    bool copy;
    bool begins;
  };
  std::vector<Edge> edges;
  edges.reserve(2 * intervals.size());
  for (StreamTimeline::Interval const& interval : intervals) {
    edges.push_back({interval.begin_ns, is_copy(interval.stage), true});
    edges.push_back({interval.end_ns, is_copy(interval.stage), false});
  }
  std::sort(edges.begin(), edges.end(),
            [](Edge const& a, Edge const& b) { return a.at_ns < b.at_ns; });
  std::array<uint64_t, 3> covered{};
  int64_t copies = 0;
  int64_t others = 0;
  uint64_t previous_ns = 0;
  for (Edge const& edge : edges) {
    uint64_t const passed_ns = edge.at_ns - previous_ns;
    if (copies > 0) covered[0] += passed_ns;
    if (others > 0) covered[1] += passed_ns;
    if (copies > 0 && others > 0) covered[2] += passed_ns;
    (edge.copy ? copies : others) += edge.begins ? 1 : -1;
    previous_ns = edge.at_ns;
  }
  return covered;
}

}  // namespace

uint64_t StreamTimeline::place_ns(TimingEvent& event, cudaStream_t stream) {
  std::lock_guard const lock(mutex_);
  if (!has_origin_) {
    TimingEvent origin;
    origin.create();
    origin.record(stream);
    origin_ = std::move(origin);
    has_origin_ = true;
  }
  event.record(stream);
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  return event.nanoseconds_since(origin_);
}

void StreamTimeline::add(std::vector<Interval> const& intervals) {
  std::lock_guard const lock(mutex_);
  intervals_.insert(intervals_.end(), intervals.begin(), intervals.end());
}

StageTimes StreamTimeline::take() {
  std::vector<Interval> intervals;
  {
    std::lock_guard const lock(mutex_);
    intervals.swap(intervals_);
  }
  StageTimes times;
  for (Interval const& interval : intervals) {
    times.stages[static_cast<std::size_t>(interval.stage)] += interval.end_ns - interval.begin_ns;
  }
  std::array<uint64_t, 3> const covered = time_covered(intervals);
  times.copying = covered[0];
  times.computing = covered[1];
  times.both = covered[2];
  return times;
}

StreamClock::StreamClock(cudaStream_t stream, StreamTimeline& timeline)
    : stream_(stream), timeline_(timeline) {
  reference_.create();
  for (Operation& operation : operations_) {
    operation.begin.create();
    operation.end.create();
  }
  read_.reserve(kOperationsMax);
  reference_ns_ = timeline_.place_ns(reference_, stream_);
}

void StreamClock::begin(DeviceStage stage) {
  if (count_ == kOperationsMax) {
    check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
    collect();
  }
  operations_[count_].stage = stage;
  operations_[count_].begin.record(stream_);
}

void StreamClock::end() {
  operations_[count_].end.record(stream_);
  ++count_;
}

void StreamClock::collect() {
  if (count_ == 0) return;
  read_.clear();
  for (uint32_t i = 0; i < count_; ++i) {
    Operation const& operation = operations_[i];
    uint64_t const begin_ns = reference_ns_ + operation.begin.nanoseconds_since(reference_);
    read_.push_back(
        {begin_ns, begin_ns + operation.end.nanoseconds_since(operation.begin), operation.stage});
  }
  timeline_.add(read_);
  reference_ns_ = read_.back().end_ns;
  std::swap(reference_, operations_[count_ - 1].end);
  count_ = 0;
}

}  // namespace levelscan
