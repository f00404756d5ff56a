#!/usr/bin/env bash
# doxygen has nothing to say about the public headers, and every type in them has a comment.
set -euo pipefail
command -v doxygen >/dev/null || { echo "doxygen is missing"; exit 77; }
cd "${SLUICE_SOURCE:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{ cat docs/Doxyfile; echo "OUTPUT_DIRECTORY = $work"; } | doxygen - 2>&1
[[ -s $work/html/index.html && -s $work/html/classsluice_1_1Trainer.html ]] || { echo "pages are missing"; exit 1; }
[[ ! -e $work/html/onednn_8h.html ]] || { echo "a private header is in the reference"; exit 1; }

# Functions and members may go without a comment where name, type and neighbour say it all; types may not.
{ cat docs/Doxyfile; printf '%s\n' "OUTPUT_DIRECTORY = $work" 'EXTRACT_ALL = NO' 'WARN_AS_ERROR = NO'; } |
  doxygen - >"$work/log" 2>&1
! grep 'Compound .* is not documented' "$work/log"
