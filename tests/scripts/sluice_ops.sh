#!/usr/bin/env bash
# docs/ops.md is what `sluice ops` prints. Skips where the build has no CUDA module,
# whose column is in it, or the module's libraries are not there.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/support/checks.sh"

program=$SLUICE_BIN/sluice
gpus=$SLUICE_SOURCE/gpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if grep -E 'has no CUDA module|cannot open shared object file' < <("$program" ops --gpu "$gpus/h200.json" 2>&1); then exit 77; fi

expect 0 '| conv2d | oneDNN | cuDNN |' ops --gpu "$gpus/h200.json"
check 'docs/ops.md is up to date' diff <(sed -n '/^| op /,$p' "$SLUICE_SOURCE/docs/ops.md") "$work/out"
check 'every op has a kernel on every device' test "$(grep -c '–' "$work/out")" -eq 0
expect 1 'cannot be read' ops --gpu "$work/none.json"
expect 2 '--no-such-flag' ops --no-such-flag

exit $((failures > 0))
