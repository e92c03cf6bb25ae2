#include "peer/bench_report.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "output/statistics_json.hpp"
#include "peer/rocksdb_build.hpp"
#include "peer/source_commit.hpp"

namespace levelscan {
namespace {

using Json = nlohmann::ordered_json;

struct Machine {
  std::string processor;
  uint32_t cores;
  uint64_t memory_bytes;
  std::string kernel;
  std::string gpu;  // empty: none
};

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with("model name")) continue;
    std::size_t const colon = line.find(": ");
    return colon == std::string::npos ? line : line.substr(colon + 2);
  }
  return "unknown processor";
}

Machine describe_machine() {
  struct utsname system {};
  ::uname(&system);
  return {processor_name(), std::thread::hardware_concurrency(),
          static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
              static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)),
          system.release, cuda_description()};
}

Json spread_json(Spread const& spread) {
  return {{"median", spread.median}, {"least", spread.least}, {"most", spread.most}};
}

Json ratios_json(Ratios const& ratios) {
  return {{"elapsed", ratios.elapsed}, {"cpu", ratios.cpu}};
}

std::string ratio_text(double ratio) {
  return ratio == 0 ? std::string() : fmt::format("{:.2f}", ratio);
}

}  // namespace

Ratios iterator_ratios(BenchReport const& report, Measurement const& measurement) {
  Measurement const* fastest = nullptr;
  for (Measurement const& peer : report.measurements) {
    if (!peer.name.starts_with("iterator") || peer.threads != measurement.threads ||
        peer.name.ends_with("-cold") != measurement.name.ends_with("-cold")) {
      continue;
    }
    if (fastest == nullptr || peer.seconds.median < fastest->seconds.median) fastest = &peer;
  }
  if (fastest == nullptr) return {};
  return {fastest->seconds.median / measurement.seconds.median,
          fastest->cpu_seconds.median / measurement.cpu_seconds.median};
}

Ratios read_ratios(BenchReport const& report, Measurement const& measurement) {
  Measurement const* const read = report.find("read-hash");
  if (read == nullptr) return {};
  return {measurement.seconds.median / read->seconds.median,
          measurement.cpu_seconds.median / read->cpu_seconds.median};
}

std::string bench_text(BenchReport const& report) {
  Machine const machine = describe_machine();
  std::string text;
  auto const out = std::back_inserter(text);
  fmt::format_to(out, "{}: {} runs, {} tables, {} entries, {:.1f} MB\n", report.path, report.runs,
                 report.tables, report.entries, 1e-6 * static_cast<double>(report.file_bytes));
  fmt::format_to(out, "{}\n", report.query);
  if (report.rows_seen != 0) {
    fmt::format_to(
        out, "{} of {} rows ({:.2f} %), the same by all", report.rows_found, report.rows_seen,
        100.0 * static_cast<double>(report.rows_found) / static_cast<double>(report.rows_seen));
    if (report.text_bytes != 0) {
      fmt::format_to(out, "; {:.1f} MB of csv", 1e-6 * static_cast<double>(report.text_bytes));
    }
    text += '\n';
  }
  fmt::format_to(out, "{} rounds in turn after one to warm up, checksums {}verified\n",
                 report.rounds, report.verify_checksums ? "" : "not ");
  fmt::format_to(out, "{} cores of {}, {} GiB, Linux {}; {}; levelscan {} at {}\n", machine.cores,
                 machine.processor, machine.memory_bytes >> 30, machine.kernel, describe_rocksdb(),
                 LEVELSCAN_VERSION, source_commit());
  if (!machine.gpu.empty()) fmt::format_to(out, "{}\n", machine.gpu);
  for (std::string const& remark : report.remarks) fmt::format_to(out, "{}\n", remark);
  if (rocksdb_has_assertions()) {
    text +=
        "With assertions the iterator takes about 1.4 times as long: divide its ratios by that.\n";
  }
  fmt::format_to(out, "\n{:<38}{:>10}{:>10}{:>10}{:>10}{:>9}{:>7}{:>12}{:>12}{:>9}{:>9}\n", "",
                 "median ms", "least", "most", "cpu ms", "M/s", "GB/s", "x iterator", "x it., cpu",
                 "x read", "by cpu");
  for (Measurement const& measurement : report.measurements) {
    Spread const& seconds = measurement.seconds;
    Ratios const iterator = iterator_ratios(report, measurement);
    Ratios const read = read_ratios(report, measurement);
    fmt::format_to(
        out, "{:<38}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}{:>9.2f}{:>7.2f}{:>12}{:>12}{:>9}{:>9}\n",
        measurement.text, seconds.median * 1e3, seconds.least * 1e3, seconds.most * 1e3,
        measurement.cpu_seconds.median * 1e3,
        static_cast<double>(report.entries) / seconds.median / 1e6,
        static_cast<double>(report.file_bytes) / seconds.median / 1e9, ratio_text(iterator.elapsed),
        ratio_text(iterator.cpu), ratio_text(read.elapsed), ratio_text(read.cpu));
  }
  text +=
      "\ncpu ms: processor time of all threads, which moves less where others use the machine "
      "too.\n"
      "x iterator: how often this fits into the time of the faster iterator with as many threads.\n"
      "x read: how often the time of reading with XXH3 fits into this. Both by elapsed and by\n"
      "processor time.\n";
  for (Measurement const& measurement : report.measurements) {
    if (!measurement.peak_memory_bytes) continue;
    fmt::format_to(out, "peak memory, {}: {:.1f} MiB\n", measurement.text,
                   static_cast<double>(*measurement.peak_memory_bytes) / (1 << 20));
  }
  return text;
}

std::string bench_json(BenchReport const& report, Json const& more) {
  Machine const machine = describe_machine();
  std::string text;
  for (Measurement const& measurement : report.measurements) {
    Json json;
    json["schema_version"] = 1;
    json.update(more);
    json["contender"] = measurement.name;
    json["threads"] = measurement.threads;
    json["seconds"] = spread_json(measurement.seconds);
    json["cpu_seconds"] = spread_json(measurement.cpu_seconds);
    json["rounds"] = report.rounds;
    json["iterator_ratio"] = ratios_json(iterator_ratios(report, measurement));
    json["read_ratio"] = ratios_json(read_ratios(report, measurement));
    json["query"] = report.query;
    json["rows_seen"] = report.rows_seen;
    json["rows_found"] = report.rows_found;
    json["csv_bytes"] = report.text_bytes;
    json["database"] = {{"path", report.path},
                        {"runs", report.runs},
                        {"tables", report.tables},
                        {"entries", report.entries},
                        {"file_bytes", report.file_bytes}};
    json["verify_checksums"] = report.verify_checksums;
    json["remarks"] = report.remarks;
    json["peak_memory_bytes"] =
        measurement.peak_memory_bytes ? Json(*measurement.peak_memory_bytes) : Json();
    json["statistics"] =
        measurement.statistics ? Json::parse(statistics_json(*measurement.statistics)) : Json();
    json["machine"] = {{"processor", machine.processor},
                       {"cores", machine.cores},
                       {"memory_bytes", machine.memory_bytes},
                       {"kernel", machine.kernel},
                       {"gpu", machine.gpu.empty() ? Json() : Json(machine.gpu)}};
    json["versions"] = {{"levelscan", LEVELSCAN_VERSION},
                        {"commit", source_commit()},
                        {"compiler", __VERSION__},
                        {"librocksdb", rocksdb_version()},
                        {"librocksdb_has_assertions", rocksdb_has_assertions()}};
    text += json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return text;
}

}  // namespace levelscan
