import assert from "node:assert/strict";
import { test } from "node:test";
import { pictureName, pictureOf, readClaims } from "../claims_text.js";

/** @typedef {import("../claims_text.js").Claim} Claim */

/** @param {"share" | "ratio"} unit @param {Partial<Claim["numbers"]>} numbers @returns {Claim} */
const claim = (unit, numbers) => ({
  key: "k", text: "", estimate: "", value: "0.4", interval: "0.3 to 0.5", n: "9", verdict: "supports", why: "", unit,
  numbers: { value: null, lower: null, upper: null, low: null, high: null, ...numbers },
});

test("claims that have not arrived yet read as none", () => {
  assert.deepEqual(readClaims(null), { revision: 0, name: "", claims: [] });
});

test("a share lies on a line from nothing to everything, and a claim without an end reaches the edge", () => {
  const found = pictureOf(claim("share", { value: 0.4, lower: 0.3, upper: 0.5, high: 0.5 }));
  assert.deepEqual(found.allowed, { from: 0, to: 0.5, open: false });
  assert.deepEqual(found.interval, { from: 0.3, to: 0.5, open: false });
  assert.equal(found.value, 0.4);
  assert.deepEqual(found.ticks.map(({ text }) => text), ["0%", "50%", "100%"]);
});

test("a ratio lies on a logarithmic line that holds the claim and the interval", () => {
  const found = pictureOf(claim("ratio", { value: 2, lower: 0.5, upper: 8, low: 1, high: 3 }));
  // From 1:2 to 8 are four doublings.
  assert.deepEqual(found.ticks, [{ at: 0, text: "1:2" }, { at: 0.25, text: "1" }, { at: 1, text: "8" }]);
  assert.equal(found.value, 0.5);
  assert.deepEqual(found.interval, { from: 0, to: 1, open: false });
  assert.equal(found.allowed.from, 0.25);
});

test("an interval without an upper end runs to the edge; nothing and endless stay inside", () => {
  const found = pictureOf(claim("ratio", { value: 1e9, lower: 0, upper: null, low: 1, high: 3 }));
  assert.deepEqual(found.interval, { from: 0, to: 1, open: true });
  assert.equal(found.value, 1);
  assert.equal(found.ticks.at(-1)?.text, "64");
});

test("without an estimate there is a claim to see, and no interval", () => {
  const found = pictureOf(claim("ratio", { low: 4.8, high: 7.5 }));
  assert.equal(found.interval, null);
  assert.equal(found.value, null);
  assert.ok(found.allowed.from < found.allowed.to);
  assert.equal(pictureName(claim("ratio", {})), "No estimate.");
  assert.equal(pictureName(claim("ratio", { value: 0.4 })), "Estimate 0.4, 95% interval 0.3 to 0.5: supports.");
});
