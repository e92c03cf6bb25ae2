#!/usr/bin/env bash
# A compiler launcher for nvcc: has ptxas report what each kernel needs, and keeps the report. Behind it stands how many
# threads the blocks of a kernel may have, where its PTX says so.
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
kept=$report.kept
rm -rf "$kept"
mkdir "$kept"
"$@" -Xptxas=-v --keep --keep-dir "$kept" >"$report.new" 2>&1
status=$?
if ((status != 0)); then
  grep -vE '^ptxas info|bytes stack frame' "$report.new" >&2
  rm -rf "$report.new" "$report" "$kept"
  exit "$status"
fi
# Warnings are for whoever builds.
grep -vE '^ptxas info|bytes stack frame' "$report.new" >&2
# .target sm_NN; then for each kernel .entry NAME(, and perhaps .maxntid THREADS, 1, 1
awk '$1 == ".target" { target = $2; sub(/,$/, "", target) }
     / \.entry / { name = $0; sub(/.*\.entry /, "", name); sub(/\(.*/, "", name) }
     $1 == ".maxntid" { printf "Blocks of %d threads at most in '\''%s'\'' for '\''%s'\''\n", $2, name, target }' \
  "$kept"/*.ptx >>"$report.new"
rm -rf "$kept"
mv "$report.new" "$report"
