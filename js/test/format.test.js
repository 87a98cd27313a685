import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../format.js";

/** @param {string} text */
const plain = (text) => text.replaceAll("\u00a0", " ");

test("undefined numbers are an en dash in every unit", () => {
  for (const unit of ["share", "seconds", "ratio", "money", "count"]) {
    for (const value of [null, undefined, NaN, Infinity]) assert.equal(format.figure(value, unit), "–");
    assert.equal(format.delta(NaN, unit), "–");
    assert.equal(format.interval(null, null, unit), "");
  }
});

test("counts carry thousands separators and a true minus", () => {
  assert.equal(format.count(0), "0");
  assert.equal(format.count(1234567), "1,234,567");
  assert.equal(format.count(-1234), "−1,234");
  assert.equal(format.count(-0.2), "0");
});

test("compact counts keep three digits", () => {
  assert.equal(format.compact(9999), "9,999");
  assert.equal(format.compact(12345), "12.3k");
  assert.equal(format.compact(999_499), "999k");
  assert.equal(format.compact(999_999), "1M");
  assert.equal(format.compact(2_345_678_901), "2.35B");
});

test("shares are percent, and small ones keep their digits", () => {
  assert.equal(plain(format.percent(0.33742)), "33.7%");
  assert.equal(plain(format.percent(1)), "100.0%");
  assert.equal(plain(format.percent(0)), "0.0%");
  assert.equal(plain(format.percent(0.00512)), "0.51%");
  assert.equal(plain(format.percent(0.000123)), "0.012%");
});

test("durations choose the largest unit they fill", () => {
  assert.equal(plain(format.duration(302400)), "3.5 days");
  assert.equal(plain(format.duration(86400)), "1 day");
  assert.equal(plain(format.duration(86399)), "1 day");
  assert.equal(plain(format.duration(5400)), "1.5 h");
  assert.equal(plain(format.duration(90)), "1.5 min");
  assert.equal(plain(format.duration(0)), "0 s");
  assert.equal(plain(format.duration(0.25)), "250 ms");
  assert.equal(plain(format.duration(86400 * 1234)), "1,234 days");
});

test("ratios are written with the smaller side as one", () => {
  assert.equal(format.ratio(1 / 6), "1 : 6");
  assert.equal(format.ratio(0.4), "1 : 2.5");
  assert.equal(format.ratio(2.5), "2.5 : 1");
  assert.equal(format.ratio(1 / 5.63), "1 : 5.6");
  assert.equal(format.ratio(1.25), "1.25 : 1");
  assert.equal(format.ratio(1 / 250), "1 : 250");
  assert.equal(format.ratio(1.1), "1.1 : 1");
  assert.equal(format.ratio(1), "1 : 1");
  assert.equal(format.ratio(0), "0 : 1");
});

test("an interval names its unit once", () => {
  assert.equal(plain(format.interval(0.2968, 0.3806, "share")), "29.7 – 38.1%");
  assert.equal(plain(format.interval(86400, 864000, "seconds")), "1 – 10 days");
  assert.equal(plain(format.interval(86400, null, "seconds")), "1 day – ?");
  assert.equal(format.interval(1 / 8, 1 / 4, "ratio"), "1 : 8 – 1 : 4");
});

test("changes carry a sign, shares in percentage points", () => {
  assert.equal(plain(format.delta(0.0321, "share")), "+3.2 pp");
  assert.equal(plain(format.delta(-0.0321, "share")), "−3.2 pp");
  assert.equal(plain(format.delta(0, "share")), "±0.0 pp");
  assert.equal(plain(format.delta(-5400, "seconds")), "−1.5 h");
  assert.equal(format.delta(0.05, "ratio"), "+0.05");
  assert.equal(plain(format.delta(1234, "count")), "+1,234");
});

test("the interval of a change stands in the unit of the change", () => {
  const words = (/** @type {[number | null, number | null, number | null, string]} */ ...args) => format.change(...args).map(plain);
  assert.deepEqual(words(0.0321, -0.012, 0.076, "share"), ["+3.2 pp", "[−1.2, +7.6]"]);
  assert.deepEqual(words(0, 0, 0, "share"), ["±0.0 pp", "[0.0, 0.0]"]);
  assert.deepEqual(words(-2.66 * 86400, -2.89 * 86400, 3600, "seconds"), ["−2.66 days", "[−2.89, +0.04]"]);
  assert.deepEqual(words(0, -3600, 7200, "seconds"), ["±0 h", "[−1, +2]"]);
  assert.deepEqual(words(12.5, null, 3, "money"), ["+12.50", ""]);
  assert.deepEqual(words(null, 1, 2, "share"), ["–", ""]);
});

test("numerator and denominator stand together", () => {
  assert.equal(format.outOf(165, 489), "165 / 489");
  assert.equal(format.outOf(null, 1489), "n = 1,489");
  assert.equal(format.outOf(null, null), "");
});
