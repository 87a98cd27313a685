/** What every part of one drawing of the stage board works with: the model's state, one way to edit, one voice. */

import { partition, reduce } from "./draft.js";

/** @typedef {import("./wire.d.ts").Action} Action */
/** @typedef {import("./wire.d.ts").BoardView} BoardView */
/** @typedef {import("./wire.d.ts").Catalog} Catalog */
/** @typedef {import("./wire.d.ts").Draft} Draft */

/**
 * Shared by all views of one model.
 * @typedef {Object} Shared
 * @property {() => Catalog} catalog
 * @property {() => Record<string, import("./wire.d.ts").Offer>} offered What columns can be compared with, as far as it was asked.
 * @property {(column: string) => void} want Ask Python what a column can be compared with.
 * @property {ReturnType<typeof import("./host.js").revised<Draft>>} drafts
 * @property {ReturnType<typeof import("./host.js").newest<BoardView>>} answers
 * @property {import("./together.js").Rehearsal} rehearsal What Python shows in readiness of an edit that may come.
 */

/** @typedef {{ chip: string, stage?: string | null } | { stage: string } | { add: true }} FocusTarget */

/**
 * @typedef {Object} Board
 * @property {HTMLElement} el
 * @property {AbortSignal} signal
 * @property {import("./host.js").View<Shared>["listen"]} listen
 * @property {import("./host.js").View<Shared>["guard"]} guard
 * @property {() => Catalog} catalog
 * @property {Shared["offered"]} offered
 * @property {Shared["want"]} want
 * @property {(callback: () => void, signal: AbortSignal) => void} onOffer
 * @property {() => Draft} draft
 * @property {() => BoardView | null} answer The newest answer of Python, which may belong to an older draft.
 * @property {() => import("./draft.js").Partition} parts
 * @property {() => boolean} updating Whether the newest draft waits for its answer.
 * @property {(action: Action, focus?: FocusTarget) => boolean} act Edit; false if nothing changed.
 * @property {(action: Action) => void} ahead Let Python count and draw what an action would lead to; nothing is shown of it.
 * @property {(text: string) => void} say Announce to screen readers.
 * @property {(text: string) => void} refuse Say and show why something cannot be done.
 * @property {() => string} refusal
 * @property {() => FocusTarget | null} takeFocusTarget
 * @property {() => void} redraw
 */

/**
 * "moved 'view' to Buy" as a sentence.
 * @param {string} text
 */
export const sentence = (text) => (text ? `${text[0]?.toUpperCase()}${text.slice(1)}.` : "");

/**
 * @param {import("./host.js").View<Shared>} view
 * @param {HTMLElement} voice An element with aria-live.
 * @param {() => void} redraw
 * @returns {Board}
 */
export function createBoard(view, voice, redraw) {
  const { state } = view;
  /** @type {FocusTarget | null} */
  let wanted = null;
  let refusal = "";
  /** @type {{ definition: unknown, catalog: unknown, parts: import("./draft.js").Partition } | null} */
  let known = null;
  const draft = () => state.drafts.get();
  /** @param {string} text */
  const say = (text) => {
    // The same text twice is not announced again unless it differs.
    voice.textContent = voice.textContent === text ? `${text}\u00a0` : text;
  };
  /** @param {string} text */
  const refuse = (text) => {
    refusal = text;
    say(text);
    redraw();
  };
  return {
    el: view.el,
    signal: view.signal,
    listen: view.listen,
    guard: view.guard,
    catalog: state.catalog,
    offered: state.offered,
    want: state.want,
    onOffer: (callback, signal) => view.host.watch("_offered", () => view.guard(callback), signal),
    draft,
    answer: () => state.answers.get() ?? null,
    parts() {
      const { definition } = draft();
      const catalog = state.catalog();
      if (!known || known.definition !== definition || known.catalog !== catalog) {
        known = { definition, catalog, parts: partition(definition, catalog) };
      }
      return known.parts;
    },
    updating() {
      const answer = state.answers.get();
      return !answer || answer.busy || answer.revision < draft().revision;
    },
    act(action, focus) {
      const before = draft();
      refusal = "";
      let next;
      try {
        next = reduce(before, action, state.catalog());
      } catch (error) {
        refuse(error instanceof Error ? error.message : String(error));
        return false;
      }
      if (next === before) return false;
      wanted = focus ?? null;
      state.drafts.edit(next);
      // In the same frame, but not before the chip has moved.
      queueMicrotask(() => view.guard(() => state.rehearsal.show(next)));
      say(sentence(next.edit));
      return true;
    },
    ahead(action) {
      if (this.updating()) return;
      const before = draft();
      let next;
      try {
        next = reduce(before, action, state.catalog());
      } catch {
        return; // the drop itself says why it cannot be
      }
      if (next !== before) state.rehearsal.ask(next);
    },
    say,
    refuse,
    refusal: () => refusal,
    takeFocusTarget() {
      const target = wanted;
      wanted = null;
      return target;
    },
    redraw,
  };
}
