#!/usr/bin/env bash
# sluice plan: tables and files it writes, and that bad flags are told and cost nothing.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/support/checks.sh"

program=$SLUICE_BIN/sluice
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expect 0 'smallest feasible budget' plan --model lenet --batch 256 --budget 2MiB,8MiB --waterfall --sweep \
  --json "$work/plan.json" --csv "$work/plan.csv" --report "$work/plan.html"
check 'a line for each budget' same "$(wc -l <"$work/plan.csv")" 3
check 'times in the JSON' grep -q '"predicted_relative_time"' "$work/plan.json"
check 'a page' grep -q '<html' "$work/plan.html"

expect 0 ', strict' plan --model lenet --batch 64 --budget 8MiB --precision strict
expect 2 '--precision' plan --model lenet --precision bf16
expect 2 '--model is missing' plan
mkdir "$work/full"
ln -s /dev/full "$work/full/step.svg"
expect 2 'resnet50' plan --model resnet51
expect 2 'channels x height x width' plan --model lenet --input 3x32
expect 2 '--budget' plan --model lenet --budget 1GiB,,2GiB
expect 2 'at most the logical batch' plan --model lenet --batch 8 --micro-batch 9
expect 2 '--json' plan --model lenet --json /no/such/directory/plan.json
expect 2 '--recompute' plan --model lenet --recompute some

# A budget that nothing fits into is a row that says so, and a failure when it is the only one.
expect 0 'below what one sample needs' plan --model lenet --batch 64 --budget 1KiB,8MiB
expect 1 'below what one sample needs' plan --model lenet --batch 64 --budget 1KiB

# An unset variable of a script is no GPU, and no reason to plan for something else.
expect 2 "--gpu: got ''; expected the name of a file" plan --model lenet --gpu ""
expect 2 "--gpu: got ''; expected the name of a file" ops --gpu ""
expect 2 "--threads: got '100000'; expected a whole number from 0 to 1024" plan --model lenet --threads 100000
expect 0 ', 1 thread' plan --model lenet --threads 1

# What cannot be read is told in the words and the order of the user.
expect 2 "sluice plan: nothing here is called so; got 'one' 'two' '--three'" plan one two --three
expect 2 "sluice: no command is called so; got 'unpack'; expected plan or pack or ops" unpack it
expect 2 'sluice: the command is missing; expected plan or pack or ops'
for command in '' plan pack ops; do
  expect 0 'device    cpu: ' $command --version
  check "--version: $command" grep -q '^sluice [0-9]' "$work/out"
done

# Micro-batches of even size may be smaller than the one asked for.
expect 0 'micro-batch: 86 instead of the 120 asked for: 3 replays' plan --model lenet --batch 256 --micro-batch 120
expect 0 '' plan --model lenet --batch 256 --micro-batch 128
check 'nothing to say of one that is taken' test "$(grep -c 'asked for' "$work/out")" -eq 0

# The buffers are a problem for sluice pack, whose packing is as good as the plan's.
expect 0 '' plan --model fashion_cnn --batch 256 --micro-batch 64 --json "$work/plan.json" --buffers "$work/buffers.csv"
arena=$(sed -n 's/^ *"arena_bytes": \([0-9]*\),$/\1/p' "$work/plan.json")
expect 0 "peak         $arena bytes" pack "$work/buffers.csv"
check 'nothing is left unread' test ! -s "$work/err"
expect 0 "peak         $arena bytes" pack "$work/buffers.csv" --fixed-offsets
expect 1 '--buffers: there is no plan to show' plan --model lenet --budget 1kB --buffers "$work/none.csv"

# The figures of the page as files.
expect 0 '' plan --model lenet --batch 256 --budget 8MiB --waterfall --svg "$work/figures" --report "$work/plan.html"
for figure in memory_map step what_if waterfall; do
  check "$figure.svg" test "$(head -c 5 "$work/figures/$figure.svg")$(tail -n 1 "$work/figures/$figure.svg")" = '<svg </svg>'
done
expect 0 '' plan --model lenet --batch 256 --svg "$work/figures/fewer"
check 'no figure without data' test ! -e "$work/figures/fewer/waterfall.svg"
expect 2 "--svg: cannot make the folder '$work/no/such'" plan --model lenet --svg "$work/no/such"
expect 2 '--svg: cannot make the folder' plan --model lenet --svg "$work/plan.json"
expect 2 "--svg: got ''; expected the name of a directory" plan --model lenet --svg ""
expect 2 '--json and --svg step.svg name the same file' plan --model lenet --svg "$work/figures" --json "$work/figures/step.svg"
expect 1 "--svg step.svg: cannot write '$work/full/step.svg'" plan --model lenet --svg "$work/full"

exit $((failures > 0))
