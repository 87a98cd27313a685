/** Everything the mouse can do, by keyboard: chips are picked up, carried and dropped; stages move, open and close. */

import { HOVER } from "./drag.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./columns.js").Columns} Columns */

/**
 * The next number inside [low, high].
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/**
 * Which history step a key asks for; null for any other key.
 * @param {{ key: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, altKey: boolean }} event
 * @returns {"undo" | "redo" | null}
 */
export function historyKey(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return null;
  const key = event.key.toLowerCase();
  if (key === "z") return event.shiftKey ? "redo" : "undo";
  return key === "y" && event.ctrlKey && !event.shiftKey ? "redo" : null;
}

/**
 * Text boxes keep their own undo.
 * @param {EventTarget | null} target
 */
const isTextBox = (target) =>
  (target instanceof HTMLInputElement && !["range", "checkbox", "radio", "button"].includes(target.type)) ||
  target instanceof HTMLTextAreaElement;

/**
 * @param {Board} board
 * @param {Columns} columns
 */
export function enableKeyboard(board, columns) {
  const { listen } = board;
  const area = columns.element;
  /** @type {{ event: string, from: string | null, home: number, at: number, chip: HTMLElement } | null} */
  let picked = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hovers;

  const stageCount = () => board.draft().definition.stages.length;
  /** @param {string | null} stage */
  const placeWords = (stage) => (stage === null ? "the unassigned events" : stage);

  const show = () => {
    if (!picked) return;
    columns.mark(picked.at, "chip", picked.at === picked.home ? "" : picked.event);
    const place = columns.placeAt(picked.at);
    if (picked.at >= 0) place?.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  /** @param {HTMLElement} chip */
  const pickUp = (chip) => {
    const home = columns.placeOf(chip)?.index ?? -1;
    const from = chip.dataset["from"] || null;
    picked = { event: chip.dataset["event"] ?? "", from, home, at: home, chip };
    chip.dataset["picked"] = "true";
    show();
    board.say(`Picked up ${picked.event} from ${placeWords(from)}. Left and right choose a stage, Enter drops, Shift with Enter puts it there as well, Escape cancels.`);
  };

  const putDown = () => {
    clearTimeout(hovers);
    columns.mark(null);
    if (picked) delete picked.chip.dataset["picked"];
    picked = null;
  };

  const cancel = () => {
    if (!picked) return;
    const { event, from } = picked;
    putDown();
    board.say(`Cancelled. ${event} stays in ${placeWords(from)}.`);
  };

  /** @param {boolean} also Whether the event stays where it was as well. */
  const drop = (also) => {
    if (!picked) return;
    const { event, from, home, at } = picked;
    const place = columns.placeAt(at);
    putDown();
    if (!place || at === home) {
      board.say(`${event} stays in ${placeWords(from)}.`);
      return;
    }
    if (also && from !== null && place.stage !== null) columns.share(event, place.stage);
    else board.act({ type: "assign", event, to: place.stage, from }, { chip: event, stage: place.stage });
  };

  /** @param {number} at */
  const carry = (at) => {
    if (!picked) return;
    picked.at = clamp(at, -1, stageCount() - 1);
    show();
    const place = columns.placeAt(picked.at);
    clearTimeout(hovers);
    if (place && picked.at !== picked.home) {
      // As under a pointer, what would be dropped here is rehearsed while it hangs.
      const assign = /** @type {const} */ ({ type: "assign", event: picked.event, to: place.stage, from: picked.from });
      hovers = setTimeout(() => board.guard(() => board.ahead(assign)), HOVER);
    }
    board.say(
      picked.at < 0 ? "Over the unassigned events." : `Over ${place?.stage}, stage ${picked.at + 1} of ${stageCount()}.`,
    );
  };

  /** @param {KeyboardEvent} event */
  const whileCarrying = (event) => {
    if (!picked) return;
    const { at } = picked;
    switch (event.key) {
      case "ArrowLeft":
        carry(at - 1);
        break;
      case "ArrowRight":
        carry(at + 1);
        break;
      case "Home":
        carry(-1);
        break;
      case "End":
        carry(stageCount() - 1);
        break;
      case "Enter":
      case " ":
        drop(event.shiftKey || event.ctrlKey || event.altKey);
        break;
      case "Escape":
        cancel();
        break;
      case "Tab":
        cancel();
        return;
      case "ArrowUp":
      case "ArrowDown":
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  /** @param {number} index */
  const chipsAt = (index) =>
    /** @type {HTMLElement[]} */ ([...(columns.placeAt(index)?.element.querySelectorAll(".cx-chip") ?? [])]);

  /** @param {HTMLElement | null | undefined} element */
  const go = (element) => {
    if (!element) return;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  /** @param {number} index */
  const goToStage = (index) => {
    const stage = columns.placeAt(index)?.stage;
    if (stage !== null && stage !== undefined) columns.focus({ stage });
  };

  /**
   * @param {HTMLElement} chip
   * @param {KeyboardEvent} event
   */
  const onChip = (chip, event) => {
    const column = columns.placeOf(chip)?.index ?? -1;
    const own = chipsAt(column);
    const row = own.indexOf(chip);
    switch (event.key) {
      case "Enter":
      case " ":
        pickUp(chip);
        break;
      case "m":
      case "M":
        columns.chipMenu(chip);
        break;
      case "ArrowUp":
        if (row > 0) go(own[row - 1]);
        else if (column >= 0) goToStage(column);
        else go(area.querySelector("input[type=search]"));
        break;
      case "ArrowDown":
        go(own[row + 1]);
        break;
      case "Home":
        go(own[0]);
        break;
      case "End":
        go(own.at(-1));
        break;
      case "ArrowLeft":
      case "ArrowRight": {
        const step = event.key === "ArrowLeft" ? -1 : 1;
        for (let index = column + step; index >= -1 && index < stageCount(); index += step) {
          const others = chipsAt(index);
          if (others.length) {
            go(others[Math.min(row, others.length - 1)]);
            break;
          }
        }
        break;
      }
      case "Delete":
      case "Backspace":
        if (column >= 0) {
          const name = chip.dataset["event"] ?? "";
          const next = (own[row + 1] ?? own[row - 1])?.dataset["event"];
          const stage = chip.dataset["from"] || null;
          board.act(
            { type: "assign", event: name, to: null, from: stage },
            next === undefined ? (stage === null ? undefined : { stage }) : { chip: next, stage },
          );
        }
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  /**
   * @param {string} stage
   * @param {number} index
   * @param {KeyboardEvent} event
   */
  const onStage = (stage, index, event) => {
    const last = stageCount() - 1;
    if (event.altKey) {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const to = index + step;
      if (to < 0 || to > last) board.say(to < 0 ? "It is the first stage." : "It is the last stage.");
      else board.act({ type: "move", stage, to }, { stage });
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    switch (event.key) {
      case "Enter":
      case "F2":
        columns.rename(stage);
        break;
      case " ":
      case "m":
      case "M":
        columns.stageMenu(stage);
        break;
      case "Delete":
      case "Backspace":
        columns.remove(stage);
        break;
      case "ArrowLeft":
        goToStage(clamp(index - 1, 0, last));
        break;
      case "ArrowRight":
        goToStage(clamp(index + 1, 0, last));
        break;
      case "Home":
        goToStage(0);
        break;
      case "End":
        goToStage(last);
        break;
      case "ArrowDown":
        go(chipsAt(index)[0]);
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  listen(area, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.isComposing || historyKey(event)) return;
    if (picked) return whileCarrying(event);
    const chip = /** @type {HTMLElement | null} */ (target.closest(".cx-chip"));
    if (chip && !event.ctrlKey && !event.metaKey && !event.altKey) return onChip(chip, event);
    if (target.closest(".cx-stage-name")) {
      const place = columns.placeOf(target);
      if (place && place.stage !== null) onStage(place.stage, place.index, event);
    }
  });
  listen(area, "keyup", (/** @type {KeyboardEvent} */ event) => {
    // Firefox clicks a button when the space bar comes up, whatever happened when it went down.
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === " " && target.closest(".cx-chip, .cx-stage-name")) event.preventDefault();
  });
  listen(area, "focusout", (/** @type {FocusEvent} */ event) => {
    if (picked && event.target === picked.chip && picked.chip.isConnected) cancel();
  });
  listen(board.el, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = historyKey(event);
    if (!step || isTextBox(event.target)) return;
    event.preventDefault();
    if (picked) putDown();
    if (!board.act({ type: step })) board.say(step === "undo" ? "Nothing to undo." : "Nothing to redo.");
  });
}
