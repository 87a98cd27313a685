/** A length of time as a number and a unit. */

import { h, setAttribute } from "./dom.js";
import { unitOf, UNITS } from "./timespan.js";

/**
 * @typedef {Object} SpanInput
 * @property {HTMLElement} element
 * @property {HTMLInputElement} box
 * @property {(seconds: number | null) => void} show
 * @property {() => number | null} read The length typed, in seconds; null if it is none.
 */

/**
 * @param {string} name What the length is of, for its accessible names: "the window".
 * @param {(target: EventTarget, type: string, handler: (event: any) => void) => void} listen
 * @param {(seconds: number | null) => void} [commit] Called after each change; null for what is no length.
 * @returns {SpanInput}
 */
export function createSpanInput(name, listen, commit = () => {}) {
  const box = h("input", { class: "cx-number", type: "number", min: 0, step: "any", "aria-label": `Length of ${name}`, inputmode: "decimal" });
  const units = h("select", { class: "cx-select", "aria-label": `Unit of ${name}` });
  for (const unit of UNITS) units.append(h("option", { value: unit.key }, unit.label));
  const element = h("span", { class: "cx-span" }, box, units);
  /** The unit that was chosen, as long as it divides what is shown. @type {(typeof UNITS)[number] | null} */
  let unit = null;
  let shown = /** @type {number | null} */ (null);
  const unitNow = () => unit ?? unitOf(shown ?? 86_400);
  const read = () => (box.valueAsNumber > 0 ? box.valueAsNumber * unitNow().seconds : null);
  /** @param {number | null} seconds */
  const show = (seconds) => {
    shown = seconds;
    if (unit && seconds !== null && Math.abs(Number((seconds / unit.seconds).toFixed(3)) * unit.seconds - seconds) > 1e-6) unit = null;
    const now = unitNow();
    const text = seconds === null ? "" : String(Number((seconds / now.seconds).toFixed(3)));
    if (box.value !== text) box.value = text;
    setAttribute(box, "placeholder", seconds === null ? "–" : null);
    if (units.value !== now.key) units.value = now.key;
  };
  listen(box, "change", () => commit(read()));
  listen(box, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    const before = box.value;
    show(shown);
    if (box.value !== before) event.preventDefault();
  });
  listen(units, "change", () => {
    const size = box.valueAsNumber;
    unit = UNITS.find((each) => each.key === units.value) ?? null;
    if (unit && size > 0) commit(size * unit.seconds);
  });
  return { element, box, show, read };
}
