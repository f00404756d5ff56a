// What all figures share: the data, numbers as text, SVG elements, scales, and the frame that draws a figure anew when
// its width changes. All text reaches the page as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

// ---- numbers as text

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** "64.0 MiB", rounded as the programs' own text is: one digit behind the point. */
function human(bytes) {
  let unit = 0;
  let value = Math.abs(bytes);
  for (; value >= 1023.95 && unit + 1 < units.length; ++unit) value /= 1024;
  return `${bytes < 0 ? "−" : ""}${value.toFixed(unit ? 1 : 0)} ${units[unit]}`;
}
/** A tick of an axis, exact: "1.25 GiB". */
function tickText(bytes) {
  let unit = 0;
  for (; bytes >= 1024 && unit + 1 < units.length; ++unit) bytes /= 1024;
  return bytes ? `${+bytes.toFixed(3)} ${units[unit]}` : "0";
}
const grouped = (number) => String(Math.abs(number)).replace(/\B(?=(\d{3})+$)/g, ",");
const exact = (bytes) => `${bytes < 0 ? "−" : ""}${grouped(bytes)} bytes`;
const both = (bytes) => (Math.abs(bytes) < 1024 ? exact(bytes) : `${human(bytes)} (${exact(bytes)})`);
const plural = (count, word, many = `${word}s`) => `${grouped(count)} ${count === 1 ? word : many}`;
/** Layer and name; a parameter's name begins with its layer's. */
const full = (layer, name) => (layer && !name.startsWith(`${layer}.`) ? `${layer} ${name}` : name);

// ---- elements

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const colour = (name) => `var(--${name})`;
const fontSize = 12;
/** Width that a text takes, a little more rather than less. */
const widthOf = (text, size = fontSize) => text.length * size * 0.58;

/** `shift`: "start", "middle" or "end". Text keeps a rim of the page's colour, so that lines behind it do not touch it. */
function label(text, x, y, { shift = "start", size = fontSize, fill = "ink", weight = 400 } = {}) {
  const rim = { stroke: colour("surface"), "stroke-width": 3, "stroke-linejoin": "round", "paint-order": "stroke" };
  return svg("text", { x, y, "text-anchor": shift, "font-size": size, "font-weight": weight, fill: colour(fill), ...rim }, text);
}

function line(x1, y1, x2, y2, { stroke = "ink", width = 1, dash = "none" } = {}) {
  return svg("line", { x1, y1, x2, y2, stroke: colour(stroke), "stroke-width": width, "stroke-dasharray": dash });
}

// ---- scales

/** Powers of two and their multiples from 0 to `most`, at most `count` of them after 0. */
function byteTicks(most, count) {
  let step = 1;
  while (most / step > count) step *= 2;
  const ticks = [];
  for (let tick = 0; tick <= most; tick += step) ticks.push(tick);
  return ticks;
}

/** Round numbers from 0 to `most`. */
function ticks(most, count, least = 1) {
  const rough = Math.max(most / Math.max(count, 1), least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const result = [];
  for (let i = 0; i * step <= most * 1.0001; ++i) result.push(i * step);
  return result;
}

/** Horizontal grid with byte labels, from y(0) upwards. */
function byteAxis(to, { x, width, y, most, count }) {
  for (const tick of byteTicks(most, count)) {
    to.append(line(x, y(tick), x + width, y(tick), { stroke: "line" }));
    to.append(label(tickText(tick), x - 6, y(tick) + 4, { shift: "end", fill: "soft" }));
  }
}

/** Rows of keys that wrap; returns their height. `entries`: [colour name, text], and the dashes of a line for a line. */
function legend(to, entries, x, y, width) {
  let [left, top] = [x, y];
  for (const [name, text, dash] of entries) {
    const wide = 18 + widthOf(text) + 14;
    if (left > x && left + wide - 14 > x + width) {
      left = x;
      top += 18;
    }
    const box = { x: left, y: top - 10, width: 12, height: 12, fill: colour(name), stroke: colour("soft"), "stroke-width": 0.5 };
    to.append(dash ? line(left, top - 4, left + 14, top - 4, { stroke: name, dash, width: 2 }) : svg("rect", box), label(text, left + 18, top));
    left += wide;
  }
  return top - y + 18;
}

// ---- figures

const figures = [];
const paperWidth = 720;

/** The colours of the light theme, by name: what is printed and saved. */
function lightColours() {
  const light = [...document.styleSheets[0].cssRules].find((rule) => rule.selectorText === ":root");
  return (name) => light.style.getPropertyValue(`--${name}`).trim();
}

/** Saves a figure as an SVG file that needs nothing from this page. */
function save(name, draw) {
  const picture = draw(paperWidth);
  picture.setAttribute("width", paperWidth);
  picture.prepend(svg("rect", { width: "100%", height: "100%", fill: "#ffffff" }));
  const value = lightColours();
  const text = new XMLSerializer().serializeToString(picture).replace(/var\(--([a-z-]+)\)/g, (_, key) => value(key));
  const link = element("a", { download: `${name}.svg`, href: `data:image/svg+xml,${encodeURIComponent(text)}` });
  link.click();
}

/** A figure that `draw(width)` makes as one SVG element; `caption()` gives the text below it. */
function addFigure(id, draw, caption) {
  const host = byId(id);
  let drawn = 0;
  const picture = element("div");
  const text = element("span");
  const button = element("button", { type: "button", textContent: "Save as SVG" });
  host.append(picture, element("figcaption", {}, text, button));
  const redraw = (width) => {
    drawn = width;
    picture.replaceChildren(draw(width));
    text.textContent = caption();
  };
  const fit = () => Math.max(Math.floor(picture.clientWidth), 280);
  button.addEventListener("click", () => {
    save(id, draw);
    redraw(fit());  // what was drawn last is what the pointer asks
  });
  new ResizeObserver(() => requestAnimationFrame(() => {
    if (fit() !== drawn) redraw(fit());
  })).observe(picture);
  redraw(fit());
  figures.push({ redraw, fit });
  return () => redraw(fit());
}

function frame(width, height, description) {
  return svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": description,
    "font-family": "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif",
  });
}

addEventListener("beforeprint", () => {
  for (const figure of figures) figure.redraw(paperWidth);
});
addEventListener("afterprint", () => {
  for (const figure of figures) figure.redraw(figure.fit());
});
