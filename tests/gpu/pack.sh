#!/usr/bin/env bash
# pack.sh DIRECTORY: puts what a build without Debian packages needs, besides the compilers and CUDA, into one folder that
# CMAKE_PREFIX_PATH can name: headers of CLI11, {fmt}, nlohmann-json and zlib, the library of zlib, GoogleTest's sources.
# The folder appears under its name when it is complete; it holds no links, and goes to machines of the same processor.
set -euo pipefail
directory=${1:?usage: pack.sh DIRECTORY}
here=$(dirname "$(readlink -f "$0")")
compiler=${CXX:-c++}
limit_kib=65536  # 64 MiB

# Prints the folder that `#include <HEADER>` reads from.
include_folder() {
  local lines path
  lines=$(printf '#include <%s>\n' "$1" | "$compiler" -E -x c++ - 2>/dev/null) || return 1
  path=$(grep -m 1 -oE "^# 1 \"[^\"]*/$1\"" <<<"$lines") || return 1
  path=${path#*\"}
  printf '%s\n' "${path%"/$1\""}"
}

missing=()
# carry_header HEADER PACKAGE FILES...: copies files beside the header, named from the same folder.
carry_header() {
  local header=$1 package=$2 folder file
  shift 2
  if ! folder=$(include_folder "$header"); then
    missing+=("$package (<$header>)")
    return
  fi
  for file in "$@"; do cp -RL "$folder/$file" "$work/include/"; done
}

[[ ! -e $directory || -e $directory/machine ]] || { echo "gpu-pack: $directory is something else" >&2; exit 2; }
mkdir -p "$(dirname "$directory")"
work=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work"/{include,lib,cmake,googletest}

carry_header CLI/CLI.hpp libcli11-dev CLI
carry_header fmt/format.h libfmt-dev fmt
carry_header nlohmann/json.hpp nlohmann-json3-dev nlohmann
carry_header zlib.h zlib1g-dev zlib.h zconf.h

# The shared library, because the static one need not be position-independent; twice, because linking asks for one name
# and loading for the other.
library=$("$compiler" -print-file-name=libz.so)
if [[ -e $library ]]; then
  cp -L "$library" "$work/lib/libz.so"
  cp -L "$library" "$work/lib/libz.so.1"
else
  missing+=("zlib1g-dev (libz.so)")
fi

sources=${SLUICE_GOOGLETEST:-/usr/src/googletest/googletest}
if [[ -e $sources/src/gtest-all.cc ]]; then
  cp -RL "$sources/include" "$sources/src" "$work/googletest/"
else
  missing+=("googletest ($sources/src/gtest-all.cc; SLUICE_GOOGLETEST may name another folder)")
fi

if ((${#missing[@]} > 0)); then
  printf 'gpu-pack: missing: %s\n' "${missing[@]}" >&2
  exit 2
fi
cp "$here"/carried/*.cmake "$work/cmake/"
uname -m >"$work/machine"
size_kib=$(du -sk "$work" | cut -f 1)
if ((size_kib >= limit_kib)); then
  echo "gpu-pack: the folder has $size_kib KiB; expected less than $limit_kib" >&2
  exit 1
fi
rm -rf "$directory"
mv "$work" "$directory"
trap - EXIT
echo "packed $directory/: $size_kib KiB, for $(uname -m)"
