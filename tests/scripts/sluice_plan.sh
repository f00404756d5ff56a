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
expect 2 'resnet50' plan --model resnet51
expect 2 'channels x height x width' plan --model lenet --input 3x32
expect 2 '--budget' plan --model lenet --budget 1GiB,,2GiB
expect 2 'at most the logical batch' plan --model lenet --batch 8 --micro-batch 9
expect 2 '--json' plan --model lenet --json /no/such/directory/plan.json
expect 2 '--recompute' plan --model lenet --recompute some

# A budget that nothing fits into is a row that says so, and a failure when it is the only one.
expect 0 'below what one sample needs' plan --model lenet --batch 64 --budget 1KiB,8MiB
expect 1 'below what one sample needs' plan --model lenet --batch 64 --budget 1KiB

exit $((failures > 0))
