#!/usr/bin/env bash
# tests/consumer/, a project of its own, against an installed Sluice that was moved after installation.
set -euo pipefail
[[ -z ${SLUICE_SANITIZE:-} ]] || { echo "a sanitized library needs a sanitized consumer"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$*"; exit 1; }

"${SLUICE_CMAKE:?}" --install "${SLUICE_BUILD:?}" --prefix "$work/installed" >/dev/null
mkdir "$work/elsewhere"
prefix="$work/elsewhere/moved prefix"  # the space is meant
mv "$work/installed" "$prefix"

package=$(dirname "$(find "$prefix" -name sluice-config.cmake)")
for path in "$work" "$SLUICE_BUILD" "${SLUICE_SOURCE:?}"; do
  ! grep -rnF "$path" "$package" || fail "the package names $path"
done
library=$(find "$prefix" -name libsluice.so)
[[ $(basename "$(readlink -f "$library")") =~ ^libsluice\.so\.[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "libsluice.so has no version"
if command -v objdump >/dev/null; then
  grep -qE '^ *SONAME +libsluice\.so\.[0-9]+\.[0-9]+$' < <(objdump -p "$library") || fail "libsluice.so has no SONAME"
fi

# Nothing of this environment may help.
clean() { env -i PATH="$PATH" HOME="$work" "$@"; }
clean "$SLUICE_CMAKE" -G "${SLUICE_GENERATOR:?}" -S "$SLUICE_SOURCE/tests/consumer" -B "$work/build" -DCMAKE_CXX_COMPILER="${SLUICE_CXX:?}" \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 || { cat "$work/log"; fail "configuring"; }
clean "$SLUICE_CMAKE" --build "$work/build" --parallel "${SLUICE_JOBS:-$(nproc)}" >"$work/log" 2>&1 ||
  { cat "$work/log"; fail "building"; }
# Threads that wait must not spin: on a busy machine the small kernels of this program would wait for each other's turns.
clean OMP_WAIT_POLICY=passive "$work/build/consumer"

# How else the package may be asked for: "found REQUEST" and "refused MESSAGE REQUEST", with find_package's words.
mkdir "$work/asks"
ask() {
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(asks LANGUAGES CXX)\nfind_package(sluice %s)\n' "$1" >"$work/asks/CMakeLists.txt"
  printf 'message(STATUS "found=${sluice_FOUND}")\n' >>"$work/asks/CMakeLists.txt"
  rm -rf "$work/asks/build"
  clean "$SLUICE_CMAKE" -G "$SLUICE_GENERATOR" -S "$work/asks" -B "$work/asks/build" -DCMAKE_CXX_COMPILER="$SLUICE_CXX" \
    -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1
}
found() { ask "$1 REQUIRED" || { cat "$work/log"; fail "find_package(sluice $1) is refused"; }; }
refused() {
  ! ask "$2 REQUIRED" || fail "find_package(sluice $2) is answered"
  tr -s ' \n' ' ' <"$work/log" | grep -qF -- "$1" || { cat "$work/log"; fail "find_package(sluice $2) does not say: $1"; }
}
version=$(sed -n 's/^set(PACKAGE_VERSION "\(.*\)")/\1/p' "$package/sluice-config-version.cmake")
IFS=. read -r major minor patch <<<"$version"
found ""
found "$version"
found "$version EXACT"
found "$major.$minor"
found "$major.$minor...$major.$((minor + 8))"
found "$major.$minor...<$major.$((minor + 1))"
found "$major.$minor...$version"
found "0.0...$((major + 1))"
found "COMPONENTS core kernels layers optim data mbp"
found "$major.$minor COMPONENTS mbp OPTIONAL_COMPONENTS sockets"
refused "no such component; got sockets, wheels; expected one of core, kernels, layers, optim, data, mbp" "COMPONENTS core sockets wheels"
refused "version: $version" "$major.$((minor + 1))"
refused "version: $version" "$major.$minor.$((patch + 1))"
refused "version: $version" "$major.$minor.$((patch + 1)) EXACT"
refused "version: $version" "$((major + 1)).0"
refused "version: $version" "$major.$((minor + 1))...$major.$((minor + 8))"
refused "version: $version" "0.0...<$version"
ask "COMPONENTS sockets" || { cat "$work/log"; fail "a package that is not required ends the configuration"; }
grep -qE "found=(0|FALSE)" "$work/log" || { cat "$work/log"; fail "a component that is not there is found"; }
