#!/usr/bin/env bash
# Checks the includes of the tree ROOT, and prints file:line: reason for what is wrong.
# - Folders: core <- kernels <- layers <- {optim, data} <- mbp <- samples.
# - Rooms, the folders inside them: mbp/pack <- mbp/plan <- mbp/run <- mbp/train; in kernels/ the devices, then shared/,
#   then the ops.
# - No public header includes a header of another library (kernels/{onednn,cudnn,cublas,cuda}/ exist for that).
# - Circles: a header and the sources of its name are one unit. Units that include each other are at most three of one
#   room, and stand in cmake/include_circles.txt with a reason.
set -euo pipefail
cd "${1:?usage: check_includes.sh ROOT}"

sources() { find "$@" -type f \( -name '*.h' -o -name '*.cuh' -o -name '*.cpp' -o -name '*.cu' \) | sort; }
files=$(sources core kernels layers optim data mbp samples)
if [[ -z $files ]]; then
  echo "no sources under $PWD" >&2
  exit 1
fi
failed=0

# shellcheck disable=SC2086  # one file a word
awk '
  BEGIN {
    may["core"] = "core"
    may["kernels"] = "core kernels"
    may["layers"] = "core kernels layers"
    may["optim"] = "core kernels layers optim"
    may["data"] = "core kernels layers data"
    may["mbp"] = "core kernels layers optim data mbp"
    # Of the rooms of their own folder; a room without a line may include them all. The files of mbp/ itself are on top.
    may["mbp/pack"] = "mbp/pack"
    may["mbp/plan"] = may["mbp/pack"] " mbp/plan"
    may["mbp/run"] = may["mbp/plan"] " mbp/run"
    may["mbp/train"] = may["mbp/run"] " mbp/train"
    may["kernels/cpu"] = may["kernels/onednn"] = "kernels/cpu kernels/onednn"
    may["kernels/cuda"] = may["kernels/cublas"] = may["kernels/cudnn"] = "kernels/cuda kernels/cublas kernels/cudnn"
    may["kernels/reference"] = "kernels/reference"
    may["kernels/without_cpu"] = "kernels/without_cpu"
    may["kernels/shared"] = may["kernels/cpu"] " " may["kernels/cuda"] " kernels/reference kernels/shared"
    vendor = "^(dnnl|oneapi/|cudnn|cublas|cuda|cub/|thrust/|zlib\\.h|fmt/|CLI/|nlohmann/)"
    seams = "^kernels/((onednn|cudnn|cublas|cuda)/|.*_cuda(_[a-z0-9_]*)?\\.h$)"
  }
  function bad(reason) { printf "%s:%d: %s\n", FILENAME, FNR, reason; count++ }
  function room(path) { sub(/\/[^\/]*$/, "", path); return path }
  function allowed(from, to) { return index(" " may[from] " ", " " to " ") > 0 }

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
      path = substr(header, 8)
      split(path, to, "/")
      here = room(FILENAME)
      if (path ~ /^(mbp\/)?sluice\.h$/) bad(folder " must not include sluice/sluice.h, which is for users")
      else if (!allowed(folder, to[1])) bad(folder " must not include " to[1] " (" header ")")
      else if (to[1] == folder && here != folder && here in may && !allowed(here, room(path)))
        bad(here " must not include " room(path) " (" header ")")
    } else if ($0 ~ /include[ \t]*"/) {
      bad("includes \"" header "\": write <sluice/...>")
    }
    if (FILENAME ~ /\.h$/ && FILENAME !~ seams) {
      if (header ~ vendor) bad("public header includes " header " of another library")
      if (substr(header, 8) ~ seams) bad("public header includes " header ", which includes another library")
    }
  }
  END { exit count > 0 }
' $files || failed=1

[[ ! -d bench ]] || files+=" $(sources bench)"
# shellcheck disable=SC2086
awk -v reasons=cmake/include_circles.txt -v most=3 '
  BEGIN {
    for (i = 1; i < ARGC; i++) known[ARGV[i]]
    # Its lines: members, a colon, why they include each other; the reason goes on in lines that begin with a blank.
    for (line = 1; (getline text < reasons) > 0; line++) {
      if (text ~ /^([ \t#]|$)/) continue
      colon = index(text, ": ")
      if (!colon || substr(text, colon) !~ /[a-z]/) bad(reasons ":" line ": expected members, a colon and a reason")
      listed[key(split(colon ? substr(text, 1, colon - 1) : text, members, " "))] = line
    }
  }
  function bad(reason) { print reason; count++ }
  function unit(path) { sub(/\.[^.\/]*$/, "", path); return path }
  function room(path) { sub(/\/[^\/]*$/, "", path); return path }
  # The first `size` of members, sorted, as one text.
  function key(size,   i, j, swap, text) {
    for (i = 2; i <= size; i++)
      for (j = i; j > 1 && members[j] < members[j - 1]; j--) {
        swap = members[j]; members[j] = members[j - 1]; members[j - 1] = swap
      }
    for (i = 1; i <= size; i++) text = text (i > 1 ? " " : "") members[i]
    return text
  }

  /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    header = $0
    quoted = header ~ /include[ \t]*"/
    sub(/^[^<"]*[<"]/, "", header)
    sub(/[>"].*$/, "", header)
    split(FILENAME, at, "/")
    target = ""
    if (header ~ /^sluice\//) target = header == "sluice/sluice.h" ? "mbp/sluice.h" : substr(header, 8)
    else if (quoted) target = room(FILENAME) "/" header in known ? room(FILENAME) "/" header : at[1] "/" header
    from = unit(FILENAME)
    to = unit(target)
    if (!(target in known) || from == to) next
    if (!(from in reads)) units[++all] = from
    reads[from] = reads[from] " " to
    places[from, to] = places[from, to] "\n  " FILENAME ":" FNR ": includes " target
  }

  # Tarjan, "Depth-First Search and Linear Graph Algorithms", SIAM J. Comput. 1(2), 1972.
  function visit(v,   i, w, n, next_units, size) {
    first[v] = low[v] = ++visited
    stack[++depth] = v
    waits[v] = 1
    n = split(reads[v], next_units, " ")
    for (i = 1; i <= n; i++) {
      w = next_units[i]
      if (!(w in first)) visit(w)
      if (waits[w] && low[w] < low[v]) low[v] = low[w]
    }
    if (low[v] != first[v]) return
    do {
      w = stack[depth--]
      waits[w] = 0
      members[++size] = w
    } while (w != v)
    if (size > 1) circle(size)
  }
  function circle(size,   i, j, text, name, across, problem) {
    name = key(size)
    for (i = 1; i <= size; i++) {
      if (room(members[i]) != room(members[1])) across = 1
      for (j = 1; j <= size; j++) text = text places[members[i], members[j]]
    }
    if (across) problem = "goes across rooms"
    else if (size > most) problem = "has " size " units, more than " most
    else if (!(name in listed)) problem = "is not in " reasons
    delete listed[name]
    if (problem) bad("circle of includes " problem ": " name text)
  }
  END {
    for (i = 1; i <= all; i++) if (!(units[i] in first)) visit(units[i])
    for (name in listed) bad(reasons ":" listed[name] ": these do not include each other in a circle: " name)
    exit count > 0
  }
' $files || failed=1
exit $failed
