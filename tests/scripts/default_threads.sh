#!/usr/bin/env bash
# Where nobody asks for a number of threads, the plan has one for each core that affinity mask and CPU quota leave, and says why these
# are not all.
set -uo pipefail
program=${SLUICE_BIN:?}/train_cifar10
source "${SLUICE_SOURCE:?}/tests/scripts/support/checks.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset OMP_NUM_THREADS
export SLUICE_CACHE_DIR=$work/cache
plan=(--data synthetic --model lenet --limit 64 --plan-only)
cores=$(getconf _NPROCESSORS_ONLN)
[[ ${SLUICE_SANITIZE:-} != thread ]] || { echo "ThreadSanitizer does not understand libgomp's barriers"; exit 77; }
((cores > 1)) && command -v taskset >/dev/null || { echo "left out: this needs taskset and several cores"; exit 77; }

first=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
# expect runs the program in this mask.
taskset -cp "$first" $$ >/dev/null
expect 0 "1 thread" "${plan[@]}"
expect 0 "(of $cores cores: the affinity mask has 1)" "${plan[@]}"
expect 0 ", 2 threads" "${plan[@]}" --threads 2
check "no reason where a number was asked for" test -z "$(grep 'affinity' "$work/out")"
OMP_NUM_THREADS=2 expect 0 ", 2 threads" "${plan[@]}"
check "no reason where OMP_NUM_THREADS is set" test -z "$(grep 'affinity' "$work/out")"
((failures == 0)) && echo "default_threads: all as expected"
exit $((failures > 0))
