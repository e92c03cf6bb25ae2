// The one error type of the library. Thrown by every room of host/; its code is the program's exit
// code. Immutable after construction; safe to copy between threads.
#pragma once

#include <stdexcept>
#include <string>

namespace levelscan {

// The values are the exit codes of the command line.
enum class ErrorCode : int {
  kRuntime = 1,        // permissions, I/O, anything the operating system refused
  kUsage = 2,          // the caller asked for something that has no meaning
  kNotADatabase = 3,   // no CURRENT, no tables
  kCorruption = 4,     // bytes that contradict the format or their checksum
  kUnsupported = 5,    // a feature that cannot be answered exactly
  kDevice = 6,         // no device, device lost, not enough memory
  kDifference = 7,     // a verification found a difference
  kInterrupted = 130,  // the user stopped it
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string const& message) : std::runtime_error(message), code_(code) {}

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace levelscan
