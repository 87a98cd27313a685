import assert from "node:assert/strict";
import { test } from "node:test";
import { END, layoutFlow, START } from "../flow_layout.js";
import { linkId, lit, nodeId, selectedId, stops, toggled, walk } from "../flow_walk.js";

/** @param {string} from @param {string} to @param {number} count @returns {import("../flow_layout.js").FlowLink} */
const link = (from, to, count) => ({ from, to, count, share: null, lower: null, upper: null, denominator: 9, customers: 1, kind: "forward", dwell_seconds: null });
const plan = layoutFlow(
  {
    stages: ["A", "B", "C"].map((name) => ({ name, visits: 10, customers: 5, dwell_seconds: null })),
    links: [link(START, "A", 8), link("A", "B", 5), link("A", "C", 2), link("A", END, 3), link("B", "C", 4), link("B", "A", 1), link("C", END, 6)],
  },
  800,
);
const at = (/** @type {string} */ from, /** @type {string} */ to) => linkId({ from, to });

test("each stage stops at its node, then at its links from the top to the bottom", () => {
  assert.deepEqual(stops(plan), [
    [nodeId("A"), at(START, "A"), at("A", "C"), at("A", "B"), at("A", END)],
    [nodeId("B"), at("B", "C"), at("B", "A")],
    [nodeId("C"), at("C", END)],
  ]);
});

test("Left and Right walk the stages, Home and End to the first and last", () => {
  assert.equal(walk(plan, nodeId("A"), "ArrowRight"), nodeId("B"));
  assert.equal(walk(plan, nodeId("A"), "ArrowLeft"), null);
  assert.equal(walk(plan, nodeId("C"), "ArrowRight"), null);
  assert.equal(walk(plan, nodeId("B"), "Home"), nodeId("A"));
  assert.equal(walk(plan, at("A", "C"), "End"), nodeId("C"));
});

test("Down and Up walk the links of a stage", () => {
  assert.equal(walk(plan, nodeId("B"), "ArrowDown"), at("B", "C"));
  assert.equal(walk(plan, at("B", "C"), "ArrowDown"), at("B", "A"));
  assert.equal(walk(plan, at("B", "A"), "ArrowDown"), null);
  assert.equal(walk(plan, at("B", "C"), "ArrowUp"), nodeId("B"));
  assert.equal(walk(plan, nodeId("B"), "ArrowUp"), null);
});

test("from a link Right follows it and Left goes back to where it comes from", () => {
  assert.equal(walk(plan, at("A", "C"), "ArrowRight"), nodeId("C"));
  assert.equal(walk(plan, at("B", "A"), "ArrowRight"), nodeId("A"));
  assert.equal(walk(plan, at("A", "C"), "ArrowLeft"), nodeId("A"));
  assert.equal(walk(plan, at("A", END), "ArrowRight"), nodeId("A"));
  assert.equal(walk(plan, at(START, "A"), "ArrowRight"), nodeId("A"));
});

test("every item is reached by arrows alone", () => {
  const all = stops(plan).flat();
  const reached = new Set([nodeId("A")]);
  for (const id of reached) for (const key of ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"]) reached.add(walk(plan, id, key) ?? id);
  assert.deepEqual([...reached].sort(), [...all].sort());
});

test("other keys do not walk, and an item that is gone leads to the first stage", () => {
  assert.equal(walk(plan, nodeId("A"), "x"), null);
  assert.equal(walk(plan, nodeId("gone"), "ArrowRight"), nodeId("A"));
  assert.equal(walk(layoutFlow({ stages: [], links: [] }, 800), nodeId("A"), "Home"), null);
});

test("a selected stage lights its links, a selected link its two ends", () => {
  assert.deepEqual([...(lit(plan, { kind: "node", stage: "B" }) ?? [])].sort(), [nodeId("B"), at("A", "B"), at("B", "A"), at("B", "C")].sort());
  assert.deepEqual([...(lit(plan, { kind: "link", from: "A", to: "C" }) ?? [])].sort(), [nodeId("A"), nodeId("C"), at("A", "C")].sort());
});

test("a selection that is not drawn dims nothing", () => {
  assert.equal(lit(plan, null), null);
  assert.equal(lit(plan, { kind: "node", stage: "gone" }), null);
  assert.equal(lit(plan, { kind: "link", from: "C", to: "A" }), null);
});

test("choosing the selected item again clears the selection", () => {
  /** @type {import("../flow_text.js").FlowSelection} */
  const item = { kind: "link", from: "A", to: "B" };
  assert.deepEqual(toggled(item, null), item);
  assert.deepEqual(toggled(item, { kind: "node", stage: "A" }), item);
  assert.equal(toggled(item, { kind: "link", from: "A", to: "B" }), null);
  assert.equal(selectedId(undefined), null);
});
