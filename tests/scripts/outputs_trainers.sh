#!/usr/bin/env bash
# The output files of the trainers, as outputs.sh has those of the tool; and how signals end a run. Uses a few real images.
set -uo pipefail
program=${SLUICE_BIN:?}/train_fashion_mnist
data=${SLUICE_DATA:-/usr/share/datasets/fashion-mnist}
[[ -e $data ]] || { echo "no data in $data"; exit 77; }
work=$(mktemp -d)
trap 'umount "$work"/mounted.* 2>/dev/null; rm -rf "$work"' EXIT
source "$(dirname "$0")/support/checks.sh"
source "$(dirname "$0")/support/outputs.sh"

small=(--model lenet --limit 64 --batch 32 --epochs 1)
matrix "--json --report --trace" "${small[@]}"
expect 2 "--tuning: got '-'" --tuning - --tune
expect 2 "--tuning: got '/dev/stdout'; expected a file, which is read as well" --tuning /dev/stdout --tune
expect 2 "--json and --tuning name the same file" "${small[@]}" --tuning "$work/t" --tune --json "$work/t"
prints 0 --help
prints 0 "${small[@]}" --plan-only
prints 0 "${small[@]}" --quiet

# A name that is no UTF-8 costs no result.
expect 0 "done" "${small[@]}" --tuning "$work/"$'\xff' --tune --json "$work/"$'\xfe'
check "JSON with a name that is no UTF-8" whole --json "$work/"$'\xfe'

# A run that fails in training keeps what it has. Here the weight decay makes the weights grow until they overflow.
expect 1 "the loss is not finite" "${small[@]}" --batch 64 --epochs 50 --optimizer sgd --lr 0.01 --weight-decay 2000 \
  --json "$work/failed.json" --report "$work/failed.html" --trace "$work/failed.trace"
check "JSON of a run that fails" whole --json "$work/failed.json"
check "its error" grep -q '^  "error": ".*the loss is not finite' "$work/failed.json"
finished=$(grep -c '^epoch' "$work/out")
check "$finished epochs are finished" test "$finished" -ge 1
listed=$(sed -n '/"epochs"/,$p' "$work/failed.json" | grep -c '"test_accuracy": [0-9]')
check "$listed of them are in the JSON" test "$listed" -eq "$finished"
check "its page" whole --report "$work/failed.html"
check "its trace" whole --trace "$work/failed.trace"

# The other trainer writes the same way.
program=$SLUICE_BIN/train_cifar10
cifar=(--data synthetic --model lenet --limit 64 --batch 32 --epochs 1)
expect 0 "" "${cifar[@]}" --json -
check "--json -: alone on standard output" whole --json "$work/out"
expect 2 "--json and --trace name the same file" "${cifar[@]}" --json "$work/x" --trace "$work/x"
expect 1 "--report: cannot write '/dev/full'" "${cifar[@]}" --json "$work/c.json" --report /dev/full
check "the JSON does not go with the page" whole --json "$work/c.json"
prints 0 --help
program=$SLUICE_BIN/train_fashion_mnist

# start [ARGUMENTS...]: starts a run that only signals end, in the background; with --keep NAME it ignores that signal.
start() {
  local ignored=
  [[ $1 != --keep ]] || { ignored=$2; shift 2; }
  rm -f "$work/out"  # what another run printed must not be taken for the start of this one
  set -m  # without job control a background process ignores SIGINT
  (
    [[ -z $ignored ]] || trap '' "$ignored"
    exec "$program" --model lenet --limit 64 --batch 32 --epochs 100000000 "$@"
  ) >"$work/out" 2>"$work/err" &
  trainer=$!
  set +m
  await '^epoch 2/' "$work/out"
}
# await PATTERN FILE: waits, a minute at most, until a line of the file matches.
await() {
  for _ in $(seq 600); do
    grep -q "$1" "$2" 2>/dev/null && return
    sleep 0.1
  done
  check "'$1' comes" false
}
# ends CODE: the run ends, with CODE.
ends() {
  local code
  for _ in $(seq 1200); do
    kill -0 $trainer 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL $trainer 2>/dev/null
  wait $trainer 2>/dev/null
  code=$?
  check "exit code $code instead of $1" test $code -eq "$1"
}

# Signals end a run like Ctrl-C does, with all that is asked for.
for signal in INT:130 TERM:143 HUP:129; do
  start --json "$work/stopped.json"
  kill -"${signal%:*}" $trainer
  ends "${signal#*:}"
  check "$signal: says so" grep -q '^interrupted: ' "$work/out"
  check "$signal: JSON" whole --json "$work/stopped.json"
  rm -f "$work/stopped.json"
done

# What is ignored from the start stays ignored; the others work.
for signal in INT TERM HUP; do
  other=TERM:143
  [[ $signal != TERM ]] || other=INT:130
  start --keep $signal
  kill -$signal $trainer
  epochs=$(grep -c '^epoch' "$work/out")
  for _ in $(seq 600); do
    (($(grep -c '^epoch' "$work/out") > epochs + 2)) && break
    sleep 0.1
  done
  check "$signal is ignored" kill -0 $trainer
  kill -"${other%:*}" $trainer
  ends "${other#*:}"
done

# The second signal ends a run at once, even one that waits for the reader of its output.
mkfifo "$work/pipe"
start --json "$work/pipe"
kill -TERM $trainer
await '^interrupted: ' "$work/out"
kill -INT $trainer
ends 130

# A folder that is gone by the end: the results are printed, and the exit code is 1.
fresh
start --json "$work/new/r.json" --report "$work/new/r.html"
rmdir "$work/new"
kill -TERM $trainer
ends 1
check "JSON is printed" grep -q '^  "plan_hash": ' "$work/out"
check "the page is kept" whole --report "$(rescued)"

((failures == 0)) && echo "outputs_trainers: all as expected"
exit $((failures > 0))
