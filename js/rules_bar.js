/** The counting rules: the window from entry, and the period of the retention figure. */

import { DEFAULT_RETENTION } from "./draft.js";
import { h, keyed, setAttribute, setText } from "./dom.js";
import { icon } from "./icons.js";
import { nextStop, parseSpan, SLIDER_MAX, sliderPosition, spanStops, spanText, spanWords, stopAt, unitOf, UNITS } from "./timespan.js";

/** @typedef {import("./context.js").Board} Board */

/** Milliseconds without movement after which a slider that is still held is taken. */
const REST = 150;

/**
 * @param {Board} board
 * @returns {{ element: HTMLElement, draw: () => void }}
 */
export function createRulesBar(board) {
  const { guard, listen } = board;
  const group = `cx-period-${Math.random().toString(36).slice(2, 8)}`;

  const slider = h("input", { class: "cx-slider", type: "range", min: 0, max: SLIDER_MAX, step: 1, "aria-label": "Window" });
  const box = h("input", { class: "cx-number", type: "number", min: 0, step: "any", "aria-label": "Length of the window", inputmode: "decimal" });
  const unitBox = h("select", { class: "cx-select", "aria-label": "Unit of the window" });
  for (const unit of UNITS) unitBox.append(h("option", { value: unit.key }, unit.label));
  const none = h("input", { type: "checkbox" });
  const noWindow = h("label", { class: "cx-check", title: "However long it takes" }, none, h("span", {}, "No window"));
  const windowGroup = h(
    "div",
    { class: "cx-rule", role: "group", "aria-label": "Window from the first stage to the last" },
    h("span", { class: "cx-rule-name", title: "The longest time from entering the first stage to reaching a later one" }, "Window"),
    slider,
    box,
    unitBox,
    noWindow,
  );
  const periods = h("div", { class: "cx-segments", role: "radiogroup", "aria-label": "Retention period" });
  const periodGroup = h(
    "div",
    { class: "cx-rule" },
    h("span", { class: "cx-rule-name", title: "The period in which a customer has to come back", "aria-hidden": "true" }, "Retention by"),
    periods,
  );
  const problems = h("div", { class: "cx-rule-problems" });
  const element = h("div", { class: "cx-rules" }, windowGroup, periodGroup, problems);

  /** The unit that was chosen, kept as long as nobody else changes the window. */
  let unit = /** @type {(typeof UNITS)[number] | null} */ (null);
  /** @type {number | null} Seconds the slider shows while it is held. */
  let held = null;
  let sliding = false;
  let lastWindow = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  board.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  const stops = () => spanStops(board.catalog().span_seconds);
  const current = () => parseSpan(board.draft().definition.rules?.window);
  const unitNow = () => unit ?? unitOf(current() ?? (lastWindow || 86_400));

  /** @param {number} seconds */
  const commit = (seconds) => {
    clearTimeout(timer);
    const coalesce = sliding;
    if (held !== null) sliding = true;
    if (board.act({ type: "window", window: spanText(seconds), coalesce })) return;
    draw();
  };
  const settle = () => {
    if (held !== null) commit(held);
  };

  listen(slider, "input", () => {
    held = stopAt(Number(slider.value), stops());
    unit = null;
    draw();
    clearTimeout(timer);
    timer = setTimeout(() => guard(settle), REST);
  });
  listen(slider, "change", () => {
    settle();
    held = null;
    sliding = false;
    draw();
  });
  listen(slider, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    unit = null;
    commit(nextStop(current() ?? (lastWindow || 30 * 86_400), stops(), step));
  });
  const takeBox = () => {
    const seconds = box.valueAsNumber * unitNow().seconds;
    if (!(seconds > 0)) {
      board.refuse("A window is longer than nothing; tick “No window” to do without one.");
      return;
    }
    commit(seconds);
  };
  listen(box, "change", takeBox);
  listen(box, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") draw();
  });
  listen(unitBox, "change", () => {
    const size = box.valueAsNumber;
    unit = UNITS.find((each) => each.key === unitBox.value) ?? null;
    if (unit && size > 0) commit(size * unit.seconds);
  });
  listen(none, "change", () => {
    if (none.checked) board.act({ type: "window", window: null });
    else commit(lastWindow || Math.min(30 * 86_400, stops().at(-1) ?? 86_400));
  });

  /** @type {[label: string, value: string][]} */
  const PERIODS = [
    ["week", "7D"],
    ["month", DEFAULT_RETENTION],
  ];
  const drawPeriods = () => {
    const chosen = board.draft().definition.rules?.retention_period ?? DEFAULT_RETENTION;
    const seconds = parseSpan(chosen);
    const known = PERIODS.find(([, value]) => parseSpan(value) === seconds);
    /** @type {[label: string, value: string][]} */
    const all = known ? PERIODS : [...PERIODS, [seconds === null ? chosen : spanWords(seconds), chosen]];
    keyed(
      periods,
      all,
      ([, value]) => value,
      ([label, value]) => {
        const input = h("input", { type: "radio", name: group, value, class: "cx-hidden" });
        listen(input, "change", () => void board.act({ type: "retention_period", period: value }));
        return h("label", { class: "cx-segment", title: value === DEFAULT_RETENTION ? "30 days" : null }, input, h("span", {}, label));
      },
      (label, [, value]) => {
        const input = /** @type {HTMLInputElement} */ (label.firstElementChild);
        const checked = value === (known?.[1] ?? chosen);
        if (input.checked !== checked) input.checked = checked;
      },
    );
  };

  function draw() {
    const seconds = held ?? current();
    if (seconds !== null) lastWindow = seconds;
    const shown = seconds ?? lastWindow;
    if (unit && Math.abs(Number((shown / unit.seconds).toFixed(3)) * unit.seconds - shown) > 1e-6) unit = null;
    const now = unitNow();
    const off = seconds === null;
    none.checked = off;
    slider.value = String(off ? SLIDER_MAX : sliderPosition(seconds, stops()));
    setAttribute(slider, "aria-valuetext", off ? "no window" : spanWords(seconds));
    setAttribute(windowGroup, "data-off", off);
    if (document.activeElement !== box || !box.matches(":invalid")) {
      const text = off ? "" : String(Number((shown / now.seconds).toFixed(3)));
      if (box.value !== text) box.value = text;
    }
    setAttribute(box, "placeholder", off ? "–" : null);
    if (unitBox.value !== now.key) unitBox.value = now.key;
    drawPeriods();
    const fields = (board.answer()?.problems ?? []).filter((problem) => problem.stage === null && problem.kind === "rules");
    keyed(
      problems,
      fields,
      (problem) => `${problem.field} ${problem.message}`,
      () => h("div", { class: "cx-problem" }, icon("warn"), h("span", { class: "cx-problem-text", dir: "auto" })),
      (row, problem) => row.lastElementChild && setText(row.lastElementChild, problem.message),
    );
  }
  return { element, draw };
}
