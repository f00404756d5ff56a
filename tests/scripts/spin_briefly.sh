#!/usr/bin/env bash
# The trainers set how long OpenMP's threads spin by executing themselves once more. libgomp prints its settings whenever a program
# loads it, which shows how often that was; everything else has to stay as it is without.
set -uo pipefail
program=${SLUICE_BIN:?}/train_cifar10
source "${SLUICE_SOURCE:?}/tests/scripts/support/checks.sh"
work=$(mktemp -d)
echo >"$work/environment"
trap 'rm -rf "$work"' EXIT
unset OMP_WAIT_POLICY GOMP_SPINCOUNT LD_PRELOAD OMP_DISPLAY_ENV

# spins COMMAND...: how long threads spin, each time that libgomp was loaded.
spins() { OMP_DISPLAY_ENV=verbose "$@" 2>&1 | sed -n "s/.*GOMP_SPINCOUNT = '\([0-9]*\)'.*/\1/p" | tr '\n' ' '; }

usual=$(spins "${SLUICE_BIN:?}/sluice" --help)  # which does not set it
[[ $usual =~ ^[0-9]+\ $ ]] || { echo "left out: libgomp does not print its settings"; exit 77; }
check "threads spin briefly, and there is one restart" same "$(spins "$program" --help)" "${usual}2000 "

# What the user has set stays, and nothing is executed again.
check "GOMP_SPINCOUNT" same "$(spins env GOMP_SPINCOUNT=77 "$program" --help)" "77 "
check "OMP_WAIT_POLICY" same "$(spins env OMP_WAIT_POLICY=passive "$program" --help)" "0 "
# A variable that another process left is not mistaken for the restart's.
check "another process's variable" same "$(spins env SLUICE_SPINS_SET_BY=1 "$program" --help)" "${usual}2000 "

# Where something looks into the process, or the loader was started by hand, it stays as it was started.
check "LD_PRELOAD" same "$(spins env LD_PRELOAD= "$program" --help)" "$usual"
loader=$(grep -ao '/lib[^ ]*/ld-linux[-a-z0-9_]*\.so\.[0-9]' "$program" | head -n 1)
[[ -z $loader ]] || check "the loader" same "$(spins "$loader" "$program" --help)" "$usual"
if command -v gdb >/dev/null && gdb -q -batch -ex run --args /bin/true >/dev/null 2>&1; then
  check "gdb" same "$(spins gdb -q -batch -ex run --args "$program" --help)" "$usual"
fi
if [[ -z ${SLUICE_SANITIZE:-} ]] && command -v valgrind >/dev/null; then
  check "valgrind" same "$(spins valgrind -q --tool=none "$program" --help)" "$usual"
fi

# Arguments, their count and quoting, the name in messages, and exit codes.
expect 2 "got 'a  b'" --epochs "a  b"
expect 2 "got ''" --epochs ""
(exec -a /elsewhere/other_name "$program" --no-such-flag) >"$work/out" 2>&1
check "exit code under another name" test $? -eq 2
check "another name" grep -q '^other_name: ' "$work/out"
# By a relative path, by PATH, and by a link.
ln -s "$program" "$work/link"
check "relative path" same "$(cd "$SLUICE_BIN" && spins ./train_cifar10 --help)" "${usual}2000 "
check "PATH" same "$(PATH=$SLUICE_BIN:$PATH spins train_cifar10 --help)" "${usual}2000 "
check "link" same "$(spins "$work/link" --help)" "${usual}2000 "

# The name and number of the process, its standard input, and what its signals do. An output without a reader holds it up at the end.
mkfifo "$work/pipe"
arguments=(--data synthetic --model lenet --limit 64 --epochs 1 --quiet --json "$work/pipe")
export SLUICE_CACHE_DIR=$work/cache
(trap '' INT; exec "$work/link" "${arguments[@]}") <"$work/environment" >"$work/out" 2>&1 &
process=$!
state() { cat "/proc/$process/$1" 2>/dev/null; }
for ((i = 0; i < 200; ++i)); do
  state environ | tr '\0' '\n' | grep -q '^GOMP_SPINCOUNT=2000$' && break
  sleep 0.05
done
check "the process is the same" test $i -lt 200
check "name of the process" same "$(state comm)" link
check "arguments" same "$(state cmdline | tr '\0' ' ')" "$work/link ${arguments[*]} "
check "standard input" same "$(readlink "/proc/$process/fd/0")" "$(readlink -f "$work/environment")"
ignored=$(state status | sed -n 's/^SigIgn:[[:space:]]*//p')
check "SIGINT stays ignored" test $((16#${ignored:-0} & 2)) -eq 2
timeout 60 cat "$work/pipe" >"$work/json"
check "output" grep -q '"epochs"' "$work/json"
wait "$process"
check "exit code" test $? -eq 0

# Programs that are started by a program find the environment of the user: the benchmark's peer is one.
if [[ -x $SLUICE_BIN/bench_training ]]; then
  printf '#!/bin/sh\nenv >"%s"\nexit 3\n' "$work/environment" >"$work/python"
  chmod +x "$work/python"
  SLUICE_PEER_PYTHON=$work/python "$SLUICE_BIN/bench_training" --require-peer --quick >"$work/out" 2>&1
  check "the peer was started" grep -q '^SLUICE_PEER_PYTHON=' "$work/environment"
  check "the peer's environment" test -z "$(grep -E 'SPIN' "$work/environment")"
fi
((failures == 0)) && echo "spin_briefly: all as expected"
exit $((failures > 0))
