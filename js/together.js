/** What many widgets have to say, from one message: each message of its own would cost the page a turn of its loop. */

import { same } from "./draft.js";
import { SOON } from "./host.js";

/** @typedef {import("./wire.d.ts").Draft} Draft */
/** @typedef {{ model: string, state: Record<string, unknown>, buffer_paths: (string | number)[][] }} Part */

/**
 * What Python would answer to an edit that may come, held until it comes.
 * @typedef {Object} Rehearsal
 * @property {(draft: Draft) => void} ask Let Python count and draw a draft that may come.
 * @property {(draft: Draft) => void} show Show the answer to a draft that has come, where it is held.
 * @property {() => boolean} shows Whether an answer is shown that Python has not yet said to be the one.
 */

/**
 * Hand the parts of such messages to the models they are for, in their order; tell Python that it may send them.
 * @param {import("./host.js").Host} host
 * @returns {Rehearsal}
 */
export function hearTogether(host) {
  const { model: modelOf, send } = host;
  if (!modelOf || !send) return { ask() {}, show() {}, shows: () => false };
  let before = Promise.resolve();
  /** @type {{ id: string, draft: Draft } | null} */
  let asked = null;
  /** @type {{ id: string, shown: boolean, states: [any, unknown][] } | null} */
  let held = null;

  /**
   * @param {readonly Part[]} parts
   * @param {readonly DataView[]} buffers
   * @param {(model: any, part: Part, own: readonly DataView[]) => Promise<void>} action
   */
  const each = async (parts, buffers, action) => {
    let used = 0;
    for (const part of parts) {
      const own = buffers.slice(used, (used += part.buffer_paths.length));
      try {
        await action(await modelOf(part.model), part, own);
      } catch (error) {
        console.error("[cx_widgets]", error);
      }
    }
  };
  /** @param {readonly Part[]} parts @param {readonly DataView[]} buffers */
  const hand = (parts, buffers) =>
    each(parts, buffers, (model, { state, buffer_paths: paths }, own) =>
      // What the manager itself calls for a message to this model.
      model._handle_comm_msg({ content: { data: { method: "update", state, buffer_paths: paths } }, buffers: own }),
    );
  /** @param {string} id @param {readonly Part[]} parts @param {readonly DataView[]} buffers */
  const hold = async (id, parts, buffers) => {
    /** @type {[any, unknown][]} */
    const states = [];
    await each(parts, buffers, async (model, { state, buffer_paths: paths }, own) => {
      paths.forEach((path, index) => {
        const last = path[path.length - 1] ?? "";
        /** @type {any} */
        let at = state;
        for (const key of path.slice(0, -1)) at = at[key];
        at[last] = own[index];
      });
      const read = await model.constructor._deserialize_state(state, model.widget_manager);
      states.push([model, read]);
      model.trigger?.(SOON, read);
    });
    held = states.length === parts.length ? { id, shown: false, states } : null;
  };
  const put = () => {
    if (!held || held.shown) return;
    held.shown = true;
    for (const [model, state] of held.states) model.set_state(state);
  };
  /** @param {string | undefined} id What Python says is the answer. */
  const settle = (id) => {
    if (id && held?.id === id) put();
    else if (id) send({ kind: "missed" });
    asked = held = null;
  };

  host.listen((content, buffers) => {
    if (content?.kind === "together") {
      before = before.then(() => {
        settle(content.show);
        return hand(content.parts, buffers);
      });
    } else if (content?.kind === "ready") before = before.then(() => hold(content.id, content.parts, buffers));
  });
  send({ kind: "hears together" });
  return {
    ask(draft) {
      asked = { id: Math.random().toString(36).slice(2), draft };
      held = null;
      send({ kind: "ahead", id: asked.id, definition: draft.definition });
    },
    show(draft) {
      if (!asked || asked.id !== held?.id || asked.draft.revision !== draft.revision) return;
      if (same(asked.draft.definition, draft.definition) && same(asked.draft.baseline, draft.baseline)) put();
    },
    shows: () => held?.shown === true,
  };
}
