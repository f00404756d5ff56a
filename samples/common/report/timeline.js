// Bytes in use over one whole training step, by category: bytes that stay, and bytes that every micro-batch reuses.

/** One column for each kernel of the step: {part, kernel, replay, values}, `values` in the order of timelineBands. */
const timelineBands = [
  ...data.categories.filter((c) => c.planned > 0 && c.region !== "arena").map((c) => [categoryColours[c.name], c.name, c.planned]),
  ...(keptBytes ? [["kept", "stored for a later stage", keptBytes]] : []),
  ...["activation", "activation gradient", "copy", "workspace"]
    .filter((use) => data.parts.some((part) => part.program === "train" && part.items.some((item) => item.role === use)))
    .map((use) => [uses[use][0], uses[use][1], null, use]),
];

function timelineColumns() {
  const live = new Map();
  const columns = [];
  for (const { part, replay } of stepSchedule()) {
    if (!live.has(part)) live.set(part, liveByUse(part));
    for (let k = 0; k < part.kernels.length; ++k) {
      const values = timelineBands.map(([, , bytes, use]) => bytes ?? live.get(part)[use][k]);
      columns.push({ part, kernel: k, replay, values, total: sum(values) });
    }
  }
  return columns;
}

const columns = timelineColumns();

/** At most `count` columns; each stands for some neighbours and shows the one with the most bytes. */
function thinned(count) {
  const bins = Math.min(columns.length, Math.max(Math.floor(count), 1));
  const result = [];
  for (let b = 0; b < bins; ++b) {
    const [from, to] = [Math.floor((b * columns.length) / bins), Math.floor(((b + 1) * columns.length) / bins)];
    let most = columns[from];
    for (let i = from + 1; i < to; ++i) if (columns[i].total > most.total) most = columns[i];
    result.push(most);
  }
  return result;
}

function drawBands(to, shown, { x, y }) {
  const below = new Float64Array(shown.length);
  timelineBands.forEach(([name], band) => {
    const [upper, lower] = [[], []];
    shown.forEach((column, i) => {
      const above = below[i] + column.values[band];
      upper.push(`${x(i).toFixed(1)},${y(above).toFixed(1)}`, `${x(i + 1).toFixed(1)},${y(above).toFixed(1)}`);
      lower.push(`${x(i).toFixed(1)},${y(below[i]).toFixed(1)}`, `${x(i + 1).toFixed(1)},${y(below[i]).toFixed(1)}`);
      below[i] = above;
    });
    to.append(svg("polygon", { points: [...upper, ...lower.reverse()].join(" "), fill: colour(name) }));
  });
}

/** Stretches of the step that belong to one replay, or to what runs once. */
function stretches() {
  const result = [];
  columns.forEach((column, i) => {
    const last = result.at(-1);
    if (last && last.replay === column.replay && last.part.stage === column.part.stage && last.once === (column.replay === 0)) last.to = i + 1;
    else result.push({ replay: column.replay, once: column.replay === 0, part: column.part, from: i, to: i + 1 });
  });
  return result;
}

/** A strip that tells micro-batches apart, or stages where there are several, with as many numbers as fit. */
function drawReplays(to, { left, inner, top }) {
  const x = (i) => left + (i / columns.length) * inner;
  const staged = summary.stages > 1;
  let free = left;
  const number = (text, centre) => {
    const half = widthOf(text) / 2;
    if (centre - half < free) return;
    to.append(label(text, centre, top + 22, { shift: "middle", fill: "soft" }));
    free = centre + half + 8;
  };
  const all = stretches();
  for (const stretch of all) {
    const wide = x(stretch.to) - x(stretch.from);
    const odd = (staged ? stretch.part.stage : stretch.replay) % 2;
    to.append(svg("rect", { x: x(stretch.from), y: top, width: wide, height: 8, fill: colour(stretch.once ? "soft" : odd ? "line" : "band") }));
    if (!staged && !stretch.once) number(String(stretch.replay), x(stretch.from) + wide / 2);
  }
  for (let stage = 0; staged && stage < summary.stages; ++stage) {
    const mine = all.filter((stretch) => stretch.part.stage === stage && !stretch.once);
    if (mine.length) number(String(stage), (x(mine[0].from) + x(mine.at(-1).to)) / 2);
  }
  const title = staged ? "stage, each with all micro-batches" : "micro-batch";
  to.append(label(`${title}; strong tone: what runs once`, left + inner / 2, top + 39, { shift: "middle", fill: "soft" }));
}

/** Lines across the figure: [colour name, text, dashes, bytes]. */
function timelineLimits() {
  const limits = [["ink", `planned peak ${human(summary.planned_peak_bytes)}`, "none", summary.planned_peak_bytes]];
  if (summary.budget_bytes) limits.push(["accent", `budget ${human(summary.budget_bytes)}`, "6 3", summary.budget_bytes]);
  return limits;
}

function drawTimeline(width) {
  const left = 62;
  const inner = width - left - 8;
  const picture = frame(width, 0, "Bytes in use over one training step; the text below and the tables tell the same in words.");
  const limits = timelineLimits();
  const keyHeight = legend(picture, [...timelineBands.map(([name, text]) => [name, text]), ...limits], left, 14, inner);
  const top = 14 + keyHeight + 6;
  const height = 250;
  const most = Math.max(...limits.map((limit) => limit[3]), 1);
  const y = (bytes) => top + height * (1 - bytes / most);
  byteAxis(picture, { x: left, width: inner, y, most, count: 6 });
  const shown = thinned(inner);
  drawBands(picture, shown, { x: (i) => left + (i / shown.length) * inner, y });
  for (const [stroke, , dash, bytes] of limits) picture.append(line(left, y(bytes), left + inner, y(bytes), { stroke, dash, width: 1.5 }));
  drawReplays(picture, { left, inner, top: top + height + 4 });
  picture.setAttribute("viewBox", `0 0 ${width} ${top + height + 50}`);
  return picture;
}

function timelineCaption() {
  const most = Math.max(...columns.map((column) => column.total), 0);
  const flat = summary.replays > 1 ? `; every one of the ${summary.replays} micro-batches uses the same bytes` : "";
  return `All bytes in use while each of the step’s ${plural(columns.length, "kernel")} runs, in running order: at most ${human(most)}${flat}. ` +
    "What is left below the planned peak is what packing leaves between tensors, or what only an evaluation or the epoch’s last batch needs.";
}

function setUpTimeline() {
  if (!columns.length) return;
  addFigure("timeline", drawTimeline, timelineCaption);
  const readout = byId("timeline-item");
  const host = byId("timeline").firstChild;
  let at = -1;
  const tell = () => {
    if (at < 0) {
      readout.textContent = "Point at the figure, tap it, or press the arrow keys in it to read a moment of the step.";
      return;
    }
    const column = columns[at];
    const bands = timelineBands.map(([, text], i) => [text, column.values[i]]).filter(([, bytes]) => bytes > 0);
    const where = column.replay ? `micro-batch ${column.replay} of ${summary.replays}, ${kinds.replayed(column.part)}` : kinds[column.part.kind](column.part);
    readout.textContent = `${where}, kernel ${column.kernel}: ${kernelName(column.part, column.kernel)}. In use: ${both(column.total)}; ` +
      `${bands.map(([text, bytes]) => `${text} ${human(bytes)}`).join(", ")}.`;
  };
  const point = (event) => {
    const box = host.getBoundingClientRect();
    const share = ((event.clientX - box.left) - 62) / (box.width - 70);
    at = share < 0 || share >= 1 ? -1 : Math.floor(share * columns.length);
    tell();
  };
  host.tabIndex = 0;
  host.setAttribute("role", "application");
  host.setAttribute("aria-label", "Bytes in use over a step; arrow keys go from kernel to kernel");
  host.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") point(event); });
  host.addEventListener("click", point);
  host.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, PageDown: 50, PageUp: -50 };
    if (!steps[event.key]) return;
    event.preventDefault();
    at = Math.min(Math.max(at + steps[event.key], 0), columns.length - 1);
    tell();
  });
  tell();
}
