import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, newest, revised } from "../host.js";

/**
 * A model as anywidget hands it out: `change:` events come on every write, from here or from Python.
 * @param {Record<string, any>} state
 */
function fakeModel(state) {
  /** @type {Map<string, Set<() => void>>} */
  const handlers = new Map();
  /** @type {Record<string, any>[]} */
  const sent = [];
  /** @type {Record<string, any>} */
  let dirty = {};
  const fire = (/** @type {string} */ name) => [...(handlers.get(`change:${name}`) ?? [])].forEach((each) => each());
  return {
    sent,
    handlers,
    /** @param {string} name @param {any} value */
    fromPython(name, value) {
      state[name] = value;
      fire(name);
    },
    get: (/** @type {string} */ name) => state[name],
    set(/** @type {string} */ name, /** @type {any} */ value) {
      state[name] = value;
      dirty[name] = value;
      fire(name);
    },
    save_changes() {
      if (Object.keys(dirty).length) sent.push(dirty);
      dirty = {};
    },
    on(/** @type {string} */ event, /** @type {() => void} */ callback) {
      handlers.set(event, (handlers.get(event) ?? new Set()).add(callback));
    },
    off(/** @type {string} */ event, /** @type {() => void} */ callback) {
      handlers.get(event)?.delete(callback);
    },
  };
}

test("a write reaches Python once and every watcher once", () => {
  const model = fakeModel({ a: 1 });
  const host = createHost(model, new AbortController().signal);
  /** @type {string[]} */
  const heard = [];
  const first = new AbortController();
  host.watch("a", (value) => heard.push(`first ${value}`), first.signal);
  host.watch("a", (value) => heard.push(`second ${value}`), new AbortController().signal);
  host.set("a", 2);
  model.fromPython("a", 3);
  first.abort();
  model.fromPython("a", 4);
  assert.deepEqual(heard, ["first 2", "second 2", "first 3", "second 3", "second 4"]);
  assert.deepEqual(model.sent, [{ a: 2 }]);
});

test("nothing stays registered once the model goes", () => {
  const model = fakeModel({ a: 1 });
  const life = new AbortController();
  const host = createHost(model, life.signal);
  host.watch("a", () => assert.fail("still listening"), life.signal);
  life.abort();
  assert.equal(model.handlers.get("change:a")?.size, 0);
  host.watch("a", () => assert.fail("too late"), life.signal);
  model.fromPython("a", 2);
});

test("an answer older than the one shown is dropped", () => {
  const model = fakeModel({ _view: { revision: 3 } });
  const { signal } = new AbortController();
  const answers = newest(createHost(model, signal), "_view");
  /** @type {number[]} */
  const shown = [];
  answers.watch((answer) => shown.push(answer.revision), signal);
  for (const revision of [4, 2, 4, 5]) model.fromPython("_view", { revision });
  assert.deepEqual(shown, [4, 4, 5]);
  assert.equal(answers.get().revision, 5);
});

const drafts = () => {
  const model = fakeModel({ _draft: { revision: 1, by: "python" } });
  const { signal } = new AbortController();
  /** @type {{ revision: number, by: string }[]} */
  const seen = [];
  const store = /** @type {ReturnType<typeof revised<{ revision: number, by: string }>>} */ (
    revised(createHost(model, signal), "_draft")
  );
  store.watch((draft) => seen.push(draft), signal);
  return { model, store, seen };
};

test("an edit that waits for its answer wins against older and equal drafts, and is put back", () => {
  const { model, store } = drafts();
  store.edit({ revision: 2, by: "me" });
  for (const revision of [1, 2]) {
    model.fromPython("_draft", { revision, by: "python" });
    assert.equal(store.get().by, "me");
    assert.equal(model.get("_draft").by, "me");
  }
  assert.equal(store.isPending(), true);
  assert.equal(model.sent.at(-1)?.["_draft"].by, "me");
});

test("a newer draft wins against an edit that waits", () => {
  const { model, store, seen } = drafts();
  store.edit({ revision: 2, by: "me" });
  model.fromPython("_draft", { revision: 3, by: "python" });
  assert.deepEqual(seen.map((draft) => draft.by), ["me", "python"]);
  assert.equal(store.isPending(), false);
});

test("an answered edit gives way to a draft of the same revision, but never to an older one", () => {
  const { model, store } = drafts();
  store.edit({ revision: 2, by: "me" });
  store.acknowledge(1);
  assert.equal(store.isPending(), true);
  store.acknowledge(2);
  assert.equal(store.isPending(), false);
  model.fromPython("_draft", { revision: 1, by: "late echo" });
  assert.equal(store.get().by, "me");
  model.fromPython("_draft", { revision: 2, by: "python" });
  assert.equal(store.get().by, "python");
});

test("fifty quick edits with echoes of older ones in between end at the last", () => {
  const { model, store } = drafts();
  for (let revision = 2; revision <= 51; revision += 1) {
    store.edit({ revision, by: "me" });
    if (revision > 4) model.fromPython("_draft", { revision: revision - 3, by: "echo" });
  }
  assert.deepEqual(store.get(), { revision: 51, by: "me" });
  assert.deepEqual(model.get("_draft"), { revision: 51, by: "me" });
});
