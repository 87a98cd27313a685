import assert from "node:assert/strict";
import { test } from "node:test";
import { comparisons, conditionOf, valueWay } from "../conditions.js";

const ALL = ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "is null", "not null"];
const FEW = { kind: "text", values: /** @type {[string, number][]} */ ([["web", 3]]), more: 0 };

test("each kind of values has the comparisons that make sense for it", () => {
  assert.deepEqual(comparisons("text", ALL), ["==", "!=", "in", "not in", "contains", "is null", "not null"]);
  assert.deepEqual(comparisons("bool", ALL), ["==", "!=", "is null", "not null"]);
  assert.deepEqual(comparisons("time", ALL), ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "not null"]);
  assert.deepEqual(comparisons("mixed", ALL), ["is null", "not null"]);
  assert.deepEqual(comparisons("number", ["==", ">"]), ["==", ">"]);
});

test("values are chosen from a list where the log has few of them, and given in their own kind else", () => {
  assert.equal(valueWay("text", "==", FEW), "list");
  assert.equal(valueWay("text", "in", FEW), "list");
  assert.equal(valueWay("text", "contains", FEW), "text");
  assert.equal(valueWay("text", "==", { ...FEW, more: 20 }), "text");
  assert.equal(valueWay("text", "==", { ...FEW, one_in: 4 }), "text");
  assert.equal(valueWay("text", "==", undefined), "text");
  assert.equal(valueWay("bool", "!=", undefined), "list");
  assert.equal(valueWay("number", "<", undefined), "number");
  assert.equal(valueWay("time", ">=", undefined), "time");
  assert.equal(valueWay("duration", "<", undefined), "duration");
  assert.equal(valueWay("number", "is null", undefined), "none");
});

test("a condition has one value, several, or none, as its comparison asks", () => {
  assert.deepEqual(conditionOf("device", "==", ["desk"]), { column: "device", op: "==", value: "desk" });
  assert.deepEqual(conditionOf("device", "in", ["desk", "phone"]), { column: "device", op: "in", value: ["desk", "phone"] });
  assert.deepEqual(conditionOf("device", "not null", []), { column: "device", op: "not null" });
});
