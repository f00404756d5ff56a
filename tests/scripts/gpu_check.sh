#!/usr/bin/env bash
# gpu_check from outside: exit codes, and one clear sentence where there is no such device. And ./dev gpu-check on a machine
# that only looks as if it had a GPU: order of the steps, limits, log, --from.
set -uo pipefail
program=${SLUICE_BIN:?}/gpu_check
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/scripts/support/checks.sh
source "${SLUICE_SOURCE:?}/tests/scripts/support/checks.sh"

expect 0 "captured replays" --help
expect 2 "CHECK"
expect 2 "nosuch not in" nosuch
expect 2 "--nosuch" replay --nosuch
expect 1 "device: no such device; got 'gpu'" replay --device gpu
expect 1 "gpu_check: cuda: " replay --device cuda:4096

# ---- ./dev gpu-check, with stand-ins for all programs it starts --------------------------------------------------------------

mkdir -p "$work/tree/tests" "$work/bin"
cp -r "$SLUICE_SOURCE/tests/gpu" "$work/tree/tests/"
chmod +x "$work/tree/tests/gpu/check.sh"
# fake NAME: a program of that name, from standard input.
fake() { { echo '#!/usr/bin/env bash'; cat; } >"$work/bin/$1" && chmod +x "$work/bin/$1"; }
fake nvidia-smi <<'TEXT'
case $* in
  -L) echo "GPU 0: Fake GPU" ;;
  *=name\ *) echo "Fake GPU" ;;
  *compute_cap*) echo 9.0 ;;
esac
TEXT
fake nvcc </dev/null
fake compute-sanitizer <<<'echo "ERROR SUMMARY: 0 errors"'
fake ctest <<<'echo "100% tests passed, 0 tests failed out of 3"'
fake gpu_check <<'TEXT'
echo "$1" >>"$CALLS"
[[ $1 != planned ]] || sleep 60
echo "ok    $1"
[[ $1 != replay ]] || { echo "FAIL  $1"; exit 1; }
TEXT
fake cmake <<'TEXT'
[[ $* != *--build* ]] || echo "build $*" >>"$CALLS"
mkdir -p build-gpu/bin
echo 'SLUICE_CUDA_STATUS:INTERNAL=CUDA: a stand-in' >build-gpu/CMakeCache.txt
cp "$(dirname "$0")"/gpu_check build-gpu/bin/
echo 'echo "{}" >"$6"; : >"$8"' >build-gpu/bin/bench_training
chmod +x build-gpu/bin/bench_training
TEXT
fake c++ </dev/null  # misses no header
export CALLS=$work/calls PATH=$work/bin:$PATH
program=$work/tree/tests/gpu/check.sh
log() { cat "$work"/tree/docs/gpu/fake-gpu-*"$1".md; }

expect 2 "there is no step 'nosuch'" nosuch
expect 2 "--from: there is no step 'nosuch'" --from nosuch
expect 2 "--from: there is no step ''" --from
expect 2 "do not go together" --from replay split

: >"$CALLS"
SLUICE_STEP_SECONDS=3 expect 1 "planned | FAIL | "
check "what proves most comes first, and each property once" same "$(grep -v ' ' "$CALLS" | xargs)" \
  "op training replay planned memory gradients split"
check "tests are built after the first proofs" same "$(grep -n build "$CALLS" | cut -d: -f1 | xargs)" "1 6"
check "only targets of its own are built" test "$(grep -c -- '--target [a-z]' "$CALLS")" -eq 2
log "" >"$work/log"
for line in 'op | pass' 'replay | FAIL' 'tests | pass' 'memcheck | pass' 'ended after 3 s, its limit'; do
  check "the log has '$line'" grep -qF "$line" "$work/log"
done

: >"$CALLS"
SLUICE_STEP_SECONDS=30 expect 0 "split | pass" --from gradients
check "a second log" test -s "$(echo "$work"/tree/docs/gpu/fake-gpu-*-2.md)"
check "--from builds what is needed and leaves out what came before" same "$(grep -v ' ' "$CALLS" | xargs)" "gradients split"
check "--from builds" test "$(grep -c '^build' "$CALLS")" -eq 2

# A build that fails fails what needs it, and is told once.
fake cmake <<<'exit 1'
rm -rf "$work/tree/docs"
expect 1 "op | FAIL |  | 60 | build failed" op
check "a failing step is in the log" grep -qF 'build failed' <(log "")

((failures == 0)) && echo "gpu_check: all as expected"
exit $((failures > 0))
