// The commit that this program was built from, "-dirty" behind it where files had changed;
// "unknown" outside of a git checkout.
#pragma once

namespace levelscan {

[[nodiscard]] char const* source_commit();

}  // namespace levelscan
