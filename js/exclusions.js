/** The exclusions: what there is, and a form to add or change one. */

import { createConditions } from "./conditions.js";
import { h, keyed, setAttribute, setText } from "./dom.js";
import { exclusionProblem } from "./draft.js";
import { icon } from "./icons.js";
import { EFFECTS, exclusionWords } from "./rules_text.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./wire.d.ts").Condition} Condition */
/** @typedef {import("./wire.d.ts").Exclusion} Exclusion */

/**
 * @param {Board} board
 * @returns {import("./rule_fields.js").Control & { edit: (at: number | null) => void, isOpen: () => boolean }}
 */
export function createExclusions(board) {
  const { listen } = board;
  const id = `cx-excl-${Math.random().toString(36).slice(2, 8)}`;
  const rows = h("ul", { class: "cx-exclusions", "aria-label": "Exclusions" });
  const add = h("button", { class: "cx-button cx-small" }, icon("plus"), h("span", {}, "Add exclusion"));

  /** The exclusion in the form; null where the form is closed. @type {{ at: number | null, value: Exclusion, was: string } | null} */
  let open = null;
  const list = () => board.draft().definition.rules?.exclusions ?? [];

  /* ---- the form ---- */

  const names = h("datalist", { id: `${id}-events` });
  const pills = h("span", { class: "cx-pills" });
  const name = h("input", { class: "cx-text", type: "text", list: `${id}-events`, "aria-label": "Event to exclude", placeholder: "name or pattern*", spellcheck: "false", autocomplete: "off" });
  const more = h("button", { class: "cx-button cx-small" }, "Add event");
  const after = h("select", { class: "cx-select", "aria-label": "After the stage" });
  const before = h("select", { class: "cx-select", "aria-label": "Before the stage" });
  const effect = h("select", { class: "cx-select", "aria-label": "Effect" });
  const effectWords = h("span", { class: "cx-field-words" });
  const conditions = createConditions(board, listen, {
    none: "every such event",
    changed: () => change({ where: conditions.read() }),
  });
  const complaint = h("p", { class: "cx-complaint", role: "alert", hidden: true });
  const save = h("button", { class: "cx-button cx-small cx-primary" }, icon("check"), h("span", {}, "Save exclusion"));
  const cancel = h("button", { class: "cx-button cx-small" }, "Cancel");
  /** @param {string} label @param {Node[]} nodes */
  const line = (label, ...nodes) => h("div", { class: "cx-form-line" }, h("span", { class: "cx-field-name" }, label), h("span", { class: "cx-field-controls" }, ...nodes));
  const whereLine = line("Only where", conditions.element);
  const form = h(
    "div",
    { class: "cx-form", role: "group", "aria-label": "Exclusion", hidden: true },
    line("Events", pills, name, more, names),
    line("After", after, h("span", { class: "cx-muted" }, "and before"), before),
    line("Effect", effect, effectWords),
    whereLine,
    complaint,
    h("div", { class: "cx-panel-buttons" }, save, cancel),
  );

  /** @param {Partial<Exclusion>} change */
  const change = (change) => {
    if (!open) return;
    open.value = { ...open.value, ...change };
    complaint.hidden = true;
    drawForm();
  };
  const takeName = () => {
    const typedName = name.value.trim();
    if (!open || !typedName) return;
    name.value = "";
    if (!open.value.events.includes(typedName)) change({ events: [...open.value.events, typedName] });
  };
  /** @param {boolean} giveBack */
  const close = (giveBack) => {
    open = null;
    draw();
    if (giveBack) add.focus({ preventScroll: true });
  };
  /** @param {number | null} at */
  const edit = (at) => {
    const known = at === null ? undefined : list()[at];
    open = { at: known ? at : null, value: known ? { ...known } : { events: [] }, was: JSON.stringify(known ?? null) };
    name.value = "";
    conditions.show(open.value.where ?? []);
    complaint.hidden = true;
    draw();
    name.focus({ preventScroll: true });
    form.scrollIntoView({ block: "nearest" });
  };
  const submit = () => {
    if (!open) return;
    takeName();
    const missing = conditions.take();
    const problem = missing ?? exclusionProblem(open.value);
    if (problem) {
      complaint.hidden = false;
      setText(complaint, problem);
      if (missing === null) name.focus({ preventScroll: true });
      return;
    }
    const { at, value: exclusion } = open;
    open = null;
    if (!board.act({ type: "exclusion", at, exclusion })) draw();
    add.focus({ preventScroll: true });
  };
  listen(add, "click", () => edit(null));
  listen(save, "click", submit);
  listen(cancel, "click", () => close(true));
  listen(more, "click", () => {
    takeName();
    name.focus({ preventScroll: true });
  });
  listen(after, "change", () => change({ after: after.value || null }));
  listen(before, "change", () => change({ before: before.value || null }));
  listen(effect, "change", () => change({ effect: effect.value }));
  listen(form, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") close(true);
    else if (event.key === "Enter" && event.target === name) name.value.trim() ? takeName() : submit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  /**
   * @param {HTMLSelectElement} select
   * @param {{ value: string, label: string }[]} options
   * @param {string} chosen
   */
  const fill = (select, options, chosen) => {
    const shown = options.some((each) => each.value === chosen) ? options : [...options, { value: chosen, label: chosen }];
    keyed(
      select,
      shown,
      (each) => `= ${each.value}`,
      () => h("option"),
      (option, each) => {
        setAttribute(option, "value", each.value);
        setText(option, each.label);
      },
    );
    if (select.value !== chosen) select.value = chosen;
  };
  /** @param {string} text @param {string} label @param {() => void} remove */
  const pill = (text, label, remove) => {
    const button = h("button", { class: "cx-icon-button", "aria-label": label }, icon("close"));
    listen(button, "click", remove);
    return h("span", { class: "cx-pill" }, h("span", { class: "cx-pill-text", dir: "auto", title: text }, text), button);
  };

  function drawForm() {
    form.hidden = open === null;
    if (!open) return;
    const { events, where = [] } = open.value;
    const stages = board.draft().definition.stages.map((stage) => ({ value: stage.name, label: stage.name }));
    const catalog = board.catalog();
    keyed(names, catalog.events, (event) => event.name, (event) => h("option", { value: event.name }), () => {});
    keyed(
      pills,
      events,
      (event) => event,
      (event) =>
        pill(event, `Take ${event} out of the exclusion`, () => {
          change({ events: (open?.value.events ?? []).filter((each) => each !== event) });
          name.focus({ preventScroll: true });
        }),
      () => {},
    );
    fill(after, [{ value: "", label: "the first stage" }, ...stages], open.value.after ?? "");
    fill(before, [{ value: "", label: "the last stage" }, ...stages], open.value.before ?? "");
    fill(effect, (catalog.effects ?? Object.keys(EFFECTS)).map((each) => ({ value: each, label: EFFECTS[each]?.label ?? each })), open.value.effect ?? "stop");
    setText(effectWords, EFFECTS[open.value.effect ?? "stop"]?.words ?? "");
    const columns = catalog.columns ?? [];
    whereLine.hidden = columns.length === 0 && where.length === 0;
    conditions.draw();
    setText(/** @type {Element} */ (save.lastElementChild), open.at === null ? "Save exclusion" : "Save changes");
  }

  function draw() {
    // Undo and other hands may change what the form was opened on.
    if (open && open.at !== null && JSON.stringify(list()[open.at] ?? null) !== open.was) open = null;
    keyed(
      rows,
      list().map((exclusion, index) => ({ exclusion, index })),
      ({ index }) => String(index),
      ({ index }) => {
        const change = h("button", { class: "cx-icon-button" }, icon("pencil"));
        const remove = h("button", { class: "cx-icon-button" }, icon("trash"));
        listen(change, "click", () => edit(index));
        listen(remove, "click", () => {
          board.act({ type: "exclusion", at: index, exclusion: null });
          add.focus({ preventScroll: true });
        });
        return h("li", { class: "cx-exclusion" }, h("span", { class: "cx-exclusion-text", dir: "auto" }), change, remove);
      },
      (row, { exclusion }) => {
        const words = exclusionWords(exclusion);
        const [text, change, remove] = row.children;
        if (text) setText(text, words);
        if (text) setAttribute(text, "title", words);
        if (change) setAttribute(change, "aria-label", `Change the exclusion of ${words}`);
        if (remove) setAttribute(remove, "aria-label", `Remove the exclusion of ${words}`);
      },
    );
    rows.hidden = list().length === 0;
    add.hidden = open !== null;
    drawForm();
  }
  return { elements: [rows, form, add], focus: () => add.focus({ preventScroll: true }), draw, edit, isOpen: () => open !== null };
}
