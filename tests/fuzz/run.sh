#!/usr/bin/env bash
# run.sh TARGET CORPUS [LIBFUZZER FLAGS]: runs fuzz_TARGET from the seeds in tests/fuzz/corpus/TARGET; new inputs go to the
# directory CORPUS, or nowhere if it is -. Passes with 0 when nothing was found, skips with 77.
set -uo pipefail
target=$1 corpus=$2
shift 2
program=${SLUICE_BIN:?}/fuzz_$target
seeds=$(dirname "$(readlink -f "$0")")/corpus/$target
if [[ ! -x $program ]]; then
  echo "fuzz_$target was not built: it needs clang++ with libFuzzer (Debian 12: apt-get install clang libclang-rt-14-dev)"
  exit 77
fi
if [[ $corpus == - ]]; then
  corpus=$(mktemp -d)
  trap 'rm -rf "$corpus"' EXIT
fi
mkdir -p "$corpus"
# libFuzzer itself would end with 77 when it finds something. What is left out here is its progress.
"$program" -error_exitcode=1 "$@" "$corpus" "$seeds" 2>&1 |
  grep -vE '^#[0-9]+\s+(NEW|REDUCE|RELOAD|pulse)|^\s*NEW_FUNC|^INFO:|^###### |^".*# Uses:'
exit "${PIPESTATUS[0]}"
