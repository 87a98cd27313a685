import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder } from "../dom.js";

test("as many as can be stay where they are, and only the others move", () => {
  assert.deepEqual(inOrder([]), []);
  assert.deepEqual(inOrder([0, 1, 2]), [0, 1, 2]);
  assert.deepEqual(inOrder([3, 0, 1, 2]), [1, 2, 3]);
  assert.deepEqual(inOrder([1, 2, 3, 0]), [0, 1, 2]);
  assert.deepEqual(inOrder([0, -1, 1]), [0, 2]);
  assert.deepEqual(inOrder([-1, -1]), []);
  assert.equal(inOrder([4, 0, 5, 2, 1, 3]).length, 3);
});
