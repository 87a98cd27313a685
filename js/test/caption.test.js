import assert from "node:assert/strict";
import { test } from "node:test";
import { numericColumns } from "../caption_table.js";
import { captionTable, readCaption } from "../caption_text.js";

test("a caption that has not arrived yet reads as an empty one", () => {
  for (const raw of [null, undefined, {}]) {
    assert.deepEqual(readCaption(raw), { revision: 0, title: "", description: "", legend: [], columns: [], rows: [], note: "", grid: null, preview: "" });
  }
});

test("rows with a key can be selected, rows without cannot, and each has its own key", () => {
  const view = readCaption({ columns: ["Stage", "Customers"], rows: [{ key: "reached:A", cells: ["A", "1"] }, { key: null, cells: ["B"] }, { key: null, cells: ["C", "2", "too much"] }] });
  const { columns, rows } = captionTable(view);
  assert.deepEqual(columns, ["Stage", "Customers"]);
  assert.deepEqual(rows.map(({ selects }) => selects), ["reached:A", null, null]);
  assert.deepEqual(rows.map(({ cells }) => cells), [["A", "1"], ["B", ""], ["C", "2"]]);
  assert.equal(new Set(rows.map(({ key }) => key)).size, 3);
});

test("a column of numbers, dashes and gaps stands at the right; names never do", () => {
  const rows = [{ cells: ["1st", "1,234", "–", "A", "3 days"] }, { cells: ["2nd", "−2.5 pp", "", "1", "(2%)"] }];
  assert.deepEqual(numericColumns(["a", "b", "c", "d", "e"], rows), [false, true, true, false, true]);
  assert.deepEqual(numericColumns(["a", "b"], []), [false, false]);
});
