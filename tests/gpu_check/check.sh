#!/usr/bin/env bash
# All that a machine with a GPU can tell of levelscan, in one report to send back: the machine, the whole test suite, the
# kernel suite under compute-sanitizer's four tools, the benchmark beside what the machine can do at most, and how long the
# device takes for the stages of scans of the benchmark's databases.
#
# usage: check.sh [--build DIRECTORY] [--report FILE] [--without-gpu]
#   --build        a build that is there already, instead of configuring and building build/gpu
#   --report       where the report goes (gpu-report.txt)
#   --without-gpu  go on where there is no GPU: what needs one is left out
#
# A step that fails doesn't keep the next from running. The report begins with a line for each: ok, FAILED or left out.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=
report=$PWD/gpu-report.txt
needs_gpu=1
while (($#)); do
  case $1 in
    --build) build=$2 && shift ;;
    --report) report=$2 && shift ;;
    --without-gpu) needs_gpu=0 ;;
    *)
      sed -n '6,9s/^# //p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
  shift
done

details=$(mktemp)
trap 'rm -f "$details"' EXIT
steps=()
failed=0

say() { printf '\n== %s\n' "$*" >&2; }

# step NAME COMMAND...: runs it; what it prints goes into the report.
step() {
  local name=$1 start=$SECONDS status=0
  shift
  say "$name"
  printf '\n== %s\n$ %s\n' "$name" "$*" >>"$details"
  "$@" </dev/null 2>&1 | tee -a "$details" >&2 || status=$?
  if ((status == 0)); then
    steps+=("ok        $name  $((SECONDS - start)) s")
  else
    steps+=("FAILED    $name  $((SECONDS - start)) s, exit status $status")
    failed=$((failed + 1))
  fi
  return "$status"
}

# left_out NAME REASON
left_out() {
  say "$1: left out: $2"
  steps+=("left out  $1: $2")
}

write_report() {
  {
    printf 'levelscan %s, gpu-check of %s\n\n' "$(git describe --always --dirty 2>/dev/null || echo unknown)" \
      "$(date -u '+%Y-%m-%d %H:%M UTC')"
    printf '%s\n' "${steps[@]}"
    cat "$details"
  } >"$report"
  say "report: $report"
  printf '%s\n' "${steps[@]}" >&2
}

machine() {
  uname -srm
  grep -m1 'model name' /proc/cpuinfo
  grep MemTotal /proc/meminfo
  command -v nvcc >/dev/null && nvcc --version | tail -2
  if command -v nvidia-smi >/dev/null; then nvidia-smi; fi
}

build_all() {
  cmake --preset gpu && cmake --build --preset gpu --parallel "$(nproc)"
}

# The suite, and none of its tests for CUDA skipped where there is a GPU.
suite() {
  local report=$build/gpu-check-tests.xml status=0
  rm -f "$report"
  ctest --test-dir "$build" -LE '^(resources|instructions)$' --output-on-failure --parallel "$(nproc)" \
    --output-junit "$report" || status=$?
  local skipped
  skipped=$(grep -c '<testcase .*[Cc]uda.* status="notrun"' "$report" 2>/dev/null) || true
  printf '%d tests for CUDA were skipped\n' "$skipped"
  if ((has_gpu && skipped > 0)); then return 1; fi
  return "$status"
}

# The last line of each scan is its statistics, which have the device's times.
stages() {
  local database
  for database in "$build"/gpu-check-databases/*/; do
    printf '%s: count, then all rows\n' "$database"
    "$build/levelscan" scan "$database" --backend cuda --where 'value_size > 16' --agg 'count()' --stats=json || return
    "$build/levelscan" scan "$database" --backend cuda --stats=json >/dev/null || return
  done
}

has_gpu=0
if command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q '^GPU '; then
  has_gpu=1
elif ((needs_gpu)); then
  printf 'gpu-check: nvidia-smi shows no GPU here; --without-gpu runs what needs none\n' >&2
  exit 2
fi

step machine machine || true
if [[ -n $build ]]; then
  left_out build "a build was given"
elif ((has_gpu)); then
  build=$PWD/build/gpu
  step build build_all || {
    write_report
    exit 1
  }
else
  printf 'gpu-check: without a GPU there is nothing to build for; give a build with --build\n' >&2
  exit 2
fi
step doctor "$build/levelscan" doctor || true
step suite suite || true
for tool in memcheck racecheck initcheck synccheck; do
  if ! command -v compute-sanitizer >/dev/null; then
    left_out "$tool" "no compute-sanitizer in PATH (it comes with the CUDA Toolkit)"
  elif ((!has_gpu)); then
    left_out "$tool" "no GPU"
  else
    step "$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/tests/levelscan_kernels_tests" \
      --gtest_filter='*/Cuda' || true
  fi
done
# Hot and cold; beside them stand reading, reading and checksumming, and copying to the device.
step benchmark "$build/levelscan_bench" --cold --directory "$build/gpu-check-databases" || true
if ((has_gpu)); then
  step stages stages || true
else
  left_out stages "no GPU"
fi

write_report
((failed == 0))
