// Listens to NVTX in a profiler's place: a shared object that NVTX_INJECTION64_PATH names. When the
// program ends, a line on stderr for each name of a range: "nvtx: NAME COUNT", and one that says
// how many ranges were left open, of all threads.
#include <nvtx3/nvToolsExt.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

namespace {

std::mutex mutex;
std::map<std::string, uint64_t> counts;
int64_t open_ranges = 0;

int push(char const* name) {
  std::lock_guard const lock(mutex);
  ++counts[name];
  return static_cast<int>(open_ranges++);
}

int pop() {
  std::lock_guard const lock(mutex);
  return static_cast<int>(--open_ranges);
}

void report() {
  for (auto const& [name, count] : counts) {
    std::fprintf(stderr, "nvtx: %s %llu\n", name.c_str(), static_cast<unsigned long long>(count));
  }
  std::fprintf(stderr, "nvtx: %lld left open\n", static_cast<long long>(open_ranges));
}

struct ReportAtExit {
  ~ReportAtExit() { report(); }
};
ReportAtExit const report_at_exit;

}  // namespace

extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(
    NvtxGetExportTableFunc_t get_table) {
  auto const* const callbacks =
      static_cast<NvtxExportTableCallbacks const*>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable functions = nullptr;
  unsigned count = 0;
  if (callbacks == nullptr ||
      callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &functions, &count) == 0 ||
      count <= NVTX_CBID_CORE_RangePop) {
    return 0;
  }
  *functions[NVTX_CBID_CORE_RangePushA] = reinterpret_cast<NvtxFunctionPointer>(&push);
  *functions[NVTX_CBID_CORE_RangePop] = reinterpret_cast<NvtxFunctionPointer>(&pop);
  return 1;
}
