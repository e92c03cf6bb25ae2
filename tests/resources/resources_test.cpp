// What ptxas says each kernel needs, for every architecture that this build compiles, against
// budgets.txt and, for those that CUB makes of our types, algorithm_budgets.txt: stack, spills,
// registers and shared memory within the budget, and as many warps on a multiprocessor as the
// table says. Occupancy is computed by the rules in NVIDIA's own cuda_occupancy.h.
#include <cuda_occupancy.h>
#include <cxxabi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cuda/kernel_list.hpp"

namespace levelscan::test {
namespace {

struct Architecture {
  int major;
  int minor;
  int threads;           // of a multiprocessor
  std::size_t shared;    // bytes of a multiprocessor
  std::size_t reserved;  // bytes of shared memory that each block takes besides its own
};

// The columns of budgets.txt. From the technical specifications by compute capability in the CUDA
// programming guide; how many blocks a multiprocessor takes, cuda_occupancy.h knows.
std::map<std::string, Architecture> const& architectures() {
  static std::map<std::string, Architecture> const all{
      {"sm_75", {7, 5, 1024, 64u << 10, 0}},       {"sm_80", {8, 0, 2048, 164u << 10, 1024}},
      {"sm_86", {8, 6, 1536, 100u << 10, 1024}},   {"sm_89", {8, 9, 1536, 100u << 10, 1024}},
      {"sm_90", {9, 0, 2048, 228u << 10, 1024}},   {"sm_100", {10, 0, 2048, 228u << 10, 1024}},
      {"sm_120", {12, 0, 1536, 100u << 10, 1024}},
  };
  return all;
}

struct Resources {
  int threads = 0;  // of a block, that it was compiled for; 0: for as many as there may be
  int stack = -1;
  int spills = 0;  // bytes, stores and loads
  int registers = -1;
  int shared = 0;
};

// Per cent of a multiprocessor's warps that can be resident, in blocks of the threads that the
// kernel was compiled for, or else of so many.
int occupancy(Architecture const& architecture, Resources const& used, int threads_max) {
  int const threads = used.threads != 0 ? used.threads : threads_max;
  cudaOccDeviceProp device;
  device.computeMajor = architecture.major;
  device.computeMinor = architecture.minor;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsPerMultiprocessor = architecture.threads;
  device.regsPerBlock = 65536;
  device.regsPerMultiprocessor = 65536;
  device.warpSize = 32;
  device.sharedMemPerBlock = 48u << 10;
  device.sharedMemPerMultiprocessor = architecture.shared;
  device.sharedMemPerBlockOptin = architecture.shared - architecture.reserved;
  device.reservedSharedMemPerBlock = architecture.reserved;
  device.numSms = 1;
  cudaOccFuncAttributes kernel;
  kernel.maxThreadsPerBlock = 1024;
  kernel.numRegs = used.registers;
  kernel.sharedSizeBytes = static_cast<std::size_t>(used.shared);
  kernel.numBlockBarriers = 1;
  cudaOccDeviceState const state;
  cudaOccResult result;
  if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &kernel, &state, threads, 0) !=
      CUDA_OCC_SUCCESS) {
    return -1;
  }
  return 100 * result.activeBlocksPerMultiprocessor * ((threads + 31) / 32) /
         (architecture.threads / 32);
}

using Report = std::map<std::pair<std::string, std::string>, Resources>;  // by kernel, architecture

// REQUIRES: the name is a C++ function's as a linker sees it.
std::string demangled(std::string const& name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string const result = status == 0 ? text : name;
  std::free(text);
  return result;
}

// ptxas -v says for each kernel "Compiling entry function 'NAME' for 'sm_NN'", then its properties,
// and last what it uses. Functions that a kernel calls have properties alone; they count as its
// own. What cmake/keep_resource_report.sh found in the PTX stands behind: "Blocks of N threads at
// most in 'NAME' for 'sm_NN'".
Report parse(std::istream& text) {
  Report report;
  std::regex const entry("Compiling entry function '([^']*)' for '([^']*)'");
  std::regex const bound("Blocks of ([0-9]+) threads at most in '([^']*)' for '([^']*)'");
  std::regex const frame(
      "([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads");
  std::regex const used("Used ([0-9]+) registers");
  std::regex const shared("([0-9]+) bytes smem");
  std::smatch found;
  Resources* current = nullptr;
  for (std::string line; std::getline(text, line);) {
    if (std::regex_search(line, found, entry)) {
      current = &report[{demangled(found[1]), found[2]}];
    } else if (std::regex_search(line, found, bound)) {
      report[{demangled(found[2]), found[3]}].threads = std::stoi(found[1]);
    } else if (current == nullptr) {
      continue;
    } else if (std::regex_search(line, found, frame)) {
      current->stack = std::max(current->stack, std::stoi(found[1]));
      current->spills += std::stoi(found[2]) + std::stoi(found[3]);
    } else if (std::regex_search(line, found, used)) {
      current->registers = std::stoi(found[1]);
      if (std::regex_search(line, found, shared)) current->shared = std::stoi(found[1]);
    }
  }
  return report;
}

// Of the report's names the kernels of ours: run_kernel<levelscan::NAME>.
Report own_kernels(Report const& report) {
  std::regex const name("::run_kernel<levelscan::([A-Za-z]+)>");
  Report own;
  for (auto const& [key, resources] : report) {
    std::smatch found;
    if (std::regex_search(key.first, found, name)) own[{found[1], key.second}] = resources;
  }
  return own;
}

// A kernel of CUB's by what it does for one of our algorithms. All of the words are in its name,
// and none of the others'.
struct AlgorithmKernel {
  char const* name;
  std::vector<std::string> words;
  std::vector<std::string> not_words;
};

std::vector<AlgorithmKernel> const& algorithm_kernels() {
  static std::vector<AlgorithmKernel> const all{
      {"scan_counts.init", {"DeviceScanInitKernel", "IntervalCount"}, {}},
      {"scan_counts", {"DeviceScanKernel", "AddIntervalCounts"}, {}},
      {"scan_row_bytes.init", {"DeviceScanInitKernel<", "unsigned long"}, {}},
      {"scan_row_bytes", {"DeviceScanKernel", "AddRowBytes"}, {}},
      {"select.init", {"DeviceCompactInitKernel<", "::ScanTileState<"}, {}},  // of the next two
      {"select_alive", {"DeviceSelectSweepKernel", "counting_iterator", "RowIsAlive"}, {}},
      {"keep_alive", {"DeviceSelectSweepKernel", "RowIsAlive"}, {"counting_iterator"}},
      {"list_candidates", {"for_each::static_kernel", "WritePlace"}, {}},
      {"order_rows.blocks", {"DeviceMergeSortBlockSortKernel", "CandidateLess"}, {}},
      {"order_rows.cut", {"DeviceMergeSortPartitionKernel", "CandidateLess"}, {}},
      {"order_rows.merge", {"DeviceMergeSortMergeKernel", "CandidateLess"}, {}},
      {"aggregate", {"DeviceReduceKernel<", "AggregateRow"}, {}},
      {"aggregate.few", {"DeviceReduceSingleTileKernel<", "AggregateRow"}, {}},
      {"aggregate.last", {"DeviceReduceSingleTileKernel<", "Aggregate*"}, {"AggregateRow"}},
      {"segments.init", {"DeviceCompactInitKernel", "ReduceByKeyScanTileState"}, {}},
      {"segments", {"DeviceReduceByKeyKernel", "AggregateRow"}, {}},
  };
  return all;
}

// The report's kernels that aren't ours, by those names; by their own where they have none. One
// that is only asked for which architecture it was compiled is left out.
Report kernels_of_algorithms(Report const& report) {
  Report algorithms;
  auto const holds = [](std::string const& text) {
    return [&](std::string const& word) { return text.find(word) != std::string::npos; };
  };
  for (auto const& [key, resources] : report) {
    std::string const& own_name = key.first;
    if (holds(own_name)("::run_kernel<") || holds(own_name)("::EmptyKernel<")) continue;
    std::string name = own_name;
    for (AlgorithmKernel const& kernel : algorithm_kernels()) {
      if (std::all_of(kernel.words.begin(), kernel.words.end(), holds(own_name)) &&
          std::none_of(kernel.not_words.begin(), kernel.not_words.end(), holds(own_name)) &&
          algorithms.count({kernel.name, key.second}) == 0) {
        name = kernel.name;
      }
    }
    algorithms[{name, key.second}] = resources;
  }
  return algorithms;
}

// Digits, 300001 for 3.0.1, as CUB has them in its namespace; empty if there is nothing of it.
std::string cub_version(Report const& report) {
  std::regex const version("::CUB_([0-9]+)_");
  std::smatch found;
  for (auto const& row : report) {
    if (std::regex_search(row.first.first, found, version)) return found[1];
  }
  return {};
}

std::set<std::string> names_of_algorithms() {
  std::set<std::string> names;
  for (AlgorithmKernel const& kernel : algorithm_kernels()) names.insert(kernel.name);
  return names;
}

struct Budget {
  int threads = 0;
  int registers = 0;
  int shared = 0;
  int stack = 0;
  int spills = 0;
  std::vector<int> occupancies;  // at least, one a column
};

struct BudgetTable {
  bool has_stacks = false;                // else nothing may stand there
  std::vector<std::string> columns;       // architectures
  std::map<std::string, Budget> kernels;  // by name
};

BudgetTable read_budgets(std::istream& text) {
  BudgetTable table;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string name;
    if (!(words >> name) || name[0] == '#') continue;
    if (name == "kernel") {
      for (std::string word; words >> word;) {
        if (word.rfind("sm_", 0) == 0) table.columns.push_back(word);
        table.has_stacks |= word == "stack";
      }
      continue;
    }
    Budget budget;
    words >> budget.threads >> budget.registers >> budget.shared;
    if (table.has_stacks) words >> budget.stack >> budget.spills;
    for (int percent = 0; words >> percent;) budget.occupancies.push_back(percent);
    table.kernels[name] = budget;
  }
  return table;
}

// One complaint a line, empty where all is well.
std::string complaints(Report const& own, BudgetTable const& table,
                       std::set<std::string> const& launched) {
  std::ostringstream text;
  for (std::string const& kernel : launched) {
    if (table.kernels.count(kernel) == 0) text << kernel << " has no budget\n";
    if (std::none_of(own.begin(), own.end(),
                     [&](auto const& row) { return row.first.first == kernel; })) {
      text << kernel << " is launched, but ptxas reports nothing of it\n";
    }
  }
  for (auto const& [kernel, budget] : table.kernels) {
    if (launched.count(kernel) == 0) text << kernel << " has a budget, but is not launched\n";
    if (budget.occupancies.size() != table.columns.size()) text << kernel << ": bad line\n";
  }
  for (auto const& [key, used] : own) {
    auto const& [kernel, architecture] = key;
    std::string const where = kernel + " for " + architecture + ": ";
    auto const budget = table.kernels.find(kernel);
    auto const column = std::find(table.columns.begin(), table.columns.end(), architecture);
    if (budget == table.kernels.end()) {
      if (launched.count(kernel) == 0) text << where << "nobody knows it\n";
      continue;
    }
    if (column == table.columns.end() || architectures().count(architecture) == 0) {
      text << where << "the table has no such architecture\n";
      continue;
    }
    if (used.stack > budget->second.stack) {
      text << where << used.stack << " bytes on the stack\n";
    }
    if (used.spills > budget->second.spills) text << where << used.spills << " bytes spilled\n";
    if (used.threads > budget->second.threads) {
      text << where << "blocks of " << used.threads << " threads\n";
    }
    if (used.registers < 0 || used.registers > budget->second.registers) {
      text << where << used.registers << " registers\n";
    }
    if (used.shared > budget->second.shared) {
      text << where << used.shared << " bytes of shared memory\n";
    }
    std::size_t const place = static_cast<std::size_t>(column - table.columns.begin());
    int const resident = occupancy(architectures().at(architecture), used, budget->second.threads);
    if (place < budget->second.occupancies.size() && resident < budget->second.occupancies[place]) {
      text << where << resident << " per cent of the warps are resident\n";
    }
  }
  return text.str();
}

std::set<std::string> launched_kernels() {
  std::set<std::string> names;
  for (KernelTraits const& kernel : kKernels) names.insert(kernel.name);
  return names;
}

// Prints what kernels need, a line for each.
void print(Report const& report, BudgetTable const& table) {
  std::map<std::string, std::map<std::string, Resources>> kernels;
  for (auto const& [key, used] : report) kernels[key.first][key.second] = used;
  std::printf("%-20s", "kernel");
  std::set<std::string> compiled;
  for (auto const& [kernel, rows] : kernels) {
    for (auto const& row : rows) compiled.insert(row.first);
  }
  for (std::string const& column : table.columns) {
    int const width = table.has_stacks ? 45 : 18;
    if (compiled.count(column) != 0) std::printf("   %-*s", width, column.c_str());
  }
  std::printf("\n");
  for (auto const& [kernel, rows] : kernels) {
    int const threads = table.kernels.count(kernel) ? table.kernels.at(kernel).threads : 0;
    std::printf("%-20s", kernel.c_str());
    for (std::string const& column : table.columns) {
      auto const row = rows.find(column);
      if (row == rows.end()) continue;
      Resources const& used = row->second;
      std::printf("   %3d reg %5d B %3d%%", used.registers, used.shared,
                  occupancy(architectures().at(column), used, threads));
      if (table.has_stacks) {
        std::printf(" of %3d, %4d stack %3d spill", used.threads != 0 ? used.threads : threads,
                    used.stack, used.spills);
      }
    }
    std::printf("\n");
  }
}

Report read_report() {
  std::ifstream text(LEVELSCAN_RESOURCE_REPORT);
  EXPECT_TRUE(text) << LEVELSCAN_RESOURCE_REPORT;
  return parse(text);
}

BudgetTable read_budgets(char const* file) {
  std::ifstream text(std::string(LEVELSCAN_BUDGETS) + "/" + file);
  EXPECT_TRUE(text) << file;
  BudgetTable table = read_budgets(text);
  EXPECT_EQ(table.columns.size(), architectures().size());
  return table;
}

TEST(Resources, EveryKernelKeepsToItsBudget) {
  Report const own = own_kernels(read_report());
  BudgetTable const table = read_budgets("budgets.txt");
  print(own, table);
  std::set<std::string> const launched = launched_kernels();
  EXPECT_GE(launched.size(), 10u);
  std::set<std::string> compiled;
  for (auto const& row : own) compiled.insert(row.first.second);
  EXPECT_EQ(own.size(), launched.size() * compiled.size());
  EXPECT_EQ(complaints(own, table, launched), "");
}

// Another CCCL makes other kernels: the table is of the one that it names.
TEST(Resources, EveryKernelOfAnAlgorithmKeepsToItsBudget) {
  Report const report = read_report();
  Report const algorithms = kernels_of_algorithms(report);
  BudgetTable const table = read_budgets("algorithm_budgets.txt");
  print(algorithms, table);
  std::string const version = cub_version(report);
  if (version.rfind("3000", 0) != 0) GTEST_SKIP() << "CUB " << version << ", the table is of 3.0";
  std::set<std::string> compiled;
  for (auto const& row : algorithms) compiled.insert(row.first.second);
  EXPECT_EQ(algorithms.size(), algorithm_kernels().size() * compiled.size());
  EXPECT_EQ(complaints(algorithms, table, names_of_algorithms()), "");
}

// A report, and each way not to keep to a budget.
TEST(Resources, WhatIsNotInTheBudgetIsTold) {
  auto const told = [](std::string const& frame, std::string const& used,
                       std::string const& budgets, std::set<std::string> const& launched = {"A"},
                       std::string const& columns = "") {
    std::string const name = "_ZN9levelscan8launches12_GLOBAL__N_110run_kernelINS_1AEEEvNT_4ArgsE";
    std::istringstream report("ptxas info    : Compiling entry function '" + name +
                              "' for 'sm_90'\n" +
                              "ptxas info    : Function properties for _ZN9levelscan1AE\n" + frame +
                              "\nptxas info    : " + used + "\nBlocks of 128 threads at most in '" +
                              name + "' for 'sm_90'\n");
    std::istringstream table("# words\nkernel threads registers shared " + columns + "sm_90\n" +
                             budgets);
    return complaints(own_kernels(parse(report)), read_budgets(table), launched);
  };
  std::string const frame = "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads";
  std::string const used = "Used 40 registers, used 1 barriers, 4096 bytes smem";
  EXPECT_EQ(told(frame, used, "A 128 40 4096 75\n"), "");
  EXPECT_EQ(told(frame, used, "A 128 39 4096 75\n"), "A for sm_90: 40 registers\n");
  EXPECT_EQ(told(frame, used, "A 128 40 4095 75\n"), "A for sm_90: 4096 bytes of shared memory\n");
  EXPECT_EQ(told(frame, used, "A 128 40 4096 76\n"),
            "A for sm_90: 75 per cent of the warps are resident\n");
  EXPECT_EQ(told("    8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads", used,
                 "A 128 40 4096 75\n"),
            "A for sm_90: 8 bytes on the stack\nA for sm_90: 8 bytes spilled\n");
  std::string const stack = "    8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads";
  EXPECT_EQ(told(stack, used, "A 128 40 4096 8 8 75\n", {"A"}, "stack spills "), "");
  EXPECT_EQ(told(stack, used, "A 128 40 4096 7 7 75\n", {"A"}, "stack spills "),
            "A for sm_90: 8 bytes on the stack\nA for sm_90: 8 bytes spilled\n");
  EXPECT_EQ(told(frame, used, "A 96 40 4096 75\n"), "A for sm_90: blocks of 128 threads\n");
  EXPECT_EQ(told(frame, used, ""), "A has no budget\n");
  EXPECT_EQ(told(frame, used, "", {}), "A for sm_90: nobody knows it\n");
  EXPECT_EQ(told(frame, used, "A 128 40 4096 75\nB 1 1 1 1\n"),
            "B has a budget, but is not launched\n");
  EXPECT_EQ(told(frame, used, "A 128 40 4096 75\nB 1 1 1 1\n", {"A", "B"}),
            "B is launched, but ptxas reports nothing of it\n");
}

}  // namespace
}  // namespace levelscan::test
