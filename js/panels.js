/** What opens under the toolbar: the presets, and the definition as code. */

import { h, keyed, setAttribute, setText } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {{ element: HTMLElement, draw: () => void, focus: () => void }} Panel */

/**
 * Put text on the clipboard; without permission or outside https through a selection.
 * @param {string} text
 * @returns {Promise<boolean>}
 */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = h("textarea", { class: "cx-hidden", "aria-hidden": "true", tabindex: -1 });
    box.value = text;
    document.body.append(box);
    const active = document.activeElement;
    box.select();
    let done = false;
    try {
      done = document.execCommand("copy");
    } catch {
      done = false;
    }
    box.remove();
    if (active instanceof HTMLElement) active.focus({ preventScroll: true });
    return done;
  }
}

/**
 * @param {Board} board
 * @returns {Panel}
 */
export function createCodePanel(board) {
  const code = h("code");
  const pre = h("pre", { class: "cx-code", tabindex: 0, role: "region", "aria-label": "The definition as Python", dir: "ltr" }, code);
  const label = h("span", {}, "Copy");
  const copy = h("button", { class: "cx-button" }, icon("copy"), label);
  const element = h(
    "div",
    { class: "cx-panel", role: "group", "aria-label": "Code" },
    h("div", { class: "cx-panel-head" }, h("strong", {}, "This definition as Python"), copy),
    pre,
  );
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  board.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  board.listen(copy, "click", () => {
    void copyText(code.textContent ?? "").then((done) => {
      if (done) {
        setText(label, "Copied");
        board.say("Code copied.");
        clearTimeout(timer);
        timer = setTimeout(() => setText(label, "Copy"), 2000);
      } else {
        getSelection()?.selectAllChildren(code);
        board.refuse("The browser does not allow copying here; the code is selected, press Ctrl+C.");
      }
    });
  });
  return {
    element,
    draw() {
      setText(code, board.answer()?.code ?? "");
      setAttribute(pre, "aria-busy", board.updating() ? "true" : null);
    },
    focus: () => copy.focus({ preventScroll: true }),
  };
}

/**
 * @param {Board} board
 * @param {() => void} close
 * @returns {Panel}
 */
export function createPresetPanel(board, close) {
  const group = `cx-preset-${Math.random().toString(36).slice(2, 8)}`;
  const choices = h("div", { class: "cx-preset-list", role: "radiogroup", "aria-label": "Presets" });
  const title = h("strong", { dir: "auto" });
  const origin = h("p", { class: "cx-origin", dir: "auto" });
  /** @param {string} value @param {string} label */
  const fill = (value, label) => {
    const input = h("input", { type: "radio", name: `${group}-fill`, value });
    return { input, element: h("label", { class: "cx-check" }, input, h("span", {}, label)) };
  };
  const empty = fill("empty", "Empty stages");
  const suggested = fill("suggested", "With suggestions for this log");
  const preview = h("ol", { class: "cx-preview", "aria-label": "What it brings" });
  const left = h("p", { class: "cx-origin" });
  const apply = h("button", { class: "cx-button cx-primary" }, icon("check"), h("span", {}, "Use this preset"));
  const cancel = h("button", { class: "cx-button" }, "Cancel");
  const element = h(
    "div",
    { class: "cx-panel cx-presets", role: "group", "aria-label": "Presets of stages" },
    choices,
    h(
      "div",
      { class: "cx-preset-detail" },
      title,
      origin,
      h("div", { class: "cx-preset-fill", role: "radiogroup", "aria-label": "Events" }, suggested.element, empty.element),
      preview,
      left,
      h("div", { class: "cx-panel-buttons" }, apply, cancel),
    ),
  );
  /** @type {string | null} */
  let chosen = null;
  let suggestions = true;

  const draw = () => {
    const { presets, events } = board.catalog();
    const preset = presets.find((each) => each.key === chosen) ?? presets[0];
    chosen = preset?.key ?? null;
    keyed(
      choices,
      presets,
      (each) => each.key,
      (each) => {
        const input = h("input", { type: "radio", name: group, value: each.key });
        board.listen(input, "change", () => {
          chosen = each.key;
          draw();
        });
        return h("label", { class: "cx-preset" }, input, h("span", { dir: "auto" }, each.title));
      },
      (label, each) => {
        const input = /** @type {HTMLInputElement} */ (label.firstElementChild);
        if (input.checked !== (each.key === chosen)) input.checked = each.key === chosen;
      },
    );
    const some = preset?.stages.some((stage) => stage.events.length) ?? false;
    const filled = suggestions && some;
    setText(title, preset?.title ?? "No presets");
    setText(origin, preset?.origin ?? "");
    suggested.input.disabled = !some;
    suggested.input.checked = filled;
    empty.input.checked = !filled;
    keyed(
      preview,
      (preset?.stages ?? []).map((stage) => ({ ...stage, key: `${chosen} ${stage.name}` })),
      (stage) => stage.key,
      (stage) => h("li", {}, h("span", { class: "cx-preview-stage", dir: "auto" }, stage.name), h("span", { class: "cx-preview-events" })),
      (row, stage) => {
        const box = row.lastElementChild;
        if (!box) return;
        const list = filled ? stage.events : [];
        if (list.length) {
          keyed(
            box,
            list,
            (name) => name,
            (name) => h("span", { class: "cx-preview-chip", dir: "auto" }, name),
            () => {},
          );
        } else {
          keyed(box, ["–"], (name) => `none ${name}`, (name) => h("span", { class: "cx-muted" }, name), () => {});
        }
      },
    );
    const placed = filled ? new Set(preset?.stages.flatMap((stage) => stage.events)).size : 0;
    const rest = events.length - placed;
    setText(
      left,
      preset
        ? `Replaces the present stages. ${rest === 0 ? "Every event finds a stage" : `${rest} of ${events.length} events stay unassigned`}; undo brings everything back.`
        : "",
    );
    apply.disabled = !preset;
  };
  board.listen(suggested.input, "change", () => {
    suggestions = true;
    draw();
  });
  board.listen(empty.input, "change", () => {
    suggestions = false;
    draw();
  });
  board.listen(apply, "click", () => {
    if (chosen === null) return;
    const key = chosen;
    const filled = suggested.input.checked;
    close();
    board.act({ type: "preset", key, suggestions: filled });
  });
  board.listen(cancel, "click", close);
  return {
    element,
    draw,
    focus: () => /** @type {HTMLElement | null} */ (choices.querySelector("input:checked"))?.focus({ preventScroll: true }),
  };
}
