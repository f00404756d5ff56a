// The plan as figures need it: parts, who uses the arena, and the schedule of one training step.

const summary = data.summary;
const arena = data.regions.find((region) => region.name === "arena");
const keptStorages = data.storages.filter((storage) => storage.offset >= arena.offset);
const keptBytes = data.arena_offset - arena.offset;

/** Colour name and words of what arena bytes are used for. */
const uses = {
  kept: ["kept", "stored for a later stage"],
  activation: ["activation", "activation"],
  "activation gradient": ["activation-gradient", "activation gradient"],
  copy: ["copy", "copy in another layout"],
  workspace: ["workspace", "workspace"],
};

/** Colour name of a category of the ledger. */
const categoryColours = {
  parameter: "parameter",
  gradient: "gradient",
  optimizer: "optimizer",
  buffer: "buffer",
  "batch values": "batch",
  derived: "derived",
  staging: "staging",
  activation: "activation",
  workspace: "workspace",
};

const programs = { train: "training", evaluate: "evaluation", predict: "prediction" };
const kinds = {
  prologue: () => "prologue, once a step",
  derived: () => "weights reordered, once a step",
  replayed: (part) => `${severalStages(part) ? `stage ${part.stage}, ` : ""}micro-batch of ${grouped(part.micro_batch)}`,
  once: (part) => (severalStages(part) ? `after stage ${part.stage}, once` : "after the replays, once a step"),
  writers: () => "update, once a step",
};
const severalStages = (part) => data.parts.some((other) => other.program === part.program && other.stage > 0);
const partName = (part) => `${programs[part.program]}: ${kinds[part.kind](part)}`;
/** The part that a reader sees first: the training of a micro-batch of the page's title, the stage that takes most. */
function firstPart() {
  const titled = data.parts.filter((part) => part.program === "train" && part.kind === "replayed" && part.micro_batch === summary.micro_batch);
  return titled.reduce((most, part) => (most && most.peak >= part.peak ? most : part), undefined) ?? data.parts[data.peak_part] ?? data.parts[0];
}

const peakOf = (part) => part.live.indexOf(Math.max(...part.live));
const lastKernel = (part, item) => Math.min(item.last, part.kernels.length - 1);
const kernelName = (part, index) => {
  const kernel = part.kernels[index];
  return full(kernel.layer, kernel.name) + (kernel.algorithm ? ` (${kernel.algorithm})` : "");
};

/** Live bytes by use, for each kernel of a part. */
function liveByUse(part) {
  const live = {};
  for (const use of Object.keys(uses)) live[use] = new Float64Array(part.kernels.length);
  live.kept.fill(keptBytes);
  for (const item of part.items)
    for (let k = item.first; k <= lastKernel(part, item); ++k) live[item.role][k] += item.bytes;
  return live;
}

/** The parts of one whole training step in running order: [{part, replay}], replay 1... or 0 for what runs once. */
function stepSchedule() {
  const train = data.parts.filter((part) => part.program === "train");
  const count = Math.min(summary.batch, summary.samples);
  const small = Math.floor(count / summary.replays);
  const larger = count % summary.replays;
  const schedule = [];
  const runs = (kind, stage) => {
    for (const part of train) if (part.kind === kind && part.stage === stage) schedule.push({ part, replay: 0 });
  };
  runs("prologue", -1);
  runs("derived", -1);
  for (let stage = 0; stage < summary.stages; ++stage) {
    for (let replay = 0; replay < summary.replays; ++replay) {
      const size = small + (replay < larger ? 1 : 0);
      const part = train.find((p) => p.kind === "replayed" && p.stage === stage && p.micro_batch === size);
      if (part) schedule.push({ part, replay: replay + 1 });
    }
    runs("once", stage);
    runs("derived", stage);
  }
  for (const part of train) if (part.kind === "writers") schedule.push({ part, replay: 0 });
  return schedule;
}

/** Layers of a part in the order in which they first run. */
function layersOf(part) {
  return [...new Set(part.kernels.map((kernel) => kernel.layer))].filter((layer) => layer);
}

// Cividis (Nuñez, Anderton, Renslow, 2018; https://doi.org/10.1371/journal.pone.0199239) in nine steps: an order that
// colour-blind readers see as well.
const cividis = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#fee838"];

/** A colour of the scale for `share` from 0 to 1. */
function shade(share) {
  const at = Math.min(Math.max(share, 0), 1) * (cividis.length - 1);
  const low = Math.min(Math.floor(at), cividis.length - 2);
  const channel = (text, i) => parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mixed = [0, 1, 2].map((i) => {
    const [a, b] = [channel(cividis[low], i), channel(cividis[low + 1], i)];
    return Math.round(a + (b - a) * (at - low)).toString(16).padStart(2, "0");
  });
  return `#${mixed.join("")}`;
}
