import assert from "node:assert/strict";
import { test } from "node:test";
import { nextStop, parseSpan, sliderPosition, SLIDER_MAX, spanStops, spanText, spanWords, stopAt, unitOf } from "../timespan.js";

const DAY = 86_400;

test("durations are read as the wire writes them", () => {
  assert.equal(parseSpan("30D"), 30 * DAY);
  assert.equal(parseSpan("90min"), 5400);
  assert.equal(parseSpan("1D12h"), 36 * 3600);
  assert.equal(parseSpan("1500ms"), 1.5);
  assert.equal(parseSpan(null), null);
  assert.equal(parseSpan("30"), null);
  assert.equal(parseSpan("2 fortnights"), null);
});

test("durations are written in the largest unit that divides them", () => {
  for (const text of ["30D", "36h", "90min", "61s", "1500ms"]) assert.equal(spanText(parseSpan(text) ?? 0), text);
  assert.equal(spanText(1.5 * DAY), "36h");
  assert.equal(spanText(2 * 604_800), "14D");
  assert.equal(spanText(0.1 * 3), "300ms");
});

test("durations read well", () => {
  assert.equal(spanWords(30 * DAY), "30 days");
  assert.equal(spanWords(DAY), "1 day");
  assert.equal(spanWords(5400), "90 minutes");
  assert.equal(unitOf(36 * 3600).key, "h");
});

test("the slider stops at round lengths and ends at or beyond the span", () => {
  const year = spanStops(400 * DAY);
  assert.equal(year[0], 3600);
  assert.ok(year.includes(30 * DAY));
  assert.equal(year.at(-1), 450 * DAY);
  assert.equal(spanStops(2 * DAY)[0], 60);
  assert.deepEqual(spanStops(null).slice(-2), [18 * 3600, DAY]);
  assert.deepEqual(spanStops(0), spanStops(null));
});

test("every stop has its own place on the slider and is found there", () => {
  for (const span of [300, DAY, 90 * DAY, 5000 * DAY]) {
    const stops = spanStops(span);
    assert.deepEqual(stops.map((stop) => stopAt(sliderPosition(stop, stops), stops)), stops);
    assert.equal(sliderPosition(/** @type {number} */ (stops.at(-1)), stops), SLIDER_MAX);
  }
});

test("arrow keys go from stop to stop and stay inside", () => {
  const stops = spanStops(90 * DAY);
  assert.equal(nextStop(7 * DAY, stops, 1), 8 * DAY);
  assert.equal(nextStop(7.5 * DAY, stops, -1), 7 * DAY);
  assert.equal(nextStop(3600, stops, -1), 3600);
  assert.equal(nextStop(90 * DAY, stops, 1), 90 * DAY);
});
