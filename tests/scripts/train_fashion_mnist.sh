#!/usr/bin/env bash
# train_fashion_mnist from outside: exit codes, what is printed where, the JSON report. Uses a few real images.
set -uo pipefail
program=${SLUICE_BIN:?}/train_fashion_mnist
data=${SLUICE_DATA:-/usr/share/datasets/fashion-mnist}
[[ -e $data ]] || { echo "no data in $data"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/support/checks.sh"

small=(--limit 300 --batch 128 --epochs 2)

# Wrong usage: 2, before any data is opened.
expect 2 "--batch" --batch 0 --data /nonexistent
expect 2 "is negative" --budget -64MiB --data /nonexistent
expect 2 "--bn: got 'global'; expected local or exact" --bn global --data /nonexistent
expect 2 "--json: cannot write '/nonexistent/r.json': No such file or directory" --json /nonexistent/r.json --data /nonexistent
expect 2 "--json: cannot write" --json "$work"
expect 2 "--report: cannot write '/nonexistent/r.html': No such file or directory" --report /nonexistent/r.html --data /nonexistent
expect 2 "--trace: cannot write" --trace "$work" --data /nonexistent
expect 2 "--trace: got it with --verify-memory" --trace "$work/trace.json" --verify-memory --data /nonexistent
expect 2 "--frobnicate" --frobnicate
expect 0 "--micro-batch N|auto" --help

# Everything else: 1.
expect 1 "/nonexistent" --data /nonexistent
expect 1 "smallest feasible budget" "${small[@]}" --budget 100kB
expect 1 "largest micro-batch that fits" "${small[@]}" --budget 8MiB --micro-batch 128
if ! compgen -G '/dev/nvidia[0-9]*' >/dev/null; then
  expect 1 "cuda" --device cuda --data /nonexistent
  check "one sentence for a missing device" test "$(wc -l <"$work/err")" -eq 1
fi
mkdir "$work/broken"
head -c 1000 "$data/train-images-idx3-ubyte.gz" >"$work/broken/train-images-idx3-ubyte.gz"
cp "$data/train-labels-idx1-ubyte.gz" "$work/broken"
expect 1 "train-images-idx3-ubyte.gz" --data "$work/broken" --json "$work/never.json"
check "no report of a run that failed" test ! -e "$work/never.json"

# A plan is printed, and is the plan the run uses.
expect 0 "plan " "${small[@]}" --budget 16MiB --plan-only --json "$work/plan.json"
check "--plan-only trains nothing" same "$(value steps "$work/plan.json")" 0
check "--plan-only measures nothing" same "$(value measured_peak_bytes "$work/plan.json")" null
expect 0 "test accuracy" "${small[@]}" --budget 16MiB --verify-memory --json "$work/run.json"
check "plan of the run" same "$(value plan_hash "$work/plan.json")" "$(value plan_hash "$work/run.json")"
check "steps" same "$(value steps "$work/run.json")" 6
check "measured is planned" same "$(value planned_peak_bytes "$work/run.json")" "$(value measured_peak_bytes "$work/run.json")"
check "within the budget" test "$(value measured_peak_bytes "$work/run.json")" -le "$(value budget_bytes "$work/run.json")"
check "plan before training" test "$(grep -n -m 1 '^plan ' "$work/out" | cut -d: -f1)" -lt "$(grep -n -m 1 '^epoch 1/2' "$work/out" | cut -d: -f1)"
check "memory report after training" test "$(grep -n -m 1 '^memory' "$work/out" | cut -d: -f1)" -gt "$(grep -n -m 1 '^epoch 2/2' "$work/out" | cut -d: -f1)"
check "no control characters without a terminal" test "$(grep -c $'[\r\x1b]' "$work/out")" -eq 0

# The same seed gives the same weights, whatever is printed.
expect 0 "weights_hash $(value weights_hash "$work/run.json" | tr -d '"')" "${small[@]}" --budget 16MiB --quiet
check "--quiet prints the result alone" test "$(wc -l <"$work/out")" -eq 2
expect 0 "done" "${small[@]}" --budget 16MiB --quiet --seed 2 --json "$work/other.json"
check "another seed gives other weights" test "$(value weights_hash "$work/other.json")" != "$(value weights_hash "$work/run.json")"

# What the memory held before does not matter, and a run of 50 verified steps is clean.
for poison in 0 90 255; do
  SLUICE_POISON=$poison expect 0 "plan_hash $(value plan_hash "$work/run.json" | tr -d '"')  weights_hash $(value weights_hash "$work/run.json" | tr -d '"')" \
    "${small[@]}" --budget 16MiB --quiet
done
SLUICE_POISON=256 expect 1 "SLUICE_POISON: got '256'" "${small[@]}"
expect 0 "done" --limit 800 --batch 16 --micro-batch 5 --budget none --epochs 1 --verify-memory --json "$work/verified.json"
check "50 verified steps" same "$(value steps "$work/verified.json")" 50
check "measured is planned after 50 steps" same "$(value planned_peak_bytes "$work/verified.json")" "$(value measured_peak_bytes "$work/verified.json")"

# The page and the trace are written beside the rest, and change nothing.
expect 0 "weights_hash $(value weights_hash "$work/run.json" | tr -d '"')" "${small[@]}" --budget 16MiB --quiet \
  --report "$work/page.html" --trace "$work/trace.json" --trace-steps 1
check "the page knows its plan" grep -qF "\"plan_hash\":$(value plan_hash "$work/run.json")" "$work/page.html"
check "the page has the what-if curve and the waterfall of the planner" \
  grep -qE '"what_if":\[\{.*"chosen":true.*"waterfall":\[.*"everything that helps recomputed"' "$work/page.html"
check "the page is whole" test "$(tail -n 1 "$work/page.html")" = "</html>"
check "the trace has one step" test "$(grep -c '"cat":"step"' "$work/trace.json")" -eq 1

# A batch larger than the data set is one step an epoch, and no budget is null.
expect 0 "one step an epoch" --limit 100 --batch 4096 --micro-batch 32 --budget none --epochs 1 --json "$work/large.json"
check "one step" same "$(value steps "$work/large.json")" 1
check "no budget" same "$(value budget_bytes "$work/large.json")" null
expect 0 "weights_hash $(value weights_hash "$work/large.json" | tr -d '"')" --limit 100 --batch 9223372036854775807 --micro-batch 32 \
  --budget none --epochs 1
expect 0 "weights_hash $(value weights_hash "$work/large.json" | tr -d '"')" --limit 100 --batch 100 --micro-batch 32 --budget none --epochs 1

# The partial logical batch can be left out, and the schedule knows.
expect 0 "256 samples = 2 steps (44 more are left out)" "${small[@]}" --drop-last --json "$work/dropped.json"
check "two steps an epoch" same "$(value steps "$work/dropped.json")" 4
check "samples left out" same "$(value dropped_samples "$work/dropped.json")" 44
expect 0 "done" "${small[@]}" --on-non-finite skip --json "$work/skip.json"
check "the policy is told" same "$(value on_non_finite "$work/skip.json")" '"skip"'
check "nothing was skipped" same "$(value skipped_batches "$work/skip.json")" 0
expect 1 "drop_last leaves no sample" --limit 100 --batch 128 --drop-last
expect 2 "--on-non-finite: got 'ignore'; expected stop or skip" --on-non-finite ignore --data /nonexistent

# A learning rate that makes infinities, and one that f32 cannot hold: the step is named.
expect 1 "a value is not finite, the step is not taken; step 1" "${small[@]}" --optimizer sgd --lr 1e30 --momentum 0
expect 1 "lr is out of range; got 1e+39" "${small[@]}" --optimizer sgd --lr 1e39
for optimizer in sgd adamw; do
  expect 0 "done" --limit 100 --batch 50 --epochs 1 --optimizer $optimizer --weight-decay 1e-4
done

# Ctrl-C: 130, with the report of what was done. (Without job control a background process would ignore the signal.)
set -m
"$program" --epochs 1000 --json "$work/stopped.json" >"$work/out" 2>&1 &
trainer=$!
set +m
for _ in $(seq 300); do
  grep -q '^plan ' "$work/out" && break
  sleep 0.1
done
sleep 2
kill -INT $trainer
wait $trainer
code=$?
check "exit code $code after Ctrl-C" test $code -eq 130
check "report after Ctrl-C" grep -q '^interrupted: ' "$work/out"
check "memory report after Ctrl-C" grep -q '^memory' "$work/out"
check "JSON after Ctrl-C" test -n "$(value steps "$work/stopped.json")"
check "no temporary files" test -z "$(find "$work" -name '.*')"

((failures == 0)) && echo "train_fashion_mnist: all as expected"
exit $((failures > 0))
