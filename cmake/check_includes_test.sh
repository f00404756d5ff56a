#!/usr/bin/env bash
# Shows that check_includes.sh can fail: plants one violation at a time in a small correct tree.
set -euo pipefail
check=$(dirname "$0")/check_includes.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree"/{core,kernels/relu,kernels/onednn,layers,optim,data,mbp,samples}
printf '#include <vector>\n' >"$tree/core/graph.h"
printf '#include <sluice/core/graph.h>\n' >"$tree/kernels/relu/relu.h"
printf '#include <dnnl.hpp>\n' >"$tree/kernels/onednn/engine.h"
printf '#include <sluice/kernels/onednn/engine.h>\n' >"$tree/kernels/relu/relu_cpu.cpp"
printf '#include <sluice/sluice.h>\n#include "models/net.h"\n' >"$tree/samples/main.cpp"
bash "$check" "$tree" || { echo "a correct tree was rejected"; exit 1; }

# expect FILE LINE: with LINE as FILE's second line, the check must fail and name FILE:2.
expect() {
  printf '#pragma once\n%s\n' "$2" >"$tree/$1"
  if output=$(bash "$check" "$tree"); then
    echo "not caught: $1 with $2"
    exit 1
  fi
  [[ $output == "$1:2: "* ]] || { echo "not named: $1 with $2: $output"; exit 1; }
  rm "$tree/$1"
}
expect core/a.h '#include <sluice/kernels/relu/relu.h>'
expect kernels/relu/a.cpp '  #  include <sluice/layers/module.h>'
expect layers/a.cpp '#include <sluice/optim/sgd.h>'
expect optim/a.cpp '#include <sluice/data/loader.h>'
expect data/a.h '#include <sluice/mbp/plan/plan.h>'
expect mbp/a.cpp '#include <sluice/sluice.h>'
expect core/a.cpp '#include "../kernels/relu/relu.h"'
expect kernels/relu/a.h '#include <oneapi/dnnl/dnnl.hpp>'
expect core/a.h '#include <cuda_runtime.h>'
expect kernels/relu/a.h '#include <sluice/kernels/onednn/engine.h>'
expect samples/a.cpp '#include "../core/graph.h"'
