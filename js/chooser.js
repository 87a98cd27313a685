/** One choice among several, as a row of segments, tabs, a list, or a box to type in; the choice lives in `_value`. */

import { h, keyed, setAttribute, setText } from "./dom.js";
import { newest, widget } from "./host.js";
import { stepOf } from "./tab_keys.js";

/**
 * @typedef {Object} ChooserView
 * @property {number} revision
 * @property {string} label
 * @property {"segments" | "tabs" | "list" | "text" | "task"} kind
 * @property {{ value: string, label: string }[]} options For a text box what it suggests.
 * @property {number | null} [share] Of a task: how much of it is done, from 0 to 1; null where nothing is under way.
 * @property {string} [problem] A sentence under the control, when the choice cannot be shown.
 */

export default widget({
  create: (host) => ({ view: /** @type {ReturnType<typeof newest<ChooserView>>} */ (newest(host, "_view")) }),

  render({ host, state, el, signal, guard, listen }) {
    const id = `cx-chooser-${Math.random().toString(36).slice(2, 10)}`;
    const name = h("span", { class: "cx-choose-name", id: `${id}-name`, dir: "auto" });
    const segments = h("span", { class: "cx-choose-segments", role: "radiogroup", "aria-labelledby": `${id}-name` });
    const tabs = h("span", { class: "cx-choose-tabs", role: "tablist", "aria-labelledby": `${id}-name` });
    const list = h("select", { class: "cx-choose-control", "aria-labelledby": `${id}-name` });
    const text = h("input", { class: "cx-choose-control", type: "text", "aria-labelledby": `${id}-name`, list: `${id}-list`, spellcheck: false, autocomplete: "off" });
    const suggestions = h("datalist", { id: `${id}-list` });
    const meter = h("progress", { class: "cx-choose-meter", max: 1, "aria-labelledby": `${id}-name` });
    const share = h("span", { class: "cx-choose-share" });
    const action = h("button", { class: "cx-choose-action" });
    const problem = h("p", { class: "cx-choose-problem", role: "status", dir: "auto" });
    el.append(h("div", { class: "cx-choose" }, name, segments, tabs, list, text, suggestions, meter, share, action, problem));

    /** @param {string} value */
    const choose = (value) => {
      if (value !== host.get("_value")) host.set("_value", value);
    };
    const draw = () => {
      const view = state.view.get();
      const kind = view?.kind ?? "segments";
      const options = view?.options ?? [];
      const value = host.get("_value") ?? "";
      setText(name, view?.label ?? "");
      setText(problem, view?.problem ?? "");
      segments.hidden = kind !== "segments";
      tabs.hidden = kind !== "tabs";
      list.hidden = kind !== "list";
      text.hidden = kind !== "text";
      const done = kind === "task" ? (view?.share ?? null) : null;
      meter.hidden = share.hidden = done === null;
      action.hidden = kind !== "task" || options.length === 0;
      if (kind === "task") {
        meter.value = done ?? 0;
        setText(share, `${Math.floor(100 * (done ?? 0))}%`);
        setText(action, options[0]?.label ?? "");
        return;
      }
      if (kind === "segments") {
        keyed(
          segments,
          options,
          (option) => option.value,
          (option) => {
            const input = h("input", { type: "radio", class: "cx-hidden", name: id, value: option.value });
            listen(input, "change", () => choose(input.value));
            return h("label", { class: "cx-choose-segment" }, input, h("bdi"));
          },
          (element, option) => {
            const input = /** @type {HTMLInputElement} */ (element.firstElementChild);
            if (input.checked !== (option.value === value)) input.checked = option.value === value;
            if (element.lastElementChild) setText(element.lastElementChild, option.label);
          },
        );
        return;
      }
      if (kind === "tabs") {
        keyed(
          tabs,
          options,
          (option) => option.value,
          (option) => {
            const tab = h("button", { role: "tab", class: "cx-choose-tab", "data-value": option.value }, h("bdi"));
            listen(tab, "click", () => choose(option.value));
            return tab;
          },
          (element, option) => {
            const on = option.value === value;
            setAttribute(element, "aria-selected", String(on));
            setAttribute(element, "tabindex", on ? 0 : -1);
            if (!element.firstElementChild) return;
            setText(element.firstElementChild, option.label);
            setAttribute(element.firstElementChild, "data-label", option.label);
          },
        );
        return;
      }
      const make = () => h("option");
      /** @param {Element} element @param {{ value: string, label: string }} option */
      const fill = (element, option) => {
        setAttribute(element, "value", option.value);
        setText(element, option.label);
      };
      keyed(kind === "list" ? list : suggestions, options, (option) => option.value, make, fill);
      if (kind === "list") list.value = value;
      else if (document.activeElement !== text) text.value = value;
    };

    listen(tabs, "keydown", (/** @type {KeyboardEvent} */ event) => {
      const all = /** @type {HTMLElement[]} */ ([...tabs.children]);
      const next = all[stepOf(event, all.indexOf(/** @type {HTMLElement} */ (document.activeElement)), all.length) ?? -1];
      if (!next) return;
      event.preventDefault();
      choose(next.dataset["value"] ?? "");
      next.focus();
    });
    listen(action, "click", () => host.set("_value", String(Number(host.get("_value")) + 1)));
    listen(list, "change", () => choose(list.value));
    listen(text, "change", () => choose(text.value.trim()));
    const redraw = () => guard(draw);
    state.view.watch(redraw, signal);
    host.watch("_value", redraw, signal);
    draw();
  },
});
