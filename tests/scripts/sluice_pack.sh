#!/usr/bin/env bash
# sluice pack from outside: CSV files good and bad, exit codes, the files it writes, and a million rows.
set -uo pipefail
program=${SLUICE_BIN:?}/sluice
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/support/checks.sh"

# csv LINE...: writes the file $work/in.csv.
csv() { printf '%s\n' "$@" >"$work/in.csv"; }
# accepts PEAK LINE...: packs these lines into so many bytes.
accepts() {
  local peak=$1
  shift
  csv "$@"
  expect 0 "peak         $peak bytes" pack --in "$work/in.csv"
}
# rejects TEXT LINE...: does not pack them, and says why.
rejects() {
  local text=$1
  shift
  csv "$@"
  expect 1 "$text" pack --in "$work/in.csv" --out "$work/never.csv" --json "$work/never.json"
}
# valid FILE: no two buffers (id, lower, upper, size, offset) overlap in time and memory.
valid() {
  awk -F, 'NR > 1 { for (i in lower) if ($2 < upper[i] && lower[i] < $3 && $5 < offset[i] + size[i] && offset[i] < $5 + $4) bad = 1
    lower[NR] = $2; upper[NR] = $3; size[NR] = $4; offset[NR] = $5 } END { exit bad }' "$1"
}

# Wrong usage.
expect 2 "the command is missing; expected plan or pack or ops"
expect 2 "--in: got ''; expected the name of a file, or -" pack --in ""
expect 2 "--in is required" pack
expect 2 "--capacity: byte size" pack --in "$work/in.csv" --capacity much
expect 2 "expected a number of seconds" pack --in "$work/in.csv" --time-limit -1
expect 2 "--out: cannot write" pack --in "$work/in.csv" --out /nonexistent/out.csv
expect 0 "pack" --help
printf 'id,lower,upper,size\na,0,1,7\n' >"$work/in.csv"
expect 0 "peak         7 bytes" pack "$work/in.csv"
expect 0 "--time-limit" pack --help

# The columns, by all their names and in any order.
accepts 30 "id,lower,upper,size" "a,0,10,10" "b,0,5,20" "c,5,10,20"
accepts 30 "size,buffer_id,end,start" "10,a,9,0" "20,b,4,0" "20,c,9,5"
accepts 30 "Buffer, Begin ,END,size,color" "a,0,9,10,red" "b,0,4,20," "c,5,9,20,blue"
accepts 72 "id,lower,upper,size,alignment" "a,0,2,8,64" "b,0,2,8,64" "c,0,2,16,"
accepts 0 "id,lower,upper,size"
accepts 30 "id,lower,upper,size" "" '"a, quoted",0,10, "10"' "b,0,5,20" "" "c,5,10,20" ""
printf '\xef\xbb\xbfid,lower,upper,size\r\na,0,1,7\r\n' >"$work/in.csv"
expect 0 "peak         7 bytes" pack --in "$work/in.csv" --out "$work/out.csv"
check "CRLF stays" same "$(printf 'id,lower,upper,size,offset\r\na,0,1,7,0\r')" "$(cat "$work/out.csv")"
printf 'id,lower,upper,size\na,0,1,7' >"$work/in.csv"
expect 0 "peak         7 bytes" pack --in - <"$work/in.csv"

# Bad ones: 1, with the line and the reason, and no file.
rejects "line 1: no column for size; got 'id,lower,upper'" "id,lower,upper" "a,0,1"
rejects "line 1: two columns for upper: 'upper' and 'end'" "id,lower,upper,size,end" "a,0,1,1,0"
rejects "line 3: 3 cells; expected 4" "id,lower,upper,size" "a,0,1,1" "b,0,1"
rejects "line 2: 5 cells; expected 4" "id,lower,upper,size" "a,0,1,1,1"
rejects "line 2: lower; got '-1'; expected a whole number" "id,lower,upper,size" "a,-1,1,1"
rejects "line 2: size; got '1.5'" "id,lower,upper,size" "a,0,1,1.5"
rejects "line 2: size; got ''" "id,lower,upper,size" "a,0,1,"
rejects "line 2: size; got '99999999999999999999'" "id,lower,upper,size" "a,0,1,99999999999999999999"
rejects "line 3: the sum of the sizes" "id,lower,upper,size" "a,0,1,3000000000000000000" "b,5,6,3000000000000000000"
rejects "line 2: alignment; got '0'" "id,lower,upper,size,alignment" "a,0,1,1,0"
rejects "line 3: the lifetime ends before it begins; got lower 4, upper 4" "id,lower,upper,size" "a,0,1,1" "b,4,4,1"
rejects "got lower 4, end 3; expected end >= lower" "id,lower,end,size" "b,4,3,1"
rejects "line 3: the id 'a' is there for the second time" "id,lower,upper,size" "a,0,1,1" "a,1,2,1"
rejects "line 2: the id is empty" "id,lower,upper,size" ",0,1,1"
rejects "line 2: a quote is not closed" "id,lower,upper,size" '"a,0,1,1'
rejects "line 2: there is something between a closing quote" "id,lower,upper,size" '"a"b",0,1,1'
rejects "the file is empty" ""
: >"$work/in.csv"
expect 1 "the file is empty" pack --in "$work/in.csv"
expect 1 "cannot read '/nonexistent.csv'" pack --in /nonexistent.csv
check "nothing was written" test ! -e "$work/never.csv" -a ! -e "$work/never.json"

# What it writes.
csv "id,lower,upper,size" "a,0,3,40" "b,0,1,20" "c,1,3,10" "d,2,3,10"
expect 0 "proven optimal" pack --in "$work/in.csv" --out "$work/out.csv" --json "$work/out.json"
check "offsets do not overlap" valid "$work/out.csv"
check "lines as they were" same "$(cut -d, -f1-4 "$work/out.csv")" "$(cat "$work/in.csv")"
check "buffers" same "$(value buffers "$work/out.json")" 4
check "peak" same "$(value peak_bytes "$work/out.json")" 60
check "bound" same "$(value lower_bound_bytes "$work/out.json")" 60
check "proof" same "$(value proven_optimal "$work/out.json")" true
check "seconds" grep -q '"seconds": ' "$work/out.json"

# Fixed offsets, and a column of them that is there already.
csv "id,offset,lower,upper,size" "a,64,0,3,40" "b,,0,1,20"
expect 0 "peak         60 bytes" pack --in "$work/in.csv"
expect 0 "peak         104 bytes" pack --in "$work/in.csv" --fixed-offsets --out "$work/out.csv"
check "replaced where it was" same "$(sed -n 3p "$work/out.csv")" "b,0,0,1,20"
csv "id,offset,lower,upper,size" "a,64,0,3,40" "b,70,0,1,20"
expect 1 "fixed offset of item 1" pack --in "$work/in.csv" --fixed-offsets

# A capacity: enough, or 3.
csv "id,lower,upper,size" "a,0,3,40" "b,0,1,20" "c,1,3,10" "d,2,3,10"
expect 0 "fits         1024 bytes" pack --in "$work/in.csv" --capacity 1KiB
rm "$work/out.csv"
expect 3 "at least 60 bytes (60 B) are needed" pack --in "$work/in.csv" --capacity 59 --out "$work/out.csv"
check "no packing that does not fit" test ! -e "$work/out.csv"

# Many rows: an answer, and a valid one.
rows() {
  awk -v n="$1" 'BEGIN { srand(1); print "id,lower,upper,size"
    for (i = 0; i < n; ++i) { from = int(n * rand()); printf "b%d,%d,%d,%d\n", i, from, from + 1 + int(rand() * 500), 1 + int(1e5 * rand()) } }'
}
many=1000000
[[ -z ${SLUICE_SANITIZE:-} ]] || many=100000
rows "$many" >"$work/in.csv"
expect 0 "buffers      $many" pack --in "$work/in.csv" --time-limit 2 --json "$work/out.json"
rows 2000 >"$work/in.csv"
expect 0 "buffers      2000" pack --in "$work/in.csv" --time-limit 1 --out "$work/out.csv"
check "offsets of 2000 do not overlap" valid "$work/out.csv"

((failures == 0)) && echo "sluice_pack: all as expected"
exit $((failures > 0))
