import assert from "node:assert/strict";
import { test } from "node:test";
import { END, START } from "../flow_layout.js";
import {
  baselineShares, emptySentence, headTexts, labelTexts, linkCard, linkName, linkTable, nodeCard, nodeName, problemSentence, readFlow,
  selectionSentence, stageTable,
} from "../flow_text.js";

const S = "\u00a0";
/** @type {import("../flow_layout.js").FlowLink} */
const link = { from: "A", to: "B", count: 1234, share: 0.643, lower: 0.612, upper: 0.671, denominator: 1920, customers: 812, kind: "forward", dwell_seconds: 172800 };
const view = readFlow({
  revision: 3,
  n_customers: 2000,
  stages: [
    { name: "A", visits: 1920, customers: 1500, dwell_seconds: 60 },
    { name: "B", visits: 1, customers: 1, dwell_seconds: null },
  ],
  links: [
    { ...link, from: START, to: "A", count: 7, share: 1, dwell_seconds: null },
    link,
    { ...link, from: "B", to: END, count: 1, share: null, lower: null, upper: null },
  ],
});
const compared = { ...view, baseline_links: [{ from: "A", to: "B", share: 0.6 }, { from: "A", to: END, share: 0.4 }, { from: "B", to: "A", share: null }] };

test("labels say count and share, shorter where room is short, with the change where there is one", () => {
  assert.deepEqual(labelTexts(link, "forward"), [`1,234 · 64.3%`, "1,234", "1,234"]);
  assert.equal(labelTexts(link, "forward", 0.031)[0], `1,234 · 64.3% (+3.1${S}pp)`);
  assert.equal(labelTexts(link, "forward", 0)[0], `1,234 · 64.3%`);
  assert.equal(labelTexts(link, "back")[0], `← 1,234 · 64.3%`);
  assert.equal(labelTexts(link, "skip")[0], `1,234 · 64.3% →`);
  assert.equal(labelTexts(link, "end")[0], `end 1,234 · 64.3%`);
  assert.equal(labelTexts({ ...link, share: null }, "start")[0], "start 1,234");
});

test("headings count visits", () => {
  assert.equal(headTexts(view.stages[0] ?? assert.fail())[0], "1,920 visits");
  assert.equal(headTexts(view.stages[1] ?? assert.fail())[0], "1 visit");
});

test("the card of a link has every number with its denominator and interval", () => {
  assert.deepEqual(linkCard(link, "forward", view), {
    names: ["A", "B"],
    kind: "on to the next stage",
    rows: [
      ["Transitions", "1,234"],
      ["Share of exits", `64.3% of 1,920`],
      ["95% interval", `61.2 – 67.1%`],
      ["Customers", `812 (40.6% of 2,000)`],
      ["Median dwell before", `2${S}days`],
    ],
  });
});

test("the card of a link says how its share moved against the baseline", () => {
  const rows = new Map(linkCard(link, "forward", compared).rows);
  assert.equal(rows.get("Baseline"), `60.0%`);
  assert.equal(rows.get("Change"), `+4.3${S}pp`);
});

test("an undefined share is a dash and has no interval", () => {
  const { rows } = linkCard(view.links[2] ?? assert.fail(), "end", view);
  assert.deepEqual(rows.slice(0, 3).map(([, value]) => value), ["1", "–", `812 (40.6% of 2,000)`]);
});

test("the card of a stage counts visits, customers, dwell and journeys that start and end", () => {
  assert.deepEqual(nodeCard(view.stages[0] ?? assert.fail(), view).rows, [
    ["Visits", "1,920"],
    ["Customers", `1,500 (75.0% of 2,000)`],
    ["Median dwell", `1${S}min`],
    ["Journeys start here", "7"],
    ["Journeys end here", "0"],
  ]);
});

test("names for those who do not see the drawing", () => {
  assert.equal(linkName(link, "forward"), `A to B, on to the next stage: 1,234 transitions, 64.3% of exits`);
  assert.equal(linkName({ ...link, from: START, count: 1 }, "start"), `start to B, journeys start here: 1 journey, 64.3% of journeys`);
  assert.equal(nodeName(view.stages[1] ?? assert.fail()), "B, stage: 1 visit, 1 customer");
});

test("a transition the baseline lacks had the share 0 if its stage had exits, else none", () => {
  const share = baselineShares(compared) ?? assert.fail();
  assert.equal(share({ from: "A", to: "B" }), 0.6);
  assert.equal(share({ from: "A", to: "C" }), 0);
  assert.equal(share({ from: "C", to: "A" }), null);
  assert.equal(share({ from: "B", to: "A" }), null);
  assert.equal(baselineShares(view), null);
});

test("the table has every link, and every transition that only the baseline has", () => {
  const plain = linkTable(view);
  assert.equal(plain.rows.length, 3);
  assert.equal(plain.columns.length, 9);
  assert.deepEqual(plain.rows[1]?.cells, ["A", "B", "on to the next stage", "1,234", `64.3%`, `61.2 – 67.1%`, "1,920", "812", `2${S}days`]);
  assert.deepEqual(plain.rows[1]?.selects, { kind: "link", from: "A", to: "B" });

  const both = linkTable(compared);
  assert.deepEqual(both.columns.slice(-2), ["Baseline share", "Change"]);
  assert.deepEqual(both.rows[1]?.cells.slice(-2), [`60.0%`, `+4.3${S}pp`]);
  const gone = both.rows.find(({ name }) => name === "A to end") ?? assert.fail();
  assert.equal(gone.selects, null);
  assert.deepEqual([gone.cells[4], ...gone.cells.slice(-2)], [`0.0%`, `40.0%`, `−40.0${S}pp`]);
  for (const row of both.rows) assert.equal(row.cells.length, both.columns.length);
});

test("the table of stages selects by stage", () => {
  const { columns, rows } = stageTable(view);
  assert.equal(rows[0]?.cells.length, columns.length);
  assert.deepEqual(rows[0]?.selects, { kind: "node", stage: "A" });
});

test("a selection is told in a sentence", () => {
  assert.equal(selectionSentence(null), "Nothing selected.");
  assert.equal(selectionSentence({ kind: "node", stage: "A" }), "Selected the customers who visited A.");
  assert.equal(selectionSentence({ kind: "link", from: "A", to: "B" }), "Selected the customers who went from A to B.");
  assert.equal(selectionSentence({ kind: "link", from: START, to: "B" }), "Selected the customers whose journey starts with B.");
  assert.equal(selectionSentence({ kind: "link", from: "A", to: END }), "Selected the customers whose journey ends after A.");
});

test("an empty view is told apart from one without stages", () => {
  assert.equal(emptySentence(view, 3), null);
  assert.match(emptySentence(readFlow({}), 0) ?? "", /^No stages yet/);
  assert.match(emptySentence(view, 0) ?? "", /^No customer has visited/);
});

test("problems are told with how many more there are, and whose figures are shown", () => {
  assert.equal(problemSentence(view), "");
  const problems = [{ message: "unknown event 'x'." }, { message: "y" }];
  assert.equal(problemSentence({ ...view, problems, stale: true }), "unknown event 'x'. And 1 more. Shown: the last good definition.");
});

test("a view that has not arrived yet reads as an empty one", () => {
  for (const raw of [null, undefined, {}]) assert.deepEqual(readFlow(raw).links, []);
});
