// What ptxas says each kernel needs, for every architecture that this build compiles, against
// budgets.txt: nothing on the stack, nothing spilled, registers and shared memory within the
// budget, and as many warps on a multiprocessor as the table says. Occupancy is computed by the
// rules in NVIDIA's own cuda_occupancy.h.
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

// Per cent of a multiprocessor's warps that can be resident.
int occupancy(Architecture const& architecture, int threads, int registers, std::size_t shared) {
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
  kernel.numRegs = registers;
  kernel.sharedSizeBytes = shared;
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

struct Resources {
  int stack = -1;
  int spills = 0;  // bytes, stores and loads
  int registers = -1;
  int shared = 0;
};

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
// own.
Report parse(std::istream& text) {
  Report report;
  std::regex const entry("Compiling entry function '([^']*)' for '([^']*)'");
  std::regex const frame(
      "([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads");
  std::regex const used("Used ([0-9]+) registers");
  std::regex const shared("([0-9]+) bytes smem");
  std::smatch found;
  Resources* current = nullptr;
  for (std::string line; std::getline(text, line);) {
    if (std::regex_search(line, found, entry)) {
      current = &report[{demangled(found[1]), found[2]}];
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

struct Budget {
  int threads = 0;
  int registers = 0;
  int shared = 0;
  std::vector<int> occupancies;  // at least, one a column
};

struct BudgetTable {
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
      }
      continue;
    }
    Budget budget;
    words >> budget.threads >> budget.registers >> budget.shared;
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
    if (budget == table.kernels.end()) continue;
    if (column == table.columns.end() || architectures().count(architecture) == 0) {
      text << where << "the table has no such architecture\n";
      continue;
    }
    if (used.stack != 0) text << where << used.stack << " bytes on the stack\n";
    if (used.spills != 0) text << where << used.spills << " bytes spilled\n";
    if (used.registers < 0 || used.registers > budget->second.registers) {
      text << where << used.registers << " registers\n";
    }
    if (used.shared > budget->second.shared) {
      text << where << used.shared << " bytes of shared memory\n";
    }
    std::size_t const place = static_cast<std::size_t>(column - table.columns.begin());
    int const resident = occupancy(architectures().at(architecture), budget->second.threads,
                                   used.registers, static_cast<std::size_t>(used.shared));
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

// Prints a table as budgets.txt has it, and what algorithms of Thrust and CUB put on the stack.
void print(Report const& report, BudgetTable const& table) {
  std::map<std::string, std::map<std::string, Resources>> kernels;
  for (auto const& [key, used] : own_kernels(report)) kernels[key.first][key.second] = used;
  std::printf("%-17s %7s", "kernel", "threads");
  std::set<std::string> compiled;
  for (auto const& [kernel, rows] : kernels) {
    for (auto const& row : rows) compiled.insert(row.first);
  }
  for (std::string const& column : table.columns) {
    if (compiled.count(column) != 0) std::printf("   %-18s", column.c_str());
  }
  std::printf("\n");
  for (auto const& [kernel, rows] : kernels) {
    int const threads = table.kernels.count(kernel) ? table.kernels.at(kernel).threads : 0;
    std::printf("%-17s %7d", kernel.c_str(), threads);
    for (std::string const& column : table.columns) {
      auto const row = rows.find(column);
      if (row == rows.end()) continue;
      Resources const& used = row->second;
      std::printf("   %3d reg %5d B %3d%%", used.registers, used.shared,
                  occupancy(architectures().at(column), threads, used.registers,
                            static_cast<std::size_t>(used.shared)));
    }
    std::printf("\n");
  }
  std::map<std::string, std::pair<int, int>> worst;  // by architecture: kernels, most bytes
  for (auto const& [key, used] : report) {
    if (key.first.find("run_kernel<") != std::string::npos || used.stack <= 0) continue;
    auto& [count, bytes] = worst[key.second];
    ++count;
    bytes = std::max(bytes, used.stack);
  }
  for (auto const& [architecture, stacks] : worst) {
    std::printf("%s: %d kernels of Thrust and CUB have a stack, of at most %d bytes\n",
                architecture.c_str(), stacks.first, stacks.second);
  }
}

TEST(Resources, EveryKernelKeepsToItsBudget) {
  std::ifstream reported(LEVELSCAN_RESOURCE_REPORT);
  ASSERT_TRUE(reported) << LEVELSCAN_RESOURCE_REPORT;
  std::ifstream budgeted(LEVELSCAN_BUDGETS);
  ASSERT_TRUE(budgeted) << LEVELSCAN_BUDGETS;
  Report const report = parse(reported);
  BudgetTable const table = read_budgets(budgeted);
  ASSERT_EQ(table.columns.size(), architectures().size());
  print(report, table);
  std::set<std::string> const launched = launched_kernels();
  EXPECT_GE(launched.size(), 10u);
  Report const own = own_kernels(report);
  std::set<std::string> compiled;
  for (auto const& row : own) compiled.insert(row.first.second);
  EXPECT_EQ(own.size(), launched.size() * compiled.size());
  EXPECT_EQ(complaints(own, table, launched), "");
}

// A report, and each way not to keep to a budget.
TEST(Resources, WhatIsNotInTheBudgetIsTold) {
  auto const told = [](std::string const& frame, std::string const& used,
                       std::string const& budgets, std::set<std::string> const& launched = {"A"}) {
    std::istringstream report(
        "ptxas info    : Compiling entry function "
        "'_ZN9levelscan8launches12_GLOBAL__N_110run_kernelINS_1AEEEvNT_4ArgsE' for 'sm_90'\n"
        "ptxas info    : Function properties for _ZN9levelscan1AE\n" +
        frame + "\nptxas info    : " + used + "\n");
    std::istringstream table("# words\nkernel threads registers shared sm_90\n" + budgets);
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
  EXPECT_EQ(told(frame, used, ""), "A has no budget\n");
  EXPECT_EQ(told(frame, used, "A 128 40 4096 75\nB 1 1 1 1\n"),
            "B has a budget, but is not launched\n");
  EXPECT_EQ(told(frame, used, "A 128 40 4096 75\nB 1 1 1 1\n", {"A", "B"}),
            "B is launched, but ptxas reports nothing of it\n");
}

}  // namespace
}  // namespace levelscan::test
