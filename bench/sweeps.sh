#!/usr/bin/env bash
# The sweeps of docs/PERFORMANCE.md: one axis at a time around the database that most figures are about, but smaller.
#
# usage: sweeps.sh PROGRAM OUTPUT [NAME...]    PROGRAM: levelscan_bench; OUTPUT: a file of JSON lines, added to
set -euo pipefail
program=$1
output=$2
shift 2
wanted=" $* "

# sweep NAME ARGUMENTS...
sweep() {
  local name=$1
  shift
  [[ $wanted == "  " || $wanted == *" $name "* ]] || return 0
  "$program" --sweep "$name" --output "$output" --only iterator,cpu,read-hash "$@"
}

sweep selectivity --axis entries=1000000 --axis selectivity=0.001,0.01,0.1,0.5,1
sweep value_size --axis entries=500000 --axis value_size=8,30,100,400,1600
sweep key_size --axis entries=1000000 --axis key_size=8,16,32,64,128
sweep block_size --axis entries=1000000 --axis block_size=1024,4096,16384,65536
sweep restart_interval --axis entries=1000000 --axis restart_interval=1,4,16,64
sweep compression --only read-hash-decompress --axis entries=1000000 --axis compression=snappy,zlib,lz4,zstd
sweep runs --axis entries=1000000 --axis runs=1,2,4,8,16,32
sweep overwritten --axis entries=1000000 --axis level0=1 --axis runs=20 --axis overwritten=0,0.1,0.25,0.5,0.75
sweep ranges --only iterator-cached --axis entries=1000000 --axis output=sum --axis selectivity=1 \
  --axis ranges=1,10,100,1000,10000
sweep data_block --axis entries=1000000 --axis data_block=65536,262144,1048576,4194304,16777216
sweep threads --only iterator-threads,cpu-threads --axis entries=4000000 \
  --axis "threads=$(seq -s, 2 "$(($(nproc) > 2 ? $(nproc) : 2))")"
sweep entries --axis entries=1000000,4000000,16000000,64000000
