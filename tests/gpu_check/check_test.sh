#!/usr/bin/env bash
# Tests check.sh without a GPU: every program that it runs is a stand-in, which does as the case says.
# usage: check_test.sh SCRATCH_DIRECTORY
set -euo pipefail
check=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/check.sh
scratch=$1
rm -rf "$scratch"
mkdir -p "$scratch/build/tests" "$scratch/bin" "$scratch/gpu"
report=$scratch/report.txt

# program PATH [LINE...]: a script of these lines.
program() {
  local path=$1
  shift
  printf '%s\n' '#!/usr/bin/env bash' "$@" >"$path"
  chmod +x "$path"
}

fail() {
  printf 'check_test: %s\n' "$*" >&2
  [[ -f $report ]] && cat "$report" >&2
  exit 1
}

# expect_run STATUS ARGUMENT...: runs check.sh with the stand-ins before all else in PATH.
expect_run() {
  local expected=$1 status=0
  shift
  rm -f "$report"
  PATH=$path "$check" --build "$scratch/build" --report "$report" "$@" >"$scratch/output.txt" 2>&1 || status=$?
  ((status == expected)) || fail "exit status $status instead of $expected: $*"
}

expect_line() { grep -qE "$1" "$report" || fail "no line like '$1'"; }
expect_no_line() { ! grep -qE "$1" "$report" || fail "a line like '$1'"; }

program "$scratch/build/levelscan" 'echo "levelscan says $*" >&2'
program "$scratch/build/levelscan_bench" 'echo "bench says $*"' 'mkdir -p "$3/shape"'
program "$scratch/build/tests/levelscan_kernels_tests" 'exit 0'
program "$scratch/bin/ctest" 'echo "ctest says $*"' \
  'while (($#)); do [[ $1 != --output-junit ]] || xml=$2; shift; done' \
  "for ((i = 0; i < \$(cat '$scratch/skipped'); ++i)); do" \
  "  echo '<testcase name=\"kernels.Blocks/FilterSuite.X/Cuda\" status=\"notrun\">'" \
  'done >"$xml"' \
  "exit \$(cat '$scratch/ctest_status')"
program "$scratch/gpu/nvidia-smi" '[[ ${1:-} != -L ]] || echo "GPU 0: a stand-in"'
program "$scratch/gpu/compute-sanitizer" \
  '[[ $2 != "${FAILING_TOOL:-}" ]] || { echo "== Error: race reported"; exit 9; }' 'echo "no errors"'
echo 0 >"$scratch/skipped"
echo 0 >"$scratch/ctest_status"
# The tools that this machine may really have are not to be found.
for tool in bash env cat grep sed date uname tail tee mktemp mkdir rm dirname nproc git; do
  ln -sf "$(command -v "$tool")" "$scratch/bin/$tool"
done

# Without a GPU it refuses, unless told.
path=$scratch/bin
expect_run 2
grep -q 'shows no GPU' "$scratch/output.txt" || fail "it doesn't say why it ends"
[[ ! -f $report ]] || fail "a report of nothing"
echo 3 >"$scratch/skipped"
expect_run 0 --without-gpu
expect_line '^ok +machine '
expect_line '^left out +build: a build was given'
expect_line '^ok +doctor '
expect_line '^ok +suite '
expect_line '^3 tests for CUDA were skipped'
for tool in memcheck racecheck initcheck synccheck; do
  expect_line "^left out +$tool: no compute-sanitizer in PATH"
done
expect_line '^ok +benchmark '
expect_line '^bench says --cold '
expect_line '^left out +stages: no GPU'
expect_no_line '^FAILED'

# With one, all of it.
path=$scratch/gpu:$scratch/bin
echo 0 >"$scratch/skipped"
expect_run 0
for tool in memcheck racecheck initcheck synccheck; do expect_line "^ok +$tool "; done
expect_line '^levelscan says doctor'
expect_line '^ok +stages '
expect_line '^levelscan says scan .*/gpu-check-databases/shape/ --backend cuda --stats=json'
expect_no_line '^(FAILED|left out +[^b ])'

# What fails is told, and the rest runs.
FAILING_TOOL=racecheck expect_run 1
expect_line '^FAILED +racecheck .* exit status 9'
expect_line 'Error: race reported'
expect_line '^ok +synccheck '
expect_line '^ok +benchmark '
echo 8 >"$scratch/ctest_status"
expect_run 1
expect_line '^FAILED +suite .* exit status 8'
expect_line '^ok +memcheck '
echo 0 >"$scratch/ctest_status"
# On a GPU no test for one may be skipped.
echo 1 >"$scratch/skipped"
expect_run 1
expect_line '^FAILED +suite '
expect_line '^1 tests for CUDA were skipped'
# Neither is what can't be started passed over.
echo 0 >"$scratch/skipped"
rm "$scratch/build/levelscan_bench"
expect_run 1
expect_line '^FAILED +benchmark .* exit status 127'
printf 'check_test: all as expected\n'
