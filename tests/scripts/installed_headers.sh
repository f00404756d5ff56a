#!/usr/bin/env bash
# Every installed header compiles alone, with nothing but the other installed headers and the standard library.
set -euo pipefail
[[ -z ${SLUICE_SANITIZE:-} ]] || { echo "the headers are those of the other builds"; exit 77; }
work=${SLUICE_BUILD:?}/installed-headers  # always the same place, so that ccache knows it again
rm -rf "$work"
mkdir -p "$work"
"${SLUICE_CMAKE:?}" --install "$SLUICE_BUILD" --prefix "$work/prefix" >/dev/null
include=$(dirname "$(dirname "$(find "$work/prefix" -name sluice.h)")")
cd "$include"

launcher=$(command -v ccache || true)
export work include launcher SLUICE_CXX
check() {
  local name=$work/${1//\//.}
  echo "#include <$1>" >"$name.cpp"
  ${launcher:+"$launcher"} "${SLUICE_CXX:?}" -std=c++20 -fopenmp -Wall -Wextra -Wconversion -Werror "-I$include" -MD \
    -c "$name.cpp" -o "$name.o" || { echo "$1 does not compile alone"; return 1; }
  ! grep -oE '[^ ]*/(oneapi|dnnl|cudnn|cublas|cuda|zlib|fmt|CLI|nlohmann)[^ ]*\.h(pp)?( |$)' "$name.d" ||
    { echo "$1 includes a header of another library"; return 1; }
}
export -f check
mapfile -t headers < <(find sluice -name '*.h' | sort)
printf '%s\n' "${headers[@]}" | xargs -n 1 -P "${SLUICE_JOBS:-$(nproc)}" bash -c 'check "$1"' check
echo "${#headers[@]} headers compile alone"
