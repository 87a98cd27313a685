import assert from "node:assert/strict";
import { test } from "node:test";
import { partName, readQuadrant, side, tileName } from "../quadrant_text.js";

test("a quadrant that has not arrived yet has no tiles", () => {
  assert.deepEqual(readQuadrant(undefined).tiles, []);
});

test("the area of a square is the share", () => {
  assert.deepEqual([0, 0.25, 0.5, 1, 2, -1, null].map(side), [0, 50, 70.7, 100, 100, 0, 0]);
});

test("a tile is named with its count, its share, its interval and what changed", () => {
  const tile = {
    key: "passive", row: 0, column: 0, label: "Passive loyalists", count: "6", share: "60%", interval: "30% – 83%", size: 0.6, before: 0.5,
    change: "baseline 50%", colour: "stage-1", part: { key: "vulnerable", label: "Vulnerable", count: "2", share: "33%" },
  };
  assert.equal(tileName(tile), "Passive loyalists: 6 customers, 60% of buyers, 95% interval 30% – 83%, baseline 50%");
  assert.equal(tileName({ ...tile, interval: "", change: "" }), "Passive loyalists: 6 customers, 60% of buyers");
  assert.equal(partName(tile.part, tile), "Vulnerable: 2 customers, 33% of passive loyalists");
});
