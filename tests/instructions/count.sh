#!/usr/bin/env bash
# Counts the instructions of fixed scans with callgrind and compares them with budgets.txt. Counting knows no noise: the same
# program takes the same number, but for a few per cent between processors, whose C library functions differ.
#
# usage: count.sh BUILD_DIRECTORY write     writes the databases
#        count.sh BUILD_DIRECTORY [NAME]    counts one scan, or all
set -euo pipefail
build=$1
wanted=${2:-}
budgets=$(dirname "${BASH_SOURCE[0]}")/budgets.txt
directory=$build/tests/instructions
entries=40000

# database NAME: prints its path; writes it where it isn't.
database() {
  local shape=()
  if [[ $1 == files ]]; then
    shape=(--axis level0=1 --axis runs=8 --axis overwritten=0.5)
  fi
  "$build/levelscan_bench" --directory "$directory" --write-only --axis "entries=$entries" "${shape[@]}" 2>/dev/null
}

if [[ $wanted == write ]]; then
  database levels
  database files
  exit
fi

failed=0
# Flags hold no blanks.
while read -r name most where flags; do
  [[ -n $name && $name != \#* ]] || continue
  [[ -z $wanted || $wanted == "$name" ]] || continue
  path=$(database "$where")
  # shellcheck disable=SC2086
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='levelscan::Scanner::run(*' \
    "$build/levelscan" scan "$path" $flags --backend cpu --threads 1 --memory 64MiB --stats=json \
    >/dev/null 2>"$directory/$name.log" </dev/null || { cat "$directory/$name.log"; exit 1; }
  instructions=$(sed -n 's/^==[0-9]*== Collected : //p' "$directory/$name.log")
  seen=$(sed -n 's/.*"entries_seen":\([0-9]*\).*/\1/p' "$directory/$name.log")
  printf '%s\n' "$instructions $seen" | awk -v name="$name" -v most="$most" '{
    each = $1 / $2
    printf "%-18s %7.1f instructions an entry, at most %d\n", name, each, most
    exit !($1 > 0 && each <= most)
  }' || failed=1
done <"$budgets"
exit "$failed"
