#!/usr/bin/env bash
# Shows that check_includes.sh can fail: plants one violation at a time in a small correct tree.
set -euo pipefail
check=$(dirname "$0")/check_includes.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# file PATH LINE...: a file of these lines.
file() {
  mkdir -p "$(dirname "$tree/$1")"
  printf '%s\n' "${@:2}" >"$tree/$1"
}

# A correct tree, with one circle that is listed.
mkdir -p "$tree"/{cmake,core,kernels,layers,optim,data,mbp,samples}
file core/graph.h '#include <vector>'
file core/node.h '#include <sluice/core/value.h>'
file core/value.cpp '#include <sluice/core/node.h>'
file core/value.h
file cmake/include_circles.txt '# Comment' '' 'core/value core/node: a value names its node,' '  which has values'
file kernels/shared/mask_cuda.h '#include <cuda_runtime.h>' '#include <sluice/kernels/cuda/launch.h>'
file kernels/relu/relu.h '#include <sluice/core/graph.h>'
file kernels/relu/relu_cuda.cu '#include <sluice/kernels/shared/mask_cuda.h>'
file kernels/cuda/launch.h '#include <sluice/kernels/cudnn/library.h>'
file kernels/cudnn/library.h '#include <cudnn.h>'
file kernels/onednn/engine.h '#include <dnnl.hpp>'
file kernels/relu/relu_cpu.cpp '#include <sluice/kernels/onednn/engine.h>'
file mbp/train/trainer.h '#include <sluice/mbp/run/slab.h>'
file mbp/run/slab.h '#include <sluice/mbp/plan/part.h>'
file mbp/plan/part.h '#include <sluice/mbp/pack/packing.h>'
file mbp/pack/packing.h
file mbp/sluice.h '#include <sluice/mbp/train/trainer.h>' '#include <sluice/mbp/plan/part.h>'
file samples/main.cpp '#include <sluice/sluice.h>' '#include "models/net.h"'
file samples/models/net.h
bash "$check" "$tree" || { echo "a correct tree was rejected"; exit 1; }

# fails WHAT TEXT...: the check must fail and say each TEXT.
fails() {
  local text
  if output=$(bash "$check" "$tree"); then
    echo "not caught: $1"
    exit 1
  fi
  for text in "${@:2}"; do
    [[ $output == *"$text"* ]] || { echo "not named: $1, '$text': $output"; exit 1; }
  done
}

# expect FILE LINE: with LINE as FILE's second line, the check must fail and name FILE:2.
expect() {
  file "$1" '#pragma once' "$2"
  fails "$1 with $2"
  [[ $output == "$1:2: "* ]] || { echo "not named: $1 with $2: $output"; exit 1; }
  rm "$tree/$1"
}
expect core/a.h '#include <sluice/kernels/relu/relu.h>'
expect kernels/relu/a.cpp '  #  include <sluice/layers/module.h>'
expect layers/a.cpp '#include <sluice/optim/sgd.h>'
expect optim/a.cpp '#include <sluice/data/loader.h>'
expect data/a.h '#include <sluice/mbp/plan/plan.h>'
expect mbp/a.cpp '#include <sluice/sluice.h>'
expect mbp/train/a.cpp '#include <sluice/mbp/sluice.h>'
expect core/a.cpp '#include "../kernels/relu/relu.h"'
expect kernels/relu/a.h '#include <oneapi/dnnl/dnnl.hpp>'
expect core/a.h '#include <cuda_runtime.h>'
expect kernels/relu/a.h '#include <sluice/kernels/onednn/engine.h>'
expect kernels/relu/a.h '#include <sluice/kernels/shared/mask_cuda.h>'
expect samples/a.cpp '#include "../core/graph.h"'
# Rooms.
expect mbp/pack/a.h '#include <sluice/mbp/plan/part.h>'
expect mbp/plan/a.cpp '#include <sluice/mbp/run/slab.h>'
expect mbp/run/a.cpp '#include <sluice/mbp/train/trainer.h>'
expect mbp/train/a.cpp '#include <sluice/mbp/other.h>'
expect kernels/cuda/a.cpp '#include <sluice/kernels/relu/relu.h>'
expect kernels/cuda/a.cpp '#include <sluice/kernels/onednn/engine.h>'
expect kernels/cudnn/a.cpp '#include <sluice/kernels/shared/mask_cuda.h>'
expect kernels/shared/a.h '#include <sluice/kernels/relu/relu.h>'

# circle WHAT UNIT...: where each unit includes the next one, and the last one the first, the check must fail and say
# WHAT, the units and the includes. They are named in the order of the alphabet.
circle() {
  local i units=("${@:2}")
  for i in "${!units[@]}"; do
    file "${units[i]}.h"
    file "${units[i]}.cpp" "#include <sluice/${units[(i + 1) % ${#units[@]}]}.h>"
  done
  fails "${units[*]}" "circle of includes $1: ${units[*]}" "  ${units[0]}.cpp:1: includes ${units[1]}.h"
  for i in "${units[@]}"; do rm "$tree/$i".{h,cpp}; done
}
circle 'is not in cmake/include_circles.txt' kernels/relu/a kernels/relu/b
circle 'has 4 units, more than 3' layers/a layers/b layers/c layers/d
circle 'goes across rooms' kernels/gelu/a kernels/relu/a
circle 'goes across rooms' mbp/plan/a mbp/plan/b mbp/run/a
circle 'goes across rooms' core/a data/a

file samples/models/a.h '#include "models/b.cuh"'
file samples/models/b.cuh '#include "a.h"'
fails 'quoted includes' 'is not in cmake/include_circles.txt: samples/models/a samples/models/b'
rm "$tree"/samples/models/[ab].*

# What is listed has to be there, with a reason, and a line excuses no circle across rooms.
listed=$(<"$tree/cmake/include_circles.txt")
list() { file cmake/include_circles.txt "$listed" "$1"; }
list 'core/graph core/value: they do not include each other'
fails 'a stale line' 'cmake/include_circles.txt:5: these do not include each other in a circle: core/graph core/value'
list 'kernels/relu/a kernels/relu/b:'
fails 'a line without a reason' 'cmake/include_circles.txt:5: expected members, a colon and a reason'
list 'kernels/gelu/a kernels/relu/a: a reason'
circle 'goes across rooms' kernels/gelu/a kernels/relu/a
list 'layers/a layers/b layers/c layers/d: a reason'
circle 'has 4 units, more than 3' layers/a layers/b layers/c layers/d
