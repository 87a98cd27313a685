import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { canonical, freeName, mergeProblem, nameProblem, partition, reduce, same } from "../draft.js";
import { guessRole } from "../roles.js";

/** @typedef {import("../wire.d.ts").Action} Action */
/** @typedef {import("../wire.d.ts").Draft} Draft */
/** @typedef {import("../wire.d.ts").Stage} Stage */

const NAMES = ["view", "view_item", "view_cart", "order", "rate"];

/**
 * @param {string[]} [names]
 * @returns {import("../wire.d.ts").Catalog}
 */
const catalogOf = (names = NAMES) => ({
  role_words: { consider: ["look", "consider"], buy: ["buy", "purchase"] },
  no_role_words: ["post"],
  events: names.map((name, index) => ({ name, events: 100 - index, customers: 50 - index })),
  presets: [
    {
      key: "aida",
      title: "AIDA",
      origin: "",
      stages: [
        { name: "Awareness", role: "aware", events: ["view"] },
        { name: "Action", role: "buy", events: ["order"] },
        { name: "Later", events: [] },
      ],
    },
  ],
  roles: ["aware", "consider", "buy"],
  n_customers: 50,
  n_events: 490,
  span_seconds: 86_400 * 365,
  show_figures: true,
});

/**
 * @param {Stage[]} stages
 * @param {Record<string, unknown>} [rules]
 * @returns {Draft}
 */
const draftOf = (stages, rules) => ({
  revision: 4,
  definition: { schema: 1, stages, ...(rules ? { rules } : {}) },
  baseline: null,
  past: [],
  future: [],
  edit: "",
});

const start = () =>
  draftOf([
    { name: "Look", events: ["view", "view_item"] },
    { name: "Buy", events: ["order"], role: "buy" },
  ]);

/**
 * @param {Draft} draft
 * @param {...Action} actions
 */
const after = (draft, ...actions) => actions.reduce((each, action) => reduce(each, action, catalogOf()), draft);

/** @param {Draft} draft */
const events = (draft) => Object.fromEntries(draft.definition.stages.map((stage) => [stage.name, stage.events]));

/** @param {import("../draft.js").Partition} parts */
const shown = (parts) => [...parts.columns.map((column) => column.chips.map((chip) => chip.name)), parts.unassigned];

test("an exact name beats a glob whatever the order, and among globs the first stage wins", () => {
  const { definition } = draftOf([
    { name: "All", events: ["view*"] },
    { name: "Cart", events: ["view_cart"] },
    { name: "Rest", events: ["*"] },
  ]);
  assert.deepEqual(shown(partition(definition, catalogOf())), [
    ["view", "view_item"],
    ["view_cart"],
    ["order", "rate"],
    [],
  ]);
});

test("a name that contains wildcards and equals an event is a name", () => {
  const { definition } = draftOf([{ name: "Odd", events: ["what?"] }]);
  const parts = partition(definition, catalogOf(["what?", "whatX"]));
  assert.deepEqual(shown(parts), [["what?"], ["whatX"]]);
  assert.deepEqual(parts.columns[0]?.patterns, []);
});

test("entries that no event answers to are unknown, globs too", () => {
  const { definition } = draftOf([{ name: "Old", events: ["viewed", "old_*", "view"] }]);
  assert.deepEqual(partition(definition, catalogOf()).columns[0]?.unknown, ["viewed", "old_*"]);
});

test("a conditional stage shows its event and leaves the rest to the next", () => {
  const { definition } = draftOf([
    { name: "First", events: ["order"], nth: 1 },
    { name: "Again", events: ["order"], nth: "2+" },
    { name: "Any", events: ["order"] },
    { name: "Never", events: ["ord*"] },
  ]);
  const parts = partition(definition, catalogOf());
  assert.deepEqual(shown(parts).slice(0, 4), [["order"], ["order"], ["order"], []]);
  assert.deepEqual(parts.columns.slice(0, 3).map((column) => column.chips[0]?.conditional), [true, true, false]);
  assert.equal(parts.home.get("order"), 2);
});

test("assigning moves an event out of every other stage", () => {
  const draft = after(start(), { type: "assign", event: "view", to: "Buy" });
  assert.deepEqual(events(draft), { Look: ["view_item"], Buy: ["order", "view"] });
  assert.equal(draft.revision, 5);
  assert.equal(draft.edit, "moved 'view' to Buy");
});

test("assigning what is already there changes nothing, not even the revision", () => {
  const draft = start();
  assert.equal(after(draft, { type: "assign", event: "order", to: "Buy" }), draft);
});

test("an event held by a glob goes to the tray, and the glob gives way to the other names", () => {
  const draft = after(draftOf([{ name: "Look", events: ["order", "view*"] }]), {
    type: "assign",
    event: "view_cart",
    to: null,
  });
  assert.deepEqual(events(draft), { Look: ["order", "view", "view_item"] });
  assert.deepEqual(partition(draft.definition, catalogOf()).unassigned, ["view_cart", "rate"]);
});

test("an event held by globs of several stages leaves all of them", () => {
  const draft = after(
    draftOf([
      { name: "A", events: ["view_*"] },
      { name: "B", events: ["*_cart", "rate"] },
    ]),
    { type: "assign", event: "view_cart", to: null },
  );
  assert.deepEqual(events(draft), { A: ["view_item"], B: ["rate"] });
});

test("an event leaves the conditional stage it was taken from, and no other", () => {
  const stages = [
    { name: "First", events: ["order"], nth: 1 },
    { name: "Again", events: ["order"], nth: "2+" },
    { name: "Look", events: ["view"] },
  ];
  const draft = after(draftOf(stages), { type: "assign", event: "order", to: "Look", from: "First" });
  assert.deepEqual(events(draft), { First: [], Again: ["order"], Look: ["view", "order"] });
});

test("a stage keeps its role, conditions and unknown fields through every edit", () => {
  const stage = { name: "Buy", events: ["order"], role: "buy", where: [{ column: "value", op: ">", value: 1 }], later: 1 };
  const draft = after(
    draftOf([{ name: "Look", events: ["view"] }, stage]),
    { type: "assign", event: "rate", to: "Buy" },
    { type: "rename", stage: "Buy", name: "Pay" },
    { type: "move", stage: "Pay", to: 0 },
  );
  assert.deepEqual(draft.definition.stages[0], { ...stage, name: "Pay", events: ["order", "rate"] });
});

test("a role guessed from the name survives a name that suggests none", () => {
  const draft = after(draftOf([{ name: "Buy", events: ["order"] }]), { type: "rename", stage: "Buy", name: "Kaufen" });
  assert.deepEqual(draft.definition.stages, [{ name: "Kaufen", events: ["order"], role: "buy" }]);
  const again = after(draftOf([{ name: "Buy", events: ["order"] }]), { type: "rename", stage: "Buy", name: "Purchase" });
  assert.deepEqual(again.definition.stages, [{ name: "Purchase", events: ["order"] }]);
});

test("a role is guessed from whole words that point to one role", () => {
  assert.equal(guessRole("Buy now", catalogOf()), "buy");
  assert.equal(guessRole("Look and buy", catalogOf()), null);
  assert.equal(guessRole("Post-purchase", catalogOf()), null);
  assert.equal(guessRole("Buyer", catalogOf()), null);
});

test("adding, renaming and names that cannot be", () => {
  const draft = after(start(), { type: "add", name: " Enjoy " }, { type: "add", name: "First", at: 0 });
  assert.deepEqual(Object.keys(events(draft)), ["First", "Look", "Buy", "Enjoy"]);
  assert.equal(freeName(draft.definition), "Stage 5");
  assert.equal(nameProblem(draft.definition, "  "), "A stage needs a name.");
  assert.equal(nameProblem(draft.definition, "(End)"), "'(End)' is reserved for the results.");
  assert.equal(nameProblem(draft.definition, "Buy"), "There is a stage 'Buy' already.");
  assert.equal(nameProblem(draft.definition, "Buy ", "Buy"), null);
  assert.equal(nameProblem(draft.definition, "x".repeat(201)), "A stage's name has at most 200 characters.");
  assert.throws(() => after(draft, { type: "rename", stage: "Buy", name: "Look" }), /There is a stage 'Look' already/);
  assert.throws(() => after(draft, { type: "rename", stage: "Gone", name: "X" }), /no stage 'Gone'/);
});

test("merging keeps the place and name of the stage merged into", () => {
  const draft = after(start(), { type: "merge", from: "Look", into: "Buy" });
  assert.deepEqual(events(draft), { Buy: ["order", "view", "view_item"] });
  assert.equal(draft.definition.stages[0]?.role, "buy");
});

test("stages whose conditions differ do not merge", () => {
  const draft = draftOf([
    { name: "A", events: ["view"], nth: 1 },
    { name: "B", events: ["order"] },
  ]);
  assert.match(mergeProblem(draft.definition, "A", "B") ?? "", /conditions differ/);
  assert.throws(() => after(draft, { type: "merge", from: "A", into: "B" }), /conditions differ/);
});

test("the events of a removed stage return to the tray", () => {
  const draft = after(start(), { type: "remove", stage: "Look" });
  assert.deepEqual(partition(draft.definition, catalogOf()).unassigned, ["view", "view_item", "view_cart", "rate"]);
});

test("moving beyond the ends stops at the ends", () => {
  assert.deepEqual(Object.keys(events(after(start(), { type: "move", stage: "Look", to: 99 }))), ["Buy", "Look"]);
  const draft = start();
  assert.equal(after(draft, { type: "move", stage: "Look", to: -1 }), draft);
});

test("a role is set, taken away, or left to be guessed", () => {
  const role = (/** @type {string | null} */ value) =>
    after(start(), { type: "set_role", stage: "Buy", role: value }).definition.stages[1];
  assert.deepEqual(role("advocate"), { name: "Buy", events: ["order"], role: "advocate" });
  assert.deepEqual(role(null), { name: "Buy", events: ["order"], role: null });
  assert.deepEqual(role("auto"), { name: "Buy", events: ["order"] });
});

test("rules at their default are left out of the wire", () => {
  const draft = after(start(), { type: "rule", field: "window", value: "7D" }, { type: "rule", field: "retention_period", value: "7D" });
  assert.deepEqual(draft.definition.rules, { window: "7D", retention_period: "7D" });
  const back = after(draft, { type: "rule", field: "window", value: null }, { type: "rule", field: "retention_period", value: "30D" });
  assert.equal("rules" in back.definition, false);
  assert.throws(() => after(draft, { type: "rule", field: "window", value: "soon" }), /longer than nothing/);
});

test("one slide of the window is one step of the history", () => {
  const draft = after(
    start(),
    { type: "rule", field: "window", value: "7D" },
    { type: "rule", field: "window", value: "8D", coalesce: true },
    { type: "rule", field: "window", value: "9D", coalesce: true },
  );
  assert.equal(draft.past.length, 1);
  assert.equal(draft.revision, 7);
  assert.equal(after(draft, { type: "undo" }).definition.rules, undefined);
});

test("a preset replaces the stages, keeps the rules and brings suggestions only on request", () => {
  const first = draftOf([{ name: "Look", events: ["view"] }], { window: "7D" });
  const full = after(first, { type: "preset", key: "aida", suggestions: true });
  assert.deepEqual(full.definition, {
    schema: 1,
    stages: [
      { name: "Awareness", events: ["view"], role: "aware" },
      { name: "Action", events: ["order"], role: "buy" },
      { name: "Later", events: [] },
    ],
    rules: { window: "7D" },
  });
  assert.deepEqual(events(after(first, { type: "preset", key: "aida", suggestions: false })), {
    Awareness: [],
    Action: [],
    Later: [],
  });
});

test("unknown entries can be removed, from one stage or from all", () => {
  const draft = draftOf([
    { name: "A", events: ["viewed", "view"] },
    { name: "B", events: ["viewed"], nth: 1 },
  ]);
  assert.deepEqual(events(after(draft, { type: "remove_entry", event: "viewed", stage: "A" })), { A: ["view"], B: ["viewed"] });
  assert.deepEqual(events(after(draft, { type: "remove_entry", event: "viewed" })), { A: ["view"], B: [] });
});

test("undo and redo walk back and forth, and a new edit forgets the future", () => {
  const first = start();
  const two = after(first, { type: "remove", stage: "Buy" }, { type: "add", name: "Pay" });
  const back = after(two, { type: "undo" }, { type: "undo" });
  assert.equal(canonical(back.definition), canonical(first.definition));
  assert.equal(back.future.length, 2);
  assert.equal(after(back, { type: "undo" }), back);
  const forth = after(back, { type: "redo" }, { type: "redo" });
  assert.equal(canonical(forth.definition), canonical(two.definition));
  assert.equal(after(forth, { type: "redo" }), forth);
  assert.deepEqual(after(back, { type: "add", name: "New" }).future, []);
});

test("the history keeps fifty steps and revisions only rise", () => {
  let draft = start();
  for (let i = 0; i < 70; i += 1) draft = after(draft, { type: "add", name: `S${i}` });
  assert.equal(draft.past.length, 50);
  assert.equal(draft.revision, 74);
  for (let i = 0; i < 60; i += 1) draft = after(draft, { type: "undo" });
  assert.equal(draft.definition.stages.length, 22);
  assert.equal(draft.revision, 124);
});

test("pinning takes the definition as baseline and is no step of the history", () => {
  const draft = after(start(), { type: "add", name: "New" }, { type: "pin" });
  assert.equal(draft.baseline, draft.definition);
  assert.equal(draft.past.length, 1);
  assert.equal(after(draft, { type: "pin" }), draft);
});

test("a draft is never changed in place", () => {
  const draft = start();
  const before = JSON.stringify(draft);
  after(
    draft,
    { type: "assign", event: "view", to: null },
    { type: "merge", from: "Look", into: "Buy" },
    { type: "set_role", stage: "Buy", role: null },
    { type: "rule", field: "window", value: "1D" },
    { type: "undo" },
  );
  assert.equal(JSON.stringify(draft), before);
});

test("key order does not tell definitions apart", () => {
  assert.ok(same({ schema: 1, stages: [] }, /** @type {any} */ ({ stages: [], schema: 1 })));
  assert.ok(!same({ schema: 1, stages: [] }, null));
});

const golden = new URL("../../tests/golden/", import.meta.url);
const files = existsSync(golden) ? readdirSync(golden).filter((name) => /^definition_.*\.json$/.test(name)) : [];
for (const name of files) {
  test(`the golden definition ${name} survives edits that take themselves back`, () => {
    const definition = JSON.parse(readFileSync(new URL(name, golden), "utf8"));
    const draft = { ...draftOf([]), definition };
    const back = after(draft, { type: "add", name: "Between", at: 0 }, { type: "remove", stage: "Between" });
    assert.equal(canonical(back.definition), canonical(definition));
    const parts = partition(definition, catalogOf());
    assert.equal(parts.columns.length, definition.stages.length);
  });
}

/* ---- rules ---- */

const DEFAULTS = {
  order: "ordered", window: null, entry: "best", reach: "closed", ties: "stage", reuse: "never", exclusions: [], count: "unique",
  unit: "customer", hold_constant: [], denominator: "entrants", observation_end: null, time_zone: null, retention_period: "30D",
};
const ruleCatalog = () => ({
  ...catalogOf(),
  rule_defaults: DEFAULTS,
  rule_presets: [
    { key: "A: first", tool: "A", setting: "first", rules: { window: "14D", entry: "first" }, keeps: ["exclusions", "retention_period"], effect: "reset" },
    { key: "B: none", tool: "B", setting: "none", rules: { reuse: "shared" }, keeps: ["window"], effect: null },
  ],
});
/** @param {Draft} draft @param {...Action} actions */
const ruled = (draft, ...actions) => actions.reduce((each, action) => reduce(each, action, ruleCatalog()), draft);

/** @type {{ what: string, definition: import("../wire.d.ts").Definition, actions: Action[], result: unknown }[]} */
const cases = JSON.parse(readFileSync(new URL("../../tests/golden/edits_of_rules.json", import.meta.url), "utf8"));
for (const { what, definition, actions, result } of cases) {
  test(`as Python does it: ${what}`, () => {
    const draft = ruled({ ...draftOf([]), definition }, ...actions);
    assert.equal(canonical(draft.definition), canonical(result));
    assert.equal(draft.past.length, actions.length);
    assert.equal(canonical(ruled(draft, ...actions.map(() => /** @type {const} */ ({ type: "undo" }))).definition), canonical(definition));
  });
}

test("setting a rule to what it is changes nothing, not even the revision", () => {
  const draft = ruled(start(), { type: "rule", field: "entry", value: "first" });
  assert.equal(ruled(draft, { type: "rule", field: "entry", value: "first" }), draft);
  assert.equal(ruled(start(), { type: "reset_rules" }).revision, start().revision);
});

test("the rules of another tool replace all but what it leaves to its user, and give exclusions their effect", () => {
  const before = ruled(
    start(),
    { type: "rule", field: "order", value: "any" },
    { type: "rule", field: "window", value: "3D" },
    { type: "rule", field: "retention_period", value: "7D" },
    { type: "exclusion", at: null, exclusion: { events: ["rate"], effect: "remove" } },
  );
  const a = ruled(before, { type: "rule_preset", key: "A: first" });
  assert.deepEqual(a.definition.rules, {
    window: "14D", entry: "first", exclusions: [{ events: ["rate"], effect: "reset" }], retention_period: "7D",
  });
  assert.equal(a.edit, "counts like A: first");
  assert.deepEqual(ruled(before, { type: "rule_preset", key: "B: none" }).definition.rules, { reuse: "shared", window: "3D" });
  assert.throws(() => ruled(before, { type: "rule_preset", key: "C" }), /no rules called 'C'/);
});

test("what an edit of the rules did is said in words", () => {
  /** @param {Action} action */
  const said = (action) => ruled(draftOf([{ name: "Look", events: [] }, { name: "Buy", events: [] }], { order: "any", exclusions: [{ events: ["x"] }] }), action).edit;
  assert.equal(said({ type: "rule", field: "order", value: "strict" }), "set order to strict order");
  assert.equal(said({ type: "rule", field: "order", value: null }), "set order to in order");
  assert.equal(said({ type: "rule", field: "ties", value: "2s" }), "set ties to 2 seconds of grace");
  assert.equal(said({ type: "rule", field: "unit", value: "device" }), "set unit to counted by device");
  assert.equal(said({ type: "rule", field: "window", value: "5 events" }), "set the window to 5 events");
  assert.equal(said({ type: "rule", field: "hold_constant", value: ["device"] }), "set hold constant to device");
  assert.equal(said({ type: "exclusion", at: 0, exclusion: null }), "took away the exclusion x");
  assert.equal(said({ type: "stage_rule", stage: "Buy", field: "window", value: "2D" }), "gave 'Buy' a window of 2 days");
  assert.equal(
    said({ type: "stage_rule", stage: "Buy", field: "where", value: [{ column: "device", op: "==", value: "desk" }] }),
    "let 'Buy' have only rows where device == desk",
  );
  assert.equal(said({ type: "stage_rule", stage: "Buy", field: "nth", value: "2+" }), "let 'Buy' have the 2nd and later");
});

test("an exclusion without events and a window without length are refused", () => {
  assert.throws(() => ruled(start(), { type: "exclusion", at: null, exclusion: { events: [] } }), /at least one event/);
  assert.throws(() => ruled(start(), { type: "exclusion", at: 3, exclusion: null }), /is gone/);
  assert.throws(() => ruled(start(), { type: "rule", field: "window", value: "0 events" }), /longer than nothing/);
});

/* ---- events in several stages ---- */

const SHARED = [
  { name: "Look", events: ["view*"] },
  { name: "Weigh", events: ["view_cart", "order"] },
  { name: "Buy", events: ["order"] },
];

test("where reuse allows it, an event stands in every stage that asks for it, also through a glob", () => {
  const parts = partition(draftOf(SHARED, { reuse: "distinct" }).definition, catalogOf());
  assert.deepEqual(shown(parts), [["view", "view_item", "view_cart"], ["view_cart", "order"], ["order"], ["rate"]]);
  assert.deepEqual(parts.columns.map((column) => column.chips.map((chip) => chip.also)), [[[], [], ["Weigh"]], [["Look"], ["Buy"]], [["Weigh"]]]);
  assert.deepEqual(parts.columns.map((column) => column.taken), [[], [], []]);
});

test("without reuse one stage has the event, and the other that names it says who takes it", () => {
  const parts = partition(draftOf(SHARED).definition, catalogOf());
  assert.deepEqual(shown(parts), [["view", "view_item"], ["view_cart", "order"], [], ["rate"]]);
  assert.deepEqual(parts.columns.map((column) => column.taken), [[], [], [{ name: "order", by: "Weigh" }]]);
});

test("an event in several stages leaves only the one it is taken from", () => {
  const draft = draftOf(SHARED, { reuse: "distinct" });
  const moved = ruled(draft, { type: "assign", event: "order", to: "Look", from: "Weigh" });
  assert.deepEqual(events(moved), { Look: ["view*", "order"], Weigh: ["view_cart"], Buy: ["order"] });
  const out = ruled(draft, { type: "assign", event: "view_cart", to: null, from: "Look" });
  assert.deepEqual(events(out), { Look: ["view", "view_item"], Weigh: ["view_cart", "order"], Buy: ["order"] });
  const on = ruled(draft, { type: "assign", event: "order", to: "Buy", from: "Weigh" });
  assert.deepEqual(events(on), { Look: ["view*"], Weigh: ["view_cart"], Buy: ["order"] });
});

test("putting an event into a stage it stands in already changes nothing", () => {
  const draft = draftOf(SHARED, { reuse: "shared" });
  assert.equal(ruled(draft, { type: "share", event: "order", to: "Buy" }), draft);
});
