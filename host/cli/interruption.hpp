// SIGINT and SIGTERM as a flag that scans look at; a second one of the same kind ends the process.
#pragma once

#include <atomic>

namespace levelscan {

// Installs the handlers, and ignores SIGPIPE so that a closed pipe is an error of write().
void install_signal_handlers();

[[nodiscard]] std::atomic<bool> const& interrupted();

}  // namespace levelscan
