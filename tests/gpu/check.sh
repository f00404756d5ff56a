#!/usr/bin/env bash
# ./dev gpu-check: builds the CUDA device for the GPU of this machine and looks at everything that needs one. Steps go on after
# a failure; docs/gpu/README.md says what each proves. Exit codes: 0 all steps passed, 1 one did not, 2 wrong usage or
# something is missing.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit

# In this order: what proves most for its time comes first. The limits are seconds, some times what a step takes with 16 cores,
# so that one that hangs leaves time for the others on a machine that is lent for a quarter of an hour.
steps=(environment build op training replay planned build-tests tests memory gradients split speed-fp32 speed-tf32 memcheck
  racecheck synccheck initcheck)
declare -A limits=([environment]=30 [build]=240 [op]=60 [training]=60 [replay]=90 [planned]=90 [build-tests]=240 [tests]=240
  [memory]=90 [gradients]=60 [split]=60 [speed-fp32]=120 [speed-tf32]=90 [memcheck]=120 [racecheck]=60 [synccheck]=60
  [initcheck]=60 [programs]=300 [shim]=1800)
carried=${SLUICE_CARRIED:-build-gpu-carry}
build="build-gpu"
rehearse=
from=

usage() {
  cat <<TEXT
usage: ./dev gpu-check [--rehearse] [--from STEP | STEP...]

Builds the CUDA device into build-gpu/ for this machine's GPU, and proves it. Without STEPs, all of them in this order:
$(fold -s -w 96 <<<"${steps[*]}" | sed 's/^/  /')

  --from STEP  go on with STEP and what follows it; what they need is built first
  --rehearse   on a machine without a GPU: the same steps on a runtime without one, where that can be; the others say
               that they need a GPU

Writes a log to docs/gpu/<gpu>-<date>.md (a rehearsal: to build-gpu-rehearsal/log.md), after every step. Environment:
  SLUICE_CARRIED       the folder that ./dev gpu-pack made [build-gpu-carry]
  SLUICE_JOBS          parallel compilations [all cores]
  SLUICE_CMAKE_ARGS    more arguments for cmake
  SLUICE_STEP_SECONDS  longest time of a step, for all steps [each has its own]
  SLUICE_PEER_PYTHON   a Python that has PyTorch [/usr/bin/python3, then python3]
  OUT                  an extra folder to copy the log to
TEXT
}

die() {
  printf 'gpu-check: %s\n' "$2" >&2
  exit "$1"
}

chosen=()
while (($# > 0)); do
  case $1 in
    --rehearse) rehearse=1 ;;
    --from)
      [[ -n ${2:-} && " ${steps[*]} " == *" $2 "* ]] || die 2 "--from: there is no step '${2:-}'; expected one of: ${steps[*]}"
      from=$2
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *)
      [[ " ${steps[*]} " == *" $1 "* ]] || die 2 "there is no step '$1'; expected some of: ${steps[*]}"
      chosen+=("$1")
      ;;
  esac
  shift
done
[[ -z $from ]] || ((${#chosen[@]} == 0)) || die 2 "--from and single steps do not go together"
if [[ -n $from ]]; then
  rest=" ${steps[*]} "
  read -ra chosen <<<"$from ${rest#*" $from "}"
fi
((${#chosen[@]} > 0)) || chosen=("${steps[@]}")

# What steps need is built first, on a machine that may be another one than the last time.
needs() {
  case $1 in
    environment | build) ;;
    tests | build-tests | speed-* | *check) echo build build-tests ;;
    *) echo build ;;
  esac
}
wanted=()
for step in "${chosen[@]}"; do
  for need in $(needs "$step") "$step"; do
    [[ " ${wanted[*]:-} " == *" $need "* ]] || wanted+=("$need")
  done
done
chosen=("${wanted[@]}")

# ---- the machine --------------------------------------------------------------------------------------------------

# shellcheck source=tests/gpu/steps.sh
source tests/gpu/steps.sh
has_gpu() { nvidia-smi -L 2>/dev/null | grep -q '^GPU'; }

if [[ -z $rehearse ]] && ! has_gpu; then
  if compgen -G '/dev/nvidia[0-9]*' >/dev/null; then
    die 1 "gpu-check needs an NVIDIA GPU; there is a device file, but nvidia-smi does not list a GPU."
  fi
  die 1 "gpu-check needs an NVIDIA GPU, and this machine has none (--rehearse does what needs none)."
fi

gpu=$(query name)
architecture=$(query compute_cap | tr -d .)
if [[ -n $rehearse ]]; then
  build="build-gpu-rehearsal"
  gpu='none (rehearsal)'
  architecture=90
fi
bin=$PWD/$build/bin

# The toolkit need not be on PATH.
for folder in "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda /opt/cuda; do
  [[ ! -x $folder/bin/nvcc ]] || PATH=$PATH:$folder/bin:$folder/compute-sanitizer
done

# Prints what a build needs and is not there, a line each.
missing() {
  local compiler=${CXX:-c++} include=() pair
  command -v cmake >/dev/null || echo "cmake (3.25 or later)"
  command -v ninja >/dev/null || command -v make >/dev/null || echo "ninja or make"
  command -v nvcc >/dev/null || [[ -x ${CUDACXX:-} ]] || echo "nvcc, of the CUDA toolkit (CUDA_HOME may name its folder)"
  if ! command -v "$compiler" >/dev/null; then
    echo "a C++ compiler (CXX may name it)"
    return
  fi
  if [[ -e $carried/machine ]]; then
    include=(-isystem "$carried/include" -isystem "$carried/googletest/include")
    [[ $(<"$carried/machine") == "$(uname -m)" ]] ||
      echo "a $carried/ for this processor: it is for $(<"$carried/machine"), and this is $(uname -m)"
  fi
  for pair in CLI/CLI.hpp:CLI11 fmt/format.h:fmt nlohmann/json.hpp:nlohmann-json gtest/gtest.h:GoogleTest zlib.h:zlib; do
    printf '#if !__has_include(<%s>)\n%s (<%s>)\n#endif\n' "${pair%:*}" "${pair#*:}" "${pair%:*}"
  done | "$compiler" "${include[@]}" -E -P -x c++ - | sed 's/^ *//'
}
absent=$(missing)
if [[ -n $absent ]]; then
  printf 'gpu-check: missing: %s\n' "${absent//$'\n'/$'\n'gpu-check: missing: }" >&2
  die 2 "./dev gpu-pack, on a machine that has them, puts the libraries into one folder; bring it here as $carried/"
fi

# ---- the log --------------------------------------------------------------------------------------------------------

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/figures"
date=$(date -u +%Y-%m-%d)
declare -A result=() seconds=() found=()
for step in "${chosen[@]}"; do
  result[$step]='not run yet' seconds[$step]='' found[$step]=''
done

if [[ -n $rehearse ]]; then
  log=$build/log.md
else
  slug=$(tr '[:upper:]' '[:lower:]' <<<"$gpu" | sed 's/[^a-z0-9]\{1,\}/-/g; s/^-//; s/-$//')
  log=docs/gpu/$slug-$date.md
  for ((n = 2; ; ++n)); do  # a second run of a day does not replace the first
    [[ -e $log ]] || break
    log=docs/gpu/$slug-$date-$n.md
  done
fi

limit_of() { echo "${SLUICE_STEP_SECONDS:-${limits[$1]}}"; }
table() {
  local step
  printf '| step | result | seconds | at most | found |\n|---|---|---:|---:|---|\n'
  for step in "${chosen[@]}"; do
    printf '| %s | %s | %s | %s | %s |\n' "$step" "${result[$step]}" "${seconds[$step]}" "$(limit_of "$step")" \
      "${found[$step]//|//}"
  done
}
write_log() {
  local step partial
  mkdir -p "$(dirname "$log")"
  partial=$(mktemp "$(dirname "$log")/.log.XXXXXX") || return
  {
    printf '# GPU check: %s, %s\n\n' "$gpu" "$date"
    table
    if [[ -s $work/figures ]]; then
      printf '\n## Figures\n'
      cat "$work/figures"
    fi
    for step in "${chosen[@]}"; do
      [[ -e $work/$step.out ]] || continue
      # shellcheck disable=SC2016  # backquotes of Markdown
      printf '\n## %s\n\n```\n%s\n```\n' "$step" "$(tail -n 80 "$work/$step.out" | cut -c 1-240)"
    done
  } >"$partial"
  chmod 644 "$partial"
  mv "$partial" "$log"
  if [[ -n ${OUT:-} ]]; then
    mkdir -p "$OUT" && cp "$log" "$OUT/gpu-check-$(basename "$log")"
  fi
}

# run STEP FUNCTION: in a shell of its own, which ends with all that it started when its time is up.
run() {
  local step=$1 function=$2 begin=$SECONDS status limit
  limit=$(limit_of "$step")
  printf '\n==== %s (at most %s s)\n' "$step" "$limit"
  # shellcheck disable=SC2016  # the step is an argument of the shell
  timeout --kill-after=10 "$limit" bash -uo pipefail -c 'source tests/gpu/steps.sh; "$1"' step "$function" </dev/null 2>&1 |
    tee "$work/$step.out"
  status=${PIPESTATUS[0]}
  ((status != 124 && status != 137)) || printf 'ended after %s s, its limit\n' "$limit" | tee -a "$work/$step.out"
  seconds[$step]=$((SECONDS - begin))
  found[$step]=$(tail -n 1 "$work/$step.out" | cut -c 1-160)
  case $status in
    0) result[$step]=pass ;;
    77) result[$step]=skip ;;
    *) result[$step]=FAIL ;;
  esac
  printf '==== %s: %s in %d s\n' "$step" "${result[$step]}" "${seconds[$step]}"
  write_log
}

export build bin work carried gpu architecture rehearse
failed=0
for step in "${chosen[@]}"; do
  if [[ -n $rehearse && " ${without_gpu[*]} " != *" $step "* ]]; then
    result[$step]='needs a GPU'
    continue
  fi
  for need in $(needs "$step"); do
    [[ $need == "$step" || ${result[$need]} != FAIL ]] && continue
    result[$step]=FAIL
    found[$step]="$need failed"
  done
  [[ ${result[$step]} == FAIL ]] || run "$step" "step_$step"
done
if [[ -n $rehearse ]]; then
  for step in programs shim; do
    chosen+=("$step")
    result[$step]='not run yet' seconds[$step]='' found[$step]=''
    run "$step" "rehearse_$step"
  done
fi
for step in "${chosen[@]}"; do [[ ${result[$step]} != FAIL ]] || failed=1; done

write_log
printf '\nGPU: %s\n\n' "$gpu"
table
if [[ -s $work/figures ]]; then cat "$work/figures"; fi
printf '\nlog: %s\n' "$log"
exit $failed
