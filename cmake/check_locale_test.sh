#!/usr/bin/env bash
# Shows that check_locale.sh can fail: plants one violation at a time in a small correct tree.
set -euo pipefail
check=$(dirname "$0")/check_locale.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree"/{core,kernels,layers,optim,data,mbp,samples,bench}
printf 'class TextStream : public std::ostringstream {};\n' >"$tree/core/text.h"
printf 'TextStream text;\nstd::printf("%%s", name);\nfmt::format("{:.1f} {}", x, is_digit(c));\nstd::to_string(options.steps);\n' >"$tree/core/right.cpp"
bash "$check" "$tree" || { echo "a correct tree was rejected"; exit 1; }

# expect FILE LINE: with LINE as FILE's second line, the check must fail and name FILE:2.
expect() {
  printf '#pragma once\n%s\n' "$2" >"$tree/$1"
  if output=$(bash "$check" "$tree"); then
    echo "not caught: $1 with $2"
    exit 1
  fi
  [[ $output == "$1:2:"* ]] || { echo "not named: $1 with $2: $output"; exit 1; }
  rm "$tree/$1"
}
expect kernels/a.cpp 'std::ostringstream text;'
expect mbp/a.h 'std::istringstream in(text);'
expect core/a.cpp 'const double x = std::stod(text);'
expect bench/a.cpp 'std::strtod(text, nullptr);'
expect samples/a.cpp 'std::printf("%.1f MiB", x);'
expect samples/a.cpp 'fmt::format("{:.1Lf}", x);'
expect optim/a.cpp 'text += std::to_string(options.weight_decay);'
expect mbp/a.cpp 'text += std::to_string(static_cast<double>(bytes));'
expect data/a.cu 'if (std::isdigit(c)) return;'
expect layers/a.cpp 'setlocale(LC_ALL, "");'
