# The steps of check.sh: functions step_<name>, each run in a shell of its own that has a time limit. 0 passes, 77 skips; the
# last line of what a step prints stands in the table. From check.sh: $build, $bin, $work, $carried, $gpu, $architecture,
# $rehearse.
# shellcheck shell=bash disable=SC2154,SC2317,SC2034

# What a rehearsal runs as well, where there is no GPU.
without_gpu=(environment build op training replay planned build-tests gradients split)

query() { nvidia-smi --query-gpu="$1" --format=csv,noheader -i 0 2>/dev/null | head -n 1; }

skip() {
  echo "$*"
  exit 77
}

first_line() { "$@" 2>/dev/null | head -n 1; }
# The clocks and the power limit are read, and left as they are.
step_environment() {
  if [[ -z $rehearse ]]; then
    nvidia-smi -L
    local field
    for field in name driver_version compute_cap memory.total memory.used pstate clocks.sm clocks.mem clocks.max.sm \
      clocks.max.mem power.limit temperature.gpu mig.mode.current compute_mode persistence_mode; do
      printf '%-20s %s\n' "$field" "$(query "$field")"
    done
  fi
  printf '%-20s %s\n' system "$(uname -srm)" \
    processor "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores" \
    compiler "$(first_line "${CXX:-c++}" --version)" cmake "$(first_line cmake --version)" \
    nvcc "$(nvcc --version 2>/dev/null | grep -o 'release.*')" PyTorch "$(pytorch)" commit "$(commit)"
  echo "$gpu"
}
pytorch() {
  python3 -c 'import torch
print(torch.__version__, "CUDA", torch.version.cuda, "cuDNN", torch.backends.cudnn.version())' 2>/dev/null || echo none
}
commit() {
  local id
  id=$(git rev-parse --short=12 HEAD 2>/dev/null) || { echo unknown; return; }
  git diff --quiet HEAD 2>/dev/null || id+=" with changes"
  echo "$id"
}

# The device and the program of the first proofs. Without the cpu device, which nothing here needs.
step_build() {
  local prefix=() targets=(sluice_cuda gpu_check)
  [[ -e $carried/machine ]] && prefix=(-DCMAKE_PREFIX_PATH="$PWD/$carried")
  [[ -z $rehearse ]] || targets+=(gpu_check_shim)
  if [[ ! -e $build/CMakeCache.txt ]]; then
    local generator='Unix Makefiles'
    ! command -v ninja >/dev/null || generator=Ninja
    export CMAKE_GENERATOR=${CMAKE_GENERATOR:-$generator}
  fi
  # shellcheck disable=SC2086  # several arguments in one variable
  cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DSLUICE_CUDA=ON -DSLUICE_CPU=OFF -DSLUICE_BUILD_BENCH=ON \
    -DCMAKE_CUDA_ARCHITECTURES="$architecture" "${prefix[@]}" ${SLUICE_CMAKE_ARGS:-} || return 1
  compile "${targets[@]}" || return 1
  sed -n 's/^SLUICE_CUDA_STATUS:INTERNAL=//p' "$build/CMakeCache.txt"
}
compile() { cmake --build "$build" --parallel "${SLUICE_JOBS:-$(nproc)}" --target "$@"; }

# What ctest -L gpu runs, and what measures.
step_build-tests() {
  local targets=(test_{kernels,layers,mbp} bench_training)
  [[ -z $rehearse ]] || targets+=(test_{kernels,layers,mbp}_shim train_fashion_mnist sluice)
  compile "${targets[@]}" && echo "built ${targets[*]}"
}

# A test that skips failed: there is a GPU.
step_tests() {
  local log=$work/ctest status skipped_tests skipped_cases
  ctest --test-dir "$build" -L gpu --no-tests=error --verbose >"$log" 2>&1
  status=$?
  grep -E '\[  (FAILED|SKIPPED) |\*\*\*' "$log" | sort -u
  grep -A 6 'Failure$' "$log" | head -n 60
  skipped_tests=$(grep -c '\*\*\*Skipped' "$log")
  skipped_cases=$(grep -c '^[0-9]*: \[  SKIPPED .* ms)$' "$log")
  ((status == 0)) || tail -n 20 "$log"
  printf '%s; %s cases ran, %s skipped themselves, %s tests skipped\n' "$(grep -E '[0-9]+% tests passed|No tests' "$log" | tail -n 1)" \
    "$(grep -c '^[0-9]*: \[       OK' "$log")" "$skipped_cases" "$skipped_tests"
  ((status == 0 && skipped_tests == 0))
}

# sanitize TOOL: the cases of our own kernels, on small operands. Those of cuDNN and cuBLAS are left out: under these tools
# they take hours.
sanitize() {
  local tool=$1 program log=$work/$1.log status
  program=$(command -v compute-sanitizer) || skip "no compute-sanitizer on PATH or in the toolkit"
  SLUICE_TEST_DEVICE=cuda "$program" --tool "$tool" --error-exitcode 9 --print-limit 20 \
    "$bin/test_kernels" --gtest_filter="$sanitized" >"$log" 2>&1
  status=$?
  grep -vE '^\[ RUN|^\[       OK|^\[---' "$log" | head -n 200
  ! grep -q 'Device not supported' "$log" || skip "compute-sanitizer does not support this device"
  printf '%s cases; exit code %s; %s\n' "$(grep -c '^\[       OK' "$log")" "$status" \
    "$(grep -E 'SUMMARY' "$log" | tail -n 1 | sed 's/^=* *//')"
  ((status == 0))
}
sanitized='Accuracy.*:*AvgPool2d*:*AddRelu*:*BatchNorm*:*Bias*:*Concat*:*CrossEntropy*:*Dropout*:*FiniteCheck*:*Gelu*:*LeakyRelu*'
sanitized+=':*MaxPool2d*:Normalize*:*Optimizer*:*Reduce*:Relu.*:Sigmoid*:Softmax*:Structural*:*Upsample*:*Arithmetic*:Scale*'
sanitized+=':CudaRelu.AnyLayout*:CudaRelu.Passes*:Conv2dRelu.MasksOfAnySize'
step_memcheck() { sanitize memcheck; }
step_racecheck() { sanitize racecheck; }
step_synccheck() { sanitize synccheck; }
step_initcheck() { sanitize initcheck; }

# property NAME: tests/gpu/gpu_check.cpp.
property() {
  local status program=$bin/gpu_check
  [[ -z $rehearse ]] || program+=_shim
  "$program" "$1" --device cuda >"$work/property" 2>&1
  status=$?
  cat "$work/property"
  echo "$(grep -c '^ok ' "$work/property") of $(grep -cE '^(ok|FAIL) ' "$work/property") claims hold"
  return "$status"
}
step_op() { property op; }
step_training() { property training; }
step_replay() { property replay; }
step_memory() { property memory; }
step_planned() { property planned; }
step_gradients() { property gradients; }
step_split() { property split; }

# speed PRECISION: beside PyTorch where there is one.
speed() {
  local table=$work/$1.md
  "$bin/bench_training" --device cuda --precision "$1" --json "$build/bench-$1.json" --markdown "$table" ||
    return 1
  printf '\n### Speed in %s\n\n' "$1" >>"$work/figures"
  cat "$table" >>"$work/figures"
  if grep -q '"peer_version": "' "$build/bench-$1.json"; then
    echo "figures below"
  else
    echo "figures below; no PyTorch here, so Sluice's alone"
  fi
}
step_speed-fp32() { speed fp32; }
step_speed-tf32() {
  ((architecture >= 80)) || skip "compute capability $architecture has no tf32"
  speed tf32
}

# ---- a rehearsal: what needs no GPU of the other steps -------------------------------------------------------------

needs_gpu() {
  "$@" >"$work/needs_gpu" 2>&1 && { echo "it went on without a GPU: $*"; return 1; }
  head -n 3 "$work/needs_gpu"
  grep -q 'cuda: ' "$work/needs_gpu" || { echo "it does not say that it needs a GPU: $*"; return 1; }
}
rehearse_programs() {
  local program check
  for program in gpu_check bench_training train_fashion_mnist sluice; do
    "$bin/$program" --help >/dev/null || { echo "$program --help failed"; return 1; }
  done
  for program in "$bin"/test_{kernels,layers,mbp}; do
    "$program" --gtest_list_tests >/dev/null || { echo "$program does not list its tests"; return 1; }
  done
  for check in op training replay memory planned gradients split; do needs_gpu "$bin/gpu_check" "$check" || return 1; done
  needs_gpu "$bin/bench_training" --device cuda || return 1
  needs_gpu "$bin/train_fashion_mnist" --device cuda --data /nonexistent || return 1
  ctest --test-dir "$build" -L gpu --no-tests=error -N | tail -n 1
}
# What `tests` runs on a GPU, on the runtime without one.
rehearse_shim() {
  local folder filter
  for folder in kernels layers mbp; do
    filter='*'
    [[ $folder != mbp ]] || filter='Cuda*'
    "$bin/test_${folder}_shim" --gtest_filter="$filter" --gtest_brief=1 || return 1
  done
  echo "kernels, layers and training pass"
}
