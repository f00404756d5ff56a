#!/usr/bin/env bash
# The programs in less and less address space: they end well, or with one sentence that names memory and exit code 1.
set -uo pipefail
[[ -z ${SLUICE_SANITIZE:-} ]] || { echo "sanitizers take address space of their own"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SLUICE_CACHE_DIR=$work/cache OMP_NUM_THREADS=1
program=${SLUICE_BIN:?}/train_cifar10
failures=0
wrong() {
  echo "$1: $2"
  cat "$work/out" "$work/err"
  failures=$((failures + 1))
}

# starts KIB COMMAND...: whether the program comes as far as its help.
starts() { (ulimit -v "$1" && shift && "$1" --help) >/dev/null 2>&1; }

# squeeze MOST_KIB STEP_KIB COMMAND...: runs it in MOST_KIB, which is enough, then in less by STEP_KIB each time, until it
# cannot even start. Some run must fail for lack of memory, or nothing was tested.
squeeze() {
  local most=$1 step=$2 limit code refused=0
  shift 2
  for ((limit = most; limit > 0; limit -= step)); do
    starts "$limit" "$1" || break
    (ulimit -v "$limit" && exec "$@") >"$work/out" 2>"$work/err"
    code=$?
    if ((code == 0)); then
      continue
    elif ((code != 1)); then
      wrong "$*" "exit code $code with $limit KiB"
    elif ! grep -qiE 'memory' "$work/err" || grep -qE 'bad_alloc|terminate' "$work/err"; then
      wrong "$*" "does not name memory with $limit KiB"
    else
      refused=$((refused + 1))
    fi
  done
  echo "$(basename "$1"): $refused refusals down to $limit KiB"
  ((refused > 0)) || wrong "$*" "was never short of memory"
}

"$program" --data synthetic --limit 10 --batch 10 --epochs 1 --quiet --threads 1 >/dev/null || exit 1  # the images are there
squeeze 120000 4000 "$program" --data synthetic --model lenet --batch 128 --budget 48MiB --epochs 1 --limit 300 --threads 1 --quiet
squeeze 150000 9000 "$program" --data synthetic --model lenet --batch 10000 --budget none --epochs 1 --threads 1 --quiet
squeeze 60000 500 "$SLUICE_BIN/sluice" plan --model lenet --batch 256 --budget 40MiB

((failures == 0)) && echo "memory_limit: all as expected"
exit $((failures > 0))
