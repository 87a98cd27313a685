/**
 * Where everything of the flow view goes, as plain numbers: no DOM, no model.
 *
 * Each stage is a column. Its node is as tall as its visits; what comes in stacks on its left side and what goes out
 * on its right side, each in the same order from the top: skips, the adjacent stage, the stub of (start) or (end),
 * back-steps. Skips run above the nodes, back-steps below. All widths share one scale.
 */

import { sankey } from "d3-sankey";

export const START = "(start)";
export const END = "(end)";

/**
 * @typedef {"start" | "forward" | "skip" | "back" | "end"} LinkKind
 *
 * @typedef {Object} FlowStage
 * @property {string} name
 * @property {number} visits
 * @property {number} customers
 * @property {number | null} dwell_seconds
 *
 * @typedef {Object} FlowLink
 * @property {string} from
 * @property {string} to
 * @property {number} count
 * @property {number | null} share
 * @property {number | null} lower
 * @property {number | null} upper
 * @property {number} denominator
 * @property {number} customers
 * @property {LinkKind} kind
 * @property {number | null} dwell_seconds
 *
 * @typedef {Object} NodeBox
 * @property {string} key
 * @property {FlowStage} stage
 * @property {number} index
 * @property {number} x0
 * @property {number} x1
 * @property {number} y0
 * @property {number} y1
 * @property {{ x: number, width: number }} head Centre and width of the column's heading.
 *
 * @typedef {Object} LinkShape
 * @property {string} key
 * @property {FlowLink} link
 * @property {LinkKind} kind How it is drawn; follows from the order of the stages.
 * @property {number} index The stage whose colour it wears.
 * @property {number} width
 * @property {number[]} geometry The numbers `linkPath` turns into a path; same length for the same kind.
 * @property {{ x: number, y: number }} anchor Where the eye meets the link; tooltips hang here.
 *
 * @typedef {Object} LinkLabel
 * @property {string} key
 * @property {string} text
 * @property {number} x
 * @property {number} y
 * @property {"start" | "middle" | "end"} align
 *
 * @typedef {Object} FlowPlan
 * @property {number} width Of the drawing; wider than asked for when the columns need it.
 * @property {number} height
 * @property {number} pitch Distance between columns.
 * @property {NodeBox[]} nodes
 * @property {LinkShape[]} links Drawn links, back to front.
 * @property {LinkLabel[]} labels
 * @property {number} undrawn Links too small or too many to draw; the table has them.
 */

export const NODE_WIDTH = 12;
const MIN_PITCH = 72;
const MAX_PITCH = 280;
/** From this width on a ribbon is an area. */
const WIDE = 10;
export const NARROW_PITCH = 110;
const MAX_ARCS = 140;
const LABEL_HEIGHT = 14;

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** @param {number} value */
const finite = (value) => (Number.isFinite(value) && value > 0 ? value : 0);

/** @param {{ from: string, to: string }} link A name may contain anything, arrows too. */
export const linkKey = (link) => JSON.stringify([link.from, link.to]);

/**
 * How a link is drawn, from the order of the stages; null where it cannot be drawn.
 * @param {readonly FlowStage[]} stages
 * @returns {(link: { from: string, to: string }) => LinkKind | null}
 */
export function kindOf(stages) {
  const at = new Map(stages.map((stage, index) => [stage.name, index]));
  return ({ from, to }) => {
    const source = at.get(from);
    const target = at.get(to);
    if (from === START) return target === undefined ? null : "start";
    if (to === END) return source === undefined ? null : "end";
    if (source === undefined || target === undefined || source === target) return null;
    return target === source + 1 ? "forward" : target > source ? "skip" : "back";
  };
}

/** @param {string} text */
const estimate = (text) => 6.7 * [...text].length;

/**
 * How many stages a link spans; stubs span none.
 * @param {number} from
 * @param {number} to
 */
const span = (from, to) => Math.abs(to - from);

/**
 * The links that can be drawn, with the stage numbers of their ends. A (start) has from = to = the entered stage.
 * @param {readonly FlowStage[]} stages
 * @param {readonly FlowLink[]} links
 */
function place(stages, links) {
  const at = new Map(stages.map((stage, index) => [stage.name, index]));
  const kind = kindOf(stages);
  /** @type {{ link: FlowLink, kind: LinkKind, from: number, to: number }[]} */
  const placed = [];
  for (const link of links) {
    const how = finite(link.count) > 0 ? kind(link) : null;
    if (!how) continue;
    const from = at.get(how === "start" ? link.to : link.from) ?? 0;
    placed.push({ link, kind: how, from, to: at.get(how === "end" ? link.from : link.to) ?? from });
  }
  const arcs = placed.filter(({ kind }) => kind === "skip" || kind === "back");
  if (arcs.length <= MAX_ARCS) return placed;
  arcs.sort((a, b) => b.link.count - a.link.count);
  const left = new Set(arcs.slice(MAX_ARCS));
  return placed.filter((each) => !left.has(each));
}

/**
 * Columns and scale from d3-sankey. It sees one node for each stage and the chain of adjacent transitions only
 * (it throws on cycles), with empty links so that each stage keeps its own column.
 * @param {readonly number[]} sizes
 * @param {readonly number[]} forward Counts from stage i to i + 1.
 * @param {[number, number, number, number]} extent
 */
function columns(sizes, forward, [x0, y0, x1, y1]) {
  if (sizes.length === 1) {
    const x = (x0 + x1 - NODE_WIDTH) / 2;
    return { boxes: [{ x0: x, x1: x + NODE_WIDTH, y0, y1 }], scale: (y1 - y0) / (sizes[0] ?? 1) };
  }
  const layout = sankey()
    .nodeAlign((node) => node.index ?? 0)
    .nodeWidth(NODE_WIDTH)
    .nodePadding(0)
    .iterations(0)
    .extent([[x0, y0], [x1, y1]]);
  const { nodes } = layout({
    nodes: sizes.map((size) => ({ fixedValue: size })),
    links: forward.map((value, index) => ({ source: index, target: index + 1, value })),
  });
  const scale = (y1 - y0) / Math.max(...sizes);
  return {
    boxes: nodes.map((node) => ({ x0: node.x0 ?? 0, x1: node.x1 ?? 0, y0: node.y0 ?? 0, y1: node.y1 ?? 0 })),
    scale,
  };
}

/**
 * Heights above (or below) the nodes for arcs, so that arcs over the same stretch lie in lanes; shorter arcs nearer.
 * Lanes are squeezed together when they would need more than `most`.
 * @param {{ low: number, high: number, width: number, clear: number }[]} arcs Sorted by length.
 * @param {number} gap
 * @param {number} most
 * @param {boolean} closed Whether arcs that only share an end are in each other's way.
 * @returns {number[]} Distance of each arc's middle from the band's edge.
 */
export function lanes(arcs, gap, most, closed) {
  /** @type {{ low: number, high: number, near: number, far: number }[]} */
  const taken = [];
  for (const arc of arcs) {
    const rivals = taken
      .filter((other) => (closed ? other.low <= arc.high && arc.low <= other.high : other.low < arc.high && arc.low < other.high))
      .sort((a, b) => a.near - b.near);
    let near = arc.clear;
    for (const rival of rivals) {
      if (near + arc.width + gap <= rival.near) break;
      near = Math.max(near, rival.far + gap);
    }
    taken.push({ low: arc.low, high: arc.high, near, far: near + arc.width });
  }
  const far = Math.max(0, ...taken.map((lane) => lane.far));
  const squeeze = far > most ? most / far : 1;
  return taken.map((lane) => ((lane.near + lane.far) / 2) * squeeze);
}

/**
 * The path of a link. Stubs and wide ribbons are areas to fill; all others are centre lines to stroke with the link's width.
 * @param {LinkKind} kind
 * @param {readonly number[]} geometry
 */
export function linkPath(kind, geometry) {
  const g = geometry.map((value) => Math.round(value * 100) / 100);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = g;
  if (kind === "forward") {
    // a, b source; c, d target; e its width where it is an area, which no bend makes thinner or wider at its ends.
    const middle = (a + c) / 2;
    if (e === 0) return `M${a},${b}C${middle},${b} ${middle},${d} ${c},${d}`;
    const half = e / 2;
    return `M${a},${b - half}C${middle},${b - half} ${middle},${d - half} ${c},${d - half}L${c},${d + half}C${middle},${d + half} ${middle},${b + half} ${a},${b + half}Z`;
  }
  if (kind === "skip") {
    // a, b source; c, d target; e lane; f length of the rise.
    return `M${a},${b}C${a + f * 0.55},${b} ${a + f * 0.45},${e} ${a + f},${e}L${c - f},${e}C${c - f * 0.45},${e} ${c - f * 0.55},${d} ${c},${d}`;
  }
  if (kind === "back") {
    // f is how far the turn swings out.
    return `M${a},${b}C${a + f},${b} ${a + f},${e} ${a},${e}L${c},${e}C${c - f},${e} ${c - f},${d} ${c},${d}`;
  }
  // a, b where the stub meets the node; c half its width; d its length; e the tip.
  if (kind === "start") {
    return `M${a},${b - c}L${a - d},${b - c}L${a - d + e},${b}L${a - d},${b + c}L${a},${b + c}Z`;
  }
  return `M${a},${b - c}L${a + d - e},${b - c}L${a + d},${b}L${a + d - e},${b + c}L${a},${b + c}Z`;
}

/** @param {LinkShape} shape Whether its path is an area. */
export const isArea = ({ kind, width }) => kind === "start" || kind === "end" || (kind === "forward" && width >= WIDE);

/**
 * Lay the flow out.
 * @param {{ stages: readonly FlowStage[], links: readonly FlowLink[] }} view
 * @param {number} available Width of the container in pixels.
 * @param {{
 *   measure?: (text: string) => number,
 *   texts?: (link: FlowLink, kind: LinkKind) => readonly string[],
 * }} [options] Width of a label's text; the wordings of a label, best first.
 * @returns {FlowPlan}
 */
export function layoutFlow(view, available, { measure = estimate, texts = () => [] } = {}) {
  const { stages } = view;
  const count = stages.length;
  if (count === 0) return { width: Math.max(0, available), height: 0, pitch: 0, nodes: [], links: [], labels: [], undrawn: 0 };

  const placed = place(stages, view.links);
  const ins = stages.map(() => 0);
  const outs = stages.map(() => 0);
  for (const { link, kind, from, to } of placed) {
    if (kind !== "end") ins[to] = (ins[to] ?? 0) + link.count;
    if (kind !== "start") outs[from] = (outs[from] ?? 0) + link.count;
  }
  const sizes = stages.map((stage, index) => Math.max(finite(stage.visits), ins[index] ?? 0, outs[index] ?? 0));
  const empty = Math.max(...sizes) <= 0;

  // Across: columns share the width; few columns stay together in the middle, many make the drawing wider.
  const wished = count > 1 ? clamp(available / count, MIN_PITCH, MAX_PITCH) : clamp(available, MIN_PITCH, MAX_PITCH);
  const side = clamp(wished * 0.5, 46, 110);
  const pitch = count > 1 ? clamp((available - 2 * side - NODE_WIDTH) / (count - 1), MIN_PITCH, MAX_PITCH) : wished;
  const drawn = 2 * side + NODE_WIDTH + (count - 1) * pitch;
  const width = Math.max(available, drawn);
  const left = (width - drawn) / 2 + side;
  const band = clamp(available * 0.2, 132, 210);

  const forward = Array.from({ length: count - 1 }, () => 0);
  for (const { link, kind, from } of placed) if (kind === "forward") forward[from] = link.count;
  const { boxes, scale } = empty
    ? { boxes: stages.map((_, i) => ({ x0: left + i * pitch, x1: left + i * pitch + NODE_WIDTH, y0: band / 2, y1: band / 2 })), scale: 0 }
    : columns(sizes, forward, [left, 0, left + (count - 1) * pitch + NODE_WIDTH, band]);

  /** @param {{ from: number, to: number }} each */
  const length = ({ from, to }) => span(from, to);
  const skips = placed.filter(({ kind }) => kind === "skip").sort((a, b) => length(a) - length(b) || b.link.count - a.link.count);
  const backs = placed.filter(({ kind }) => kind === "back").sort((a, b) => length(a) - length(b) || b.link.count - a.link.count);

  // Down each side of each node: skips (long ones outermost), the neighbour, the stub, back-steps (short ones outermost).
  const rank = { skip: 0, forward: 1, start: 2, end: 2, back: 3 };
  /** @type {Map<string, number>} */
  const leaves = new Map();
  /** @type {Map<string, number>} */
  const arrives = new Map();
  boxes.forEach((box, index) => {
    for (const [side_, offsets, total] of /** @type {const} */ ([["from", leaves, outs[index] ?? 0], ["to", arrives, ins[index] ?? 0]])) {
      const mine = placed.filter((each) => each[side_] === index && each.kind !== (side_ === "from" ? "start" : "end"));
      mine.sort((a, b) => rank[a.kind] - rank[b.kind] || length(b) - length(a) || a.link.count - b.link.count);
      let y = box.y0 + ((box.y1 - box.y0) - total * scale) / 2;
      for (const { link } of mine) {
        const thick = link.count * scale;
        offsets.set(linkKey(link), y + thick / 2);
        y += thick;
      }
    }
  });

  const crowded = pitch < NARROW_PITCH;
  const gap = crowded ? 2 : 4;
  const least = crowded ? 2 : LABEL_HEIGHT;
  const roof = Math.min(...boxes.map((box) => box.y0));
  const floor = Math.max(...boxes.map((box) => box.y1));
  const most = clamp(band * 0.75, 100, 150);
  /** @param {number} thick */
  const laneWidth = (thick) => Math.max(thick, least);
  const above = lanes(
    skips.map(({ link, from, to }) => ({
      low: from,
      high: to,
      width: laneWidth(link.count * scale),
      // An arc only has to clear the nodes it passes, not the tallest of all.
      clear: 8 - (Math.min(...boxes.slice(from, to + 1).map((box) => box.y0)) - roof),
    })),
    gap,
    most,
    false,
  );
  const below = lanes(
    backs.map(({ link, from, to }) => ({
      low: to,
      high: from,
      width: laneWidth(link.count * scale),
      clear: 8 - (floor - Math.max(...boxes.slice(to, from + 1).map((box) => box.y1))),
    })),
    gap,
    most,
    true,
  );
  const over = Math.max(0, ...skips.map(({ link }, i) => (above[i] ?? 0) + laneWidth(link.count * scale) / 2));
  const under = Math.max(0, ...backs.map(({ link }, i) => (below[i] ?? 0) + laneWidth(link.count * scale) / 2));

  const top = Math.ceil(over) + 6 - roof;
  const height = Math.ceil(top + floor + under) + 8;
  const stub = clamp(pitch * 0.15, 10, 28);

  /** @type {Map<string, number>} */
  const laneOf = new Map();
  skips.forEach(({ link }, i) => laneOf.set(linkKey(link), top + roof - (above[i] ?? 0)));
  backs.forEach(({ link }, i) => laneOf.set(linkKey(link), top + floor + (below[i] ?? 0)));

  /** @type {LinkShape[]} */
  const links = placed.map(({ link, kind, from, to }) => {
    const key = linkKey(link);
    const thick = link.count * scale;
    const w = Math.max(thick, 1.25);
    const source = boxes[from] ?? { x0: 0, x1: 0, y0: 0, y1: 0 };
    const target = boxes[to] ?? source;
    const ys = (leaves.get(key) ?? 0) + top;
    const yt = (arrives.get(key) ?? 0) + top;
    const lane = laneOf.get(key) ?? 0;
    const shape = { key, link, kind, index: from, width: w };
    if (kind === "start") {
      return { ...shape, geometry: [target.x0, yt, w / 2, stub, Math.min(6, w / 2, stub / 2)], anchor: { x: target.x0 - stub / 2, y: yt } };
    }
    if (kind === "end") {
      return { ...shape, geometry: [source.x1, ys, w / 2, stub, Math.min(6, w / 2, stub / 2)], anchor: { x: source.x1 + stub / 2, y: ys } };
    }
    const xs = source.x1;
    const xt = target.x0;
    if (kind === "forward") return { ...shape, geometry: [xs, ys, xt, yt, w < WIDE ? 0 : w], anchor: { x: (xs + xt) / 2, y: (ys + yt) / 2 } };
    if (kind === "skip") {
      const rise = Math.min((pitch - NODE_WIDTH) * 0.92, (xt - xs) / 2);
      return { ...shape, geometry: [xs, ys, xt, yt, lane, rise], anchor: { x: (xs + xt) / 2, y: lane } };
    }
    const room = Math.min(side, pitch - NODE_WIDTH) * 0.9;
    const swing = clamp((Math.min(room, 12 + w / 2 + 3 * length({ from, to }) + (lane - ys) * 0.28) - w / 2) / 0.75, 10, 90);
    return { ...shape, geometry: [xs, ys, xt, yt, lane, swing], anchor: { x: (source.x0 + target.x1) / 2, y: lane } };
  });
  // Wide ones at the back, so that thin ones stay within reach.
  links.sort((a, b) => b.width - a.width);

  const headWidth = Math.min(count > 1 ? pitch - 6 : width - 16, count > 1 ? 2 * (left + NODE_WIDTH / 2) - 4 : width - 16);
  const nodes = stages.map((stage, index) => {
    const box = boxes[index] ?? { x0: 0, x1: 0, y0: 0, y1: 0 };
    return {
      key: stage.name,
      stage,
      index,
      x0: box.x0,
      x1: box.x1,
      y0: box.y0 + top,
      y1: box.y1 + top,
      head: { x: (box.x0 + box.x1) / 2, width: headWidth },
    };
  });

  const drawable = view.links.filter((link) => finite(link.count) > 0 && link.from !== link.to).length;
  return {
    width,
    height,
    pitch,
    nodes,
    links,
    labels: labelLinks(links, nodes, { width, height, stub, pitch, measure, texts }),
    undrawn: Math.max(0, drawable - placed.length),
  };
}

/** @typedef {{ x0: number, y0: number, x1: number, y1: number }} Box */

/** @param {Box} a @param {Box} b */
export const overlap = (a, b) => a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;

/**
 * Labels for as many links as have room, big links first: inside the drawing, off the nodes, off each other.
 * @param {readonly LinkShape[]} links
 * @param {readonly NodeBox[]} nodes
 * @param {{ width: number, height: number, stub: number, pitch: number, measure: (text: string) => number,
 *   texts: (link: FlowLink, kind: LinkKind) => readonly string[] }} room
 * @returns {LinkLabel[]}
 */
function labelLinks(links, nodes, { width, height, stub, pitch, measure, texts }) {
  /** @type {Box[]} */
  const taken = nodes.map((node) => ({ x0: node.x0 - 3, x1: node.x1 + 3, y0: node.y0, y1: node.y1 }));
  /** @type {LinkLabel[]} */
  const labels = [];
  const ordered = [...links].sort((a, b) => b.link.count - a.link.count || (a.key < b.key ? -1 : 1));
  const largest = ordered.find(({ kind }) => kind !== "start" && kind !== "end")?.link.count ?? 0;
  for (const shape of ordered) {
    // Where columns are narrow, numbers of links that hardly show would only hide those that do.
    if (pitch < NARROW_PITCH && shape.link.count < largest * 0.02) break;
    const found = candidates(shape, texts(shape.link, shape.kind), stub, pitch, measure).find(
      ({ box }) =>
        box.x0 >= 1 && box.x1 <= width - 1 && box.y0 >= 0 && box.y1 <= height && !taken.some((other) => overlap(box, other)),
    );
    if (!found) continue;
    taken.push(found.box);
    labels.push(found.label);
  }
  return labels;
}

/**
 * @param {LinkShape} shape
 * @param {readonly string[]} wordings
 * @param {number} stub
 * @param {number} pitch
 * @param {(text: string) => number} measure
 */
function candidates(shape, wordings, stub, pitch, measure) {
  const { kind, geometry, key } = shape;
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = geometry;
  /** @type {{ x: number, y: number, align: LinkLabel["align"], most: number }[]} */
  const spots = [];
  if (kind === "forward") {
    const most = c - a - 10;
    for (const t of [0.5, 0.4, 0.6]) {
      // The curve of linkPath at t: x and y of a cubic whose controls sit in the middle.
      const u = 1 - t;
      const middle = (a + c) / 2;
      const x = u * u * u * a + 3 * u * u * t * middle + 3 * u * t * t * middle + t * t * t * c;
      const y = (u * u * u + 3 * u * u * t) * b + (3 * u * t * t + t * t * t) * d;
      spots.push({ x, y, align: "middle", most });
    }
  } else if (kind === "skip" || kind === "back") {
    const flat = Math.min(Math.abs(c - a), pitch * 0.9);
    for (const t of [0.5, 0.35, 0.65, 0.2, 0.8]) spots.push({ x: a + (c - a) * t, y: e, align: "middle", most: flat });
  } else {
    const out = kind === "start" ? -1 : 1;
    const align = kind === "start" ? "end" : "start";
    spots.push({ x: a + out * (stub + 5), y: b, align, most: pitch });
    spots.push({ x: a + out * 5, y: b + shape.width / 2 + LABEL_HEIGHT / 2 + 1, align, most: pitch });
  }
  const stubbed = kind === "start" || kind === "end";
  // Beside a stub, a shorter wording is better than a place on top of other links; elsewhere the fuller wording counts.
  const tries = stubbed
    ? spots.flatMap((spot) => wordings.map((text) => ({ spot, text })))
    : wordings.flatMap((text) => spots.map((spot) => ({ spot, text })));
  return tries.flatMap(({ spot: { x, y, align, most }, text }) => {
    const wide = measure(text);
    if (wide > most) return [];
    const x0 = align === "middle" ? x - wide / 2 : align === "end" ? x - wide : x;
    return [{
      label: { key, text, x, y, align },
      box: { x0: x0 - 2, x1: x0 + wide + 2, y0: y - LABEL_HEIGHT / 2, y1: y + LABEL_HEIGHT / 2 },
    }];
  });
}
