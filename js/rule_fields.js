/** One rule as a field: its name, its control, what it means, and what is wrong with it. */

import { h, keyed, setAttribute, setText } from "./dom.js";
import { icon } from "./icons.js";
import { choiceOf, clashOf, columnUnit, looksLikeSpan, RULES, ruleValue, unitColumn } from "./rules_text.js";
import { createSpanInput } from "./span_input.js";
import { parseSpan, spanText } from "./timespan.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./wire.d.ts").Problem} Problem */

/**
 * @typedef {Object} Control
 * @property {HTMLElement[]} elements
 * @property {() => void} focus
 * @property {() => void} draw
 * @property {() => string} [words] What the present choice means.
 */

/**
 * @typedef {Object} Field
 * @property {string} key
 * @property {HTMLElement} element
 * @property {() => void} focus
 * @property {(problems: readonly Problem[]) => void} draw
 */

/**
 * What is wrong with the rules, by field; "" for what belongs to none.
 * @param {Board} board
 * @returns {Map<string, Problem[]>}
 */
export function ruleProblems(board) {
  const found = new Map();
  for (const problem of board.answer()?.problems ?? []) {
    const field = problem.field ?? "";
    if (problem.stage !== null || (problem.kind !== "rules" && !(field in RULES))) continue;
    const key = field in RULES ? field : "";
    found.set(key, [...(found.get(key) ?? []), problem]);
  }
  return found;
}

/** @param {Problem} problem Whether a problem stands at a rule. */
export const isRuleProblem = (problem) => problem.stage === null && (problem.kind === "rules" || (problem.field ?? "") in RULES);

/** @param {Board} board @param {string} key @param {unknown} value */
const set = (board, key, value) => board.act({ type: "rule", field: key, value });

/** @param {Board} board @param {string} key */
export const valueOf = (board, key) => ruleValue(board.draft().definition.rules, key, board.catalog());

/**
 * @param {Board} board
 * @param {string} key
 * @param {Control} control
 * @param {string | null} [outside] For a field without room of its own: the id of the element that says what is wrong. Its
 *   explanation is then behind the pointer; else both stand under the control.
 * @returns {Field}
 */
export function createField(board, key, control, outside = null) {
  const spoken = outside === null;
  const id = `cx-rule-${Math.random().toString(36).slice(2, 8)}`;
  const rule = RULES[key] ?? { label: key, words: "" };
  const name = h("span", { class: "cx-field-name", title: rule.words }, rule.label);
  const dot = h("span", { class: "cx-dot", "aria-hidden": "true" });
  const words = h("span", { id: `${id}-words`, class: spoken ? "cx-field-words" : "cx-hidden", dir: "auto" });
  const wrong = h("div", { class: "cx-field-problems", id: `${id}-wrong` });
  const controls = h("div", { class: "cx-field-controls" }, ...control.elements);
  const element = h(
    "div",
    { class: "cx-field", role: "group", "aria-label": rule.label, "data-rule": key, "data-testid": `rule:${key}` },
    h("div", { class: "cx-field-head" }, name, dot),
    controls,
    words,
    ...(spoken ? [wrong] : []),
  );
  const described = () => control.elements.flatMap((each) => (each.matches("input, select") ? [each] : [...each.querySelectorAll("input, select")]));
  return {
    key,
    element,
    focus: control.focus,
    draw(problems) {
      control.draw();
      const text = [rule.words, control.words?.() ?? ""].filter(Boolean);
      setText(words, spoken ? (control.words?.() || rule.words) : text.join(" "));
      setAttribute(controls, "title", spoken ? null : text.join("\n"));
      const changed = board.draft().definition.rules?.[key] !== undefined;
      setAttribute(element, "data-changed", changed);
      setAttribute(element, "data-wrong", problems.length > 0);
      if (spoken) drawProblems(wrong, problems);
      for (const each of described()) {
        setAttribute(each, "aria-describedby", problems.length ? `${id}-words ${outside ?? `${id}-wrong`}` : `${id}-words`);
        setAttribute(each, "aria-invalid", problems.length ? "true" : null);
      }
    },
  };
}

/**
 * @param {Element} box
 * @param {readonly Problem[]} problems
 * @param {(problem: Problem) => Node[]} [more] What stands behind the sentence.
 */
export function drawProblems(box, problems, more = () => []) {
  keyed(
    box,
    problems,
    (problem) => `${problem.field} ${problem.message}`,
    (problem) => h("div", { class: "cx-problem", role: "alert" }, icon("warn"), h("span", { class: "cx-problem-text", dir: "auto" }), ...more(problem)),
    (row, problem) => {
      const text = row.querySelector(".cx-problem-text");
      if (text) setText(text, problem.message);
    },
  );
}

/**
 * A list of choices; what cannot be taken beside the other rules says so.
 * @param {Board} board
 * @param {string} key
 * @param {{ first?: (choice: string) => unknown, extra?: () => { value: string, label: string, group: string }[] }} [options]
 *   `first`: the value a choice starts with, where it is more than a word; `extra`: choices besides the words.
 * @returns {Control}
 */
export function createChoice(board, key, { first = (choice) => choice, extra = () => [] } = {}) {
  const rule = RULES[key];
  const select = h("select", { class: "cx-select cx-choice", "aria-label": rule?.label ?? key });
  const more = h("optgroup", { label: "" });
  board.listen(select, "change", () => {
    if (!set(board, key, first(select.value))) draw();
  });
  const now = () => choiceOf(key, valueOf(board, key));
  /** @param {Element} element @param {{ value: string, label: string }} option */
  const fill = (element, { value, label }) => {
    const clash = value === now() ? null : clashOf(board.draft().definition.rules, key, value, board.catalog());
    setAttribute(element, "value", value);
    setAttribute(element, "disabled", clash !== null);
    setAttribute(element, "title", clash?.why ?? rule?.choices?.[value]?.words ?? null);
    setText(element, clash ? `${label} (not with ${clash.beside})` : label);
  };
  const plain = h("optgroup", { label: rule?.label ?? key });
  function draw() {
    const chosen = now();
    const words = (board.catalog().rule_choices?.[key] ?? []).map((value) => ({ value, label: rule?.choices?.[value]?.label ?? value }));
    const others = extra();
    if (![...words, ...others].some((each) => each.value === chosen)) others.push({ value: chosen, label: chosen, group: others[0]?.group ?? "Other" });
    const home = others.length ? plain : select;
    keyed(home, words, (each) => each.value, () => h("option"), fill);
    if (others.length) {
      setAttribute(more, "label", others[0]?.group ?? "");
      keyed(more, others, (each) => each.value, () => h("option"), fill);
      if (plain.parentNode !== select || more.parentNode !== select) select.replaceChildren(plain, more);
    }
    if (select.value !== chosen) select.value = chosen;
  }
  return {
    elements: [select],
    focus: () => select.focus({ preventScroll: true }),
    draw,
    words: () => rule?.choices?.[now()]?.words ?? "",
  };
}

/**
 * A list of choices one of which is a length of time, typed beside it.
 * @param {Board} board
 * @param {string} key
 * @param {string} span The word of that choice.
 * @param {string} text The length it starts with.
 * @param {string} name
 * @param {Parameters<typeof createChoice>[2]} [options]
 * @returns {Control}
 */
export function createChoiceWithSpan(board, key, span, text, name, options = {}) {
  let last = text;
  const choice = createChoice(board, key, { ...options, first: (value) => (value === span ? last : (options.first?.(value) ?? value)) });
  const length = createSpanInput(name, board.listen, (seconds) => {
    if (seconds === null) board.refuse(`${name[0]?.toUpperCase()}${name.slice(1)} is longer than nothing.`);
    else set(board, key, spanText(seconds));
  });
  return {
    ...choice,
    elements: [...choice.elements, length.element],
    draw() {
      choice.draw();
      const value = String(valueOf(board, key) ?? "");
      const timed = looksLikeSpan(value);
      length.element.hidden = !timed;
      if (timed) {
        last = value;
        length.show(parseSpan(value));
      }
    },
  };
}

/** @param {Board} board @returns {Control} */
export function createUnit(board) {
  return createChoiceWithSpan(board, "unit", "session", "30min", "the gap between sessions", {
    extra: () =>
      [...new Set([...(board.catalog().columns ?? []).map((column) => column.name), ...[unitColumn(String(valueOf(board, "unit")))].filter((name) => name !== null)])].map(
        (name) => ({ value: columnUnit(name), label: name, group: "Values of a column" }),
      ),
  });
}
