#!/usr/bin/env bash
# sluice plan --gpu: plans for GPUs that are not here, from cuDNN and from the cache, and what it says of bad properties.
# Skips where the build has no CUDA module, or its libraries are not there.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/support/checks.sh"

program=$SLUICE_BIN/sluice
gpus=$SLUICE_SOURCE/gpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SLUICE_CACHE_DIR=$work/cache

if grep -E 'has no CUDA module|cannot open shared object file' < <("$program" plan --model lenet --gpu "$gpus/t4.json" 2>&1); then exit 77; fi

# plan NAME MODEL GPU BUDGET FLAGS...: writes NAME.json.
plan() {
  local name=$1 model=$2 gpu=$3 budget=$4
  shift 4
  expect 0 'planned for, not here' plan --model "$model" --gpu "$gpus/$gpu.json" --batch 4096 --budget "$budget" "$@" \
    --json "$work/$name.json"
}
micro_batch() { sed -n 's/^ *"micro_batch": \([0-9]*\),$/\1/p' "$1" | head -n 1; }
largest_workspace() { sed -n 's/^ *"workspace_bytes": \([0-9]*\)$/\1/p' "$1" | sort -n | tail -n 1; }

# What is left of each GPU's memory by the driver and the libraries.
previous=0
for pair in t4:15GiB rtx4090:23GiB h200:138GiB; do
  plan cold resnet50 "${pair%:*}" "${pair#*:}"
  size=$(micro_batch "$work/cold.json")
  check "more memory, a larger micro-batch: $previous, then $size on $pair" test "$size" -gt "$previous"
  previous=$size
  check 'convolutions have workspaces' test "$(largest_workspace "$work/cold.json")" -gt 0
done

plan fashion fashion_cnn rtx3060-12gb 1GiB --layers
check 'layers by engine' grep -q '^.* conv2d_grad_weight  *engine [0-9]' "$work/out"

# The same again from the file, without a word.
plan cold resnet18_cifar a100-80gb 1GiB
plan warm resnet18_cifar a100-80gb 1GiB
check 'the plan from the cache is the plan' cmp -s "$work/cold.json" "$work/warm.json"
check 'nothing to complain of' test ! -s "$work/err"
for file in "$SLUICE_CACHE_DIR"/*.json; do echo damaged >"$file"; done
plan again resnet18_cifar a100-80gb 1GiB
check 'a damaged cache is replaced' cmp -s "$work/cold.json" "$work/again.json"
check 'and told' grep -q 'it is not used and will be replaced' "$work/err"

plan fp32 resnet18_cifar a100-80gb 1GiB --precision fp32
check 'fp32 is another plan' grep -q ', fp32, planned' "$work/out"
plan strict resnet18_cifar a100-80gb 1GiB --precision strict
check 'strict is another plan' grep -q ', strict, planned' "$work/out"

expect 1 'has no tf32' plan --model lenet --gpu "$gpus/t4.json" --precision tf32
expect 2 '--precision' plan --model lenet --gpu "$gpus/t4.json" --precision bf16
expect 2 'got it with --device cpu' plan --model lenet --gpu "$gpus/t4.json" --device cpu
expect 1 'cannot be read' plan --model lenet --gpu "$work/none.json"
sed 's/"multiProcessorCount": [0-9]*/"multiProcessorCount": -3/' "$gpus/t4.json" >"$work/bad.json"
expect 1 'multiProcessorCount is absurd; got -3' plan --model lenet --gpu "$work/bad.json"

# A cuDNN that says it is older. Sanitizers want to be the first library.
if [[ -z $SLUICE_SANITIZE ]]; then
  echo 'extern "C" unsigned long cudnnGetVersion() { return 90700; }' >"$work/old.cpp"
  check 'a library compiles' "$SLUICE_CXX" -shared -fPIC "$work/old.cpp" -o "$work/old.so"
  LD_PRELOAD=$work/old.so "$program" plan --model lenet --gpu "$gpus/t4.json" >"$work/out" 2>"$work/err"
  check 'it is refused' test $? -eq 1
  check 'in one sentence' grep -qE 'to plan for a GPU that is not here \(--gpu FILE\); got version 9\.7\.0; expected 9\.8\.0 or later' "$work/err"
  check 'and no other' test "$(wc -l <"$work/err")" -eq 1
fi

exit $((failures > 0))
