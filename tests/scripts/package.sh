#!/usr/bin/env bash
# The packages hold what a user needs and nothing private.
set -euo pipefail
[[ -z ${SLUICE_SANITIZE:-} ]] || { echo "nobody distributes a sanitized library"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$(dirname "${SLUICE_CMAKE:?}")/cpack" --config "${SLUICE_BUILD:?}/CPackConfig.cmake" -B "$work" >log 2>&1 ||
  { cat log; exit 1; }

failures=0
# check PACKAGE: looks for files in the list PACKAGE.files.
check() {
  local wanted unwanted
  for wanted in 'libsluice\.so\.[0-9.]+$' 'libsluice\.so( ->.*)?$' 'include/sluice/sluice\.h$' 'include/sluice/core/op\.h$' \
    'include/sluice/kernels/shared/lowering\.h$' 'cmake/sluice/sluice-config\.cmake$' 'cmake/sluice/sluice-config-version\.cmake$' \
    'cmake/sluice/sluice-targets\.cmake$' 'doc/sluice/LICENSE$' 'doc/sluice/README\.md$' 'doc/sluice/CHANGELOG\.md$'; do
    grep -qE "$wanted" "$1.files" || { echo "$1 has no $wanted"; failures=$((failures + 1)); }
  done
  for unwanted in onednn cuda_backend _functors reference_backend '\.cpp$' '\.a$' test; do
    ! grep -E "$unwanted" "$1.files" || { echo "$1 has $unwanted"; failures=$((failures + 1)); }
  done
  # A library that was built with the CUDA module is packaged with it, and without it has none.
  [[ $(grep -c 'libsluice_cuda\.so' "$1.files") == $(grep -c '^SLUICE_CUDA_STATUS.*=CUDA: toolkit' "$SLUICE_BUILD/CMakeCache.txt") ]] ||
    { echo "$1: the CUDA module is missing, or should be"; failures=$((failures + 1)); }
}

tarball=$(echo sluice-*-"$(uname -s)".tar.gz)
tar -tzf "$tarball" >"$tarball.files"
check "$tarball"
if command -v dpkg-deb >/dev/null; then
  package=$(echo sluice_*.deb)
  dpkg-deb -c "$package" >"$package.files"
  check "$package"
  dpkg-deb -f "$package" Depends | tee depends
  for library in libc6 libdnnl2 libgomp1 'zlib1g'; do
    grep -qE "(^|[ ,])$library" depends || { echo "$package does not depend on $library"; failures=$((failures + 1)); }
  done
fi
exit $((failures > 0))
