import assert from "node:assert/strict";
import { test } from "node:test";
import { END, kindOf, lanes, layoutFlow, linkKey, linkPath, NODE_WIDTH, overlap, START } from "../flow_layout.js";

/** @param {string} name @param {number} visits */
const stage = (name, visits) => ({ name, visits, customers: visits, dwell_seconds: null });

/** @param {string} from @param {string} to @param {number} count @returns {import("../flow_layout.js").FlowLink} */
const link = (from, to, count) => ({
  from, to, count, share: 0.5, lower: 0.4, upper: 0.6, denominator: 2 * count, customers: count, kind: "forward", dwell_seconds: null,
});

const shop = {
  stages: [stage("A", 100), stage("B", 80), stage("C", 40)],
  links: [
    link(START, "A", 80), link(START, "B", 20), link("A", "B", 60), link("A", "C", 20), link("B", "A", 20), link("B", "C", 20),
    link("A", END, 20), link("B", END, 40), link("C", END, 40),
  ],
};

/** Labels as the view asks for them. @param {import("../flow_layout.js").FlowLink} each */
const texts = (each) => [`${each.count} · 50.0%`, String(each.count)];

/** @param {number} count @param {number} seed */
function many(count, seed) {
  let state = seed;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const stages = Array.from({ length: count }, (_, i) => stage(`Stage ${i}`, 1 + Math.floor(random() * 500)));
  const links = stages.flatMap(({ name: from }) => stages.filter(({ name }) => name !== from).map(({ name: to }) => link(from, to, 1 + Math.floor(random() * 9))));
  return { stages, links: [...links, ...stages.map(({ name }) => link(START, name, 3)), ...stages.map(({ name }) => link(name, END, 4))] };
}

/** @param {import("../flow_layout.js").FlowPlan} plan @param {string} from @param {string} to */
function shapeOf(plan, from, to) {
  const found = plan.links.find(({ key }) => key === linkKey({ from, to }));
  assert.ok(found, `${from} to ${to} is drawn`);
  return found;
}

/** @param {import("../flow_layout.js").FlowPlan} plan */
function labelBoxes(plan) {
  return plan.labels.map(({ x, y, text, align }) => {
    const wide = 6.7 * text.length;
    const x0 = align === "middle" ? x - wide / 2 : align === "end" ? x - wide : x;
    return { x0, x1: x0 + wide, y0: y - 7, y1: y + 7 };
  });
}

test("the kind of a link follows from the order of the stages", () => {
  const kind = kindOf(shop.stages);
  assert.equal(kind({ from: START, to: "B" }), "start");
  assert.equal(kind({ from: "B", to: END }), "end");
  assert.equal(kind({ from: "A", to: "B" }), "forward");
  assert.equal(kind({ from: "A", to: "C" }), "skip");
  assert.equal(kind({ from: "C", to: "A" }), "back");
  assert.equal(kind({ from: "A", to: "A" }), null);
  assert.equal(kind({ from: "A", to: "gone" }), null);
});

test("names with arrows do not confuse two links", () => {
  assert.notEqual(linkKey({ from: "a->b", to: "c" }), linkKey({ from: "a", to: "b->c" }));
});

test("stages stand from left to right in the order given, as tall as their visits", () => {
  const { nodes } = layoutFlow(shop, 900);
  assert.deepEqual(nodes.map(({ key }) => key), ["A", "B", "C"]);
  const [a, b, c] = nodes.map(({ x0, x1, y0, y1 }) => ({ x0, width: x1 - x0, tall: y1 - y0 }));
  assert.ok(a && b && c);
  assert.ok(a.x0 < b.x0 && b.x0 < c.x0);
  assert.equal(a.width, NODE_WIDTH);
  assert.ok(Math.abs(b.tall / a.tall - 0.8) < 1e-9);
  assert.ok(Math.abs(c.tall / a.tall - 0.4) < 1e-9);
});

test("widths of links are in proportion to their counts, on the scale of the nodes", () => {
  const plan = layoutFlow(shop, 900);
  const tall = (plan.nodes[0]?.y1 ?? 0) - (plan.nodes[0]?.y0 ?? 0);
  for (const [from, to, count] of /** @type {const} */ ([["A", "B", 60], ["A", "C", 20], ["B", "A", 20], [START, "A", 80], ["C", END, 40]])) {
    assert.ok(Math.abs(shapeOf(plan, from, to).width - (tall * count) / 100) < 1e-9, `${from} to ${to}`);
  }
});

test("what leaves a stage fills its right side without overlap", () => {
  const plan = layoutFlow(shop, 900);
  const node = plan.nodes[0];
  assert.ok(node);
  const out = ["C", "B", END].map((to) => shapeOf(plan, "A", to));
  let y = node.y0;
  for (const { geometry, width } of out) {
    assert.ok(Math.abs((geometry[1] ?? 0) - width / 2 - y) < 1e-6);
    y += width;
  }
  assert.ok(Math.abs(y - node.y1) < 1e-6);
});

test("skips run above every node they pass, back-steps below", () => {
  const plan = layoutFlow(shop, 900);
  const skip = shapeOf(plan, "A", "C");
  const back = shapeOf(plan, "B", "A");
  assert.ok((skip.geometry[4] ?? 0) + skip.width / 2 <= Math.min(...plan.nodes.map(({ y0 }) => y0)));
  assert.ok((back.geometry[4] ?? 0) - back.width / 2 >= Math.max(...plan.nodes.slice(0, 2).map(({ y1 }) => y1)));
});

test("every number of a drawing is finite and inside it, from 1 to 40 stages and 360 to 1600 pixels", () => {
  for (const count of [1, 2, 3, 6, 13, 40]) {
    for (const width of [360, 700, 1600]) {
      const plan = layoutFlow(many(count, count * width), width, { texts });
      assert.ok(plan.width >= width);
      const inside = (/** @type {number} */ x, /** @type {number} */ y) => x >= 0 && x <= plan.width && y >= 0 && y <= plan.height;
      for (const { x0, x1, y0, y1 } of plan.nodes) assert.ok(inside(x0, y0) && inside(x1, y1));
      for (const { kind, geometry, width: wide, anchor } of plan.links) {
        assert.ok([...geometry, wide].every(Number.isFinite));
        assert.ok(inside(anchor.x, anchor.y));
        const [xs = 0, , xt = 0, , lane = 0, swing = 0] = geometry;
        if (kind === "skip" || kind === "back") assert.ok(lane - wide / 2 >= 0 && lane + wide / 2 <= plan.height, `${kind} in ${plan.height}`);
        // A cubic whose controls both lie at x + f reaches x + 0.75 f.
        if (kind === "back") assert.ok(xt - 0.75 * swing - wide / 2 >= 0 && xs + 0.75 * swing + wide / 2 <= plan.width);
      }
    }
  }
});

test("columns share the width they have and ask for more only when they are too many", () => {
  assert.equal(layoutFlow(many(6, 1), 1200).width, 1200);
  assert.equal(layoutFlow(many(4, 1), 400).width, 400);
  assert.ok(layoutFlow(many(40, 1), 1200).width > 1200);
});

test("labels neither meet each other nor the nodes nor leave the drawing", () => {
  for (const count of [1, 3, 6, 12, 40]) {
    for (const width of [360, 700, 1200]) {
      const plan = layoutFlow(many(count, 7 * count + width), width, { texts });
      const boxes = labelBoxes(plan);
      boxes.forEach((box, i) => {
        assert.ok(box.x0 >= 0 && box.x1 <= plan.width && box.y0 >= 0 && box.y1 <= plan.height, plan.labels[i]?.text);
        for (const node of plan.nodes) assert.ok(!overlap(box, node));
        for (const other of boxes.slice(i + 1)) assert.ok(!overlap(box, other));
      });
    }
  }
});

test("big links are labelled before small ones and with the fuller wording where there is room", () => {
  const { labels } = layoutFlow(shop, 900, { texts });
  assert.equal(labels.find(({ key }) => key === linkKey({ from: "A", to: "B" }))?.text, "60 · 50.0%");
});

test("headings have the width of their column and stay inside the drawing", () => {
  for (const width of [360, 1200]) {
    const plan = layoutFlow(many(6, 3), width);
    for (const { head } of plan.nodes) {
      assert.ok(head.x - head.width / 2 >= 0 && head.x + head.width / 2 <= plan.width);
      assert.ok(head.width <= plan.pitch);
    }
  }
});

test("of very many arcs the smallest are left to the table, and said so", () => {
  const view = many(20, 5);
  const plan = layoutFlow(view, 1200);
  assert.equal(plan.links.length + plan.undrawn, view.links.length);
  assert.ok(plan.undrawn > 0);
  const smallest = Math.min(...plan.links.filter(({ kind }) => kind === "skip" || kind === "back").map((each) => each.link.count));
  const drawn = new Set(plan.links.map(({ key }) => key));
  for (const each of view.links) if (!drawn.has(linkKey(each))) assert.ok(each.count <= smallest);
});

test("links nobody took, to themselves or to unknown stages are not drawn", () => {
  const plan = layoutFlow({ stages: shop.stages, links: [link("A", "B", 0), link("A", "A", 5), link("A", "gone", 5), link("B", "C", 3)] }, 700);
  assert.deepEqual(plan.links.map(({ key }) => key), [linkKey({ from: "B", to: "C" })]);
});

test("no stages, no visits and visits without links give drawings without links", () => {
  assert.deepEqual(layoutFlow({ stages: [], links: [] }, 700).nodes, []);
  const empty = layoutFlow({ stages: [stage("A", 0), stage("B", 0)], links: [] }, 700);
  assert.equal(empty.links.length, 0);
  assert.ok(empty.nodes.every((node) => Number.isFinite(node.y0) && Number.isFinite(node.y1)));
  assert.equal(layoutFlow({ stages: [stage("A", 5)], links: [] }, 700).nodes.length, 1);
});

test("a plan does not change the view it was made from", () => {
  const before = JSON.stringify(shop);
  layoutFlow(shop, 700);
  assert.equal(JSON.stringify(shop), before);
});

test("arcs over the same stretch lie in lanes, arcs over different stretches share one", () => {
  const arc = (/** @type {number} */ low, /** @type {number} */ high) => ({ low, high, width: 10, clear: 0 });
  assert.deepEqual(lanes([arc(0, 2), arc(2, 4), arc(0, 4)], 2, 100, false), [5, 5, 17]);
  assert.deepEqual(lanes([arc(0, 2), arc(2, 4)], 2, 100, true), [5, 17]);
});

test("lanes are squeezed together where they would need too much room", () => {
  const arcs = Array.from({ length: 10 }, () => ({ low: 0, high: 2, width: 10, clear: 0 }));
  assert.ok(Math.max(...lanes(arcs, 2, 60, false)) <= 60);
});

test("paths are written with two digits, areas are closed", () => {
  assert.equal(linkPath("forward", [0, 1.23456, 10, 3, 0]), "M0,1.23C5,1.23 5,3 10,3");
  assert.equal(linkPath("forward", [0, 10, 10, 30, 12]), "M0,4C5,4 5,24 10,24L10,36C5,36 5,16 0,16Z");
  assert.match(linkPath("start", [20, 10, 4, 8, 2]), /^M20,6L12,6L14,10L12,14L20,14Z$/);
  assert.match(linkPath("end", [20, 10, 4, 8, 2]), /Z$/);
  assert.equal(linkPath("skip", [0, 0, 100, 0, -20, 40]).includes("NaN"), false);
  assert.equal(linkPath("back", [100, 0, 0, 0, 20, 10]).includes("NaN"), false);
});
