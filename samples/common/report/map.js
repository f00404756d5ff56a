// The memory map of one part: time to the right, the arena upwards, one rectangle for each tensor and workspace.

const map = { part: firstPart(), byLayer: false, chosen: -1, layout: null };

const darkUses = ["kept"];
const itemFill = (item, layers) =>
  map.byLayer ? (item.layer ? shade(layers.indexOf(item.layer) / Math.max(layers.length - 1, 1)) : colour("staging"))
              : colour(uses[item.role][0]);
const itemInk = (item, layers) => {
  if (!map.byLayer) return darkUses.includes(item.role) ? "#ffffff" : "#1a1a1a";
  return item.layer && layers.indexOf(item.layer) / Math.max(layers.length - 1, 1) < 0.5 ? "#ffffff" : "#1a1a1a";
};

/** Where the part goes from forward to backward for good; -1: it does not. */
function turn(part) {
  const first = part.kernels.findIndex((kernel) => kernel.backward);
  return first > 0 ? first : -1;
}

const lastName = (name) => name.slice(name.lastIndexOf(".") + 1);
const parentOf = (name) => name.slice(0, Math.max(name.lastIndexOf("."), 0));

/** Runs of kernels whose layers share their first `depth` names: [{name, to, first, last}], `to` being the name. */
function layerRuns(part, depth) {
  const runs = [];
  part.kernels.forEach((kernel, k) => {
    const name = kernel.layer.split(".").slice(0, depth).join(".");
    const last = runs.at(-1);
    if (last?.name === name) last.last = k;
    else runs.push({ name, to: name, first: k, last: k });
  });
  return runs;
}

/** What names a run in `width`: "blocks.3", ".3"; for several layers "blocks.0–3", ".0–3". */
function layerLabel(run, width) {
  const range = run.to === run.name ? "" : `–${lastName(run.to)}`;
  return [run.name + range, run.name.includes(".") ? `.${lastName(run.name)}${range}` : run.name + range].find((text) => widthOf(text, 11) + 5 < width);
}

/** The same with neighbours below one parent put together until the run can carry a name. */
function namedRuns(runs, widthOfRun) {
  const result = [];
  for (const run of runs) {
    const last = result.at(-1);
    const siblings = last?.name && run.name && parentOf(last.to) === parentOf(run.name);
    if (siblings && !layerLabel(last, widthOfRun(last))) Object.assign(last, { to: run.name, last: run.last });
    else result.push({ ...run });
  }
  return result;
}

/** The finest runs of which two thirds of the width can carry a name. */
function readableRuns(part, kernelWidth) {
  const widthOfRun = (run) => (run.last - run.first + 1) * kernelWidth;
  const depths = Math.max(...part.kernels.map((kernel) => kernel.layer.split(".").length));
  for (let depth = depths; depth > 0; --depth) {
    const runs = namedRuns(layerRuns(part, depth), widthOfRun);
    const named = runs.filter((run) => layerLabel(run, widthOfRun(run)));
    if (3 * sum(named.map((run) => run.last - run.first + 1)) > 2 * part.kernels.length) return runs;
  }
  return layerRuns(part, 1);
}

function drawLive(to, part, { x, y, left, width, top, height }) {
  const points = part.live.flatMap((bytes, k) => [`${x(k)},${y(keptBytes + bytes)}`, `${x(k + 1)},${y(keptBytes + bytes)}`]);
  const bottom = top + height;
  byteAxis(to, { x: left, width, y, most: keptBytes + part.peak, count: 2 });
  to.append(
    svg("polygon", { points: `${x(0)},${bottom} ${points.join(" ")} ${x(part.live.length)},${bottom}`, fill: colour("band") }),
    svg("polyline", { points: points.join(" "), fill: "none", stroke: colour("ink"), "stroke-width": 1.5 }),
    line(left, y(keptBytes + part.bound), left + width, y(keptBytes + part.bound), { stroke: "accent", dash: "5 3" }));
}

/** Thin diagonal lines over recomputed values. */
function hatching() {
  const pattern = { id: "recomputed", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  return svg("defs", {}, svg("pattern", pattern, svg("rect", { width: 1.2, height: 7, fill: colour("surface") })));
}

function drawItems(to, part, { x, y }) {
  const layers = layersOf(part);
  to.append(hatching());
  const base = arena.offset;
  for (const storage of keptStorages) {
    const [top, height] = [y(storage.offset - base + storage.bytes), y(0) - y(storage.bytes)];
    to.append(svg("rect", { x: x(0), y: top, width: x(part.kernels.length) - x(0), height, fill: colour("kept"), stroke: colour("surface"), "stroke-width": 0.5 }));
    const text = `${full(storage.layer, storage.name)}, ${plural(storage.slots, "micro-batch", "micro-batches")}`;
    if (height > 14) to.append(svg("text", { x: x(0) + 5, y: top + height / 2 + 4, "font-size": 11, fill: "#ffffff" }, text));
  }
  part.items.forEach((item, i) => {
    const [left, right] = [x(item.first), x(Math.min(item.last + 1, part.kernels.length))];
    const [top, bottom] = [y(item.offset - base + item.bytes), y(item.offset - base)];
    const box = { x: left, y: top, width: right - left, height: bottom - top };
    to.append(svg("rect", { ...box, fill: itemFill(item, layers), stroke: colour("surface"), "stroke-width": Math.min(0.75, box.height / 4) }));
    if (item.role === "activation" && part.kernels[item.first].recomputed) to.append(svg("rect", { ...box, fill: "url(#recomputed)" }));
    const text = [full(item.layer, item.name), item.name].find((t) => widthOf(t, 11) + 8 < box.width);
    if (text && box.height >= 14)
      to.append(svg("text", { x: left + 4, y: (top + bottom) / 2 + 4, "font-size": 11, fill: itemInk(item, layers) }, text));
  });
}

function drawBottom(to, part, { x, left, width, top }) {
  const kernelWidth = x(1) - x(0);
  readableRuns(part, kernelWidth).forEach((run, i) => {
    const wide = (run.last - run.first + 1) * kernelWidth;
    to.append(svg("rect", { x: x(run.first), y: top, width: wide, height: 17, fill: colour(i % 2 ? "line" : "band") }));
    const text = run.name && layerLabel(run, wide);
    if (text) to.append(svg("text", { x: x(run.first) + wide / 2, y: top + 12.5, "text-anchor": "middle", "font-size": 11, fill: colour("ink") }, text));
  });
  for (const k of ticks(part.kernels.length, width / 70)) {
    if (k >= part.kernels.length) continue;
    to.append(line(x(k) + kernelWidth / 2, top + 17, x(k) + kernelWidth / 2, top + 21, { stroke: "soft" }));
    to.append(label(String(k), x(k) + kernelWidth / 2, top + 33, { shift: "middle", fill: "soft" }));
  }
  to.append(label("kernel, in running order", left + width / 2, top + 50, { shift: "middle", fill: "soft" }));
}

/** The moment of the peak, and the end of the forward pass. */
function drawMoments(to, part, { x, left, width, top, mapTop, bottom, textY }) {
  const peak = peakOf(part);
  const at = (x(peak) + x(peak + 1)) / 2;
  const { layer, name } = part.kernels[peak];
  const texts = [full(layer, name), name].map((what) => `peak at kernel ${peak}: ${what}`);
  const text = texts.find((t) => widthOf(t) < width) ?? `peak at kernel ${peak}`;
  const half = widthOf(text) / 2;
  const centre = Math.min(Math.max(at, left + half), left + width - half);
  to.append(line(at, textY + 4, at, bottom, { width: 1.25, dash: "2 2" }), label(text, centre, textY, { shift: "middle", weight: 600 }));
  const k = turn(part);
  if (k < 0) return;
  to.append(line(x(k), top, x(k), bottom, { stroke: "soft", dash: "1 3" }));
  const free = x(k) - left - widthOf("offset in the arena") - 12;
  if (free > widthOf("forward")) to.append(label("forward", x(k) - 6, mapTop - 8, { shift: "end", fill: "soft" }));
  if (free > 0 && x(k) + widthOf("backward") + 6 < left + width) to.append(label("backward", x(k) + 6, mapTop - 8, { fill: "soft" }));
}

function legendOfMap(to, part, left, top, width) {
  if (map.byLayer) {
    const layers = layersOf(part);
    if (!layers.length) return 0;
    const [first, last] = [layers[0], layers.at(-1)];
    const from = left + widthOf(first) + 8;
    const wide = Math.max(Math.min(180, width - widthOf(first) - widthOf(last) - 24), 30);
    to.append(label(first, left, top));
    for (let i = 0; i < 60; ++i)
      to.append(svg("rect", { x: from + (i * wide) / 60, y: top - 10, width: wide / 60 + 0.5, height: 12, fill: shade(i / 59) }));
    to.append(label(last, from + wide + 8, top));
    return 18;
  }
  const used = Object.keys(uses).filter((use) => (use === "kept" ? keptBytes : part.items.some((item) => item.role === use)));
  return legend(to, used.map((use) => uses[use]), left, top, width);
}

function drawMap(width) {
  const part = map.part;
  const left = 62;
  const inner = width - left - 8;
  const picture = frame(width, 0, `Memory map of ${partName(part)}: ${plural(part.items.length, "tensor")} and workspaces over ${plural(part.kernels.length, "kernel")}; the table of kernels below tells the same in words.`);
  const keyHeight = legendOfMap(picture, part, left, 14, inner);
  const liveTop = 14 + keyHeight + 40;
  const liveHeight = 78;
  const mapTop = liveTop + liveHeight + 30;
  const mapHeight = width < 500 ? 300 : width <= paperWidth ? 315 : 380;
  const most = Math.max(keptBytes + part.peak, 1);
  const x = (k) => left + (k / part.kernels.length) * inner;
  const yMap = (bytes) => mapTop + mapHeight * (1 - bytes / most);
  const yLive = (bytes) => liveTop + liveHeight * (1 - bytes / most);
  drawLive(picture, part, { x, y: yLive, left, width: inner, top: liveTop, height: liveHeight });
  picture.append(label(`bytes alive; lower bound ${human(keptBytes + part.bound)} (dashed)`, left, liveTop - 7, { fill: "soft" }));
  picture.append(label("offset in the arena", left, mapTop - 8, { fill: "soft" }));
  byteAxis(picture, { x: left, width: inner, y: yMap, most, count: 7 });
  drawItems(picture, part, { x, y: yMap });
  drawMoments(picture, part, { x, left, width: inner, top: liveTop, mapTop, bottom: mapTop + mapHeight, textY: liveTop - 25 });
  drawBottom(picture, part, { x, left, width: inner, top: mapTop + mapHeight + 2 });
  map.mark = svg("rect", { fill: "none", stroke: "none", "stroke-width": 2.5 });
  picture.append(map.mark);
  const height = mapTop + mapHeight + 56;
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  map.layout = { left, inner, mapTop, mapHeight, most, width, x, y: yMap };
  markChosen();
  return picture;
}

/** Frames the chosen item. */
function markChosen() {
  const item = map.part.items[map.chosen];
  map.mark.setAttribute("stroke", item ? colour("ink") : "none");
  if (!item) return;
  const { x, y } = map.layout;
  const [left, right] = [x(item.first), x(Math.min(item.last + 1, map.part.kernels.length))];
  const [top, bottom] = [y(item.offset - arena.offset + item.bytes), y(item.offset - arena.offset)];
  const box = { x: left, y: top, width: right - left, height: bottom - top };
  for (const [name, value] of Object.entries(box)) map.mark.setAttribute(name, value);
}

function mapCaption() {
  const part = map.part;
  const ratio = part.bound ? (part.peak / part.bound).toFixed(3) : "1.000";
  const k = turn(part);
  return `${partName(part)}. Upper panel: bytes alive while each kernel runs; their largest sum is the lower bound of any packing. ` +
    `Lower panel: where they lie, a rectangle for each tensor and workspace; the packing takes ${human(keptBytes + part.peak)}, ${ratio} × the bound` +
    (part.kernels.some((kernel) => kernel.recomputed) ? "; hatched values are recomputed" : "") +
    (keptBytes ? `; the lowest ${human(keptBytes)} are stored for all micro-batches` : "") + "." +
    (k > 0 ? ` Dotted: from kernel ${k} on, the backward pass.` : "");
}

function describeItem(part, item) {
  const last = item.last >= part.kernels.length ? "the end" : `kernel ${item.last}`;
  const words = [
    `${full(item.layer, item.name)}: ${uses[item.role][1]}, ${both(item.bytes)}`,
    `alive from kernel ${item.first} to ${last} of ${part.kernels.length}`,
    `arena offset ${both(item.offset - arena.offset)}`,
    `${item.role === "workspace" ? "used" : "written"} by ${kernelName(part, item.first)}`,
  ];
  if (item.last > item.first && item.last < part.kernels.length) words.push(`last needed by ${kernelName(part, item.last)}`);
  if (item.shares) words.push(`in the same place, later: ${item.shares}`);
  if (item.measured !== undefined) words.push(item.measured === item.bytes ? "measured: as planned" : `measured: ${both(item.measured)}`);
  return `${words.join("; ")}.`;
}

/** The item under a point of the picture; -1: none. */
function itemAt(event) {
  const box = event.currentTarget.querySelector("svg").getBoundingClientRect();
  const scale = map.layout.width / box.width;
  const [px, py] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  const { left, inner, mapTop, mapHeight, most } = map.layout;
  const kernel = Math.floor(((px - left) / inner) * map.part.kernels.length);
  const offset = (1 - (py - mapTop) / mapHeight) * most + arena.offset;
  return map.part.items.findIndex((item) =>
    item.first <= kernel && kernel <= item.last && item.offset <= offset && offset < item.offset + item.bytes);
}

function setUpMap() {
  const readout = byId("map-item");
  const redraw = addFigure("map", drawMap, mapCaption);
  const host = byId("map").firstChild;
  const tell = () => {
    readout.textContent = map.chosen >= 0 ? describeItem(map.part, map.part.items[map.chosen])
      : "Point at a rectangle, tap it, or press the arrow keys in the figure to read what it is.";
  };
  const choose = (index) => {
    if (index === map.chosen) return;
    map.chosen = index;
    markChosen();
    tell();
  };
  host.tabIndex = 0;
  host.setAttribute("role", "application");
  host.setAttribute("aria-label", "Memory map; arrow keys go from tensor to tensor");
  host.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") choose(itemAt(event)); });
  host.addEventListener("click", (event) => choose(itemAt(event)));
  host.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Escape") return choose(-1);
    if (!steps[event.key] || !map.part.items.length) return;
    event.preventDefault();
    const order = map.part.items.map((_, i) => i).sort((a, b) => map.part.items[a].first - map.part.items[b].first || map.part.items[b].bytes - map.part.items[a].bytes);
    const at = order.indexOf(map.chosen);
    choose(order[(at < 0 ? (steps[event.key] > 0 ? 0 : -1) : at + steps[event.key] + order.length) % order.length] ?? order.at(-1));
  });
  const select = byId("part");
  data.parts.forEach((part, i) => {
    if (part.items.length) select.append(element("option", { value: i, textContent: partName(part), selected: part === map.part }));
  });
  const show = () => {
    map.chosen = -1;
    redraw();
    tell();
    showKernels(map.part);
  };
  select.addEventListener("change", () => {
    map.part = data.parts[Number(select.value)];
    show();
  });
  byId("colour").addEventListener("change", (event) => {
    map.byLayer = event.target.value === "layer";
    show();
  });
  tell();
}
