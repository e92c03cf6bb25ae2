// The rows of a column family that stand in its write-ahead logs only, as a sorted run above L0: a
// table in memory, in the ordinary format, so that whatever reads tables reads them. Thread-safe.
#pragma once

#include "version/database_version.hpp"
#include "version/manifest.hpp"

namespace levelscan {

// Adds to `version`, whose path, key order and last sequence are set: a run where there are
// entries, range tombstones (not clipped), `unflushed`, remarks and refusals; raises the last
// sequence. REQUIRES: `family` is one of the manifest's. Throws Error, as replay_write_ahead_logs()
// does.
void add_unflushed_rows(ManifestVersion const& manifest, ManifestFamily const& family,
                        OpenOptions const& options, DatabaseVersion& version);

}  // namespace levelscan
