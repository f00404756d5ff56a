#!/usr/bin/env bash
# Checks the tree ROOT: text is written and read without the program's locale, which would change hashes, files and
# messages. core/text.h has what to use instead. Prints file:line: text.
set -euo pipefail
cd "${1:?usage: check_locale.sh ROOT}"

files=$(find core kernels layers optim data mbp samples bench -type f '(' -name '*.h' -o -name '*.cuh' -o -name '*.cpp' -o -name '*.cu' ')' \
  ! -path core/text.h | sort)
if [[ -z $files ]]; then
  echo "no sources under $PWD" >&2
  exit 1
fi

streams='stringstream|\bimbue\b|std::locale|setlocale'
reads='\bsto(f|d|ld)\(|\bstrto(f|d|ld)\(|\batof\(|scanf\(.*%[*l]*[aefg]'
writes='printf\(.*%[-+ #0-9.*]*[aefgAEFG]|\{[a-z0-9_]*:[^}"]*L[a-zA-Z]?\}'
# std::to_string of a whole number is fine; of the others, what shows by a cast or by its name.
fractions='\bto_string\((static_cast<(double|float)>|[^()]*(_m?s|(\b|_)(seconds|loss|accuracy|momentum|beta[12]?|eps|lr|rate|decay))_?\))'
letters='\bis(digit|xdigit|space|alpha|alnum|print|upper|lower)\(|\bto(upper|lower)\('
# shellcheck disable=SC2086  # one file a word
! grep -nE "$streams|$reads|$writes|$fractions|$letters" $files
