#!/usr/bin/env bash
# gpu_check from outside: exit codes, and one clear sentence where there is no such device.
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

((failures == 0)) && echo "gpu_check: all as expected"
exit $((failures > 0))
