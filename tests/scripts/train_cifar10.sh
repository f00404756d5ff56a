#!/usr/bin/env bash
# train_cifar10 from outside: made-up data, both models, exit codes, damaged files. Needs no data set.
set -uo pipefail
program=${SLUICE_BIN:?}/train_cifar10
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work/tmp SLUICE_CACHE_DIR=$work/cache
unset SLUICE_DATA
mkdir "$TMPDIR"
source "$(dirname "$0")/support/checks.sh"

small=(--limit 300 --batch 128 --epochs 1 --budget 16MiB)

# Wrong usage: 2, before any data is opened or made.
expect 2 "--model: got 'vgg'; expected lenet or " --model vgg --data /nonexistent
expect 2 "--model" --data synthetic --model
expect 2 "--batch" --data synthetic --batch 0
expect 0 "lenet, " --help
expect 0 "synthetic: made-up images" --help
check "nothing was made" test ! -e "$SLUICE_CACHE_DIR"

# One name is one net in all programs.
expect 2 "got 'resnet18', which is the net for images of 224x224" --data synthetic --model resnet18

# Made-up images are written once and found again; all bytes are planned, and as measured.
for model in lenet fashion_cnn; do
  found=$([[ $model == lenet ]] && echo writing || echo found)
  expect 0 "synthetic data: $found 10000 + 2000 images in $SLUICE_CACHE_DIR/" "${small[@]}" --data synthetic --model $model \
    --verify-memory --json "$work/$model.json"
  check "$model in the report" same "$(value model "$work/$model.json")" "\"$model\""
  check "$model: data in the report" same "$(value dataset "$work/$model.json")" '"synthetic-cifar-10"'
  check "$model: steps" same "$(value steps "$work/$model.json")" 3
  check "$model: measured is planned" \
    same "$(value planned_peak_bytes "$work/$model.json")" "$(value measured_peak_bytes "$work/$model.json")"
done
set=$(echo "$SLUICE_CACHE_DIR"/*)
check "one set" test -d "$set"
check "nothing was left" test -z "$(ls -A "$TMPDIR")"
expect 0 "done: lenet on cifar-10" "${small[@]}" --data "$set" --quiet
check "--quiet prints the result alone" test "$(wc -l <"$work/out")" -eq 2
hash=$(tail -n 1 "$work/out")
expect 0 "$hash" "${small[@]}" --data synthetic --quiet
truncate -s 1000 "$set/data_batch_3.bin"
expect 0 "synthetic data: writing" "${small[@]}" --data synthetic
expect 0 "$hash" "${small[@]}" --data "$set" --quiet

# ResNet-18: BatchNorm by the micro-batch takes one stage and says what that means; by the logical batch it takes many.
resnet=(--data synthetic --model resnet18_cifar --limit 64 --batch 64 --micro-batch 16 --budget none --plan-only)
expect 0 "up to 16, each normalised by itself" "${resnet[@]}"
expect 0 "stages" "${resnet[@]}" --bn exact
check "exact BatchNorm does not depend on the split" test "$(grep -c 'normalised by itself' "$work/out")" -eq 0

tiny=(--data synthetic --model resnet18_cifar --limit 8 --batch 8 --micro-batch 4 --epochs 1 --bn exact)
expect 0 "done: resnet18_cifar" "${tiny[@]}" --budget none --json "$work/kept.json"
check "kept without a budget" same "$(value recomputes "$work/kept.json")" false
expect 1 "smallest feasible budget" "${tiny[@]}" --budget 50MiB
expect 2 "--tuning: cannot write '/nonexistent/times'" "${tiny[@]}" --tune --tuning /nonexistent/times

# Measured algorithms: the same file gives the same plan.
tuned=(--data synthetic --model fashion_cnn --limit 300 --batch 128 --epochs 1 --micro-batch 16 --tuning "$work/times")
expect 1 "tuning file '$work/times': there is none" "${tuned[@]}"
expect 0 "algorithms  measured, $work/times" "${tuned[@]}" --tune --json "$work/tuned.json"
cp "$work/times" "$work/times.before"
expect 0 "plan $(value plan_hash "$work/tuned.json" | tr -d '"')" "${tuned[@]}" --plan-only
check "a file that knows everything is not measured again" cmp "$work/times" "$work/times.before"
echo "conv2d	fast	soon" >>"$work/times"
expect 1 "'soon' is no time in milliseconds" "${tuned[@]}"
# The fastest micro-batch by timed replays: they are listed, kept in the file, and used without --tune.
timed=(--data synthetic --model lenet --limit 300 --batch 128 --budget 16MiB --epochs 1 --micro-batch fastest)
expect 0 "fastest     by predicted time" "${timed[@]}" --plan-only
timed+=(--tuning "$work/replays" --plan-only)
expect 0 "fastest     by measured replays" "${timed[@]}" --tune
cp "$work/out" "$work/timed"
check "one of them is chosen" test "$(grep -c ' chosen$' "$work/out")" -eq 1
check "every candidate is in the file" same "$(grep -c '^replay ' "$work/replays")" \
  "$(sed -n '/ms\/replay/,/persistent/p' "$work/out" | grep -c '^ *[0-9]')"
expect 0 "fastest     by measured replays" "${timed[@]}"
check "the same plan without measuring" cmp "$work/out" "$work/timed"
"$SLUICE_BIN/sluice" plan --model lenet --input 3x32x32 --samples 300 --batch 128 --optimizer adam --budget 16MiB \
  --micro-batch fastest --tuning "$work/replays" >"$work/out"
check "sluice plan uses them" grep -q "^fastest, .* by measured replays" "$work/out"
sed -i '/^replay /s/$/x/' "$work/replays"
expect 1 "is no time in milliseconds" "${timed[@]}"

# It can be learned, and not by chance: one pass over the 10 000 images.
expect 0 "done" --data synthetic --model lenet --epochs 1 --batch 250 --json "$work/learned.json"
check "learned in one epoch" awk -v a="$(value test_accuracy "$work/learned.json")" 'BEGIN { exit !(a > 0.3) }'

# Bad data: 1, with the file and the place.
expect 1 "cifar10: no data; got '/nonexistent'" --data /nonexistent
mkdir "$work/empty"
expect 1 "without data_batch_1.bin, data_batch_2.bin" --data "$work/empty"
cp -r "$set" "$work/broken"
rm "$work/broken/data_batch_4.bin"
expect 1 "without data_batch_4.bin;" --data "$work/broken"
head -c 5000 "$set/data_batch_4.bin" >"$work/broken/data_batch_4.bin"
expect 1 "file ends inside a record; got 1927 bytes at byte 3073 (record 1) in '$work/broken/data_batch_4.bin'" \
  --data "$work/broken" --json "$work/never.json"
check "one sentence for damaged data" test "$(wc -l <"$work/err")" -eq 1
check "no report of a run that failed" test ! -e "$work/never.json"
cp "$set/data_batch_4.bin" "$work/broken"
printf '\x0a' | dd of="$work/broken/data_batch_4.bin" bs=1 seek=6146 conv=notrunc status=none
expect 1 "label out of range; got 10 at byte 6146 (record 2)" --data "$work/broken"
: >"$work/broken/data_batch_4.bin"
expect 1 "file is empty" --data "$work/broken"
TMPDIR=$work/absent SLUICE_CACHE_DIR=$work/times/below expect 1 "synthetic_cifar10: no place for the images" --data synthetic
# Without a cache the images are made for one run, and the folder goes before training begins.
SLUICE_CACHE_DIR=$work/times/below expect 0 "images in $TMPDIR/sluice-" "${small[@]}" --data synthetic --plan-only
check "nothing was left without a cache" test -z "$(ls -A "$TMPDIR")"
(unset SLUICE_CACHE_DIR HOME; export XDG_CACHE_HOME=relative; cd "$work" && "$program" "${small[@]}" --data synthetic --plan-only >"$work/out")
check "a relative XDG_CACHE_HOME is ignored" test ! -e "$work/relative"
# A home that is not set, is no folder, or takes no files costs nothing: the images are made for one run.
for home in '' "$work/out" /proc; do
  (unset SLUICE_CACHE_DIR XDG_CACHE_HOME
    failures=0
    HOME=$home expect 0 "images in $TMPDIR/sluice-" "${small[@]}" --data synthetic --plan-only; exit $failures)
  check "home '$home'" test $? -eq 0
done
check "nothing was left without a home" test -z "$(ls -A "$TMPDIR")"

((failures == 0)) && echo "train_cifar10: all as expected"
exit $((failures > 0))
