/** Conditions on the rows of a stage or an exclusion: a column, a comparison, and values that the log has. */

import { h, keyed, setAttribute, setText } from "./dom.js";
import { icon } from "./icons.js";
import { conditionText } from "./rules_text.js";
import { createSpanInput } from "./span_input.js";
import { parseSpan, spanText } from "./timespan.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./wire.d.ts").Condition} Condition */
/** @typedef {import("./wire.d.ts").Offer} Offer */
/** @typedef {(target: EventTarget, type: string, handler: (event: any) => void) => void} Listen */

const NO_VALUE = ["is null", "not null"];
const MANY_VALUES = ["in", "not in"];
const SAME = ["==", "!="];
const MORE = ["<", "<=", ">", ">="];

/** @type {Record<string, string>} */
const WORDS = {
  "==": "is",
  "!=": "is not",
  "<": "is less than",
  "<=": "is at most",
  ">": "is more than",
  ">=": "is at least",
  in: "is one of",
  "not in": "is none of",
  contains: "contains",
  "is null": "is missing",
  "not null": "is there",
};
/** @type {Record<string, string[]>} */
const SENSIBLE = {
  text: [...SAME, ...MANY_VALUES, "contains", ...NO_VALUE],
  bool: [...SAME, ...NO_VALUE],
  number: [...SAME, ...MORE, ...MANY_VALUES, ...NO_VALUE],
  time: [...SAME, ...MORE, ...MANY_VALUES, ...NO_VALUE],
  duration: [...SAME, ...MORE, ...MANY_VALUES, ...NO_VALUE],
};

/**
 * The comparisons that make sense for a kind of values, of those that there are.
 * @param {string} kind
 * @param {readonly string[]} all
 */
export const comparisons = (kind, all) => (SENSIBLE[kind] ?? NO_VALUE).filter((each) => all.includes(each));

/**
 * How a value is given: chosen from a list, typed as text, a number, a time or a length of time; "none" needs no value.
 * @param {string} kind
 * @param {string} op
 * @param {Offer | undefined} offer
 * @returns {"none" | "list" | "text" | "number" | "time" | "duration"}
 */
export function valueWay(kind, op, offer) {
  if (!op || NO_VALUE.includes(op)) return "none";
  if (kind === "bool") return "list";
  if (kind === "number" || kind === "time" || kind === "duration") return kind;
  return op !== "contains" && offer?.values?.length && !offer.more && !offer.one_in ? "list" : "text";
}

/**
 * A condition, of values that were chosen.
 * @param {string} column
 * @param {string} op
 * @param {readonly unknown[]} values
 * @returns {Condition}
 */
export function conditionOf(column, op, values) {
  if (NO_VALUE.includes(op)) return { column, op };
  return { column, op, value: MANY_VALUES.includes(op) ? [...values] : values[0] };
}

/**
 * @typedef {Object} Conditions
 * @property {HTMLElement} element
 * @property {() => Condition[]} read
 * @property {() => string | null} take Add what stands in the row; null, or what is missing there.
 * @property {(where: readonly Condition[]) => void} show Begin with other conditions.
 * @property {() => void} draw
 * @property {() => void} focus
 */

/**
 * @param {Board} board
 * @param {Listen} listen
 * @param {{ none: string, changed?: () => void }} options `none`: what no condition means.
 * @returns {Conditions}
 */
export function createConditions(board, listen, { none, changed = () => {} }) {
  const id = `cx-where-${Math.random().toString(36).slice(2, 8)}`;
  const pills = h("span", { class: "cx-pills" });
  const column = h("select", { class: "cx-select", "aria-label": "Column of a condition" });
  const op = h("select", { class: "cx-select", "aria-label": "Comparison" });
  const picked = h("span", { class: "cx-pills" });
  const list = h("select", { class: "cx-select", "aria-label": "Value to compare with" });
  const known = h("datalist", { id });
  const text = h("input", { class: "cx-text", type: "text", list: id, "aria-label": "Value to compare with", spellcheck: "false", autocomplete: "off" });
  const number = h("input", { class: "cx-number", type: "number", step: "any", "aria-label": "Value to compare with" });
  const time = h("input", { class: "cx-text", type: "datetime-local", step: 1, "aria-label": "Value to compare with" });
  const length = createSpanInput("time to compare with", listen, (seconds) => length.show(seconds));
  const range = h("span", { class: "cx-muted", id: `${id}-range` });
  const another = h("button", { class: "cx-button cx-small" }, "Add value");
  const add = h("button", { class: "cx-button cx-small" }, "Add condition");
  const row = h("span", { class: "cx-condition-row" }, column, op, picked, list, text, known, number, time, length.element, range, another, add);
  const element = h("span", { class: "cx-conditions" }, pills, row);

  /** @type {Condition[]} */
  let where = [];
  /** The place of the condition in the row among the others; null for a new one. @type {number | null} */
  let at = null;
  /** What is in the row, as far as it was chosen. */
  let chosen = { column: "", op: "", values: /** @type {unknown[]} */ ([]) };

  const offer = () => board.offered()[chosen.column];
  const kind = () => offer()?.kind ?? (board.catalog().columns ?? []).find((each) => each.name === chosen.column)?.kind ?? "text";
  const way = () => valueWay(kind(), chosen.op, offer());
  const many = () => MANY_VALUES.includes(chosen.op);
  /** @returns {[value: unknown, words: string][]} */
  const listed = () =>
    kind() === "bool"
      ? [
          [true, "true"],
          [false, "false"],
        ]
      : (offer()?.values ?? []).map(([value, events]) => [value, `${value} · ${events.toLocaleString("en")}`]);

  /** The value that stands in the row now; undefined where there is none. */
  const typed = () => {
    const now = way();
    if (now === "list") return listed().find(([value]) => JSON.stringify(value) === list.value)?.[0];
    if (now === "text") return text.value === "" ? undefined : text.value;
    if (now === "number") return Number.isFinite(number.valueAsNumber) ? number.valueAsNumber : undefined;
    if (now === "time") return time.value || undefined;
    const seconds = now === "duration" ? length.read() : null;
    return seconds === null ? undefined : spanText(seconds);
  };
  /** @param {unknown} value What the row begins with. */
  const put = (value) => {
    drawRow();
    list.value = listed().some(([each]) => each === value) ? JSON.stringify(value) : "";
    text.value = typeof value === "string" ? value : "";
    number.value = typeof value === "number" ? String(value) : "";
    const moment = typeof value === "string" ? value.replace(" ", "T") : "";
    time.value = /^[\d-]+$/.test(moment) ? `${moment}T00:00` : moment;
    length.show(typeof value === "string" ? parseSpan(value) : null);
  };
  /** @param {Condition | null} condition @param {number | null} place */
  const begin = (condition, place) => {
    at = place;
    const value = condition?.value;
    chosen = { column: condition?.column ?? "", op: condition?.op ?? "", values: Array.isArray(value) ? [...value] : [] };
    if (chosen.column) board.want(chosen.column);
    put(Array.isArray(value) ? undefined : value);
  };
  const takeValue = () => {
    const value = typed();
    if (value === undefined) return false;
    if (!chosen.values.includes(value)) chosen.values = [...chosen.values, value];
    put(undefined);
    drawRow();
    return true;
  };
  const take = () => {
    if (!chosen.column) return null;
    if (many()) takeValue();
    else if (way() !== "none") chosen.values = [typed()].filter((value) => value !== undefined);
    if (way() !== "none" && !chosen.values.length) {
      focusValue();
      return `Say what ${chosen.column} is compared with.`;
    }
    const made = conditionOf(chosen.column, chosen.op, chosen.values);
    where = at === null ? [...where, made] : where.map((each, index) => (index === at ? made : each));
    begin(null, null);
    draw();
    changed();
    return null;
  };
  const focusValue = () => {
    const now = { none: add, list, text, number, time, duration: length.box }[way()];
    now.focus({ preventScroll: true });
  };

  listen(column, "change", () => {
    const before = at;
    begin(column.value ? { column: column.value, op: "" } : null, column.value ? before : null);
    draw();
  });
  listen(op, "change", () => {
    chosen = { ...chosen, op: op.value, values: [] };
    drawRow();
  });
  listen(list, "change", () => {
    if (many()) takeValue();
  });
  listen(another, "click", () => {
    takeValue();
    focusValue();
  });
  listen(add, "click", () => {
    if (take() === null) column.focus({ preventScroll: true });
  });
  listen(row, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.isComposing || !(event.target instanceof HTMLInputElement)) return;
    // Where the row is empty, Enter is for the form around it.
    if (many() ? !takeValue() : take() !== null) return;
    event.preventDefault();
    event.stopPropagation();
    if (!chosen.column) column.focus({ preventScroll: true });
  });

  /**
   * @param {HTMLSelectElement} select
   * @param {{ value: string, label: string }[]} options
   * @param {string} value
   */
  const fill = (select, options, value) => {
    const all = options.some((each) => each.value === value) ? options : [...options, { value, label: WORDS[value] ?? value }];
    keyed(
      select,
      all,
      (each) => `= ${each.value}`,
      () => h("option"),
      (option, each) => {
        setAttribute(option, "value", each.value);
        setText(option, each.label);
      },
    );
    if (select.value !== value) select.value = value;
  };

  function drawRow() {
    const columns = board.catalog().columns ?? [];
    fill(column, [{ value: "", label: where.length ? "another column" : none }, ...columns.map((each) => ({ value: each.name, label: each.name }))], chosen.column);
    const operators = comparisons(kind(), board.catalog().operators ?? ["=="]);
    if (chosen.column && !chosen.op) chosen.op = operators[0] ?? "";
    fill(op, operators.map((each) => ({ value: each, label: WORDS[each] ?? each })), chosen.op);
    const now = chosen.column ? way() : "none";
    op.hidden = add.hidden = !chosen.column;
    list.hidden = now !== "list";
    text.hidden = now !== "text";
    number.hidden = now !== "number";
    time.hidden = now !== "time";
    length.element.hidden = now !== "duration";
    if (now === "list") {
      // What was typed, or stood there, before the values came.
      const known = list.value === "" && listed().some(([value]) => value === text.value);
      const before = known ? JSON.stringify(text.value) : list.value;
      if (known) text.value = "";
      fill(list, [{ value: "", label: many() ? "add a value" : "choose a value" }, ...listed().map(([value, words]) => ({ value: JSON.stringify(value), label: words }))], before);
    }
    if (now === "text") keyed(known, offer()?.values ?? [], ([value]) => String(value), ([value]) => h("option", { value: String(value) }), () => {});
    const ends = now === "number" || now === "time" ? (offer()?.ends ?? []) : [];
    const { more = 0, one_in } = offer() ?? {};
    const rest = one_in ? `the list offers values of one in ${one_in} customers` : more ? `${more.toLocaleString("en")} more values than the list offers` : "";
    setText(range, ends.length === 2 ? `${ends[0]} to ${ends[1]} in the log` : now === "text" ? rest : "");
    range.hidden = !range.textContent;
    for (const box of [text, number, time]) setAttribute(box, "aria-describedby", range.hidden ? null : range.id);
    another.hidden = !many() || now === "list" || now === "none";
    setText(add, at === null ? "Add condition" : "Change condition");
    keyed(
      picked,
      many() ? chosen.values : [],
      (value) => JSON.stringify(value),
      (value) =>
        pill(String(value), `Take away ${value}`, null, () => {
          chosen.values = chosen.values.filter((each) => each !== value);
          drawRow();
          focusValue();
        }),
      () => {},
    );
  }
  /** @param {string} words @param {string} label @param {(() => void) | null} edit @param {() => void} remove */
  const pill = (words, label, edit, remove) => {
    const button = h("button", { class: "cx-icon-button", "aria-label": label }, icon("close"));
    listen(button, "click", remove);
    if (edit === null) return h("span", { class: "cx-pill" }, h("span", { class: "cx-pill-text", dir: "auto", title: words }, words), button);
    const open = h("button", { class: "cx-pill-text", dir: "auto", title: words, "aria-label": `Change the condition ${words}` }, words);
    listen(open, "click", edit);
    return h("span", { class: "cx-pill" }, open, button);
  };

  function draw() {
    keyed(
      pills,
      where.map((condition, index) => ({ condition, index })),
      ({ condition, index }) => `${index} ${JSON.stringify(condition)}`,
      ({ condition, index }) => {
        const words = conditionText(condition);
        const edit = () => {
          begin(condition, index);
          draw();
          focusValue();
        };
        const remove = () => {
          where = where.filter((each) => each !== condition);
          begin(null, null);
          draw();
          changed();
          column.focus({ preventScroll: true });
        };
        return pill(words, `Take away the condition ${words}`, edit, remove);
      },
      (item, { index }) => setAttribute(item, "data-edited", index === at),
    );
    drawRow();
  }
  /** @param {readonly Condition[]} conditions */
  const show = (conditions) => {
    where = [...conditions];
    begin(null, null);
    draw();
  };
  return { element, read: () => where, take, show, draw, focus: () => column.focus({ preventScroll: true }) };
}
