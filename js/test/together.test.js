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
