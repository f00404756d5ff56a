// Tables, and the words at the top of the page.

/** Fills `id` with a table; beyond `limit` rows a button shows the rest. `total`: a last row. */
function table(id, columns, rows, { limit = Infinity, total = null } = {}) {
  const host = byId(id);
  const body = element("tbody");
  const cell = (column, row) => {
    const td = element("td", { className: column.number ? "number" : column.className ?? "" });
    td.dataset.title = column.title;
    if (column.key?.(row)) {
      const key = element("span", { className: "key" });
      key.style.background = colour(column.key(row));
      td.append(key);
    }
    td.append(column.text(row));
    if (column.title_of) td.title = column.title_of(row);
    if (!td.textContent) td.classList.add("empty");
    return td;
  };
  const add = (some) => body.append(...some.map((row) => element("tr", {}, ...columns.map((column) => cell(column, row)))));
  const addTotal = () => {
    if (total) body.append(element("tr", { className: "total" }, ...columns.map((column) => cell(column, total))));
  };
  const head = element("tr", {}, ...columns.map((c) => element("th", { scope: "col", textContent: c.title, className: c.number ? "number" : "" })));
  host.replaceChildren(element("div", { className: "scroll" }, element("table", { className: columns.length > 3 ? "many" : "" }, element("thead", {}, head), body)));
  add(rows.slice(0, limit));
  if (rows.length <= limit) return addTotal();
  const more = element("button", { type: "button", className: "more", textContent: `Show all ${rows.length} rows` });
  more.addEventListener("click", () => {
    add(rows.slice(limit));
    addTotal();
    more.remove();
    cut.remove();
  });
  const cut = element("p", { className: "cut", textContent: `The first ${limit} of ${rows.length} rows.` });
  host.append(more, cut);
}

const difference = (row) => {
  if (row.measured === null) return "";
  const bytes = row.measured - row.planned;
  return bytes === 0 ? "0" : (bytes < 0 ? "−" : "+") + grouped(bytes);
};

function measuredColumns(first) {
  const planned = { title: "planned, bytes", text: (row) => grouped(row.planned), title_of: (row) => human(row.planned), number: true };
  if (!["scanned", "verified"].includes(summary.measured_by)) return [first, planned];
  return [
    first,
    planned,
    { title: "measured", text: (row) => (row.measured === null ? "" : grouped(row.measured)), title_of: (row) => (row.measured === null ? "not measured" : human(row.measured)), number: true },
    { title: "difference", text: difference, number: true },
  ];
}

function totalOf(rows, name) {
  const measured = rows.every((row) => row.measured !== null) ? sum(rows.map((row) => row.measured)) : null;
  return { name, planned: sum(rows.map((row) => row.planned)), measured };
}

const measuredNotes = {
  nothing: "Nothing has run: these are the planned bytes.",
  scanned: "The slab was filled with a pattern before the run. Measured are the storages, and the places of what lives at the peak, in which that pattern was overwritten. " +
    "Values that use the same bytes one after the other are not distinguished; verify mode does that. Of a region, measured is the end of the highest byte that was overwritten; the last bytes of a region may be padding.",
  verified: "Verify mode compared every byte of the slab around every kernel. Measured are the storages and the values at the peak in which a byte changed; of a region, the end of the highest of them.",
};

function fillMeasured() {
  byId("measured-note").textContent = measuredNotes[summary.measured_by];
  const rows = data.categories.filter((row) => row.planned || row.measured);
  table("categories", measuredColumns({ title: "category", text: (row) => row.name, key: (row) => categoryColours[row.name] }), rows, { total: totalOf(rows, "sum") });
  table("regions", measuredColumns({ title: "region", text: (row) => row.name }), data.regions, { total: totalOf(data.regions, "slab") });
  table("by-layer", measuredColumns({ title: "layer", text: (row) => row.name || "(none)" }), data.layers_at_peak, { limit: 24, total: totalOf(data.layers_at_peak, "sum") });
}

function fillPeak() {
  const share = (row) => `${((100 * row.planned) / summary.planned_peak_bytes).toFixed(1)} %`;
  const size = [
    { title: "size", text: (row) => human(row.planned), title_of: (row) => exact(row.planned), number: true },
    { title: "bytes", text: (row) => grouped(row.planned), number: true },
    { title: "share", text: share, number: true },
  ];
  table("tensors", [{ title: "tensor", text: (row) => full(row.layer, row.name), key: (row) => categoryColours[row.category], title_of: (row) => row.category }, ...size], data.tensors_at_peak, { limit: 16 });
  table("layers", [{ title: "layer", text: (row) => row.name || "(none)" }, ...size], data.layers_at_peak, { limit: 16 });
}

function showKernels(part) {
  byId("kernels-title").textContent = `Kernels of ${partName(part)}`;
  const marks = (kernel) => [kernel.recomputed ? "recomputed" : "", kernel.backward ? "backward" : ""].filter((m) => m).join(", ");
  const rows = part.kernels.map((kernel, number) => ({ ...kernel, number, live: part.live[number] }));
  table("kernels", [
    { title: "#", text: (row) => String(row.number), number: true },
    { title: "layer", text: (row) => row.layer },
    { title: "kernel", text: (row) => row.name },
    { title: "algorithm", text: (row) => row.algorithm ?? "" },
    { title: "", text: marks, className: "mark" },
    { title: "workspace, bytes", text: (row) => (row.workspace ? grouped(row.workspace) : ""), number: true },
    { title: "alive, bytes", text: (row) => grouped(row.live), number: true },
  ], rows, { limit: 40 });
}

function fillSchedule() {
  const passes = summary.stages > 1 ? `, in ${summary.stages} stages that each see all samples` : "";
  byId("schedule-note").textContent = `A step is one logical batch of ${grouped(Math.min(summary.batch, summary.samples))} samples = ${plural(summary.replays, "replay")} of up to ${grouped(summary.micro_batch)}${passes}. ` +
    "What is listed once a step runs before or after the replays.";
  table("schedule-parts", [
    { title: "part", text: partName },
    { title: "kernels", text: (part) => grouped(part.kernels.length), number: true },
    { title: "recomputed", text: (part) => grouped(part.kernels.filter((kernel) => kernel.recomputed).length), title_of: () => "kernels that recompute a value", number: true },
    { title: "alive at most", text: (part) => grouped(part.bound), number: true },
    { title: "packed", text: (part) => grouped(part.peak), number: true },
    { title: "ratio", text: (part) => (part.bound ? (part.peak / part.bound).toFixed(3) : ""), number: true },
  ], data.parts);
  showKernels(firstPart());
}

function fillHeader() {
  byId("title").textContent = data.dataset ? `${data.model} on ${data.dataset}` : data.model;
  document.title = `Sluice report: ${data.model}`;
  const lead = [`A logical batch of ${grouped(Math.min(summary.batch, summary.samples))} as ${plural(summary.replays, "micro-batch", "micro-batches")} of up to ${grouped(summary.micro_batch)} takes ${human(summary.planned_peak_bytes)}`];
  if (summary.whole_batch_planned_bytes) lead.push(`; all of it at once would take ${human(summary.whole_batch_planned_bytes)}, ${(summary.whole_batch_planned_bytes / summary.planned_peak_bytes).toFixed(1)} times as much`);
  byId("lead").textContent = `${lead.join("")}.`;
  const peakDifference = summary.measured_peak_bytes === null ? "nothing ran"
    : summary.measured_peak_bytes === summary.planned_peak_bytes ? "as planned, to the byte" : `${difference({ planned: summary.planned_peak_bytes, measured: summary.measured_peak_bytes })} bytes`;
  const balanced = summary.asked_micro_batch && summary.asked_micro_batch !== summary.micro_batch;
  const facts = [
    ["Logical batch", grouped(summary.batch), `${grouped(summary.steps_per_epoch)} steps an epoch`],
    ["Micro-batch", grouped(summary.micro_batch), `${plural(summary.replays, "replay")} a step${balanced ? `${summary.replays > 1 ? ", of even size" : ""}; ${grouped(summary.asked_micro_batch)} were asked for` : ""}`],
    ["Budget", summary.budget_bytes ? human(summary.budget_bytes) : "none", summary.budget_bytes ? exact(summary.budget_bytes) : ""],
    ["Planned peak", human(summary.planned_peak_bytes), exact(summary.planned_peak_bytes)],
    ["Measured peak", summary.measured_peak_bytes === null ? "–" : human(summary.measured_peak_bytes), peakDifference],
    ["Packing", `${(summary.arena_lower_bound_bytes ? summary.arena_bytes / summary.arena_lower_bound_bytes : 1).toFixed(3)} × bound`, `arena ${human(summary.arena_bytes)}`],
    ["Device", data.device, ""],
    ["Plan", summary.plan_hash, summary.split_dependent ? "the result depends on the micro-batch" : "the result does not depend on the micro-batch"],
  ];
  for (const [name, value, note] of facts)
    byId("facts").append(element("div", {}, element("dt", { textContent: name }), element("dd", {}, value, element("small", { textContent: note }))));
}

function fillEnvironment() {
  const rows = data.environment.map(([name, value]) => ({ name, value }));
  table("environment", [{ title: "what", text: (row) => row.name }, { title: "value", text: (row) => row.value }], rows);
}
