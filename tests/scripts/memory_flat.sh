#!/usr/bin/env bash
# Memory does not depend on the logical batch: the same micro-batch with a batch of 256 and of 12000 plans the same bytes and takes
# the same resident memory. The larger batch is the whole epoch.
set -uo pipefail
program=${SLUICE_BIN:?}/train_fashion_mnist
[[ -z ${SLUICE_SANITIZE:-} ]] || { echo "sanitizers change resident memory"; exit 77; }
[[ -x /usr/bin/time ]] || { echo "GNU time is missing"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

value() { grep -m 1 "\"$1\":" "$2" | sed 's/^[^:]*: *//; s/,.*$//'; }
# median_kib BATCH: peak resident memory, the median of three runs of one epoch.
median_kib() {
  local i
  for i in 1 2 3; do
    /usr/bin/time -f %M -o "$work/kib.$i" "$program" --micro-batch 64 --limit 12000 --budget none --batch "$1" --epochs 1 --seed 1 \
      --json "$work/$1.json" --quiet >/dev/null || exit 1
  done
  sort -n "$work"/kib.* | sed -n 2p
}
small=$(median_kib 256) || exit 1
large=$(median_kib 12000) || exit 1
difference=$((large > small ? large - small : small - large))
echo "peak resident memory: batch 256 $small KiB, batch 12000 $large KiB, difference $difference KiB"
echo "planned bytes: $(value planned_peak_bytes "$work/256.json") and $(value planned_peak_bytes "$work/12000.json")"
[[ $(value planned_peak_bytes "$work/256.json") == "$(value planned_peak_bytes "$work/12000.json")" ]] || exit 1
((difference <= 2048))
