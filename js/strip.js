/** The figures strip: one card for each figure, with its interval, its counts and its change against the baseline. */

import { h, keyed, setAttribute, setText } from "./dom.js";
import { change, figure, interval, isNumber, outOf } from "./format.js";
import { icon } from "./icons.js";
import { float, placeBeside } from "./menu.js";
import { createPreviewMark } from "./preview.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./wire.d.ts").Figure} Figure */

/** Milliseconds a pointer rests on a card before its tooltip comes. */
const HOVER = 350;

/** Figures of which less is better. */
const LESS_IS_BETTER = new Set(["time_to_convert", "second_purchase_median"]);

/**
 * Where a change stands: none was asked for, it cannot be told from none, or it went up or down.
 * @param {Figure} item
 * @returns {"none" | "same" | "unclear" | "better" | "worse"}
 */
export function verdict(item) {
  if (!isNumber(item.delta)) return "none";
  if (item.delta === 0) return "same";
  const { delta_lower: lower, delta_upper: upper } = item;
  if (!isNumber(lower) || !isNumber(upper) || (lower <= 0 && upper >= 0)) return "unclear";
  return item.delta > 0 !== LESS_IS_BETTER.has(item.key) ? "better" : "worse";
}

/**
 * The change in words, for a tooltip and a screen reader.
 * @param {Figure} item
 */
function changeWords(item) {
  switch (verdict(item)) {
    case "none":
      return "";
    case "same":
      return "Same as the baseline.";
    case "unclear":
      return "The interval of the change contains zero.";
    case "better":
      return "Better than the baseline; the interval of the change does not contain zero.";
    case "worse":
      return "Worse than the baseline; the interval of the change does not contain zero.";
  }
}

/**
 * @param {Board} board
 * @returns {{ element: HTMLElement, draw: () => void }}
 */
export function createStrip(board) {
  const { listen } = board;
  const cards = h("div", { class: "cx-cards" });
  const preview = createPreviewMark();
  const progress = h("div", { class: "cx-progress", "aria-hidden": "true" });
  const element = h("div", { class: "cx-strip", role: "group", "aria-label": "Figures" }, progress, cards, preview.element);
  /** @type {WeakMap<Element, Figure>} */
  const figureOf = new WeakMap();

  /* ---- the tooltip ---- */

  const tipId = `cx-tip-${Math.random().toString(36).slice(2, 8)}`;
  /** @type {HTMLElement | null} */
  let tip = null;
  /** @type {HTMLElement | null} */
  let tipCard = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const hideTip = () => {
    clearTimeout(timer);
    tip?.remove();
    tipCard?.querySelector("button")?.removeAttribute("aria-describedby");
    tip = null;
    tipCard = null;
  };
  /** @param {HTMLElement} card */
  const showTip = (card) => {
    const item = figureOf.get(card);
    if (!item || tipCard === card || !card.isConnected) return;
    hideTip();
    const lines = [
      item.note,
      item.method && `Interval: ${item.method}.`,
      isNumber(item.baseline) ? `Baseline: ${figure(item.baseline, item.unit)}.` : null,
      changeWords(item),
      item.delta_method ? `Interval of the change: ${item.delta_method}.` : null,
    ];
    tip = h("div", { class: "cx-float cx-tip", role: "tooltip", id: tipId }, h("strong", { dir: "auto" }, item.label));
    for (const line of lines) if (line) tip.append(h("p", { dir: "auto" }, line));
    float(tip, board.el);
    tipCard = card;
    placeBeside(tip, card.getBoundingClientRect());
    card.querySelector("button")?.setAttribute("aria-describedby", tipId);
  };
  board.signal.addEventListener("abort", hideTip, { once: true });
  const cardOf = (/** @type {Event} */ event) => /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".cx-card"));
  listen(element, "pointerover", (event) => {
    const card = cardOf(event);
    clearTimeout(timer);
    // A pointer on its way to the board is not a question.
    if (card) timer = setTimeout(() => board.guard(() => showTip(card)), tip ? 0 : HOVER);
  });
  listen(element, "pointerout", (/** @type {PointerEvent} */ event) => {
    const card = cardOf(event);
    if (!card || card.contains(/** @type {Node | null} */ (event.relatedTarget))) return;
    clearTimeout(timer);
    if (!card.contains(document.activeElement)) hideTip();
  });
  listen(element, "focusin", (event) => {
    const card = cardOf(event);
    if (card) showTip(card);
  });
  listen(element, "focusout", hideTip);
  listen(element, "click", (event) => {
    const card = cardOf(event);
    if (!card) return;
    tipCard = null;
    tip?.remove();
    showTip(card);
  });
  listen(element, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && tip) {
      hideTip();
      event.preventDefault();
    }
  });

  /* ---- cards ---- */

  const createCard = () =>
    h(
      "div",
      { class: "cx-card", role: "group" },
      h("div", { class: "cx-card-head" }, h("span", { class: "cx-card-label", dir: "auto" }), h("button", { class: "cx-icon-button cx-info" }, icon("info"))),
      h("div", { class: "cx-card-value" }),
      h("div", { class: "cx-card-interval" }),
      h("div", { class: "cx-card-n" }),
      h("div", { class: "cx-card-delta" }, h("span", { class: "cx-arrow" }), h("span"), h("span", { class: "cx-card-delta-interval" })),
    );

  /**
   * @param {HTMLElement} card
   * @param {Figure} item
   * @param {number} revision
   */
  const updateCard = (card, item, revision) => {
    figureOf.set(card, item);
    const [head, value, range, n, moves] = card.children;
    const label = head?.firstElementChild;
    const info = head?.lastElementChild;
    const shown = figure(item.value, item.unit);
    const ends = interval(item.lower, item.upper, item.unit);
    const outcome = verdict(item);
    const [moved, movedEnds] = outcome === "none" ? ["", ""] : change(item.delta, item.delta_lower, item.delta_upper, item.unit);
    setAttribute(card, "data-testid", `figure:${item.key}`);
    setAttribute(card, "data-value", isNumber(item.value) ? String(item.value) : "");
    setAttribute(card, "data-revision", revision);
    setAttribute(card, "data-change", outcome);
    setAttribute(card, "aria-label", `${item.label}: ${isNumber(item.value) ? shown : "not defined"}`);
    if (label) setText(label, item.label);
    if (label) setAttribute(label, "title", item.label);
    if (info) setAttribute(info, "aria-label", `How ${item.label} is counted`);
    if (value) setText(value, shown);
    if (range) {
      setText(range, ends ? `${ends} (95%)` : isNumber(item.value) ? "no interval" : (item.note ?? "not defined here"));
      setAttribute(range, "data-note", !isNumber(item.value));
      setAttribute(range, "title", ends ? `95% interval: ${ends}` : null);
    }
    if (n) setText(n, isNumber(item.value) ? outOf(item.numerator, item.denominator) : "");
    if (moves) {
      const [arrow, text, ends] = moves.children;
      const direction = !moved ? "none" : moved.startsWith("±") ? "same" : (item.delta ?? 0) > 0 ? "up" : "down";
      if (arrow && arrow.getAttribute("data-direction") !== direction) {
        arrow.setAttribute("data-direction", direction);
        arrow.replaceChildren(...(direction === "none" ? [] : [icon(direction === "same" ? "equal" : direction)]));
      }
      if (text) setText(text, outcome === "same" ? "as the baseline" : moved);
      if (ends) setText(ends, outcome === "same" ? "" : movedEnds);
      setAttribute(moves, "title", changeWords(item) || null);
    }
  };

  const draw = () => {
    const answer = board.answer();
    const shown = board.catalog().show_figures;
    element.hidden = !shown;
    if (!shown) return;
    setAttribute(element, "data-stale", Boolean(answer?.stale));
    setAttribute(element, "data-preview", Boolean(answer?.preview));
    preview.draw(answer?.preview ?? "");
    setAttribute(element, "data-compared", answer?.figures?.some((item) => verdict(item) !== "none") ?? false);
    setAttribute(element, "aria-busy", board.updating() ? "true" : null);
    keyed(
      cards,
      answer?.figures ?? [],
      (item) => item.key,
      createCard,
      (card, item) => updateCard(card, item, answer?.revision ?? 0),
    );
    if (tipCard && !tipCard.isConnected) hideTip();
  };
  return { element, draw };
}
