// A stage of the host's work as profilers for CUDA show it: an NVTX range of this thread from
// construction to destruction. Nothing where levelscan is built without CUDA.
#pragma once

namespace levelscan {

class ProfilerRange {
 public:
  // `name` is copied by who listens, if anybody does.
  explicit ProfilerRange(char const* name) noexcept;
  ProfilerRange(ProfilerRange const&) = delete;
  ProfilerRange& operator=(ProfilerRange const&) = delete;
  ~ProfilerRange();
};

}  // namespace levelscan
