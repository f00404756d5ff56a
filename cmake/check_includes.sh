#!/usr/bin/env bash
# Checks the tree ROOT: includes follow core <- kernels <- layers <- {optim, data} <- mbp <- samples, and no public header
# includes a header of another library (kernels/{onednn,cudnn,cublas,cuda}/ exist for that). Prints file:line: reason.
set -euo pipefail
cd "${1:?usage: check_includes.sh ROOT}"

files=$(find core kernels layers optim data mbp samples -type f -name '*.h' -o -name '*.cuh' -o -name '*.cpp' -o -name '*.cu' | sort)
if [[ -z $files ]]; then
  echo "no sources under $PWD" >&2
  exit 1
fi

# shellcheck disable=SC2086  # one file a word
awk '
  BEGIN {
    may["core"] = "core"
    may["kernels"] = "core kernels"
    may["layers"] = "core kernels layers"
    may["optim"] = "core kernels layers optim"
    may["data"] = "core kernels layers data"
    may["mbp"] = "core kernels layers optim data mbp"
    vendor = "^(dnnl|oneapi/|cudnn|cublas|cuda|cub/|thrust/|zlib\\.h|fmt/|CLI/|nlohmann/)"
    seams = "^kernels/(onednn|cudnn|cublas|cuda)/"
  }
  function bad(reason) { printf "%s:%d: %s\n", FILENAME, FNR, reason; count++ }

  /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    header = $0
    sub(/^[^<"]*[<"]/, "", header)
    sub(/[>"].*$/, "", header)
    split(FILENAME, at, "/")
    folder = at[1]
    if (folder == "samples") {
      if (header ~ /\.\.\//) bad("includes " header ": write <sluice/...> instead of a path out of the folder")
      next
    }
    if (header ~ /^sluice\//) {
      split(header, to, "/")
      if (to[2] == "sluice.h") bad(folder " must not include sluice/sluice.h, which is for users")
      else if (index(" " may[folder] " ", " " to[2] " ") == 0) bad(folder " must not include " to[2] " (" header ")")
    } else if ($0 ~ /include[ \t]*"/) {
      bad("includes \"" header "\": write <sluice/...>")
    }
    if (FILENAME ~ /\.h$/ && FILENAME !~ seams) {
      if (header ~ vendor) bad("public header includes " header " of another library")
      if (substr(header, 8) ~ seams) bad("public header includes " header ", which includes another library")
    }
  }
  END { exit count > 0 }
' $files
