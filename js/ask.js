/** A small box beside a control that asks for one thing. */

import { h, setText } from "./dom.js";
import { containKeys } from "./host.js";
import { float, placeBeside } from "./menu.js";

/**
 * @param {HTMLElement} anchor Focus goes back to it.
 * @param {string} label
 * @param {(nodes: HTMLElement[], listen: (target: EventTarget, type: string, handler: (event: any) => void) => void, box: { signal: AbortSignal, place: () => void }) => { focus: HTMLElement, take: () => string | null }} build
 *   Fills the box; `box.place` is for what changes its size; `take` does what was asked and returns null, or says why it cannot be.
 * @param {{ el: HTMLElement, signal: AbortSignal, guard: (action: () => void) => void }} options
 */
export function ask(anchor, label, build, options) {
  const own = new AbortController();
  const { signal } = own;
  /** @param {EventTarget} target @param {string} type @param {(event: any) => void} handler */
  const listen = (target, type, handler) => target.addEventListener(type, (event) => options.guard(() => handler(event)), { signal });
  const complaint = h("p", { class: "cx-complaint", role: "alert", hidden: true });
  const ok = h("button", { class: "cx-button cx-small cx-primary" }, "Set");
  const cancel = h("button", { class: "cx-button cx-small" }, "Cancel");
  /** @type {HTMLElement[]} */
  const nodes = [];
  /** @type {HTMLElement} */
  let box;
  const { focus, take } = build(nodes, listen, { signal, place: () => placeBeside(box, anchor.getBoundingClientRect()) });
  box = h(
    "div",
    { class: "cx-float cx-ask", role: "dialog", "aria-label": label },
    h("div", { class: "cx-ask-title", dir: "auto" }, label),
    h("div", { class: "cx-field-controls" }, ...nodes),
    complaint,
    h("div", { class: "cx-panel-buttons" }, ok, cancel),
  );
  const close = (giveBack = true) => {
    if (signal.aborted) return;
    own.abort();
    box.remove();
    if (giveBack && anchor.isConnected) anchor.focus({ preventScroll: true });
  };
  const submit = () => {
    const problem = take();
    if (problem === null) return close(!box.contains(document.activeElement) ? false : true);
    complaint.hidden = false;
    setText(complaint, problem);
  };
  options.signal.addEventListener("abort", () => close(false), { signal });
  containKeys(box, signal);
  listen(ok, "click", submit);
  listen(cancel, "click", () => close());
  listen(box, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target instanceof HTMLInputElement) submit();
    else if (event.key === "Tab") {
      const all = /** @type {HTMLElement[]} */ ([...box.querySelectorAll("input, select, button")]);
      const stops = all.filter((each) => each.checkVisibility?.() ?? true);
      const at = stops.indexOf(/** @type {HTMLElement} */ (event.target)) + (event.shiftKey ? -1 : 1);
      stops[(at + stops.length) % stops.length]?.focus();
    } else return;
    event.preventDefault();
  });
  document.addEventListener("pointerdown", (event) => !box.contains(/** @type {Node} */ (event.target)) && close(false), { capture: true, signal });
  window.addEventListener("resize", () => close(false), { signal });
  float(box, options.el);
  placeBeside(box, anchor.getBoundingClientRect());
  focus.focus();
}
