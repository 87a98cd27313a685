import assert from "node:assert/strict";
import { test } from "node:test";
import { hearTogether } from "../together.js";

test("the parts of a message reach their models in order, each with its own buffers, and one that fails stops no other", async () => {
  /** @type {any[]} */
  const heard = [];
  /** @type {any[]} */
  const sent = [];
  /** @type {(content: any, buffers: any) => void} */
  let hear = () => {};
  const quiet = console.error;
  console.error = () => {};
  hearTogether(
    /** @type {any} */ ({
      send: (/** @type {unknown} */ content) => sent.push(content),
      listen: (/** @type {typeof hear} */ callback) => (hear = callback),
      model: async (/** @type {string} */ id) => {
        if (id === "gone") throw new Error("no such model");
        return {
          _handle_comm_msg: async (/** @type {any} */ { content, buffers }) => heard.push([id, content.data.method, content.data.state, buffers]),
        };
      },
    }),
  );
  assert.deepEqual(sent, [{ kind: "hears together" }]);
  hear({ kind: "another matter" }, []);
  hear(
    {
      kind: "together",
      parts: [
        { model: "bars", state: { y: {} }, buffer_paths: [["y", "value"]] },
        { model: "gone", state: { z: {} }, buffer_paths: [["z", "value"]] },
        { model: "line", state: { x: {} }, buffer_paths: [["x", "value"]] },
      ],
    },
    ["one", "two", "three"],
  );
  hear({ kind: "together", parts: [{ model: "bars", state: { visible: true }, buffer_paths: [] }] }, []);
  await new Promise((done) => setImmediate(done));
  console.error = quiet;
  assert.deepEqual(heard, [
    ["bars", "update", { y: {} }, ["one"]],
    ["line", "update", { x: {} }, ["three"]],
    ["bars", "update", { visible: true }, []],
  ]);
});

test("where no other model can be had Python is not told that it may send them together", () => {
  hearTogether(/** @type {any} */ ({ send: () => assert.fail(), listen: () => assert.fail(), model: undefined }));
});

/** A board whose models note what is put into them, and the drafts of an edit that may come. */
function rehearsing() {
  /** @type {any[]} */
  const sent = [];
  /** @type {any[]} */
  const put = [];
  /** @type {(content: any, buffers: any) => void} */
  let hear = () => {};
  class Model {
    static _deserialize_state = async (/** @type {object} */ state) => ({ ...state, read: true });
    _handle_comm_msg = async (/** @type {any} */ { content }) => put.push(["later", content.data.state]);
    set_state = (/** @type {unknown} */ state) => put.push(["at once", state]);
  }
  const rehearsal = hearTogether(
    /** @type {any} */ ({ send: (/** @type {unknown} */ content) => sent.push(content), listen: (/** @type {typeof hear} */ callback) => (hear = callback), model: async () => new Model() }),
  );
  const draft = (/** @type {string} */ stage, revision = 4) => /** @type {any} */ ({ revision, definition: { schema: 1, stages: [{ name: stage, events: [] }] }, baseline: { schema: 1, stages: [] } });
  const turn = () => new Promise((done) => setImmediate(done));
  const ready = (/** @type {string} */ id) => hear({ kind: "ready", id, parts: [{ model: "bars", state: { y: { dtype: "f8" } }, buffer_paths: [["y", "value"]] }] }, ["numbers"]);
  const READY = ["at once", { y: { dtype: "f8", value: "numbers" }, read: true }];
  return { rehearsal, sent, put, draft, turn, ready, READY, hear: (/** @type {any} */ content) => hear(content, []) };
}

test("what is ready is shown by the drop it was made for, at once and once, and is Python's when Python says so", async () => {
  const { rehearsal, sent, put, draft, turn, ready, READY, hear } = rehearsing();
  rehearsal.ask(draft("Buy"));
  const { id, kind, definition } = sent[1];
  assert.deepEqual([kind, definition], ["ahead", draft("Buy").definition]);
  ready(id);
  await turn();
  assert.deepEqual(put, []);
  rehearsal.show(draft("Buy"));
  assert.deepEqual(put, [READY]);
  assert.equal(rehearsal.shows(), true);
  hear({ kind: "together", show: id, parts: [{ model: "board", state: { _drawn: 4 }, buffer_paths: [] }] });
  await turn();
  assert.deepEqual(put, [READY, ["later", { _drawn: 4 }]]);
  assert.equal(rehearsal.shows(), false);
});

test("another drop, another revision or another place under the pointer shows nothing that is ready", async () => {
  const { rehearsal, sent, put, draft, turn, ready } = rehearsing();
  rehearsal.ask(draft("Buy"));
  ready(sent[1].id);
  await turn();
  rehearsal.show(draft("Consider"));
  rehearsal.show(draft("Buy", 5));
  rehearsal.ask(draft("Consider"));
  rehearsal.show(draft("Buy"));
  rehearsal.show(draft("Consider"));
  assert.deepEqual(put, []);
  assert.equal(rehearsal.shows(), false);
});

test("what Python says is the answer is shown by a page that had it too late, and asked for where it has not", async () => {
  const { rehearsal, sent, put, draft, turn, ready, READY, hear } = rehearsing();
  rehearsal.ask(draft("Buy"));
  rehearsal.show(draft("Buy"));
  ready(sent[1].id);
  hear({ kind: "together", show: sent[1].id, parts: [] });
  await turn();
  assert.deepEqual(put, [READY]);
  hear({ kind: "together", show: "of another page", parts: [] });
  await turn();
  assert.deepEqual(sent.at(-1), { kind: "missed" });
});
