#!/usr/bin/env bash
# ./dev with stand-ins for the programs it starts: what each command configures and builds, and that a build that no terminal shows
# says every 15 seconds how far it is.
set -uo pipefail
[[ -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ]] || { echo "the data set is missing"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/scripts/support/checks.sh
source "${SLUICE_SOURCE:?}/tests/scripts/support/checks.sh"

mkdir "$work/tree" "$work/bin"
cp "$SLUICE_SOURCE/dev" "$work/tree/"
# fake NAME: a program of that name, from standard input.
fake() { { echo '#!/usr/bin/env bash'; cat; } >"$work/bin/$1" && chmod +x "$work/bin/$1"; }
fake c++ <<<'cat >/dev/null'  # misses no header
fake ninja </dev/null
fake cmake <<'TEXT'
echo "$*" >>"$CALLS"
if [[ $* == *--build* ]]; then
  echo "[1/3] Building the first"
  sleep "${SLOWLY:-0}"
else
  mkdir -p build/bin
  : >>build/CMakeCache.txt
  [[ $* == *SLUICE_BUILD_TESTS=OFF* ]] || echo SLUICE_BUILD_TESTS:BOOL=ON >build/CMakeCache.txt
  printf '#!/bin/sh\necho the program runs "$@"\n' | tee build/bin/train_fashion_mnist >build/bin/bench_packing
  chmod +x build/bin/*
fi
TEXT
export CALLS=$work/calls PATH=$work/bin:$PATH
program=$work/tree/dev
# does COUNT TEXT: that many of the calls of cmake hold the text.
does() { check "$1 calls with '$2'" test "$(grep -cF -- "$2" "$CALLS")" -eq "$1"; }

: >"$CALLS"
SLOWLY=17 expect 0 "the program runs --batch 4096" demo --plan-only
does 1 "-DSLUICE_BUILD_TESTS=OFF -DSLUICE_CUDA=OFF"
does 1 "--target train_fashion_mnist"
check "progress is told" grep -qE 'building build/: 1[56] s \[1/3\] Building the first' "$work/err"
: >"$CALLS"
expect 0 "" demo --device cuda
does 0 "SLUICE_CUDA=OFF"
does 1 "--target train_fashion_mnist"
: >"$CALLS"
expect 0 "" build
does 1 "--target all"
does 0 "OFF"
expect 0 "" demo
does 0 "OFF"  # a folder with the tests stays one
: >"$CALLS"
expect 0 "the program runs --quick" bench --packing --quick
does 1 "--target bench_packing"
expect 2 "unknown command 'nosuch'" nosuch

((failures == 0)) && echo "dev: all as expected"
exit $((failures > 0))
