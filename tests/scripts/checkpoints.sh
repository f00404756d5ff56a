#!/usr/bin/env bash
# --checkpoint and --resume of the trainers: a run that was killed, at any moment, ends with the weights of one that was
# not. SLUICE_KILLS: how often it is killed.
set -uo pipefail
program=${SLUICE_BIN:?}/train_cifar10
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/support/checks.sh"

run=(--data synthetic --model lenet --limit 640 --batch 32 --micro-batch 16 --threads 1 --optimizer sgd)
weights() { sed -n 's/.*weights_hash //p' "$work/out"; }

expect 0 done "${run[@]}" --epochs 3
undisturbed=$(weights)
expect 0 done "${run[@]}" --epochs 3 --checkpoint "$work/a" --checkpoint-every 7
check "checkpoints change nothing" test "$(weights)" = "$undisturbed"
check "the newest three stay, and the best" test "$(ls "$work/a" | tr '\n' ' ')" = \
  "best.safetensors step-000000000049.safetensors step-000000000056.safetensors step-000000000060.safetensors "

# From an epoch's end; where nothing is left; where there is nothing yet.
expect 0 done "${run[@]}" --epochs 3 --resume-from "$work/a/step-000000000056.safetensors"
check "restored in the last epoch: the same weights" test "$(weights)" = "$undisturbed"
check "it says so" grep -q "after 56 steps" "$work/out"
expect 0 done "${run[@]}" --epochs 3 --checkpoint "$work/a" --resume
check "nothing is left to do: the same weights" test "$(weights)" = "$undisturbed"
expect 0 "no checkpoint in '$work/new' yet" "${run[@]}" --epochs 1 --checkpoint "$work/new" --resume

# What differs is said.
expect 0 "micro-batch: 16 in the checkpoint, 8 now" "${run[@]}" --epochs 3 --micro-batch 8 --checkpoint "$work/a" \
  --resume --resume-from "$work/a/step-000000000049.safetensors"
expect 1 "has the seed 1; got 2" "${run[@]}" --seed 2 --resume-from "$work/a/best.safetensors"
expect 1 "are not this model's" "${run[@]}" --model fashion_cnn --resume-from "$work/a/best.safetensors"
expect 1 "is of the optimizer sgd; got adam" "${run[@]}" --optimizer adam --resume-from "$work/a/best.safetensors"
head -c 1000 "$work/a/best.safetensors" >"$work/cut"
expect 1 "cannot read '$work/cut'" "${run[@]}" --resume-from "$work/cut"
expect 2 "--checkpoint-every" "${run[@]}" --checkpoint-every 5
expect 2 "--resume" "${run[@]}" --resume
expect 2 "--checkpoint-every" "${run[@]}" --checkpoint "$work/b" --checkpoint-every 0
touch "$work/file"
expect 2 "--checkpoint: cannot make the folder" "${run[@]}" --checkpoint "$work/file"

# A signal writes a checkpoint before the end.
for signal in TERM HUP; do  # what is started in the background ignores INT
  rm -rf "$work/s"
  "$program" "${run[@]}" --epochs 1000 --checkpoint "$work/s" >"$work/out" 2>&1 &
  process=$!
  for ((i = 0; i < 600; ++i)); do ! grep -q '^epoch' "$work/out" || break; sleep 0.05; done
  kill -$signal $process
  wait $process
  status=$?
  check "$signal ends with $((status))" test "$status" -eq $((128 + $(kill -l $signal)))
  steps=$(sed -n 's/^interrupted: .*, \([0-9]*\) steps.*/\1/p' "$work/out")
  check "the checkpoint of its last step, $steps" test -e "$work/s/step-$(printf %012d "$steps").safetensors"
done

# kill -9 at any moment, over and over, until the run is over.
kills=${SLUICE_KILLS:-6}
rm -rf "$work/k"
for ((i = 0; i < kills; ++i)); do
  "$program" "${run[@]}" --epochs 3 --checkpoint "$work/k" --checkpoint-every 1 --resume >"$work/killed" 2>&1 &
  process=$!
  sleep "$(awk -v r=$RANDOM 'BEGIN { print 0.05 + 0.4 * r / 32768 }')"
  kill -9 $process 2>/dev/null
  wait $process 2>/dev/null
  for checkpoint in "$work/k"/*.safetensors; do
    [[ ! -e $checkpoint ]] || "$program" "${run[@]}" --epochs 1 --resume-from "$checkpoint" >/dev/null ||
      check "$checkpoint is whole" false
  done
  [[ ! -e $work/k ]] || ((i % 3)) || touch "$work/k/.sluice-12345"  # as of one that was killed while it wrote
done
expect 0 done "${run[@]}" --epochs 3 --checkpoint "$work/k" --checkpoint-every 1 --resume
check "killed $kills times: the same weights" test "$(weights)" = "$undisturbed"
check "no temporary file is left" test -z "$(ls -A "$work/k" | grep '^\.')"
((failures == 0))
