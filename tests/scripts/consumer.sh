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
