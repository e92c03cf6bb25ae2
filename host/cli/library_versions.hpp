// The libraries that this program was built with. Pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

namespace levelscan {

struct LibraryVersion {
  std::string name;
  std::string version;
};

// Codecs, checksums, Thrust.
[[nodiscard]] std::vector<LibraryVersion> library_versions();

}  // namespace levelscan
