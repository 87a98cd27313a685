/** Boxes that float over the page, and the menu: one level at a time, keyboard first. */

import { h } from "./dom.js";
import { containKeys } from "./host.js";
import { icon } from "./icons.js";

/**
 * @typedef {Object} MenuItem
 * @property {string} label
 * @property {import("./icons.js").IconName} [icon]
 * @property {string} [hint] A short text at the right, such as a key.
 * @property {boolean} [checked] Given: the item is one of several to choose from, or on or off if it is a toggle.
 * @property {boolean} [toggle]
 * @property {boolean} [rule] Whether a line stands above the item.
 * @property {string | null} [disabled] Why the item cannot be chosen.
 * @property {() => void} [run]
 * @property {MenuItem[]} [items] The next level.
 */

/** @type {(() => void) | null} */
let closeOpenMenu = null;

/**
 * Show a box above everything else. As a popover it stays inside the widget, for screen readers and for the notebook's
 * notion of where the focus is, and nothing clips it; a browser without popovers gets it on the body.
 * @param {HTMLElement} box
 * @param {HTMLElement} home
 */
export function float(box, home) {
  if (typeof box.showPopover === "function") {
    box.popover = "manual";
    home.append(box);
    box.showPopover();
  } else {
    document.body.append(box);
  }
}

/**
 * Place a floating box beside its anchor and inside the window.
 * @param {HTMLElement} box
 * @param {DOMRect} anchor
 */
export function placeBeside(box, anchor) {
  const gap = 4;
  const { width, height } = box.getBoundingClientRect();
  const left = Math.max(gap, Math.min(anchor.left, window.innerWidth - width - gap));
  const below = anchor.bottom + gap;
  const above = anchor.top - gap - height;
  const top = below + height <= window.innerHeight || above < gap ? below : above;
  box.style.left = `${Math.round(left)}px`;
  box.style.top = `${Math.round(Math.max(gap, Math.min(top, window.innerHeight - height - gap)))}px`;
}

/**
 * @param {HTMLElement} anchor Focus goes back to it.
 * @param {string} label
 * @param {MenuItem[]} items
 * @param {{ el: HTMLElement, signal: AbortSignal, guard: (action: () => void) => void }} options
 */
export function openMenu(anchor, label, items, options) {
  closeOpenMenu?.();
  const own = new AbortController();
  const { signal } = own;
  const box = h("div", { class: "cx-float cx-menu", role: "menu", "aria-label": label });
  const announces = anchor.hasAttribute("aria-haspopup");
  /** @type {{ label: string, items: MenuItem[], at: number }[]} */
  const levels = [];

  const close = (giveBack = true) => {
    if (signal.aborted) return;
    own.abort();
    box.remove();
    closeOpenMenu = null;
    if (announces) anchor.setAttribute("aria-expanded", "false");
    if (giveBack && anchor.isConnected) anchor.focus({ preventScroll: true });
  };
  closeOpenMenu = () => close(false);
  options.signal.addEventListener("abort", () => close(false), { signal });

  const buttons = () => /** @type {HTMLElement[]} */ ([...box.querySelectorAll("[role^=menuitem]")]);
  /** @param {number} index */
  const focusAt = (index) => {
    const all = buttons();
    all.at(((index % all.length) + all.length) % all.length)?.focus();
  };

  /**
   * @param {string} title
   * @param {MenuItem[]} list
   */
  const enter = (title, list) => {
    levels.push({ label: title, items: list, at: Math.max(0, list.findIndex((item) => item.checked && !item.toggle)) });
    draw();
  };
  const back = () => {
    if (levels.length < 2) return close();
    levels.pop();
    draw();
  };
  /** @param {MenuItem} item */
  const choose = (item) => {
    if (item.disabled) return;
    if (item.items) return enter(item.label, item.items);
    close();
    options.guard(() => item.run?.());
  };

  const draw = () => {
    const level = /** @type {(typeof levels)[number]} */ (levels.at(-1));
    box.replaceChildren();
    if (levels.length > 1) {
      const up = h("button", { role: "menuitem", class: "cx-menu-item cx-menu-back", tabindex: -1 }, icon("left"));
      up.append(h("span", { class: "cx-menu-label", dir: "auto" }, level.label));
      up.addEventListener("click", back, { signal });
      box.append(up);
    }
    for (const item of level.items) {
      const button = h("button", {
        role: item.checked === undefined ? "menuitem" : item.toggle ? "menuitemcheckbox" : "menuitemradio",
        "aria-checked": item.checked === undefined ? null : String(item.checked),
        "aria-disabled": item.disabled ? "true" : null,
        "aria-haspopup": item.items ? "menu" : null,
        title: item.disabled ?? null,
        class: `cx-menu-item${item.rule ? " cx-menu-rule" : ""}`,
        tabindex: -1,
      });
      button.append(item.checked ? icon("check") : item.icon ? icon(item.icon) : h("span", { class: "cx-icon" }));
      button.append(h("span", { class: "cx-menu-label", dir: "auto" }, item.label));
      if (item.hint) button.append(h("span", { class: "cx-menu-hint", "aria-hidden": "true" }, item.hint));
      if (item.items) button.append(icon("right"));
      button.addEventListener("click", () => choose(item), { signal });
      box.append(button);
    }
    placeBeside(box, anchor.getBoundingClientRect());
    focusAt(level.at + (levels.length > 1 ? 1 : 0));
  };

  containKeys(box, signal);
  box.addEventListener(
    "keydown",
    (event) => {
      const all = buttons();
      const at = all.indexOf(/** @type {HTMLElement} */ (event.target));
      const level = levels.at(-1);
      const item = level?.items[at - (levels.length > 1 ? 1 : 0)];
      const step = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
      if (step !== undefined) focusAt(step);
      else if (event.key === "ArrowRight" && item?.items) choose(item);
      else if (event.key === "ArrowLeft" && levels.length > 1) back();
      else if (event.key === "Escape") back();
      else if (event.key === "Tab") close();
      else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) {
        const key = event.key.toLowerCase();
        const order = [...all.slice(at + 1), ...all.slice(0, at + 1)];
        order.find((button) => button.textContent?.trim().toLowerCase().startsWith(key))?.focus();
      } else return;
      event.preventDefault();
    },
    { signal },
  );
  document.addEventListener(
    "pointerdown",
    (event) => {
      if (!box.contains(/** @type {Node} */ (event.target))) close(false);
    },
    { capture: true, signal },
  );
  box.addEventListener(
    "focusout",
    (event) => {
      const next = /** @type {Node | null} */ (event.relatedTarget);
      if (next && !box.contains(next)) close(false);
    },
    { signal },
  );
  window.addEventListener("resize", () => close(false), { signal });
  document.addEventListener(
    "scroll",
    (event) => {
      if (!box.contains(/** @type {Node} */ (event.target))) placeBeside(box, anchor.getBoundingClientRect());
    },
    { capture: true, passive: true, signal },
  );

  float(box, options.el);
  if (announces) anchor.setAttribute("aria-expanded", "true");
  enter(label, items);
}
