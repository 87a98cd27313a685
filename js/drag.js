/** Drag and drop with pointer events, for mouse, pen and touch: chips into columns, headers between or onto stages. */

import { mergeProblem } from "./draft.js";
import { h, setAttribute } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./columns.js").Columns} Columns */

/** Pixels a mouse moves before a press becomes a drag. */
const MOUSE_SLOP = 4;
/** The same for a finger; movement down or up scrolls instead. */
const TOUCH_SLOP = 8;
/** Milliseconds a finger rests to start a drag in any direction. */
const LONG_PRESS = 220;
/** Milliseconds a pointer stays where a drop would change something before Python hears of it. */
export const HOVER = 40;
/** Pixels from an edge in which dragging scrolls, and the fastest step for each frame. */
const EDGE = 40;
const FASTEST = 18;

/** @typedef {{ kind: "chip", event: string, from: string | null } | { kind: "stage", stage: string }} Load */
/** @typedef {{ words: string, icon: import("./icons.js").IconName, drop: (() => void) | null, ahead?: import("./wire.d.ts").Action }} Outcome */

/**
 * Where a header that is dropped on a stage goes: its outer quarters insert, the middle merges.
 * @param {number} x
 * @param {{ left: number, width: number }} rect
 * @param {boolean} rightToLeft
 * @returns {"before" | "merge" | "after"}
 */
export function zoneOf(x, rect, rightToLeft = false) {
  const at = rect.width > 0 ? (x - rect.left) / rect.width : 0.5;
  if (at >= 0.28 && at <= 0.72) return "merge";
  return at < 0.28 !== rightToLeft ? "before" : "after";
}

/**
 * The place in the list, once the stage has been taken out of it.
 * @param {number} own
 * @param {number} over
 * @param {"before" | "after"} zone
 */
export function insertionIndex(own, over, zone) {
  const gap = zone === "before" ? over : over + 1;
  return gap > own ? gap - 1 : gap;
}

/**
 * Pixels to scroll in one frame when the pointer is near an edge: 0 away from it, faster the closer.
 * @param {number} position
 * @param {number} start
 * @param {number} end
 */
export function edgeSpeed(position, start, end) {
  if (end - start < 2 * EDGE) return 0;
  const pull = (/** @type {number} */ distance) => Math.ceil(FASTEST * Math.min(1, Math.max(0, 1 - distance / EDGE)));
  return pull(end - position) - pull(position - start);
}

/**
 * Elements around another that can scroll along an axis, innermost first.
 * @param {Element | null} from
 * @param {"x" | "y"} axis
 */
function scrollers(from, axis) {
  const found = [];
  for (let element = from; element; element = element.parentElement) {
    const style = getComputedStyle(element);
    const overflow = axis === "x" ? style.overflowX : style.overflowY;
    const more = axis === "x" ? element.scrollWidth > element.clientWidth : element.scrollHeight > element.clientHeight;
    if (more && (overflow === "auto" || overflow === "scroll")) found.push(element);
  }
  return found;
}

/**
 * @param {Board} board
 * @param {Columns} columns
 */
export function enableDrag(board, columns) {
  const { guard, listen, signal } = board;
  const area = columns.element;
  /** Ends the press or drag that is under way. */
  let stop = () => {};
  signal.addEventListener("abort", () => stop(), { once: true });

  /**
   * @param {EventTarget | null} target
   * @returns {{ load: Load, source: HTMLElement, picture: HTMLElement } | null}
   */
  const loadOf = (target) => {
    if (!(target instanceof Element)) return null;
    const chip = /** @type {HTMLElement | null} */ (target.closest(".cx-chip"));
    if (chip) {
      const load = /** @type {const} */ ({ kind: "chip", event: chip.dataset["event"] ?? "", from: chip.dataset["from"] || null });
      return { load, source: chip, picture: chip };
    }
    if (target.closest("input, .cx-stage-menu, .cx-role")) return null;
    const head = /** @type {HTMLElement | null} */ (target.closest(".cx-stage-head"));
    const place = columns.placeOf(head);
    if (!head || !place || place.stage === null) return null;
    return { load: { kind: "stage", stage: place.stage }, source: place.element, picture: head };
  };

  /**
   * @param {Load} load
   * @param {number} x
   * @param {number} y
   * @param {boolean} also Whether the event stays where it was as well.
   * @returns {Outcome}
   */
  const outcomeAt = (load, x, y, also) => {
    const under = document.elementFromPoint(x, y);
    const place = columns.placeOf(under);
    const overAdd = under?.closest(".cx-add");
    const toNew = load.kind === "chip" && overAdd && area.contains(overAdd);
    setAttribute(columns.scroller, "data-drop", toNew ? "add" : null);
    if (load.kind === "chip") {
      if (toNew) {
        columns.mark(null);
        return { words: "To a new stage", icon: "plus", drop: () => columns.addStage(load.event) };
      }
      if (!place || place.stage === load.from) {
        columns.mark(null);
        if (!place) return { words: "Back", icon: "close", drop: null };
        return { words: load.from === null ? "Stays here" : "Stays", icon: "equal", drop: null };
      }
      columns.mark(place.index, "chip", load.event);
      const { stage } = place;
      if (also && load.from !== null && stage !== null) {
        const share = /** @type {const} */ ({ type: "share", event: load.event, to: stage });
        return { words: `Also in ${stage}`, icon: "both", drop: () => columns.share(load.event, stage), ahead: share };
      }
      const assign = /** @type {const} */ ({ type: "assign", event: load.event, to: stage, from: load.from });
      return {
        words: stage === null ? "To the unassigned" : `To ${stage}`,
        icon: stage === null ? "tray" : "move",
        drop: () => void board.act(assign, { chip: load.event, stage }),
        ahead: assign,
      };
    }
    const { definition } = board.draft();
    const own = definition.stages.findIndex((stage) => stage.name === load.stage);
    if (!place || place.stage === null || place.index === own) {
      columns.mark(null);
      return { words: "Back", icon: "close", drop: null };
    }
    const rightToLeft = getComputedStyle(area).direction === "rtl";
    const zone = zoneOf(x, place.element.getBoundingClientRect(), rightToLeft);
    const into = place.stage;
    if (zone === "merge") {
      const problem = mergeProblem(definition, load.stage, into);
      columns.mark(place.index, problem ? "no" : "merge");
      if (problem) return { words: problem, icon: "close", drop: null };
      const merge = /** @type {const} */ ({ type: "merge", from: load.stage, into });
      return { words: `Merge into ${into}`, icon: "merge", drop: () => void board.act(merge, { stage: into }), ahead: merge };
    }
    const to = insertionIndex(own, place.index, zone);
    if (to === own) {
      columns.mark(null);
      return { words: "Stays", icon: "equal", drop: null };
    }
    columns.mark(place.index, zone);
    const move = /** @type {const} */ ({ type: "move", stage: load.stage, to });
    return { words: `Move to position ${to + 1}`, icon: "move", drop: () => void board.act(move, { stage: load.stage }), ahead: move };
  };

  /**
   * @param {Load} load
   * @param {HTMLElement} source
   * @param {HTMLElement} picture
   * @param {PointerEvent} press
   */
  const begin = (load, source, picture, press) => {
    const rect = picture.getBoundingClientRect();
    const grip = { x: Math.min(press.clientX - rect.left, 220), y: press.clientY - rect.top };
    const copy = /** @type {HTMLElement} */ (picture.cloneNode(true));
    for (const each of [copy, ...copy.querySelectorAll("*")]) {
      for (const name of ["id", "data-testid", "aria-describedby", "tabindex"]) each.removeAttribute(name);
    }
    copy.style.width = `${Math.min(rect.width, 240)}px`;
    copy.style.setProperty("--cx-stage", getComputedStyle(source).getPropertyValue("--cx-stage"));
    copy.inert = true;
    const words = h("span", { class: "cx-ghost-text", dir: "auto" });
    const label = h("span", { class: "cx-ghost-words" }, words);
    const ghost = h("div", { class: "cx-float cx-ghost", "aria-hidden": "true" }, copy, label);
    document.body.append(ghost);
    // The pointer's own element gives the cursor; a class on the page would style all of it anew at the drop.
    if (!area.hasPointerCapture(press.pointerId)) area.setPointerCapture(press.pointerId);
    // A focused chip that moves makes the browser lay out the whole page at once, in the middle of the drop.
    if (area.contains(document.activeElement)) board.el.focus({ preventScroll: true });
    source.dataset["dragged"] = "true";
    area.dataset["dragging"] = load.kind;

    let { clientX: x, clientY: y } = press;
    let also = press.altKey || press.ctrlKey;
    let frame = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let hovers;
    /** @type {Outcome} */
    let outcome = { words: "", icon: "close", drop: null };
    /** What the last look was at; the pointer is let go where it was last seen. */
    let seen = "";
    const look = () => {
      seen = `${x} ${y} ${also}`;
      ghost.style.transform = `translate(${Math.round(x - grip.x)}px, ${Math.round(y - grip.y)}px)`;
      outcome = outcomeAt(load, x, y, also);
      if (words.textContent !== outcome.words) {
        clearTimeout(hovers);
        const { ahead } = outcome;
        // What would be dropped here is counted while the hand makes up its mind, not where it only passes.
        if (ahead) hovers = setTimeout(() => guard(() => board.ahead(ahead)), HOVER);
        label.replaceChildren(icon(outcome.icon), words);
        words.textContent = outcome.words;
      }
      setAttribute(ghost, "data-able", String(outcome.drop !== null));
    };
    const scroll = () => {
      frame = requestAnimationFrame(scroll);
      const under = document.elementFromPoint(x, y);
      let moved = false;
      const sideways = columns.scroller.getBoundingClientRect();
      if (y > sideways.top - EDGE && y < sideways.bottom + EDGE) {
        moved = push(columns.scroller, edgeSpeed(x, sideways.left, sideways.right), 0);
      }
      if (!moved && under && area.contains(under)) {
        for (const each of scrollers(under, "y")) {
          const box = each.getBoundingClientRect();
          const top = Math.max(box.top, 0);
          const bottom = Math.min(box.bottom, window.innerHeight);
          moved = push(each, 0, edgeSpeed(y, top, bottom));
          if (moved) break;
        }
      }
      if (moved) guard(look);
    };
    look();
    frame = requestAnimationFrame(scroll);
    return {
      /** @param {PointerEvent} event */
      move(event) {
        x = event.clientX;
        y = event.clientY;
        also = event.altKey || event.ctrlKey;
        if (seen !== `${x} ${y} ${also}`) look();
      },
      /** @param {boolean} held Whether Alt or Ctrl is held: the event goes there in addition. */
      modify(held) {
        if (held === also) return;
        also = held;
        look();
      },
      finish() {
        cancelAnimationFrame(frame);
        clearTimeout(hovers);
        ghost.remove();
        if (area.hasPointerCapture(press.pointerId)) area.releasePointerCapture(press.pointerId);
        delete source.dataset["dragged"];
        delete area.dataset["dragging"];
        delete columns.scroller.dataset["drop"];
        columns.mark(null);
      },
      outcome: () => outcome,
    };
  };

  listen(area, "pointerdown", (/** @type {PointerEvent} */ press) => {
    if (press.button !== 0 || !press.isPrimary) return;
    const found = loadOf(press.target);
    if (!found) return;
    stop();
    const touch = press.pointerType === "touch";
    const own = new AbortController();
    const options = { signal: own.signal };
    /** @type {ReturnType<typeof begin> | null} */
    let drag = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    stop = () => {
      clearTimeout(timer);
      own.abort();
      drag?.finish();
      drag = null;
      stop = () => {};
    };
    const start = () => {
      clearTimeout(timer);
      guard(() => {
        drag = begin(found.load, found.source, found.picture, press);
      });
    };
    if (touch) timer = setTimeout(start, LONG_PRESS);

    /** @param {PointerEvent} event */
    const onMove = (event) => {
      if (event.pointerId !== press.pointerId) return;
      if (!drag) {
        const dx = Math.abs(event.clientX - press.clientX);
        const dy = Math.abs(event.clientY - press.clientY);
        if (touch && dy > TOUCH_SLOP && dy > dx) return stop();
        if (touch ? dx > TOUCH_SLOP : Math.hypot(dx, dy) > MOUSE_SLOP) start();
      }
      guard(() => drag?.move(event));
      if (drag) event.preventDefault();
    };
    /** @param {PointerEvent} event */
    const onUp = (event) => {
      if (event.pointerId !== press.pointerId) return;
      guard(() => drag?.move(event));
      const outcome = drag?.outcome();
      const dragged = drag !== null;
      stop();
      if (!dragged) return;
      swallowClick();
      guard(() => (outcome?.drop ? outcome.drop() : board.say("Nothing moved.")));
    };
    document.addEventListener("pointermove", onMove, options);
    document.addEventListener("pointerup", onUp, options);
    document.addEventListener("pointercancel", (event) => event.pointerId === press.pointerId && stop(), options);
    window.addEventListener("blur", () => stop(), options);
    for (const type of /** @type {const} */ (["keydown", "keyup"])) {
      document.addEventListener(
        type,
        (event) => {
          if (!drag || !["Alt", "Control"].includes(event.key)) return;
          event.preventDefault();
          guard(() => drag?.modify(event.altKey || event.ctrlKey));
        },
        { ...options, capture: true },
      );
    }
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape" || !drag) return;
        event.preventDefault();
        event.stopPropagation();
        stop();
        swallowClick();
        board.say("Cancelled.");
      },
      { ...options, capture: true },
    );
    // Only a listener that may cancel it, registered before the finger moves, keeps the browser from scrolling.
    document.addEventListener("touchmove", (event) => drag && event.cancelable && event.preventDefault(), { ...options, passive: false });
    document.addEventListener("contextmenu", (event) => touch && event.preventDefault(), { ...options, capture: true });
  });
}

/**
 * @param {Element} element
 * @param {number} x
 * @param {number} y
 * @returns {boolean} Whether it moved.
 */
function push(element, x, y) {
  if (!x && !y) return false;
  const { scrollLeft, scrollTop } = element;
  element.scrollLeft += x;
  element.scrollTop += y;
  return element.scrollLeft !== scrollLeft || element.scrollTop !== scrollTop;
}

/** The click that ends a drag is not a click. */
function swallowClick() {
  const own = new AbortController();
  const swallow = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    own.abort();
  };
  document.addEventListener("click", swallow, { capture: true, signal: own.signal });
  setTimeout(() => own.abort(), 50);
}
