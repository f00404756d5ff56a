#!/usr/bin/env bash
# The packages hold what a user needs and nothing private; from an unpacked one the tool runs, the samples can be configured, and
# the links of its pages lead somewhere.
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
    'cmake/sluice/sluice-targets\.cmake$' 'doc/sluice/LICENSE$' 'doc/sluice/README\.md$' 'doc/sluice/CHANGELOG\.md$' \
    'bin/sluice$' 'doc/sluice/docs/planning\.md$' 'doc/sluice/samples/quickstart\.cpp$' \
    'doc/sluice/samples/models/resnet\.h$' 'doc/sluice/samples/CMakeLists\.txt$'; do
    grep -qE "$wanted" "$1.files" || { echo "$1 has no $wanted"; failures=$((failures + 1)); }
  done
  for unwanted in onednn cuda_backend _functors reference_backend '\.cpp$' '\.a$' test; do
    ! grep -v '/doc/sluice/samples/' "$1.files" | grep -E "$unwanted" || { echo "$1 has $unwanted"; failures=$((failures + 1)); }
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

# The tarball, unpacked somewhere, with nothing of this environment to help.
mkdir "unpacked here"
tar -xzf "$tarball" -C "unpacked here" --strip-components 1
clean() { env -i PATH="$PATH" HOME="$work" "$@"; }
fail() { echo "$*"; failures=$((failures + 1)); }
clean "unpacked here/bin/sluice" ops >ops || fail "the tool does not run"
grep -q conv2d ops || fail "the tool does not list the ops"
clean "unpacked here/bin/sluice" plan --model lenet --batch 256 --budget 8MiB >plan || fail "the tool does not plan"
clean "$SLUICE_CMAKE" -G "${SLUICE_GENERATOR:?}" -S "unpacked here/share/doc/sluice/samples" -B samples-build \
  -DCMAKE_CXX_COMPILER="${SLUICE_CXX:?}" -DCMAKE_PREFIX_PATH="$work/unpacked here" >log 2>&1 || { cat log; fail "configuring the samples"; }

# Every header that a sample asks for is in the package, or in the samples.
cd "unpacked here/share/doc/sluice"
while read -r header; do
  [[ -e ../../../include/$header ]] || fail "the samples include <$header>, which is not installed"
done < <(grep -rhoE '#include <sluice/[^>]+' samples | sed 's/.*<//' | sort -u)
# Each relative link of each page: to a file, and to a heading where one is named.
links=0
while IFS=: read -r page target; do
  links=$((links + 1))
  path=${target%%#*} place=
  [[ $target != *#* ]] || place=${target#*#}
  file=$page
  [[ -z $path ]] || file=$(dirname "$page")/$path
  if [[ ! -e $file ]]; then
    fail "$page links to $target, which is not there"
  elif [[ -n $place ]]; then
    sed -n 's/^#\{1,\} //p' "$file" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g' | grep -qxF -- "$place" ||
      fail "$page links to $target, and there is no such heading"
  fi
done < <(find . -name '*.md' | while read -r page; do
  sed '/^```/,/^```/d; s/`[^`]*`//g' "$page" | { grep -oE '\]\([^) ]+\)' || true; } | sed "s|^](\(.*\))$|$page:\1|" | grep -v ':[a-z]*://' || true
done)
((links > 20)) || fail "$links links were found; expected more than 20"
exit $((failures > 0))
