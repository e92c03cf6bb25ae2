#!/usr/bin/env bash
# A compiler launcher for nvcc: has ptxas report what each kernel needs, and keeps the report.
# usage: keep_resource_report.sh DIRECTORY nvcc ARGUMENT...; the report is DIRECTORY/SOURCE.txt
set -uo pipefail
directory=$1
shift
source=
for argument in "$@"; do
  [[ $argument == *.cu ]] && source=$argument
done
if [[ -z $source || " $* " != *" -o "*.o* ]]; then
  exec "$@"
fi
mkdir -p "$directory"
report=$directory/$(basename "$source").txt
"$@" -Xptxas=-v >"$report.new" 2>&1
status=$?
if ((status != 0)); then
  grep -vE '^ptxas info|bytes stack frame' "$report.new" >&2
  rm -f "$report.new" "$report"
  exit "$status"
fi
# Warnings are for whoever builds.
grep -vE '^ptxas info|bytes stack frame' "$report.new" >&2
mv "$report.new" "$report"
