# For scripts that look at a program from outside: sourced, after $program and the folder $work are set. At the end,
# $failures is how much failed.
failures=0

# expect CODE TEXT ARGUMENTS...: runs the program, checks its exit code and that its output holds TEXT.
expect() {
  local code=$1 text=$2 got
  shift 2
  "$program" "$@" >"$work/out" 2>"$work/err"
  got=$?
  if ((got != code)); then
    echo "exit code $got instead of $code: $*"
    cat "$work/out" "$work/err"
    failures=$((failures + 1))
  elif ! grep -qF -- "$text" "$work/out" "$work/err"; then
    echo "'$text' is missing from the output of: $*"
    cat "$work/out" "$work/err"
    failures=$((failures + 1))
  fi
}
# check WHAT COMMAND...: the command succeeds.
check() {
  local what=$1
  shift
  "$@" || { echo "failed: $what"; failures=$((failures + 1)); }
}
same() { [[ $1 == "$2" && -n $1 ]]; }
value() { grep -m 1 "^  \"$1\":" "$2" | sed 's/^[^:]*: //; s/,$//'; }
