import assert from "node:assert/strict";
import { test } from "node:test";
import { edgeSpeed, insertionIndex, zoneOf } from "../drag.js";
import { historyKey } from "../keyboard.js";
import { verdict } from "../strip.js";

const RECT = { left: 100, width: 200 };

test("a header dropped on the middle of a stage merges, on its outer parts it inserts", () => {
  assert.deepEqual([101, 150, 200, 240, 299].map((x) => zoneOf(x, RECT)), ["before", "before", "merge", "merge", "after"]);
  assert.deepEqual([101, 200, 299].map((x) => zoneOf(x, RECT, true)), ["after", "merge", "before"]);
  assert.equal(zoneOf(0, { left: 0, width: 0 }), "merge");
});

test("the place of a moved stage counts without the stage itself", () => {
  assert.equal(insertionIndex(0, 2, "before"), 1);
  assert.equal(insertionIndex(0, 2, "after"), 2);
  assert.equal(insertionIndex(3, 1, "before"), 1);
  assert.equal(insertionIndex(3, 1, "after"), 2);
  assert.equal(insertionIndex(1, 0, "after"), 1);
});

test("dragging scrolls only near an edge, faster the closer, and never in a box too small for it", () => {
  assert.equal(edgeSpeed(300, 0, 600), 0);
  assert.ok(edgeSpeed(590, 0, 600) > edgeSpeed(570, 0, 600));
  assert.ok(edgeSpeed(5, 0, 600) < 0);
  assert.equal(edgeSpeed(5, 0, 60), 0);
  assert.equal(edgeSpeed(900, 0, 600), edgeSpeed(600, 0, 600));
});

test("history keys, and no others", () => {
  const press = (/** @type {string} */ key, /** @type {Record<string, boolean>} */ held) =>
    historyKey({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });
  assert.equal(press("z", { ctrlKey: true }), "undo");
  assert.equal(press("Z", { ctrlKey: true, shiftKey: true }), "redo");
  assert.equal(press("z", { metaKey: true, shiftKey: true }), "redo");
  assert.equal(press("y", { ctrlKey: true }), "redo");
  assert.equal(press("y", { metaKey: true }), null);
  assert.equal(press("z", {}), null);
  assert.equal(press("z", { ctrlKey: true, altKey: true }), null);
});

test("a change is judged by its interval, and less time is better", () => {
  /** @type {import("../wire.d.ts").Figure} */
  const blank = {
    key: "conversion",
    label: "Conversion",
    unit: "share",
    value: 0.4,
    numerator: 4,
    denominator: 10,
    lower: 0.2,
    upper: 0.6,
    method: "",
    note: null,
    baseline: 0.3,
    delta: 0.1,
    delta_lower: 0.05,
    delta_upper: 0.15,
  };
  assert.equal(verdict(blank), "better");
  assert.equal(verdict({ ...blank, key: "time_to_convert" }), "worse");
  assert.equal(verdict({ ...blank, delta: -0.1, delta_lower: -0.2, delta_upper: -0.01 }), "worse");
  assert.equal(verdict({ ...blank, delta_lower: -0.05 }), "unclear");
  assert.equal(verdict({ ...blank, delta_lower: null }), "unclear");
  assert.equal(verdict({ ...blank, delta: 0, delta_lower: 0, delta_upper: 0 }), "same");
  assert.equal(verdict({ ...blank, delta: null }), "none");
});
