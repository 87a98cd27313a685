/** A heat map: shares in cells, darker the larger. Read by eye and clicked; the table beside it is for everybody else. */

import { h, keyed, setAttribute, setText } from "./dom.js";

/** @typedef {import("./caption_text.js").Grid} Grid */

/** @param {(key: string) => void} onSelect */
export function createGrid(onSelect) {
  const cells = h("div", { class: "cx-cap-grid", "aria-hidden": "true", "data-testid": "grid" });
  const el = h("div", { class: "cx-cap-grid-box", hidden: true }, cells);
  cells.addEventListener("click", (event) => {
    const key = event.target instanceof HTMLElement ? event.target.dataset["key"] : undefined;
    if (key) onSelect(key);
  });

  /** @param {Grid} grid */
  const listed = ({ rows, columns, shades, texts, keys }) => [
    { text: "", kind: "corner", shade: 0, key: /** @type {string | null} */ (null) },
    ...columns.map((text) => ({ text, kind: "above", shade: 0, key: null })),
    ...rows.flatMap((text, row) => [
      { text, kind: "beside", shade: 0, key: null },
      ...columns.map((_, column) => ({
        text: texts[row]?.[column] ?? "",
        kind: "cell",
        shade: shades[row]?.[column] ?? 0,
        key: keys[row]?.[column] ?? null,
      })),
    ]),
  ];

  return {
    el,
    /** @param {Grid | null} grid @param {string | null} selected */
    draw(grid, selected) {
      if (el.hidden !== !grid) el.hidden = !grid;
      if (!grid) return;
      const columns = String(grid.columns.length);
      if (cells.style.getPropertyValue("--cx-columns") !== columns) cells.style.setProperty("--cx-columns", columns);
      let at = 0;
      keyed(
        cells,
        listed(grid),
        () => String((at += 1)),
        () => h("div"),
        (cell, { text, kind, shade, key }) => {
          setAttribute(cell, "class", `cx-cap-${kind}`);
          setAttribute(cell, "style", shade > 0 ? `--cx-shade: ${(65 * shade).toFixed(1)}%` : null);
          setAttribute(cell, "data-key", key);
          setAttribute(cell, "data-on", key !== null && key === selected);
          setText(cell, text);
        },
      );
    },
  };
}
