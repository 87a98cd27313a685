/** Title, description, legend and table twin of a chart drawn by someone else, which only eyes and a mouse can read. */

import { captionTable, readCaption } from "./caption_text.js";
import { swatch } from "./caption_swatch.js";
import { createGrid } from "./caption_grid.js";
import { createTable } from "./caption_table.js";
import { h, setAttribute, setText } from "./dom.js";
import { newest, widget } from "./host.js";
import { createPreviewMark } from "./preview.js";

/** @typedef {import("./caption_text.js").CaptionModel} CaptionModel */

export default widget({
  create: (host) => ({ view: /** @type {ReturnType<typeof newest<CaptionModel>>} */ (newest(host, "_view")) }),

  render({ host, state, el, signal, guard, listen }) {
    const id = `cx-caption-${Math.random().toString(36).slice(2, 10)}`;
    const title = h("span", { id: `${id}-title`, dir: "auto" });
    const preview = createPreviewMark();
    const heading = h("p", { class: "cx-cap-title" }, title, " ", preview.element);
    const text = h("p", { class: "cx-cap-text", id: `${id}-text`, dir: "auto" });
    const toggle = h("button", { class: "cx-cap-button cx-cap-toggle", "aria-controls": `${id}-panel`, "data-testid": "table-toggle" }, "Table");
    const legend = h("ul", { class: "cx-cap-legend" });
    const note = h("p", { class: "cx-cap-note", dir: "auto" });
    const said = h("div", { class: "cx-hidden", "aria-live": "polite" });
    /** @param {string} key */
    const onSelect = (key) => {
      const next = host.get("_selected") === key ? null : key;
      host.set("_selected", next);
      const row = readCaption(state.view.get()).rows.find((each) => each.key === key);
      setText(said, next === null ? "Nothing selected." : `Selected the customers of ${row?.cells[0] ?? key}.`);
    };
    const table = createTable({
      caption: "",
      quiet: true,
      signal,
      guard,
      onSelect,
    });
    const grid = createGrid((key) => guard(() => onSelect(key)));
    const panel = h("div", { class: "cx-cap-panel", tabindex: 0, id: `${id}-panel`, role: "group", "aria-labelledby": `${id}-title` }, table.el);
    const root = h(
      "div",
      { class: "cx-caption", role: "group", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-text`, "data-testid": "caption" },
      h("div", { class: "cx-cap-head" }, h("div", { class: "cx-cap-words" }, heading, text), h("div", { class: "cx-cap-tools" }, toggle)),
      legend,
      note,
      panel,
      grid.el,
      said,
    );
    el.append(root);

    let shown = "";
    const draw = () => {
      const view = readCaption(state.view.get());
      grid.draw(view.grid, host.get("_selected") ?? null);
      const open = host.get("_open") === true && view.rows.length > 0;
      setAttribute(root, "data-revision", view.revision);
      setText(title, view.title);
      preview.draw(view.preview);
      setText(text, view.description);
      setText(note, view.note);
      const entries = view.legend.map((entry) => `${entry.swatch} ${entry.label}`).join("\n");
      if (entries !== shown) legend.replaceChildren(...view.legend.map((entry) => h("li", {}, swatch(entry.swatch), h("bdi", {}, entry.label))));
      shown = entries;
      setAttribute(toggle, "aria-expanded", String(open));
      setAttribute(toggle, "aria-label", `Table: ${view.title}`);
      toggle.hidden = view.rows.length === 0;
      panel.hidden = !open;
      if (!open) return;
      table.name(view.title);
      table.draw(captionTable(view), host.get("_selected") ?? null);
    };

    listen(toggle, "click", () => host.set("_open", host.get("_open") !== true));
    listen(panel, "keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      host.set("_open", false);
      toggle.focus();
    });
    const redraw = () => guard(draw);
    state.view.watch(redraw, signal);
    host.watch("_selected", redraw, signal);
    host.watch("_open", redraw, signal);
    draw();
  },
});
