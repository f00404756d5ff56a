# shellcheck shell=bash
# For scripts that look at the output files of programs: sourced after support/checks.sh, with the folder $work set.
# Temporary files go to $work/temporary and caches to $work/cache; $mounts is empty where files cannot be mounted. The
# script unmounts $work/mounted.* when it ends.
export TMPDIR=$work/temporary SLUICE_CACHE_DIR=$work/cache
mkdir "$TMPDIR"

# The file that a run left in the folder of temporary files because it could not write it elsewhere.
rescued() { find "$work/temporary" -maxdepth 1 -name 'sluice-*' -type f; }
# fresh: there is no such file, and $work/new is an empty folder.
fresh() {
  find "$work/temporary" -maxdepth 1 -name 'sluice-*' -type f -delete
  rm -rf "$work/new"
  mkdir "$work/new"
}
# whole FLAG FILE: the file is all that the flag stands for.
whole() {
  case $1 in
    --json | --trace) [[ $(head -c 1 "$2") == "{" && $(tail -c 2 "$2") == "}" ]] ;;
    --report) [[ $(head -c 9 "$2") == "<!doctype" || $(head -c 9 "$2") == "<!DOCTYPE" ]] && [[ $(tail -n 1 "$2") == "</html>" ]] ;;
    --csv) [[ $(head -c 12 "$2") == budget_bytes ]] ;;
    --buffers) [[ $(head -n 1 "$2") == id,lower,upper,size,alignment,offset && $(wc -l <"$2") -gt 1 ]] ;;
    --out) [[ $(head -n 1 "$2") == id,lower,upper,size,offset && $(wc -l <"$2") -eq 3 ]] ;;
    --markdown) grep -q '^| figure | unit |' "$2" ;;
  esac
}
# printable FLAG: what cannot be written is printed; else it goes into a file elsewhere.
printable() { [[ $1 != --report && $1 != --trace && $1 != --out ]]; }
# holds FLAG FILE: among other lines, the file has one that only the text of this flag has.
holds() {
  case $1 in
    --json) grep -q '^  "' "$2" ;;
    --csv) grep -q '^budget_bytes,' "$2" ;;
    --buffers) grep -q '^id,lower,upper,' "$2" ;;
    --markdown) grep -q '^| figure | unit |' "$2" ;;
  esac
}

# matrix FLAGS ARGUMENTS...: $program's outputs, one by one and together.
matrix() {
  local flags=$1 flag other all=()
  shift
  for flag in $flags; do
    # At the start: 2, and nothing is printed or done.
    fresh
    expect 2 "$flag: cannot write '$work/missing/x': No such file or directory" "$@" "$flag" "$work/missing/x"
    check "$flag: nothing is done" test ! -s "$work/out"
    expect 2 "$flag: cannot write '$work/new': it is a directory" "$@" "$flag" "$work/new"
    expect 2 "$flag: got ''; expected the name of a file" "$@" "$flag" ""

    # At the end: 1, and the text is somewhere.
    expect 1 "$flag: cannot write '/dev/full': No space left on device; it is" "$@" "$flag" /dev/full
    if printable "$flag"; then
      check "$flag: says that it is printed" grep -q 'it is printed on standard output instead$' "$work/err"
      check "$flag: is printed" holds "$flag" "$work/out"
      check "$flag: is nowhere else" test -z "$(rescued)"
    else
      check "$flag: says where it is" grep -qF "it is in '$(rescued)' instead" "$work/err"
      check "$flag: is there" whole "$flag" "$(rescued)"
    fi
    fresh
    (ulimit -f 0 && exec "$program" "$@" "$flag" "$work/new/x") 2>&1 >/dev/null | cat >"$work/err"
    code=${PIPESTATUS[0]}
    check "$flag: exit code $code under a limit on file sizes" test "$code" -eq 1
    check "$flag: says what is wrong" grep -qF -- "$flag: cannot write '$work/new/x': File too large; it is" "$work/err"
    check "$flag: no temporary files" test -z "$(find "$work/new" -mindepth 1)"

    # Standard output is a file like others, and has nothing else on it.
    expect 0 "" "$@" "$flag" -
    check "$flag -: alone on standard output" whole "$flag" "$work/out"
    [[ $flag == --json ]] || continue
    check "$flag -: what is printed is on standard error" test -s "$work/err"
    expect 0 "" "$@" "$flag" "$work/out"  # the file that standard output goes to
    check "$flag: the file of standard output" whole "$flag" "$work/out"
    "$program" "$@" "$flag" - 2>"$work/err" >/dev/full
    code=$?
    check "$flag -: exit code $code with standard output full" test "$code" -eq 1
    check "$flag -: is kept" whole "$flag" "$(rescued)"
  done

  # Two flags, one file.
  for flag in $flags; do
    for other in $flags; do
      [[ $flag < $other ]] || continue
      expect 2 "name the same file" "$@" "$flag" "$work/x" "$other" "$work/../$(basename "$work")/x"
      expect 2 "name the same file" "$@" "$flag" - "$other" /dev/stdout
    done
  done

  # All at once: onto files with modes, names and links of their own, and onto mount points.
  fresh
  for flag in $flags; do
    echo old >"$work/new/${flag#--}"
    chmod 600 "$work/new/${flag#--}"
    ln -s "${flag#--}" "$work/new/link$flag"
    all+=("$flag" "$work/new/link$flag")
  done
  ln "$work/new/json" "$work/new/hard"
  expect 0 "" "$@" "${all[@]}"
  for flag in $flags; do
    check "$flag: over an old file" whole "$flag" "$work/new/${flag#--}"
    check "$flag: keeps its mode" same "$(stat -c %a "$work/new/${flag#--}")" 600
    check "$flag: keeps its link" test -L "$work/new/link$flag"
  done
  check "keeps its names" test "$work/new/json" -ef "$work/new/hard"
  [[ -n $mounts ]] || return 0
  all=()
  for flag in $flags; do
    echo old >"$work/new/${flag#--}"
    : >"$work/mounted.$flag"
    mount --bind "$work/new/${flag#--}" "$work/mounted.$flag"
    all+=("$flag" "$work/mounted.$flag")
  done
  expect 0 "" "$@" "${all[@]}"
  for flag in $flags; do
    check "$flag: onto a mount point" whole "$flag" "$work/new/${flag#--}"
    umount "$work/mounted.$flag"
  done
}

# prints CODE ARGUMENTS...: what $program prints is checked to have arrived, and a reader who has enough is no error.
prints() {
  local code=$1 got
  shift
  "$program" "$@" >/dev/full 2>"$work/err"
  got=$?
  check "exit code $got with standard output full: $program $*" test $got -eq 1
  check "says so: $*" grep -q 'cannot write to standard output: ' "$work/err"
  "$program" "$@" >&- 2>"$work/err"
  got=$?
  check "exit code $got with standard output closed: $program $*" test $got -eq 1
  { cat "$work/sync" >/dev/null; "$program" "$@" 2>"$work/err"; echo $? >"$work/code"; } | { exec <&-; echo >"$work/sync"; }
  check "exit code $(cat "$work/code") without a reader: $program $*" same "$(cat "$work/code")" 141
  check "no word about it: $*" test "$(grep -c "standard output" "$work/err")" -eq 0
  expect "$code" "" "$@"
}
mkfifo "$work/sync"

mounts=
: >"$work/probe"
: >"$work/mounted.probe"
if mount --bind "$work/probe" "$work/mounted.probe" 2>/dev/null; then
  mounts=yes
  umount "$work/mounted.probe"
else
  echo "mount points are left out: this needs to mount files"
fi
