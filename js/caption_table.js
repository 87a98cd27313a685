/** The table twin of a chart: every number as text, and a button in each row that stands for customers. */

import { h, keyed, setAttribute, setText } from "./dom.js";

/**
 * @template Choice
 * @typedef {Object} TableRow
 * @property {string} key
 * @property {Choice | null} selects Null for a row that stands for no customers.
 * @property {string} name What the row's button selects, in words.
 * @property {readonly string[]} cells
 */

/**
 * @template Choice
 * @typedef {{ columns: readonly string[], rows: readonly TableRow<Choice>[] }} TableContent
 */

/**
 * Which columns hold numbers and stand at the right, so that digits line up.
 * @param {readonly string[]} columns
 * @param {readonly { cells: readonly string[] }[]} rows
 */
export const numericColumns = (columns, rows) =>
  columns.map((_, index) => index > 0 && rows.length > 0 && rows.every(({ cells }) => /^(?:[−±+[(-]?\d|–|$)/u.test(cells[index] ?? "")));

/**
 * An empty table that `draw` fills and refills; rows keep their elements, so a focused button stays focused.
 * A quiet caption is not seen: the same words stand right above.
 * @template Choice
 * @param {{ caption: string, quiet?: boolean, onSelect: (choice: Choice) => void, guard: (action: () => void) => void, signal: AbortSignal }} options
 */
export function createTable({ caption, quiet = false, onSelect, guard, signal }) {
  const head = h("tr");
  const body = h("tbody");
  const title = h("caption", { class: quiet ? "cx-hidden" : null }, caption);
  const table = h("table", { class: "cx-cap-table" }, title, h("thead", {}, head), body);
  /** @type {Map<string, Choice>} */
  const choices = new Map();

  body.addEventListener(
    "click",
    (event) =>
      guard(() => {
        const button = event.target instanceof Element ? event.target.closest("button[data-row]") : null;
        const choice = choices.get(button?.getAttribute("data-row") ?? "");
        if (choice !== undefined) onSelect(choice);
      }),
    { signal },
  );

  /** @param {HTMLElement} cell @param {TableRow<Choice>} row @param {boolean} on */
  const drawAction = (cell, row, on) => {
    if (row.selects === null) {
      cell.replaceChildren();
      return;
    }
    const button = cell.querySelector("button") ?? cell.appendChild(h("button", { class: "cx-cap-button" }));
    setAttribute(button, "data-row", row.key);
    setAttribute(button, "data-testid", `row:${row.name}`);
    setAttribute(button, "aria-pressed", String(on));
    setAttribute(button, "aria-label", `Select customers: ${row.name}`);
    setText(button, on ? "Selected" : "Select");
  };

  return {
    el: table,
    /** @param {string} text */
    name: (text) => setText(title, text),
    /**
     * @param {TableContent<Choice>} content
     * @param {string | null} selected Key of the selected row.
     */
    draw({ columns, rows }, selected) {
      const action = rows.some((row) => row.selects !== null);
      const numeric = numericColumns(columns, rows);
      /** @param {number} index */
      const style = (index) => (numeric[index] ? "cx-cap-number" : null);
      const heads = action ? [...columns, "Select"] : columns;
      keyed(
        head,
        heads.map((text, index) => ({ text, index })),
        ({ index }) => String(index),
        () => h("th", { scope: "col" }, h("bdi")),
        (cell, { text, index }) => {
          setText(/** @type {Element} */ (cell.firstElementChild), text);
          setAttribute(cell, "class", index < columns.length ? style(index) : "cx-cap-action");
        },
      );
      for (const row of rows) if (row.selects !== null) choices.set(row.key, row.selects);
      keyed(
        body,
        rows,
        (row) => row.key,
        () => h("tr"),
        (tr, row) => {
          const on = row.key === selected;
          setAttribute(tr, "data-on", on);
          /** @type {{ id: string, text: string, index: number }[]} */
          const cells = row.cells.map((text, index) => ({ id: String(index), text, index }));
          if (action) cells.push({ id: "action", text: "", index: -1 });
          keyed(
            tr,
            cells,
            ({ id }) => id,
            ({ id, index }) => {
              if (id === "action") return h("td", { class: "cx-cap-action" });
              return index === 0 ? h("th", { scope: "row" }, h("bdi")) : h("td", {}, h("bdi"));
            },
            (cell, { id, text, index }) => {
              if (id === "action") {
                drawAction(cell, row, on);
                return;
              }
              setText(/** @type {Element} */ (cell.firstElementChild), text);
              setAttribute(cell, "class", style(index));
            },
          );
        },
      );
      const kept = new Set(rows.filter((row) => row.selects !== null).map((row) => row.key));
      for (const key of [...choices.keys()]) if (!kept.has(key)) choices.delete(key);
    },
  };
}
