/** What many widgets have to say, from one message: each message of its own would cost the page a turn of its loop. */

/** @typedef {{ model: string, state: Record<string, unknown>, buffer_paths: (string | number)[][] }} Part */

/**
 * Hand the parts of such messages to the models they are for, in their order; tell Python that it may send them.
 * @param {import("./host.js").Host} host
 */
export function hearTogether(host) {
  const { model: modelOf, send } = host;
  if (!modelOf || !send) return;
  let before = Promise.resolve();
  /** @param {readonly Part[]} parts @param {readonly DataView[]} buffers */
  const hand = async (parts, buffers) => {
    let used = 0;
    for (const { model: id, state, buffer_paths: paths } of parts) {
      const own = buffers.slice(used, (used += paths.length));
      try {
        const model = await modelOf(id);
        // What the manager itself calls for a message to this model.
        await model._handle_comm_msg({ content: { data: { method: "update", state, buffer_paths: paths } }, buffers: own });
      } catch (error) {
        console.error("[cx_widgets]", error);
      }
    }
  };
  host.listen((content, buffers) => {
    if (content?.kind === "together") before = before.then(() => hand(content.parts, buffers));
  });
  send({ kind: "hears together" });
}
