#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "cli/commands.hpp"
#include "cli/library_versions.hpp"
#include "device/device.hpp"
#include "levelscan/error.hpp"
#include "plan/pool_planner.hpp"

namespace levelscan {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMeasuredCopyBytes = 64 << 20;

// A line "NAME:   N kB" of /proc/meminfo, in bytes.
std::optional<uint64_t> memory_bytes(std::string const& name) {
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (file >> word) {
    uint64_t kibibytes = 0;
    if (word == name + ":" && file >> kibibytes) return kibibytes * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

// What this process's control group may use; none without a limit.
std::optional<uint64_t> control_group_memory_bytes() {
  std::ifstream file("/sys/fs/cgroup/memory.max");
  uint64_t bytes = 0;
  if (file >> bytes) return bytes;
  return std::nullopt;
}

// The soft limit; none without one.
std::optional<uint64_t> resource_limit(__rlimit_resource resource) {
  struct rlimit limit {};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

Json optional_number(std::optional<uint64_t> const& number) {
  return number ? Json(*number) : Json();
}

std::string bytes_text(std::optional<uint64_t> const& bytes) {
  return bytes ? fmt::format("{} MiB", *bytes >> 20) : std::string("no limit");
}

std::string number_text(std::optional<uint64_t> const& number) {
  return number ? std::to_string(*number) : std::string("no limit");
}

struct Findings {
  std::string cuda_problem;  // empty: none
  std::string cuda_devices;  // a line each
  int measured_device = 0;   // whose copies were measured
  std::optional<CudaBandwidth> bandwidth;
  std::string bandwidth_problem;
  std::string backend;    // empty: what was asked for is not there
  std::string automatic;  // when CUDA is taken unless told
  std::string reason;
};

// There is no scan to estimate: what is there is what may run.
BackendChoice backend_without_scan(GlobalArguments const& global, std::string const& cuda_problem) {
  Backend const wanted = global.scanner.backend;
  if (wanted == Backend::kAuto && cuda_problem.empty()) {
    return {Backend::kCuda, "there is a CUDA device, for scans that are faster with it"};
  }
  return choose_backend(wanted, cuda_problem, scan_size(global.scanner));
}

std::string doctor_json(Findings const& findings) {
  Json json;
  json["schema_version"] = 1;
  json["version"] = LEVELSCAN_VERSION;
  json["backend"] = findings.backend.empty() ? Json() : Json(findings.backend);
  json["backend_reason"] = findings.reason;
  json["backend_auto"] = findings.automatic;
  json["cuda"] = {{"available", findings.cuda_problem.empty()},
                  {"problem", findings.cuda_problem.empty() ? Json() : Json(findings.cuda_problem)},
                  {"devices", findings.cuda_devices}};
  if (findings.cuda_problem.empty()) {
    auto const rate = [&](double CudaBandwidth::*member) {
      return findings.bandwidth ? Json(*findings.bandwidth.*member) : Json();
    };
    json["cuda"]["copies"] = {
        {"device", findings.measured_device},
        {"problem", findings.bandwidth ? Json() : Json(findings.bandwidth_problem)},
        {"pinned_to_device_bytes_per_s", rate(&CudaBandwidth::pinned_to_device)},
        {"within_device_bytes_per_s", rate(&CudaBandwidth::within_device)}};
  }
  json["cpu"] = {{"threads", std::thread::hardware_concurrency()}};
  json["memory"] = {{"total_bytes", optional_number(memory_bytes("MemTotal"))},
                    {"available_bytes", optional_number(memory_bytes("MemAvailable"))},
                    {"control_group_bytes", optional_number(control_group_memory_bytes())},
                    {"pool_bytes", default_memory_bytes()}};
  json["limits"] = {{"open_files", optional_number(resource_limit(RLIMIT_NOFILE))},
                    {"locked_bytes", optional_number(resource_limit(RLIMIT_MEMLOCK))},
                    {"address_space_bytes", optional_number(resource_limit(RLIMIT_AS))}};
  for (LibraryVersion const& library : library_versions()) {
    json["libraries"][library.name] = library.version;
  }
#if LEVELSCAN_WITH_ROCKSDB
  json["rocksdb"] = true;
#else
  json["rocksdb"] = false;
#endif
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string doctor_text(Findings const& findings) {
  std::string text;
  auto const out = std::back_inserter(text);
  fmt::format_to(out, "levelscan     {}\n", LEVELSCAN_VERSION);
  fmt::format_to(out, "backend       {}: {}\n",
                 findings.backend.empty() ? "none" : findings.backend, findings.reason);
  fmt::format_to(out, "auto          {}\n", findings.automatic);
  fmt::format_to(out, "cuda          {}\n",
                 findings.cuda_problem.empty() ? findings.cuda_devices : findings.cuda_problem);
  if (findings.bandwidth) {
    fmt::format_to(out,
                   "              device {} copies {:.1f} GB/s from pinned memory, {:.1f} GB/s "
                   "within its own\n",
                   findings.measured_device, findings.bandwidth->pinned_to_device / 1e9,
                   findings.bandwidth->within_device / 1e9);
  } else if (findings.cuda_problem.empty()) {
    fmt::format_to(out, "              device {}: not measured: {}\n", findings.measured_device,
                   findings.bandwidth_problem);
  }
  fmt::format_to(out, "cpu           {} threads\n", std::thread::hardware_concurrency());
  fmt::format_to(out, "memory        {} in all, {} available, control group: {}\n",
                 bytes_text(memory_bytes("MemTotal")), bytes_text(memory_bytes("MemAvailable")),
                 bytes_text(control_group_memory_bytes()));
  fmt::format_to(out, "pool          {} MiB unless --memory says otherwise\n",
                 default_memory_bytes() >> 20);
  fmt::format_to(
      out, "limits        {} open files (each table takes one), {} locked, {} address space\n",
      number_text(resource_limit(RLIMIT_NOFILE)), bytes_text(resource_limit(RLIMIT_MEMLOCK)),
      bytes_text(resource_limit(RLIMIT_AS)));
  fmt::format_to(out, "compression   none, snappy, zlib, bzip2, lz4, lz4hc, zstd\n");
  text += "libraries    ";
  for (LibraryVersion const& library : library_versions()) {
    fmt::format_to(out, " {} {}", library.name, library.version);
  }
#if LEVELSCAN_WITH_ROCKSDB
  text += "\nlibrocksdb    linked: verify and demo work\n";
#else
  text += "\nlibrocksdb    not linked: no verify, no demo\n";
#endif
  return text;
}

}  // namespace

int run_doctor_command(GlobalArguments const& global) {
  Findings findings;
  findings.cuda_problem = cuda_unavailable_reason();
  findings.cuda_devices = cuda_description();
  findings.measured_device = global.scanner.device_ordinal;
  if (findings.cuda_problem.empty()) {
    try {
      findings.bandwidth = measure_cuda_bandwidth(findings.measured_device, kMeasuredCopyBytes);
    } catch (DeviceError const& error) {
      findings.bandwidth_problem = error.what();
    }
  }
  findings.automatic = describe_threshold(scan_size(global.scanner));
  int exit_code = 0;
  try {
    BackendChoice const choice = backend_without_scan(global, findings.cuda_problem);
    findings.backend = choice.backend == Backend::kCuda ? "cuda" : "cpu";
    findings.reason = choice.reason;
  } catch (Error const& error) {
    findings.reason = error.what();
    exit_code = static_cast<int>(error.code());
  }
  print_to_stdout(global.json ? doctor_json(findings) : doctor_text(findings));
  return exit_code;
}

}  // namespace levelscan
