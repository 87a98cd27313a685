import assert from "node:assert/strict";
import { test } from "node:test";
import { changedRules, choiceOf, clashOf, columnUnit, exclusionWords, occurrence, stageMarks, unitColumn } from "../rules_text.js";
import { parseWindow, windowText, windowWords } from "../window_text.js";

/** @type {import("../wire.d.ts").Catalog} */
const CATALOG = {
  events: [],
  presets: [],
  roles: [],
  role_words: {},
  no_role_words: [],
  n_customers: 0,
  n_events: 0,
  span_seconds: 0,
  show_figures: true,
  rule_defaults: { order: "ordered", ties: "stage", unit: "customer", entry: "best", retention_period: "30D" },
  rule_clashes: [{ field: "ties", value: "grace", beside: "order", has: "any", why: "no order is asked" }],
};

test("what differs from the default is said in short, one text for each column and exclusion", () => {
  const chips = changedRules(
    {
      order: "strict",
      window: "7D",
      entry: "best",
      ties: "2s",
      unit: "30min",
      hold_constant: ["device", "shop"],
      exclusions: [{ events: ["refund"], after: "Evaluate", before: "Buy" }, { events: ["a", "b", "c", "d"], effect: "remove" }],
      retention_period: "7D",
      later: "x",
    },
    CATALOG,
  );
  assert.deepEqual(
    chips.map((chip) => chip.text),
    [
      "strict order",
      "counted by session (30 minutes gap)",
      "2 seconds of grace",
      "excl. refund between Evaluate and Buy",
      "excl. a, b + 2 more (removes from the funnel)",
      "same device throughout",
      "same shop throughout",
      "retention by 7 days",
      "later: x",
    ],
  );
  assert.deepEqual(chips.map((chip) => chip.index).filter((index) => index !== undefined), [0, 1, 0, 1]);
  assert.equal(chips[4]?.full, "Excluded: a, b, c, d (removes from the funnel)");
  assert.deepEqual(changedRules(undefined, CATALOG), []);
});

test("exclusions read well", () => {
  assert.equal(exclusionWords({ events: ["refund"], after: "Buy" }), "refund after Buy");
  assert.equal(exclusionWords({ events: ["x"], before: "Buy", where: [{ column: "v", op: ">", value: 3 }], effect: "reset" }), "x where v > 3 before Buy (voids the attempt)");
});

test("a unit is a word, a gap or a column, and a column that reads like one of the others is marked", () => {
  for (const name of ["device", "2nd", "journey", "session"]) assert.equal(unitColumn(columnUnit(name)), name);
  assert.deepEqual(["device", "2nd", "journey"].map(columnUnit), ["device", "column:2nd", "column:journey"]);
  assert.deepEqual(["30min", "customer", "journey", "device"].map((unit) => choiceOf("unit", unit)), ["session", "customer", "journey", "device"]);
  assert.deepEqual(["stage", "2s"].map((ties) => choiceOf("ties", ties)), ["stage", "grace"]);
});

test("a choice that cannot be taken beside the others says beside which", () => {
  assert.equal(clashOf({ order: "any" }, "ties", "grace", CATALOG)?.beside, "Order: Any order");
  assert.equal(clashOf({ order: "strict" }, "ties", "grace", CATALOG), null);
  assert.equal(clashOf(undefined, "ties", "grace", CATALOG), null);
});

test("a stage's own rules are short marks", () => {
  const marks = stageMarks({ name: "Buy", events: [], optional: true, directly: true, window: "36h", nth: "2+" });
  assert.deepEqual(marks.map((mark) => mark.text), ["optional", "directly", "≤ 36 hours", "2nd and later"]);
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 102].map(occurrence).map((text) => text.split(" ")[0]), ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd"]);
  assert.deepEqual(stageMarks({ name: "Buy", events: [] }), []);
});

test("windows of every kind are read and written as the wire has them", () => {
  assert.deepEqual(parseWindow(null), { kind: "none" });
  assert.deepEqual(parseWindow("36h"), { kind: "time", seconds: 129_600 });
  const texts = ["5 events", "1 event", "2 sessions of 30min", "1 session of 1h", "1 calendar month", "3 calendar weeks"];
  for (const text of texts) assert.equal(windowText(/** @type {any} */ (parseWindow(text))), text);
  assert.deepEqual(parseWindow("soon"), { kind: "other", text: "soon" });
  assert.equal(windowWords("2 sessions of 30min"), "2 sessions (30 minutes gap)");
  assert.equal(windowWords("30D"), "30 days");
});
