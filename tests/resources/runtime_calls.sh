#!/usr/bin/env bash
# Nothing of CUDA's runtime is called but what runtime_calls.txt names. Of a portable build also: it has no code but PTX,
# which copies nothing into shared memory asynchronously, and its programs load the runtime as a shared library.
# usage: runtime_calls.sh compiled|portable DEVICE_LIBRARY PTXAS_REPORT PROGRAM
set -euo pipefail
kind=$1 library=$2 report=$3 program=$4
names=$(dirname "${BASH_SOURCE[0]}")/runtime_calls.txt
failed=0

complain() {
  printf 'runtime_calls: %s\n' "$*"
  failed=1
}

called=$(nm --undefined-only "$library" 2>/dev/null | awk '$1 == "U" && $2 ~ /^(__)?cu(da)?[A-Z]/ { print $2 }' | sort -u)
[[ $(wc -l <<<"$called") -ge 20 ]] || complain "no calls found in $library"
for name in $called; do
  grep -qE "^$name( |\$)" "$names" || complain "$name is called, but not in $names"
done

if [[ $kind == portable ]]; then
  ! grep -q 'ptxas info' "$report" || complain "there is code for a processor, not PTX alone"
  ptx=$(strings -n 4 "$library" | grep -E '^\.target ' | sort -u) || true
  [[ $ptx == ".target sm_75" ]] || complain "the PTX is for '$ptx'"
  ! strings -n 4 "$library" | grep -qE 'cp\.async|cp\.reduce\.async|mbarrier' || complain "asynchronous copies in the PTX"
  readelf -d "$program" | grep -q 'NEEDED.*libcudart\.so' || complain "$program doesn't load libcudart.so"
fi
((!failed)) && printf '%d functions of the CUDA runtime are called, all of them expected\n' "$(wc -l <<<"$called")"
exit "$failed"
