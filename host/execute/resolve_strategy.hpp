// How candidates are checked against newer runs. The answer is the same.
#pragma once

namespace levelscan {

enum class ResolveStrategy {
  kAuto,   // whichever costs less, window by window
  kProbe,  // candidates look for newer entries
  kMark,   // entries look for older candidates
  kMerge,  // all that can be newer is a candidate as well, and candidates are put in order
  // The same with all runs but the lowest, whose entries are held against what came out. Where the
  // device doesn't run blocks in order, kMerge.
  kSplit,
};

}  // namespace levelscan
