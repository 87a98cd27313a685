/** The window: none, a length of time with its slider, or a number of events, sessions or calendar units. */

import { h, setAttribute, setText } from "./dom.js";
import { createSpanInput } from "./span_input.js";
import { nextStop, parseSpan, SLIDER_MAX, sliderPosition, spanStops, spanText, spanWords, stopAt, unitOf, UNITS } from "./timespan.js";
import { parseWindow, windowText, windowWords } from "./window_text.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./window_text.js").Window} Window */

/** Milliseconds without movement after which a slider that is still held is taken. */
const REST = 150;
const DAY = 86_400;

/** @type {Record<string, string>} */
const WINDOW_WORDS = {
  none: "However long it takes.",
  time: "The end of the window is inside.",
  events: "At most so many events later, whatever they are; needs ties as they stand in the data.",
  sessions: "In the session of the entry or the next ones.",
  calendar: "Before the calendar unit of the entry, or the last of so many, is over.",
};

/**
 * @param {Board} board
 * @returns {import("./rule_fields.js").Control}
 */
export function createWindowControl(board) {
  const { guard, listen } = board;
  const slider = h("input", { class: "cx-slider", type: "range", min: 0, max: SLIDER_MAX, step: 1, "aria-label": "Window" });
  const box = h("input", { class: "cx-number", type: "number", min: 0, step: "any", "aria-label": "Length of the window", inputmode: "decimal" });
  const units = h("select", { class: "cx-select", "aria-label": "Unit of the window" });
  const gap = createSpanInput("the gap that ends a session", listen, (seconds) => {
    if (seconds === null) board.refuse("The gap between sessions is longer than nothing.");
    else take("sessions");
  });
  const of = h("span", { class: "cx-muted", "aria-hidden": "true" }, "a gap of");

  const fill = () => {
    const counted = board.catalog().window_units ?? [];
    const calendar = counted.filter((unit) => unit !== "event" && unit !== "session");
    /** @param {string} label @param {Node[]} options */
    const group = (label, options) => (options.length ? [h("optgroup", { label }, ...options)] : []);
    units.replaceChildren(
      h("option", { value: "none" }, "no limit"),
      ...group("Length of time", UNITS.map((unit) => h("option", { value: unit.key }, unit.label))),
      ...group("To the end of the calendar", calendar.map((unit) => h("option", { value: `calendar ${unit}` }, `calendar ${unit}s`))),
      ...group("Counted", [
        ...(counted.includes("event") ? [h("option", { value: "events" }, "events")] : []),
        ...(counted.includes("session") ? [h("option", { value: "sessions" }, "sessions")] : []),
      ]),
    );
  };
  let filled = /** @type {unknown} */ (null);

  /** The unit that was chosen, kept as long as nobody else changes the window. @type {(typeof UNITS)[number] | null} */
  let unit = null;
  /** @type {number | null} Seconds the slider shows while it is held. */
  let held = null;
  let sliding = false;
  /** The last lengths of time, and of anything counted, to come back to. */
  let lastSeconds = 0;
  let lastSize = 0;
  let lastGap = "30min";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  board.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  const stops = () => spanStops(board.catalog().span_seconds);
  /** @returns {Window} */
  const current = () => parseWindow(board.draft().definition.rules?.window);
  const secondsNow = () => {
    const window = current();
    return window.kind === "time" ? window.seconds : null;
  };
  const unitNow = () => unit ?? unitOf(secondsNow() ?? (lastSeconds || DAY));

  /** @param {string | null} window @param {boolean} [coalesce] */
  const write = (window, coalesce = false) => {
    if (!board.act({ type: "rule", field: "window", value: window, coalesce })) draw();
  };
  /** @param {number} seconds */
  const commit = (seconds) => {
    clearTimeout(timer);
    const coalesce = sliding;
    if (held !== null) sliding = true;
    write(spanText(seconds), coalesce);
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
    commit(nextStop(secondsNow() ?? (lastSeconds || 30 * DAY), stops(), step));
  });

  const gapNow = () => {
    const typed = current().kind === "sessions" ? gap.read() : null;
    return typed === null ? lastGap : spanText(typed);
  };
  /** The window that number, unit and gap say. @param {string} chosen */
  const take = (chosen) => {
    const size = box.valueAsNumber;
    const now = current();
    if (chosen === "none") return write(null);
    const known = UNITS.find((each) => each.key === chosen);
    if (known) {
      unit = known;
      const seconds = now.kind === "time" && size > 0 ? size * known.seconds : lastSeconds || Math.min(30 * DAY, stops().at(-1) ?? DAY);
      return seconds > 0 ? commit(seconds) : undefined;
    }
    const whole = "size" in now && size > 0 ? Math.max(1, Math.round(size)) : lastSize || 1;
    if (chosen === "events") return write(windowText({ kind: "events", size: whole }));
    if (chosen === "sessions") return write(windowText({ kind: "sessions", size: whole, gap: gapNow() }));
    return write(windowText({ kind: "calendar", size: whole, unit: chosen.replace("calendar ", "") }));
  };
  listen(box, "change", () => {
    if (!(box.valueAsNumber > 0)) {
      board.refuse("A window is longer than nothing; choose “no limit” to do without one.");
      return;
    }
    take(units.value === "none" ? unitNow().key : units.value);
  });
  listen(box, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") draw();
  });
  listen(units, "change", () => {
    take(units.value);
  });

  function draw() {
    if (filled !== board.catalog()) {
      filled = board.catalog();
      fill();
    }
    const window = /** @type {Window} */ (held !== null ? { kind: "time", seconds: held } : current());
    const timed = window.kind === "time" || window.kind === "none";
    if (window.kind === "time") {
      lastSeconds = window.seconds;
      if (unit && Math.abs(Number((window.seconds / unit.seconds).toFixed(3)) * unit.seconds - window.seconds) > 1e-6) unit = null;
    }
    if ("size" in window) lastSize = window.size;
    if (window.kind === "sessions") lastGap = window.gap;
    const off = window.kind === "none";
    slider.hidden = !timed;
    slider.value = String(window.kind === "time" ? sliderPosition(window.seconds, stops()) : SLIDER_MAX);
    setAttribute(slider, "aria-valuetext", window.kind === "time" ? spanWords(window.seconds) : "no window");
    setAttribute(slider, "data-off", off);
    const size = window.kind === "time" ? String(Number((window.seconds / unitNow().seconds).toFixed(3))) : "size" in window ? String(window.size) : "";
    if (document.activeElement !== box || !box.matches(":invalid")) {
      if (box.value !== size) box.value = size;
    }
    box.hidden = off || window.kind === "other";
    of.hidden = gap.element.hidden = window.kind !== "sessions";
    if (window.kind === "sessions") gap.show(parseSpan(window.gap));
    const chosen =
      window.kind === "time" ? unitNow().key : window.kind === "calendar" ? `calendar ${window.unit}` : window.kind === "other" ? "other" : window.kind;
    const odd = units.querySelector("option[data-odd]");
    if (![...units.options].some((option) => option.value === chosen && option !== odd)) {
      const option = odd ?? units.appendChild(h("option", { "data-odd": true }));
      setAttribute(option, "value", chosen);
      setText(option, window.kind === "other" ? window.text : windowWords(board.draft().definition.rules?.window ?? ""));
    } else {
      odd?.remove();
    }
    if (units.value !== chosen) units.value = chosen;
  }
  return {
    elements: [slider, box, units, of, gap.element],
    words: () => WINDOW_WORDS[current().kind] ?? "",
    focus: () => (box.hidden ? units : box).focus({ preventScroll: true }),
    draw,
  };
}

