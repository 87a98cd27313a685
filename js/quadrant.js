/** Four parts of one whole as tiles, two by two; the area of the square in each is its share. A click selects. */

import { h, keyed, setAttribute, setText } from "./dom.js";
import { newest, widget } from "./host.js";
import { partName, readQuadrant, side, tileName } from "./quadrant_text.js";

/**
 * @typedef {import("./quadrant_text.js").QuadrantModel} QuadrantModel
 * @typedef {import("./quadrant_text.js").Tile} Tile
 */

/** Of a tile, right and below its words: the room of a square that is the whole. */
const WIDE = 0.6;
const HIGH = 0.7;
const STEPS = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] });

export default widget({
  create: (host) => ({ view: /** @type {ReturnType<typeof newest<QuadrantModel>>} */ (newest(host, "_view")) }),

  render({ host, state, el, signal, guard, listen }) {
    const across = h("span", { class: "cx-quad-axis cx-quad-across" });
    const down = h("span", { class: "cx-quad-axis cx-quad-down" }, h("span"));
    const ends = ["left", "right", "above", "below"].map((place) => h("span", { class: `cx-quad-end cx-quad-${place}` }, h("span")));
    const tiles = h("div", { class: "cx-quad-tiles" });
    const said = h("div", { class: "cx-hidden", "aria-live": "polite" });
    const root = h("div", { class: "cx-quad", role: "group", "data-testid": "quadrant" }, across, down, ...ends, tiles, said);
    el.append(root);

    /** @param {string} key @param {string} name */
    const choose = (key, name) => {
      const next = host.get("_selected") === key ? null : key;
      host.set("_selected", next);
      setText(said, next === null ? "Nothing selected." : `Selected: ${name}.`);
    };

    /** @param {Tile} tile */
    const create = (tile) => {
      const main = h(
        "button",
        { class: "cx-quad-tile", "data-testid": `tile:${tile.key}`, "data-row": tile.row, "data-column": tile.column },
        h("span", { class: "cx-quad-area", "aria-hidden": "true" }),
        h("span", { class: "cx-quad-before", "aria-hidden": "true" }),
        h("span", { class: "cx-quad-words" }, h("strong"), h("span", { class: "cx-quad-share" }), h("span", { class: "cx-quad-small" }), h("span", { class: "cx-quad-small" })),
      );
      const part = h("button", { class: "cx-quad-part" }, h("span"));
      listen(main, "click", () => choose(main.dataset["key"] ?? "", main.getAttribute("aria-label") ?? ""));
      listen(part, "click", () => choose(part.dataset["key"] ?? "", part.getAttribute("aria-label") ?? ""));
      return h("div", { class: "cx-quad-cell" }, main, part);
    };

    /** @param {HTMLElement} cell @param {Tile} tile */
    const update = (cell, tile) => {
      const chosen = host.get("_selected");
      const [main, part] = /** @type {[HTMLElement, HTMLElement]} */ ([...cell.children]);
      const [area, before, words] = /** @type {[HTMLElement, HTMLElement, HTMLElement]} */ ([...main.children]);
      setAttribute(main, "data-key", tile.key);
      setAttribute(main, "aria-pressed", String(chosen === tile.key));
      setAttribute(main, "aria-label", tileName(tile));
      const place = /^stage-([1-8])$/.exec(tile.colour)?.[1] ?? "7";
      cell.style.setProperty("--cx-quad-colour", `var(--cx-stage-${place})`);
      for (const [square, share] of /** @type {const} */ ([[area, tile.size], [before, tile.before]])) {
        square.style.width = `${WIDE * side(share)}%`;
        square.style.height = `${HIGH * side(share)}%`;
        square.hidden = share === null;
      }
      const texts = [tile.label, `${tile.count} · ${tile.share}`, tile.interval, tile.change];
      [...words.children].forEach((line, index) => setText(line, texts[index] ?? ""));
      part.hidden = tile.part === null;
      if (tile.part === null) return;
      setAttribute(part, "data-key", tile.part.key);
      setAttribute(part, "data-testid", `tile:${tile.part.key}`);
      setAttribute(part, "aria-pressed", String(chosen === tile.part.key));
      setAttribute(part, "aria-label", partName(tile.part, tile));
      setText(/** @type {Element} */ (part.firstElementChild), `${tile.part.label}: ${tile.part.count} · ${tile.part.share}`);
    };

    const draw = () => {
      const view = readQuadrant(state.view.get());
      root.hidden = view.tiles.length === 0;
      setAttribute(root, "data-revision", view.revision);
      setAttribute(root, "aria-label", view.name);
      setText(across, view.across.title);
      setText(/** @type {Element} */ (down.firstElementChild), view.down.title);
      [...view.across.ends, ...view.down.ends].forEach((text, index) => setText(/** @type {Element} */ (ends[index]?.firstElementChild ?? across), text));
      keyed(tiles, view.tiles, (tile) => tile.key, create, update);
    };

    listen(tiles, "keydown", (/** @type {KeyboardEvent} */ event) => {
      const step = STEPS[event.key];
      const from = event.target instanceof HTMLElement ? event.target.closest(".cx-quad-tile") : null;
      if (!step || !(from instanceof HTMLElement)) return;
      event.preventDefault();
      const [row, column] = [Number(from.dataset["row"]) + step[0], Number(from.dataset["column"]) + step[1]];
      /** @type {HTMLElement | null} */ (tiles.querySelector(`[data-row="${row}"][data-column="${column}"]`))?.focus();
    });
    const redraw = () => guard(draw);
    state.view.watch(redraw, signal);
    host.watch("_selected", redraw, signal);
    draw();
  },
});
