#!/usr/bin/env bash
# The threads of a run are those it was planned with, whichever thread calls it; where they cannot be had it ends with a sentence. A run
# that waits for ever is ended after a minute or two and fails.
set -uo pipefail
program=${SLUICE_BIN:?}/train_from
[[ -x $program ]] || { echo "the cpu device is not built"; exit 77; }
[[ ${SLUICE_SANITIZE:-} != thread ]] || { echo "ThreadSanitizer does not understand libgomp's barriers"; exit 77; }
source "${SLUICE_SOURCE:?}/tests/scripts/support/checks.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset OMP_NUM_THREADS OMP_THREAD_LIMIT OMP_DYNAMIC OMP_MAX_ACTIVE_LEVELS

fail() {
  echo "$*"
  cat "$work/out" "$work/err"
  failures=$((failures + 1))
}
# result [VARIABLE=VALUE...] THREADS PLACE [OTHER]: what train_from prints; a line "timeout" when it does not end.
result() {
  timeout -k 5 120 env "${variables[@]}" "$program" "$@" >"$work/out" 2>"$work/err"
  status=$?
  ((status != 124 && status != 137)) || echo timeout >"$work/out"
  cat "$work/out"
}
# agrees EXPECTED THREADS PLACE [OTHER]
agrees() {
  local expected=$1 got
  shift
  got=$(result "$@")
  [[ $got == "$expected" ]] || fail "${variables[*]} train_from $*: '$got' instead of '$expected'"
}
# refuses TEXT THREADS PLACE: exit code 1 and TEXT.
refuses() {
  local text=$1
  shift
  timeout -k 5 120 env "${variables[@]}" "$program" "$@" >"$work/out" 2>"$work/err"
  status=$?
  if ((status != 1)) || ! grep -qF -- "$text" "$work/err"; then
    fail "${variables[*]} train_from $*: exit code $status; expected 1 and '$text'"
  fi
}

variables=()
declare -A of
for threads in 1 2 3; do
  of[$threads]=$(result $threads main)
  [[ ${of[$threads]} == "$threads "* ]] || fail "train_from $threads main: '${of[$threads]}'"
done
[[ ${of[1]#* } != "${of[2]#* }" ]] || fail "1 and 2 threads give the same weights: nothing here could fail"

# Whichever thread calls, and whatever else runs in the process.
for threads in 1 2 3; do
  for place in thread planned_on_main_run_on_thread region planned_on_main_run_in_region child_before_run child_after_own_region; do
    agrees "${of[$threads]}" $threads $place
  done
  for other in 1 2 3; do
    agrees "${of[$threads]}" $threads after_another $other
    agrees "${of[$threads]}" $threads openmp_set_to_other $other
  done
done
agrees same 0 evaluate_in_region

# Limits of OpenMP: planned with what is granted, or refused where a number was asked for.
variables=(OMP_THREAD_LIMIT=1)
for place in main thread region; do
  agrees "${of[1]}" 0 $place
  agrees "${of[1]}" 1 $place
  refuses 'cpu: 2 threads are wanted and OpenMP grants 1 (OMP_THREAD_LIMIT is 1)' 2 $place
done
variables=(OMP_THREAD_LIMIT=2 OMP_NUM_THREADS=3)
for place in main thread region child_before_run; do
  agrees "${of[2]}" 0 $place
  refuses 'cpu: 3 threads are wanted and OpenMP grants 2' 3 $place
done
for setting in OMP_DYNAMIC=true OMP_MAX_ACTIVE_LEVELS=2 OMP_NUM_THREADS=3,2 OMP_WAIT_POLICY=active; do
  variables=("$setting")
  agrees "${of[2]}" 2 main
  agrees "${of[2]}" 2 region
done
variables=(OMP_NUM_THREADS=1)
agrees "${of[1]}" 0 main
variables=()
refuses 'cpu: 2 threads are wanted and OpenMP grants 1' 2 levels_taken_away_after_planning
agrees "${of[1]}" 1 levels_taken_away_after_planning
refuses 'cpu: 100000 threads are wanted; expected at most' 100000 main

# fork() after a run: the child does not have the threads.
refuses 'cpu: this process was forked from one whose kernels used several threads' 2 child_after_run
expected="${of[1]}"$'\n'"${of[1]}"
agrees "$expected" 1 child_after_run

# Limits of the system.
# A user of no other process whose only process may have no second thread.
alone=(prlimit --nproc=1:1 setpriv --reuid=61234 --clear-groups)
if ((EUID == 0)) && "${alone[@]}" test -x "$program" 2>/dev/null; then
  result_of_limit() {
    timeout -k 5 120 "${alone[@]}" "$program" "$@" >"$work/out" 2>"$work/err"
  }
  result_of_limit 2 main
  status=$?
  if ((status != 1)) || ! grep -q 'cpu: cannot start 2 threads' "$work/err"; then fail "--nproc=1, 2 threads: exit code $status"; fi
  result_of_limit 1 main
  status=$?
  if ((status != 1)) || ! grep -q 'loader: cannot start a thread' "$work/err"; then fail "--nproc=1, 1 thread: exit code $status"; fi
else
  echo "left out: limits on processes need root, prlimit, setpriv and a program that others may run"
fi

# The command line.
program=${SLUICE_BIN:?}/train_fashion_mnist
flags=(--model lenet --epochs 1 --batch 16 --micro-batch 4 --budget none --limit 64 --quiet)
if [[ -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ]]; then
  for limit in 1 2; do
    timeout -k 5 120 env OMP_THREAD_LIMIT=$limit "$program" "${flags[@]}" --json "$work/limit.json" >"$work/out" 2>"$work/err" ||
      fail "OMP_THREAD_LIMIT=$limit $program: exit code $?"
    timeout -k 5 120 "$program" "${flags[@]}" --threads $limit --json "$work/threads.json" >"$work/out" 2>"$work/err" ||
      fail "$program --threads $limit: exit code $?"
    check "weights of OMP_THREAD_LIMIT=$limit" same "$(value weights_hash "$work/limit.json")" "$(value weights_hash "$work/threads.json")"
  done
else
  echo "left out: the data set is missing"
fi
((failures == 0))
