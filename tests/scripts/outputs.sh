#!/usr/bin/env bash
# The output files of the tool and the benchmarks: tried at the start, written one by one at the end, never lost without a word; standard
# output as a file ("-") and as what is printed on; what cannot be replaced.
set -uo pipefail
bin=${SLUICE_BIN:?}
work=$(mktemp -d)
trap 'umount "$work"/mounted.* 2>/dev/null; rm -rf "$work"' EXIT
source "$(dirname "$0")/support/checks.sh"
source "$(dirname "$0")/support/outputs.sh"
printf 'id,lower,upper,size\na,0,3,40\nb,0,1,20\n' >"$work/in.csv"

program=$bin/sluice
matrix "--buffers --csv --json --report" plan --model lenet --batch 32
matrix "--json --out" pack --in "$work/in.csv"
expect 2 "--in and --json name the same file" pack --in "$work/in.csv" --json "$work/in.csv"
cp "$work/in.csv" "$work/both.csv"
expect 0 "" pack --in "$work/both.csv" --out "$work/both.csv"
check "rows may replace those that were read" whole --out "$work/both.csv"
expect 2 "--tuning: got '-'" plan --model lenet --tuning -
expect 2 "--json and --tuning name the same file" plan --model lenet --tuning "$work/in.csv" --json "$work/in.csv"
expect 1 "--report: there is no plan to show" plan --model lenet --budget 1kB --report "$work/x" --json "$work/none.json"
check "a page without a plan takes nothing else" whole --json "$work/none.json"
prints 0 --help
prints 0 plan --help
prints 0 plan --model lenet --batch 32
prints 0 pack --in "$work/in.csv"
prints 0 ops

# A folder that is removed while the rows are still being sent: pack reads, and so has tried its outputs, once it has
# taken more than a pipe holds.
fresh
mkfifo "$work/rows"
"$program" pack --in - --out "$work/new/x" --json "$work/new/y" <"$work/rows" >"$work/out" 2>"$work/err" &
pack=$!
exec 5>"$work/rows"
{ head -n 1 "$work/in.csv"; head -c 500000 /dev/zero | tr '\0' '\n'; } >&5
rmdir "$work/new"
tail -n +2 "$work/in.csv" >&5
exec 5>&-
wait $pack
check "exit code after the folder has gone" test $? -eq 1
check "the JSON is printed" grep -q '"peak_bytes": 60' "$work/out"
check "the rows are kept" whole --out "$(rescued)"

for name in memory packing planning; do
  program=$bin/bench_$name
  [[ ! -x $program ]] || prints 0 --help
done
program=$bin/bench_training
if [[ -x $program ]]; then
  prints 0 --help
  expect 2 "--json and --markdown name the same file" --json "$work/x" --markdown "$work/x"
  expect 2 "--markdown: cannot write '$work/missing/x'" --markdown "$work/missing/x"
  fresh
  expect 1 "--json: cannot write '/dev/full': No space left on device; it is printed" --no-peer --quick \
    --figures arena_over_bound --json /dev/full --markdown "$work/new/x"
  check "the table does not go with the JSON" whole --markdown "$work/new/x"
fi

((failures == 0)) && echo "outputs: all as expected"
exit $((failures > 0))
