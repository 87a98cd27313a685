/**
 * The only file that knows the anywidget model.
 *
 * A front end is written as `export default widget({ create, render })`:
 * - `create(host)` runs once per model (anywidget's `initialize`) and returns the state that all views share;
 * - `render(view)` runs once per output cell; everything it registers hangs on `view.signal`.
 *
 * anywidget hands a fresh proxy of the model to every hook, so a proxy cannot key shared state; the default export
 * is therefore a function, which anywidget calls once per model, and the state lives in its closure.
 */

/**
 * The part of an anywidget model that is used.
 * @typedef {Object} AnyModel
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, callback: (...values: any[]) => void) => void} on
 * @property {(event: string, callback: (...values: any[]) => void) => void} [off]
 * @property {(content: unknown) => void} [send]
 * @property {{ get_model?: (id: string) => Promise<any> }} [widget_manager]
 */

/**
 * Traits of one model: read, write, watch.
 * @typedef {Object} Host
 * @property {(name: string) => any} get The value of a trait; never change it in place.
 * @property {(name: string, value: unknown) => void} set Write a trait, send it to Python and tell every watcher.
 * @property {(name: string, callback: (value: any) => void, signal: AbortSignal) => void} watch
 *   Call back after each change of a trait, until the signal aborts.
 * @property {(name: string, callback: (value: any) => void, signal: AbortSignal) => void} soon
 *   Call back with a value that a trait may get soon, until the signal aborts: what is worked out for it then is there in time.
 * @property {(callback: (content: any, buffers: readonly DataView[]) => void) => void} listen Hear the messages of Python.
 * @property {((content: unknown) => void) | undefined} send Send Python a message.
 * @property {((id: string) => Promise<any>) | undefined} model Another model of the page; absent where none can be had.
 * @property {AbortSignal} signal Aborts when the model goes away.
 */

/**
 * One drawing of a model.
 * @template State
 * @typedef {Object} View
 * @property {Host} host
 * @property {State} state What `create` returned.
 * @property {HTMLElement} el An empty element of our own inside the output cell.
 * @property {AbortSignal} signal Aborts when the output cell goes away.
 * @property {(action: () => void) => void} guard Run; an exception is shown inside the widget instead of vanishing.
 * @property {(target: EventTarget, type: string, handler: (event: any) => void, options?: AddEventListenerOptions) => void} listen
 *   `addEventListener` with the view's signal and guard.
 */

/** What a model hears with a state that it may get soon. */
export const SOON = "cx:soon";

/** @param {unknown} error */
const sentence = (error) => (error instanceof Error ? error.message || error.name : String(error));

/**
 * Show an exception inside the widget: one sentence, the trace folded away.
 * @param {HTMLElement} el
 * @param {unknown} error
 */
function showError(el, error) {
  console.error("[cx_widgets]", error);
  /** @type {HTMLElement | null} */
  let box = el.querySelector(":scope > .cx-failure");
  if (!box) {
    box = document.createElement("div");
    box.className = "cx-failure";
    box.setAttribute("role", "alert");
    el.prepend(box);
  }
  const line = document.createElement("p");
  line.textContent = `This widget ran into an error of its own: ${sentence(error)}`;
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = "Details";
  summary.dataset["lmSuppressShortcuts"] = "true";
  const trace = document.createElement("pre");
  trace.textContent = error instanceof Error ? (error.stack ?? sentence(error)) : sentence(error);
  details.append(summary, trace);
  box.replaceChildren(line, details);
}

/**
 * @param {HTMLElement} el
 * @returns {(action: () => void) => void}
 */
function guardOf(el) {
  return (action) => {
    try {
      action();
    } catch (error) {
      showError(el, error);
    }
  };
}

/**
 * @param {AnyModel} model
 * @param {AbortSignal} signal
 * @returns {Host}
 */
export function createHost(model, signal) {
  /** @type {Map<string, Set<(value: any) => void>>} */
  const watchers = new Map();
  /** @type {Set<string>} */
  const writing = new Set();
  /** @param {string} name */
  const tell = (name) => {
    for (const callback of [...(watchers.get(name) ?? [])]) callback(model.get(name));
  };
  /** @param {string} name */
  const watchersOf = (name) => {
    let known = watchers.get(name);
    if (!known) {
      known = new Set();
      watchers.set(name, known);
      const onChange = () => {
        if (!writing.has(name)) tell(name);
      };
      model.on(`change:${name}`, onChange);
      signal.addEventListener("abort", () => model.off?.(`change:${name}`, onChange), { once: true });
    }
    return known;
  };
  const manager = model.widget_manager;
  return {
    signal,
    send: model.send?.bind(model),
    model: manager?.get_model?.bind(manager),
    listen(callback) {
      const hear = (/** @type {any} */ content, /** @type {readonly DataView[] | undefined} */ buffers) => callback(content, buffers ?? []);
      model.on("msg:custom", hear);
      signal.addEventListener("abort", () => model.off?.("msg:custom", hear), { once: true });
    },
    soon(name, callback, until) {
      const hear = (/** @type {any} */ state) => name in state && callback(state[name]);
      model.on(SOON, hear);
      until.addEventListener("abort", () => model.off?.(SOON, hear), { once: true });
    },
    get: (name) => model.get(name),
    set(name, value) {
      writing.add(name);
      try {
        model.set(name, value);
        model.save_changes();
      } finally {
        writing.delete(name);
      }
      tell(name);
    },
    watch(name, callback, until) {
      if (until.aborted) return;
      const known = watchersOf(name);
      known.add(callback);
      until.addEventListener("abort", () => known.delete(callback), { once: true });
    },
  };
}

/**
 * The newest answer of a trait that carries a revision: one that is older than the last one shown is dropped.
 * Make it in `create`, so that all views agree.
 * @template {{ revision: number }} Value
 * @param {Host} host
 * @param {string} name
 * @returns {{ get: () => Value, watch: (callback: (value: Value) => void, signal: AbortSignal) => void }}
 */
export function newest(host, name) {
  /** @type {Value} */
  let shown = host.get(name);
  /** @type {Set<(value: Value) => void>} */
  const callbacks = new Set();
  host.watch(
    name,
    (/** @type {Value} */ value) => {
      if (shown && value && value.revision < shown.revision) return;
      shown = value;
      for (const callback of [...callbacks]) callback(shown);
    },
    host.signal,
  );
  return {
    get: () => shown,
    watch(callback, signal) {
      callbacks.add(callback);
      signal.addEventListener("abort", () => callbacks.delete(callback), { once: true });
    },
  };
}

/**
 * A trait written on both sides, where edits must not get lost: the higher revision wins; at equal revisions the edit
 * made here wins as long as Python has not answered it. `acknowledge` is told the revision of each answer.
 * @template {{ revision: number }} Value
 * @param {Host} host
 * @param {string} name
 */
export function revised(host, name) {
  /** @type {Value} */
  let current = host.get(name);
  let pending = false;
  /** @type {Set<(value: Value) => void>} */
  const callbacks = new Set();
  const tell = () => {
    for (const callback of [...callbacks]) callback(current);
  };
  host.watch(
    name,
    (/** @type {Value} */ incoming) => {
      if (incoming === current) return;
      const older = incoming.revision < current.revision;
      if (older || (pending && incoming.revision === current.revision)) {
        host.set(name, current);
        return;
      }
      pending = false;
      current = incoming;
      tell();
    },
    host.signal,
  );
  return {
    /** @returns {Value} */
    get: () => current,
    isPending: () => pending,
    /** @param {Value} value An edit made here; its revision is higher than the current one. */
    edit(value) {
      current = value;
      pending = true;
      host.set(name, value);
      tell();
    },
    /** @param {number} revision */
    acknowledge(revision) {
      if (revision >= current.revision) pending = false;
    },
    /**
     * @param {(value: Value) => void} callback
     * @param {AbortSignal} signal
     */
    watch(callback, signal) {
      callbacks.add(callback);
      signal.addEventListener("abort", () => callbacks.delete(callback), { once: true });
    },
  };
}

/**
 * Keep keys typed inside the widget from the notebook. JupyterLab listens in the capture phase on the document, where
 * only `data-lm-suppress-shortcuts` on the focused element itself helps (see dom.js); this stops all that bubbles.
 * @param {HTMLElement} el
 * @param {AbortSignal} signal
 */
export function containKeys(el, signal) {
  for (const type of ["keydown", "keyup", "keypress"]) {
    el.addEventListener(type, (event) => event.stopPropagation(), { signal });
  }
}

/**
 * @template State
 * @param {{ create?: (host: Host) => State, render: (view: View<State>) => void | (() => void) }} definition
 * @returns {() => {
 *   initialize: (context: { model: AnyModel, signal?: AbortSignal }) => void | (() => void),
 *   render: (context: { model: AnyModel, el: HTMLElement, signal?: AbortSignal }) => () => void,
 * }}
 */
export function widget(definition) {
  return () => {
    /** @type {{ host: Host, state: State } | null} */
    let shared = null;
    /** @type {{ error: unknown } | null} */
    let failed = null;
    /**
     * @param {AnyModel} model
     * @param {AbortSignal} signal
     */
    const start = (model, signal) => {
      const host = createHost(model, signal);
      try {
        shared = { host, state: /** @type {State} */ (definition.create?.(host)) };
      } catch (error) {
        failed = { error };
      }
    };
    return {
      initialize({ model, signal }) {
        const own = new AbortController();
        signal?.addEventListener("abort", () => own.abort(), { once: true });
        start(model, own.signal);
        return signal ? undefined : () => own.abort();
      },
      render({ model, el: parent, signal }) {
        const own = new AbortController();
        signal?.addEventListener("abort", () => own.abort(), { once: true });
        if (!shared && !failed) start(model, own.signal);
        const el = document.createElement("div");
        el.className = "cx-root";
        parent.append(el);
        own.signal.addEventListener("abort", () => el.remove(), { once: true });
        const guard = guardOf(el);
        containKeys(el, own.signal);
        guard(() => {
          if (failed) throw failed.error;
          if (!shared) return;
          const leave = definition.render({
            host: shared.host,
            state: shared.state,
            el,
            signal: own.signal,
            guard,
            listen: (target, type, handler, options) =>
              target.addEventListener(type, (event) => guard(() => handler(event)), { ...options, signal: own.signal }),
          });
          if (leave) own.signal.addEventListener("abort", leave, { once: true });
        });
        return () => own.abort();
      },
    };
  };
}
