#!/usr/bin/env bash
# The C++ in README.md and docs/*.md is what it says. A comment on the line before a block says what the block is:
#   <!-- program NAME -->           a part of a program; the parts are compiled together, linked, and the program exits
#                                   with 0. "not run" behind the name: what it needs is not here.
#   <!-- output of NAME -->         what the program prints
#   <!-- from FILE -->              lines of that file, in its order; others may be left out
# A block of C++ without such a comment is an error. And the files that pages for contributors name are there.
set -euo pipefail
[[ -z ${SLUICE_SANITIZE:-} ]] || { echo "a sanitized library needs sanitized programs"; exit 77; }
cd "${SLUICE_SOURCE:?}"
work=${SLUICE_BUILD:?}/docs-code  # always the same place, so that ccache knows it again
rm -rf "$work"
mkdir -p "$work"
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

# extract PAGE FOLDER: a file for each program (NAME.cpp), output (NAME.out) and excerpt (LINE.from, its first line the
# file), and NAME.not_run. Prints what is wrong with the page.
extract() {
  awk -v page="$1" -v folder="$2" '
    function begin() {
      kind = mark; mark = ""; target = ""
      if (kind ~ /^program /) {
        split(kind, words, /[ ,]+/); target = folder "/" words[2] ".cpp"
        if (kind ~ /, not run$/) print "" > (folder "/" words[2] ".not_run")
        print "#line " NR + 1 " \"" page "\"" > target
      } else if (kind ~ /^output of /) {
        target = folder "/" substr(kind, 11) ".out"; printf "" > target
      } else if (kind ~ /^from /) {
        target = folder "/" NR ".from"; print substr(kind, 6) > target
      } else if ($0 ~ /^```cpp/) print page ":" NR ": nobody says what this block of C++ is"
    }
    /^```/ { if (inside) inside = 0; else { inside = 1; begin() } next }
    inside { if (target) print > target; next }
    /^<!-- (program|output of|from) .* -->$/ { mark = substr($0, 6, length($0) - 9); next }
    { mark = "" }' "$1"
}

# Each line of the excerpt is a line of the file, in this order.
is_excerpt() {
  local file
  file=$(head -1 "$1")
  [[ -f $file ]] || { echo "$file is missing"; return 1; }
  awk 'NR == FNR { if (FNR > 1 && NF) want[++n] = $0; next }
    i < n && $0 == want[i + 1] { ++i }
    END { if (i < n) { print "not in " FILENAME ", or not in this order: " want[i + 1]; exit 1 } }' "$1" "$file"
}

launcher=$(command -v ccache || true)
compile_and_run() {
  local source=$1 program=${1%.cpp} object=${1%.cpp}.o
  ${launcher:+"$launcher"} "${SLUICE_CXX:?}" -std=c++20 -fopenmp -Wall -Wextra -Werror "-I$SLUICE_BUILD/include" \
    -c "$source" -o "$object" || { fail "$source does not compile"; return; }
  "$SLUICE_CXX" -fopenmp "$object" "-L$SLUICE_BUILD/lib" -lsluice "-Wl,-rpath,$SLUICE_BUILD/lib" -o "$program" ||
    { fail "$source does not link"; return; }
  [[ ! -e $program.not_run ]] || return 0
  (cd "$(dirname "$program")" && OMP_WAIT_POLICY=passive "$program") >"$program.printed" || { fail "$program ended with $?"; return; }
  [[ ! -e $program.out ]] || diff -Z "$program.out" "$program.printed" || fail "$source prints something else"
}

# What stands in backquotes and looks like a file or a folder of the tree.
named_files() { grep -oE '`[a-z_0-9]+/[A-Za-z_0-9./]*`' "$1" | tr -d '`' | grep -v '^build/' | sort -u; }

# The checks themselves first: a page with every mistake.
mkdir "$work/self_test"
printf '%s\n' '```cpp' 'int a;' '```' '<!-- from b.h -->' '```cpp' 'int c;' 'int b;' '```' >"$work/self_test/page.md"
printf '%s\n' 'int b;' 'int c;' >"$work/self_test/b.h"
[[ $(extract "$work/self_test/page.md" "$work/self_test") == *"page.md:1: nobody says"* ]] || fail "an unmarked block passes"
sed -i "1s|.*|$work/self_test/b.h|" "$work/self_test/5.from"
! is_excerpt "$work/self_test/5.from" >/dev/null || fail "lines in another order pass"

for page in README.md docs/*.md; do
  folder=$work/$(basename "$page" .md)
  mkdir "$folder"
  mistakes=$(extract "$page" "$folder")
  [[ -z $mistakes ]] || fail "$mistakes"
  for excerpt in "$folder"/*.from; do
    [[ ! -e $excerpt ]] || text=$(is_excerpt "$excerpt") || fail "$page: $text"
  done
  for source in "$folder"/*.cpp; do
    [[ ! -e $source ]] || compile_and_run "$source"
  done
done
for page in docs/adding_an_op.md docs/writing_an_optimizer.md; do
  for file in $(named_files "$page"); do
    [[ -e $file ]] || fail "$page: $file is missing"
  done
done
[[ -e $work/adding_an_op/square && -e $work/writing_an_optimizer/rmsprop ]] || fail "the examples were not found"
exit $((failures > 0))
