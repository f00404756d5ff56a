#!/usr/bin/env bash
# bench_training and bench_busy from outside, where the benchmarks are built: exit codes, and the JSON of a quick run without a peer. No
# time is looked at.
set -uo pipefail
program=${SLUICE_BIN:?}/bench_training
[[ -x $program ]] || { echo "the benchmarks are not built (SLUICE_BUILD_BENCH)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# expect CODE TEXT ARGUMENTS...: runs the program, checks its exit code and that its output holds TEXT.
expect() {
  local code=$1 text=$2 got
  shift 2
  "$program" "$@" >"$work/out" 2>&1
  got=$?
  if ((got != code)) || ! grep -qF -- "$text" "$work/out"; then
    echo "exit code $got, expected $code and '$text': $*"
    cat "$work/out"
    failures=$((failures + 1))
  fi
}
# holds TEXT: the JSON has it.
holds() {
  grep -qF -- "$1" "$work/bench.json" || { echo "'$1' is missing from the JSON"; failures=$((failures + 1)); }
}

expect 2 "--figures" --figures no_such_figure
expect 2 "cannot write" --json /nonexistent/bench.json
expect 2 "machine is measured on the CPU only" --device cuda --figures machine
expect 2 "no such device; got 'gpu'" --device gpu
expect 1 "bench_training: cuda: " --device cuda:4096 --no-peer --quick
expect 1 "expected fp32" --precision tf32 --no-peer --quick
SLUICE_PEER_PYTHON=/nonexistent expect 1 "install the Debian package python3-torch" --require-peer
SLUICE_PEER_PYTHON=/nonexistent expect 0 "train_fashion_cnn_mb64" --quick --figures train_fashion_cnn_mb64 \
  --json "$work/bench.json" --markdown "$work/bench.md"
expect 0 "step_loop_overhead" --quick --no-peer --figures step_loop_overhead
grep -qF '| train_fashion_cnn_mb64 | images/s |' "$work/bench.md" || { echo "no table of Markdown"; failures=$((failures + 1)); }
holds '"figure": "train_fashion_cnn_mb64"'
holds '"unit": "images/s"'
holds '"peer": null'
holds '"ratio": null'
holds '"load_average_before"'
grep -qE '"sluice": [0-9.]+' "$work/bench.json" || { echo "there is no figure"; failures=$((failures + 1)); }
if command -v python3 >/dev/null; then
  python3 -m json.tool "$work/bench.json" >/dev/null || failures=$((failures + 1))
fi
# bench_busy: its loops run beside it and end with it, however it ends.
program=${SLUICE_BIN:?}/bench_busy
quick=(--no-peer --quick --figures nice_loop_fashion_cnn_mb64)
# loops: the processes of the busy loops that the output names, and that still run.
loops() {
  local process
  for process in $(sed -n 's/^  busy loops: processes //p' "$work/out" | tr ',' ' '); do
    ! grep -qx busy_loop "/proc/$process/comm" 2>/dev/null || echo "$process"
  done
}
# gone WHEN: after a moment no loop is left.
gone() {
  local i
  for ((i = 0; i < 100; ++i)); do
    [[ -n $(loops) ]] || return 0
    sleep 0.1
  done
  echo "busy loops are left: $1"
  failures=$((failures + 1))
}
expect 2 "--figures" --figures no_such_figure
SLUICE_PEER_PYTHON=/nonexistent expect 1 "install the Debian package python3-torch" --require-peer
expect 0 "nice_loop_fashion_cnn_mb64" "${quick[@]}" --json "$work/bench.json"
grep -q '^  busy loops: processes [0-9]' "$work/out" || { echo "no busy loops are named"; failures=$((failures + 1)); }
gone "after the end"
holds '"figure": "nice_loop_fashion_cnn_mb64"'
holds '"unit": "x"'
holds '"busy_images_per_s"'
for signal in INT TERM KILL; do
  (trap - INT; exec "$program" --no-peer --rounds 1000 --figures nice_loop_fashion_cnn_mb64 >"$work/out" 2>&1) &
  bench=$!
  for ((i = 0; i < 600; ++i)); do
    [[ -z $(loops) ]] || break
    sleep 0.1
  done
  ((i < 600)) || { echo "no busy loop has started"; failures=$((failures + 1)); }
  kill -"$signal" "$bench"
  sleep 0.5
  kill -KILL "$bench" 2>/dev/null  # where SIGINT is ignored in background jobs
  wait "$bench" 2>/dev/null
  gone "after SIG$signal"
done
[[ -z $(find "$work" -name '.sluice-*') ]] || { echo "a temporary file was left"; failures=$((failures + 1)); }

((failures == 0)) && echo "bench: all as expected"
exit $((failures > 0))
