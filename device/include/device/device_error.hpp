// What a device throws: an allocation that failed, a driver that is missing, a device that was
// lost. host/ turns it into levelscan::Error with the exit code for devices and memory.
#pragma once

#include <stdexcept>
#include <string>

namespace levelscan {

class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace levelscan
