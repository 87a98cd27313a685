/** A stage's own counting rules as items of its menu. */

import { ask } from "./ask.js";
import { createConditions } from "./conditions.js";
import { h } from "./dom.js";
import { occurrence } from "./rules_text.js";
import { createSpanInput } from "./span_input.js";
import { parseSpan, spanText, spanWords } from "./timespan.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./menu.js").MenuItem} MenuItem */
/** @typedef {import("./wire.d.ts").Stage} Stage */

const WINDOWS = ["1h", "1D", "7D", "30D"];
const OCCURRENCES = [1, 2, 3, "2+", "3+"];

/**
 * Ask which rows of its events a stage has.
 * @param {Board} board
 * @param {Stage} stage
 * @param {HTMLElement} anchor
 */
export const askWhere = (board, stage, anchor) =>
  ask(
    anchor,
    `${stage.name} has only rows where`,
    (nodes, listen, { signal, place }) => {
      const conditions = createConditions(board, listen, { none: "every row; choose a column", changed: place });
      nodes.push(conditions.element);
      listen(conditions.element, "change", place);
      board.onOffer(() => {
        conditions.draw();
        place();
      }, signal);
      conditions.show(stage.where ?? []);
      return {
        focus: /** @type {HTMLElement} */ (conditions.element.querySelector("select")),
        take: () => {
          const problem = conditions.take();
          if (problem === null) board.act({ type: "stage_rule", stage: stage.name, field: "where", value: conditions.read() }, { stage: stage.name });
          return problem;
        },
      };
    },
    board,
  );

/**
 * @param {Board} board
 * @param {Stage} stage
 * @param {HTMLElement} anchor
 * @returns {MenuItem[]}
 */
export function stageRuleItems(board, stage, anchor) {
  const { definition } = board.draft();
  const index = definition.stages.findIndex((each) => each.name === stage.name);
  const last = definition.stages.length - 1;
  const anyOrder = definition.rules?.order === "any" ? "In any order no stage lies before another." : null;
  const first = index === 0 ? "It is the first stage; none lies before it." : null;
  /** @param {"optional" | "window" | "directly" | "anchored" | "nth"} field @param {unknown} value */
  const set = (field, value) => void board.act({ type: "stage_rule", stage: stage.name, field, value }, { stage: stage.name });
  /** What is set can always be taken back. @param {unknown} on @param {string | null} why */
  const unless = (on, why) => (on ? null : why);

  const seconds = parseSpan(stage.window);
  const own = stage.window && !WINDOWS.some((each) => parseSpan(each) === seconds) ? [stage.window] : [];
  /** @type {MenuItem[]} */
  const windows = [
    { label: "However long it takes", checked: !stage.window, run: () => set("window", null) },
    ...[...WINDOWS, ...own].map((text) => ({
      label: spanWords(parseSpan(text) ?? 0),
      checked: Boolean(stage.window) && parseSpan(text) === seconds,
      run: () => set("window", text),
    })),
    { label: "Other length…", run: () => askWindow() },
  ];
  const askWindow = () =>
    ask(
      anchor,
      `At most from the stage before to ${stage.name}`,
      (nodes, listen) => {
        const length = createSpanInput(`the window of ${stage.name}`, listen, (typed) => length.show(typed));
        length.show(seconds ?? 2 * 86_400);
        nodes.push(length.element);
        return {
          focus: length.box,
          take: () => {
            const typed = length.read();
            if (typed === null) return "A window is longer than nothing.";
            set("window", spanText(typed));
            return null;
          },
        };
      },
      board,
    );

  const nth = stage.nth ?? null;
  const known = OCCURRENCES.some((each) => each === nth);
  /** @type {MenuItem[]} */
  const occurrences = [
    { label: "Every occurrence", checked: nth === null, run: () => set("nth", null) },
    ...[...OCCURRENCES, ...(nth === null || known ? [] : [nth])].map((each) => ({
      label: occurrence(each),
      checked: each === nth,
      run: () => set("nth", each),
    })),
    { label: "Other…", run: () => askOccurrence() },
  ];
  const askOccurrence = () =>
    ask(
      anchor,
      `Which occurrence is ${stage.name}`,
      (nodes, listen) => {
        const box = h("input", { class: "cx-number", type: "number", min: 1, step: 1, "aria-label": `Occurrence for ${stage.name}` });
        const later = h("input", { type: "checkbox" });
        box.value = String(parseInt(String(nth ?? 4), 10));
        later.checked = String(nth ?? "").endsWith("+");
        nodes.push(box, h("label", { class: "cx-check" }, later, h("span", {}, "and later")));
        listen(box, "input", () => box.setCustomValidity(""));
        return {
          focus: box,
          take: () => {
            const number = box.valueAsNumber;
            if (!Number.isInteger(number) || number < 1) return "Say 1 for the first, 2 for the second, and so on.";
            set("nth", later.checked ? (number === 1 ? null : `${number}+`) : number);
            return null;
          },
        };
      },
      board,
    );

  return [
    {
      label: "May be skipped",
      toggle: true,
      checked: Boolean(stage.optional),
      disabled: unless(stage.optional, anyOrder ?? (index === 0 ? "It is the first stage; customers enter there." : index === last ? "It is the last stage; to reach it is to convert." : null)),
      run: () => set("optional", !stage.optional),
    },
    {
      label: "Directly after the stage before",
      toggle: true,
      checked: Boolean(stage.directly),
      disabled: unless(stage.directly, anyOrder ?? first),
      run: () => set("directly", !stage.directly),
    },
    ...(definition.rules?.order === "any" || stage.anchored
      ? [{ label: "Keeps its place", toggle: true, checked: Boolean(stage.anchored), run: () => set("anchored", !stage.anchored) }]
      : []),
    {
      label: "Time from the stage before",
      icon: "timer",
      hint: seconds === null ? "" : `≤ ${spanWords(seconds)}`,
      disabled: unless(stage.window, anyOrder ?? first),
      items: windows,
    },
    {
      label: "Only rows where…",
      icon: "search",
      hint: stage.where?.length ? String(stage.where.length) : "",
      disabled: unless(stage.where?.length, board.catalog().columns?.length ? null : "The log has no columns besides customer, time and event."),
      run: () => askWhere(board, stage, anchor),
    },
    { label: "Which occurrence", icon: "count", hint: nth === null ? "" : occurrence(nth), items: occurrences },
  ];
}
