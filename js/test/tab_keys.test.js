import assert from "node:assert/strict";
import { test } from "node:test";

import { stepOf } from "../tab_keys.js";

const PLAIN = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
/** @param {string} key @param {number} at */
const go = (key, at) => stepOf({ key, ...PLAIN }, at, 5);

test("arrows go to the next tab and round at the ends", () => {
  assert.deepEqual([go("ArrowRight", 1), go("ArrowRight", 4), go("ArrowLeft", 1), go("ArrowLeft", 0)], [2, 0, 0, 4]);
});

test("Home and End go to the first and the last tab", () => {
  assert.deepEqual([go("Home", 3), go("End", 3)], [0, 4]);
});

test("other keys, keys with a modifier and an empty row go nowhere", () => {
  assert.equal(go("x", 1), null);
  assert.equal(stepOf({ key: "ArrowRight", ...PLAIN, ctrlKey: true }, 1, 5), null);
  assert.equal(stepOf({ key: "End", ...PLAIN }, -1, 0), null);
});
