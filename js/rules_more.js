/** The rules one click away. */

import { h, keyed, setAttribute, setText } from "./dom.js";
import { DEFAULT_RETENTION } from "./draft.js";
import { createExclusions } from "./exclusions.js";
import { icon } from "./icons.js";
import { createChoice, createChoiceWithSpan, createField, valueOf } from "./rule_fields.js";
import { RULES } from "./rules_text.js";
import { createSpanInput } from "./span_input.js";
import { parseSpan, spanText, spanWords } from "./timespan.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./rule_fields.js").Control} Control */
/** @typedef {import("./rule_fields.js").Field} Field */

/**
 * Columns held constant: pills, and a list to add one.
 * @param {Board} board
 * @returns {Control}
 */
function createColumnsHeld(board) {
  const pills = h("span", { class: "cx-pills" });
  const add = h("select", { class: "cx-select", "aria-label": "Add a column to hold constant" });
  const held = () => /** @type {string[]} */ (board.draft().definition.rules?.hold_constant ?? []);
  /** @param {string[]} columns */
  const hold = (columns) => board.act({ type: "rule", field: "hold_constant", value: columns });
  board.listen(add, "change", () => {
    if (add.value) hold([...held(), add.value]);
  });
  return {
    elements: [pills, add],
    focus: () => add.focus({ preventScroll: true }),
    draw() {
      const free = (board.catalog().columns ?? []).map((column) => column.name).filter((name) => !held().includes(name));
      keyed(
        pills,
        held(),
        (column) => column,
        (column) => {
          const remove = h("button", { class: "cx-icon-button", "aria-label": `Do not hold ${column} constant` }, icon("close"));
          board.listen(remove, "click", () => {
            hold(held().filter((each) => each !== column));
            add.focus({ preventScroll: true });
          });
          return h("span", { class: "cx-pill" }, h("span", { class: "cx-pill-text", dir: "auto" }, column), remove);
        },
        () => {},
      );
      keyed(
        add,
        ["", ...free],
        (name) => `= ${name}`,
        () => h("option"),
        (option, name) => {
          setAttribute(option, "value", name);
          setText(option, name || (free.length ? (held().length ? "add a column" : "none; add a column") : "no further column"));
        },
      );
      add.value = "";
    },
  };
}

/** @type {[label: string, value: string][]} */
const PERIODS = [
  ["week", "7D"],
  ["month", DEFAULT_RETENTION],
];

/**
 * @param {Board} board
 * @returns {Control}
 */
function createPeriod(board) {
  const group = `cx-period-${Math.random().toString(36).slice(2, 8)}`;
  const periods = h("div", { class: "cx-segments", role: "radiogroup", "aria-label": "Retention period" });
  const length = createSpanInput("the retention period", board.listen, (seconds) => {
    if (seconds === null) board.refuse("A retention period is longer than nothing.");
    else board.act({ type: "rule", field: "retention_period", value: spanText(seconds) });
  });
  const now = () => String(valueOf(board, "retention_period") ?? DEFAULT_RETENTION);
  return {
    elements: [periods, length.element],
    focus: () => length.box.focus({ preventScroll: true }),
    draw() {
      const seconds = parseSpan(now());
      keyed(
        periods,
        PERIODS,
        ([, value]) => value,
        ([label, value]) => {
          const input = h("input", { type: "radio", name: group, value, class: "cx-hidden" });
          board.listen(input, "change", () => void board.act({ type: "rule", field: "retention_period", value }));
          return h("label", { class: "cx-segment", title: spanWords(parseSpan(value) ?? 0) }, input, h("span", {}, label));
        },
        (label, [, value]) => {
          const input = /** @type {HTMLInputElement} */ (label.firstElementChild);
          const checked = parseSpan(value) === seconds;
          if (input.checked !== checked) input.checked = checked;
        },
      );
      length.show(seconds);
    },
  };
}

/**
 * A rule that is a text, with suggestions.
 * @param {Board} board
 * @param {string} key
 * @param {{ placeholder: () => string, suggestions?: () => string[] }} options
 * @returns {Control}
 */
function createText(board, key, { placeholder, suggestions = () => [] }) {
  const id = `cx-list-${Math.random().toString(36).slice(2, 8)}`;
  const list = h("datalist", { id });
  const box = h("input", { class: "cx-text", type: "text", "aria-label": RULES[key]?.label ?? key, list: id, spellcheck: "false", autocomplete: "off" });
  board.listen(box, "change", () => void board.act({ type: "rule", field: key, value: box.value.trim() || null }));
  board.listen(box, "focus", () => keyed(list, suggestions(), (text) => text, (text) => h("option", { value: text }), () => {}));
  return {
    elements: [box, list],
    focus: () => box.focus({ preventScroll: true }),
    draw() {
      const text = String(board.draft().definition.rules?.[key] ?? "");
      if (document.activeElement !== box && box.value !== text) box.value = text;
      setAttribute(box, "placeholder", placeholder());
    },
  };
}

/**
 * @param {Board} board
 * @param {string} id
 * @returns {{ element: HTMLElement, fields: Field[], exclusions: ReturnType<typeof createExclusions> }}
 */
export function createMoreRules(board, id) {
  const exclusions = createExclusions(board);
  const catalog = board.catalog();
  /** @param {string} key @param {Control} control */
  const field = (key, control) => createField(board, key, control);
  const way = [
    field("reach", createChoice(board, "reach")),
    field("ties", createChoiceWithSpan(board, "ties", "grace", "2s", "the grace")),
    field("reuse", createChoice(board, "reuse")),
    field("hold_constant", createColumnsHeld(board)),
  ];
  const counting = [
    field("denominator", createChoice(board, "denominator")),
    ...(catalog.observation ? [field("observation_end", createText(board, "observation_end", { placeholder: () => board.catalog().observation?.end ?? "" }))] : []),
    ...(catalog.observation
      ? [
          field(
            "time_zone",
            createText(board, "time_zone", {
              placeholder: () => board.catalog().observation?.time_zone ?? "no time zone",
              suggestions: () => Intl.supportedValuesOf?.("timeZone") ?? [],
            }),
          ),
        ]
      : []),
    field("retention_period", createPeriod(board)),
  ];
  const excluded = field("exclusions", exclusions);
  excluded.element.classList.add("cx-wide");
  /** @param {string} title @param {readonly Field[]} fields */
  const section = (title, fields) =>
    h("div", { class: "cx-rule-section", role: "group", "aria-label": title }, h("div", { class: "cx-rule-title" }, title), h("div", { class: "cx-rule-grid" }, ...fields.map((each) => each.element)));
  const element = h(
    "div",
    { class: "cx-more", id, role: "region", "aria-label": "More rules", hidden: true },
    section("The way through the stages", way),
    h("div", { class: "cx-rule-section" }, excluded.element),
    section("What is counted", counting),
  );
  return { element, fields: [...way, excluded, ...counting], exclusions };
}
