// Curves and bars of what else a planner may be asked: other micro-batches or budgets, and what each pass saves.

/** One panel of the what-if figure: `value(row)` over `at(row)`. */
function drawCurve(to, rows, { at, value, format, left, inner, top, height, title, limit }) {
  const points = rows.filter((row) => value(row) !== null);
  const most = Math.max(...points.map(value), limit ?? 0) * 1.05;
  const farthest = Math.max(...rows.map(at));
  const x = (row) => left + (at(row) / farthest) * inner;
  const y = (number) => top + height * (1 - number / most);
  to.append(label(title + (limit ? "; dashed: the budget" : ""), left, top - 8, { fill: "soft" }));
  format.axis(to, { x: left, width: inner, y, most, count: 4 });
  if (limit) to.append(line(left, y(limit), left + inner, y(limit), { stroke: "accent", dash: "6 3", width: 1.5 }));
  to.append(svg("polyline", { points: points.map((row) => `${x(row)},${y(value(row))}`).join(" "), fill: "none", stroke: colour("ink"), "stroke-width": 1.5 }));
  for (const row of points) {
    const mark = { cx: x(row), cy: y(value(row)), r: row.chosen ? 5.5 : 3, fill: colour(row.chosen ? "activation-gradient" : "ink"), stroke: colour("surface") };
    to.append(svg("circle", mark, svg("title", {}, `${row.name}, micro-batch ${grouped(row.micro_batch)}: ${format.text(value(row))}`)));
  }
  return x;
}

const milliseconds = (ms) => String(+ms.toPrecision(4));
const byteFormat = { axis: byteAxis, text: both };
const timeFormat = {
  axis: (to, { x, width, y, most, count }) => {
    for (const tick of ticks(most, count, 1e-3)) {
      to.append(line(x, y(tick), x + width, y(tick), { stroke: "line" }));
      to.append(label(tick ? `${+tick.toPrecision(3)} ms` : "0", x - 6, y(tick) + 4, { shift: "end", fill: "soft" }));
    }
  },
  text: (ms) => `${milliseconds(ms)} ms`,
};

function drawWhatIf(width) {
  const rows = [...data.what_if];
  const byBudget = new Set(rows.map((row) => row.budget_bytes)).size > 1;
  const at = (row) => (byBudget ? row.budget_bytes : row.micro_batch);
  rows.sort((a, b) => at(a) - at(b));
  const left = 70;
  const inner = width - left - 14;
  const picture = frame(width, 0, "What other choices would take; the table below tells the same in words.");
  const common = { at, left, inner, height: 150 };
  let x = drawCurve(picture, rows, { ...common, value: (row) => row.peak_bytes, format: byteFormat, top: 26, title: "planned peak",
    limit: byBudget ? null : summary.budget_bytes });
  let bottom = 176;
  if (rows.some((row) => row.step_ms !== null)) {
    x = drawCurve(picture, rows, { ...common, value: (row) => row.step_ms, format: timeFormat, top: 216, title: "predicted time of a step" });
    bottom = 366;
  }
  let free = 0;
  for (const row of rows) {
    const text = byBudget ? human(row.budget_bytes) : grouped(row.micro_batch);
    const half = widthOf(text) / 2;
    const centre = Math.min(x(row), width - half);
    picture.append(line(x(row), bottom, x(row), bottom + 4, { stroke: "soft" }));
    if (centre - half < free) continue;
    picture.append(label(text, centre, bottom + 18, { shift: "middle", fill: "soft" }));
    free = centre + half + 8;
  }
  picture.append(label(byBudget ? "budget" : "micro-batch, samples", left + inner / 2, bottom + 36, { shift: "middle", fill: "soft" }));
  picture.setAttribute("viewBox", `0 0 ${width} ${bottom + 42}`);
  return picture;
}

/** "52.1 MiB, −3.0 MiB (−5.4 %)": a row's peak, and the change from the row before. */
function waterfallNumbers(rows, i) {
  const peak = rows[i].peak_bytes;
  const saved = i ? rows[i - 1].peak_bytes - peak : 0;
  const percent = i ? Math.abs((100 * saved) / rows[i - 1].peak_bytes) : 0;
  const share = percent < 0.05 ? "" : ` (${saved > 0 ? "−" : "+"}${percent.toFixed(1)} %)`;
  return human(peak) + (saved ? `, ${saved < 0 ? "+" : ""}${human(-saved)}${share}` : "");
}

function drawWaterfall(width) {
  const rows = data.waterfall;
  const most = Math.max(...rows.map((row) => row.peak_bytes), summary.budget_bytes ?? 0);
  const texts = rows.map((row, i) => [`${row.name}:`, waterfallNumbers(rows, i)]);
  const twoLines = texts.some((words) => widthOf(words.join(" ")) > width);
  const step = twoLines ? 62 : 46;
  const bar = step - 26;
  const top = 22;
  const picture = frame(width, top + rows.length * step + 6, "Planned peak after each pass of the planner");
  const x = (bytes) => (bytes / most) * (width - 2);
  if (summary.budget_bytes) {
    const at = x(summary.budget_bytes);
    const text = `budget ${human(summary.budget_bytes)}`;
    const shift = at + widthOf(text) > width ? "end" : "start";
    picture.append(label(text, at, 12, { shift, fill: "accent", weight: 600 }));
  }
  rows.forEach((row, i) => {
    const y = top + i * step;
    const before = i ? rows[i - 1].peak_bytes : row.peak_bytes;
    const lines = twoLines ? texts[i] : [texts[i].join(" ")];
    if (before > row.peak_bytes)
      picture.append(svg("rect", { x: x(row.peak_bytes), y: y + bar, width: x(before) - x(row.peak_bytes), height: 16, fill: "none", stroke: colour("soft"), "stroke-dasharray": "3 2" }));
    picture.append(
      ...lines.map((text, l) => label(text, 0, y + 15 + 16 * l)),
      svg("rect", { x: 0, y: y + bar, width: Math.max(x(row.peak_bytes), 1), height: 16, fill: colour("activation"), stroke: colour("soft"), "stroke-width": 0.5 },
        svg("title", {}, both(row.peak_bytes))));
    if (summary.budget_bytes) {
      const at = x(summary.budget_bytes);
      picture.append(line(at, y + bar - 3, at, y + bar + 19, { stroke: "accent", dash: "4 2", width: 2 }));
    }
  });
  return picture;
}

function setUpCharts() {
  if (data.what_if.length) {
    byId("what-if-section").hidden = false;
    addFigure("what-if", drawWhatIf, () => "Planned peak" + (data.what_if.some((row) => row.step_ms !== null) ? " and predicted time of a step" : "") +
      " for other choices; the large point is this plan.");
    table("what-if-table", [
      { title: "choice", text: (row) => row.name },
      { title: "micro-batch", text: (row) => grouped(row.micro_batch), number: true },
      { title: "peak, bytes", text: (row) => grouped(row.peak_bytes), number: true },
      { title: "predicted ms a step", text: (row) => (row.step_ms === null ? "" : milliseconds(row.step_ms)), number: true },
    ], data.what_if, { limit: 12 });
  }
  if (data.waterfall.length) {
    byId("waterfall-section").hidden = false;
    addFigure("waterfall", drawWaterfall, () => "Planned peak after each pass, with the smallest workspaces; the dashed end of a bar is what the pass saved. A plan spends what its budget leaves on faster algorithms.");
  }
}
