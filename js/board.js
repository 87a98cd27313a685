/** The stage board: columns of events, rules, figures, problems and code, all on one draft. */

import { createBoard } from "./context.js";
import { createColumns } from "./columns.js";
import { enableDrag } from "./drag.js";
import { h, keyed, keysStayHere, setAttribute, setText } from "./dom.js";
import { same } from "./draft.js";
import { figure, isNumber } from "./format.js";
import { newest, revised, widget } from "./host.js";
import { icon } from "./icons.js";
import { enableKeyboard } from "./keyboard.js";
import { createCodePanel, createPresetPanel } from "./panels.js";
import { isRuleProblem } from "./rule_fields.js";
import { createRulesBar } from "./rules_bar.js";
import { createStrip } from "./strip.js";
import { hearTogether } from "./together.js";

/** @typedef {import("./wire.d.ts").BoardView} BoardView */
/** @typedef {import("./wire.d.ts").Draft} Draft */

/** Milliseconds without an answer after which the board says that Python is silent. */
const PATIENCE = 5000;
/** Milliseconds after a drop at which its chip is focused at the latest. */
const LATEST = 150;

/** @type {import("./wire.d.ts").Catalog} */
const NO_CATALOG = {
  events: [],
  presets: [],
  roles: [],
  role_words: {},
  no_role_words: [],
  n_customers: 0,
  n_events: 0,
  span_seconds: null,
  show_figures: true,
};

/**
 * @param {import("./host.js").Host} host
 * @returns {import("./context.js").Shared}
 */
function create(host) {
  /** @type {ReturnType<typeof revised<Draft>>} */
  const drafts = revised(host, "_draft");
  /** @type {ReturnType<typeof newest<BoardView>>} */
  const answers = newest(host, "_view");
  const rehearsal = hearTogether(host);
  answers.watch((answer) => rehearsal.shows() || drafts.acknowledge(answer.revision), host.signal);
  host.watch("_drawn", (revision) => drafts.acknowledge(revision), host.signal);
  const offered = () => host.get("_offered") ?? {};
  return {
    catalog: () => host.get("_catalog") ?? NO_CATALOG,
    offered,
    want: (column) => {
      if (!(column in offered()) && host.get("_wanted") !== column) host.set("_wanted", column);
    },
    drafts,
    answers,
    rehearsal,
  };
}

/**
 * @param {import("./icons.js").IconName} name
 * @param {string} label
 * @param {string} title
 */
const toolButton = (name, label, title) => h("button", { class: "cx-button", title }, icon(name), h("span", {}, label));

/** @param {import("./host.js").View<import("./context.js").Shared>} view */
function render(view) {
  const { el, state, signal } = view;
  el.classList.add("cx-board");
  el.dataset["testid"] = "board";
  el.setAttribute("role", "region");
  el.setAttribute("aria-label", "Stage board");

  const voice = h("div", { class: "cx-hidden", role: "status", "aria-live": "polite" });
  // A region of its own: written into the other one, the answer would cut off what the edit has to say.
  const result = h("div", { class: "cx-hidden", role: "status", "aria-live": "polite" });
  const board = createBoard(view, voice, draw);
  const columns = createColumns(board);
  const rules = createRulesBar(board);
  const strip = createStrip(board);

  const undo = h("button", { class: "cx-button cx-square", "aria-label": "Undo" }, icon("undo"));
  const redo = h("button", { class: "cx-button cx-square", "aria-label": "Redo" }, icon("redo"));
  const presetButton = toolButton("stages", "Presets", "Start from known stages");
  const pin = toolButton("pin", "Pin as baseline", "Compare every later definition with this one");
  const codeButton = toolButton("code", "Code", "The definition as Python");
  const lastEdit = h("span", { class: "cx-last-edit", dir: "auto" });
  const standing = h("span", { class: "cx-standing", role: "status", hidden: true }, icon("info"), h("span"));
  const toolbar = h(
    "div",
    { class: "cx-toolbar", role: "group", "aria-label": "Board" },
    h("span", { class: "cx-buttons" }, undo, redo),
    presetButton,
    rules.like,
    lastEdit,
    h("span", { class: "cx-buttons cx-push" }, standing, pin, codeButton),
  );
  const notices = h("div", { class: "cx-notices" });
  const panelBox = h("div", { class: "cx-panel-box" });

  /** @type {Record<string, { panel: import("./panels.js").Panel, button: HTMLButtonElement }>} */
  const panels = {
    presets: { panel: createPresetPanel(board, () => show(null)), button: presetButton },
    code: { panel: createCodePanel(board), button: codeButton },
  };
  /** @type {string | null} */
  let open = null;
  /** @param {string | null} name */
  const show = (name) => {
    const before = open === null ? null : panels[open];
    const inside = before?.panel.element.contains(document.activeElement);
    open = name;
    panelBox.replaceChildren();
    for (const [key, { button }] of Object.entries(panels)) button.setAttribute("aria-expanded", String(key === open));
    const now = open === null ? null : panels[open];
    if (now) {
      now.panel.draw();
      panelBox.append(now.panel.element);
      now.panel.focus();
    } else if (inside) {
      before?.button.focus({ preventScroll: true });
    }
  };
  show(null);
  for (const [key, { button }] of Object.entries(panels)) view.listen(button, "click", () => show(open === key ? null : key));
  view.listen(panelBox, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    show(null);
  });
  view.listen(undo, "click", () => void board.act({ type: "undo" }));
  view.listen(redo, "click", () => void board.act({ type: "redo" }));
  view.listen(pin, "click", () => void board.act({ type: "pin" }));

  let silent = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let patience;
  signal.addEventListener("abort", () => clearTimeout(patience), { once: true });
  const watchSilence = () => {
    clearTimeout(patience);
    silent = false;
    if (!board.updating() && !state.rehearsal.shows()) return;
    patience = setTimeout(() => {
      silent = true;
      view.guard(draw);
    }, PATIENCE);
  };

  /** @returns {{ key: string, kind: "bad" | "warn", text: string }[]} */
  const noticeList = () => {
    const answer = board.answer();
    const { definition } = board.draft();
    const stages = new Set(definition.stages.map((stage) => stage.name));
    const list = [];
    const refusal = board.refusal();
    if (refusal) list.push({ key: "refusal", kind: /** @type {const} */ ("warn"), text: refusal });
    if (answer?.error) list.push({ key: "error", kind: /** @type {const} */ ("bad"), text: answer.error });
    for (const problem of answer?.problems ?? []) {
      if (isRuleProblem(problem)) continue;
      if (problem.stage !== null && (stages.has(problem.stage) || board.updating())) continue;
      list.push({ key: `${problem.kind} ${problem.message}`, kind: /** @type {const} */ ("warn"), text: problem.message });
    }
    return list;
  };

  /** What the figures stand for, if not for the definition on the board: in the toolbar, so that nothing jumps. */
  const standingText = () => {
    if (silent) return "No answer from Python yet; the figures are those of the last answer.";
    const answer = board.answer();
    if (answer?.stale && !answer.figures.length) return "There are no figures until the definition is complete.";
    if (answer?.stale) return "The figures are those of the last good definition.";
    return "";
  };

  /** @param {string} text The text of an edit as Python or the reducer wrote it. */
  const editTitle = (text) => (text ? `: ${text}` : "");

  /** @param {() => void} action */
  const whenPainted = (action) => {
    const run = () => signal.aborted || view.guard(action);
    // Then Python's answer comes before it: to focus lays out the page.
    const later = globalThis.requestIdleCallback;
    requestAnimationFrame(() => (later ? later(run, { timeout: LATEST }) : setTimeout(run)));
  };

  function draw() {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const inside = before !== null && el.contains(before);
    const draft = board.draft();
    if (!draft) return;
    const answer = board.answer();
    setAttribute(el, "data-revision", draft.revision);
    setAttribute(el, "data-view-revision", answer?.revision ?? "");
    setAttribute(el, "data-updating", board.updating());

    setAttribute(undo, "aria-disabled", draft.past.length ? null : "true");
    setAttribute(redo, "aria-disabled", draft.future.length ? null : "true");
    setAttribute(undo, "title", draft.past.length ? `Undo${editTitle(draft.edit)} (Ctrl+Z)` : "Nothing to undo");
    setAttribute(redo, "title", draft.future.length ? "Redo (Ctrl+Shift+Z)" : "Nothing to redo");
    setText(lastEdit, draft.edit);
    setAttribute(lastEdit, "title", draft.edit || null);
    const pinned = same(draft.baseline, draft.definition);
    pin.hidden = !board.catalog().show_figures;
    setAttribute(pin, "aria-disabled", pinned ? "true" : null);
    setAttribute(pin, "title", pinned ? "This definition is the baseline" : "Compare every later definition with this one");

    keyed(
      notices,
      noticeList(),
      (notice) => notice.key,
      (notice) => h("div", { class: "cx-notice", "data-kind": notice.kind, role: notice.kind === "bad" ? "alert" : null }, icon("warn"), h("span", { dir: "auto" })),
      (row, notice) => row.lastElementChild && setText(row.lastElementChild, notice.text),
    );
    const standingNow = board.catalog().show_figures || silent ? standingText() : "";
    standing.hidden = !standingNow;
    if (standing.lastElementChild) setText(standing.lastElementChild, standingNow);
    setAttribute(standing, "title", board.answer()?.problems[0]?.message ?? null);
    rules.draw();
    strip.draw();
    columns.draw();
    if (open !== null) panels[open]?.panel.draw();

    const target = board.takeFocusTarget();
    // A drag leaves the focus on the board itself: what was dropped is shown first, then focused.
    if (target && document.activeElement === el) {
      columns.aim(target);
      whenPainted(() => document.activeElement === el && columns.focus(target));
    } else if (target) columns.focus(target);
    else if (inside && (document.activeElement === document.body || document.activeElement === null)) {
      if (before.isConnected) before.focus({ preventScroll: true });
      else el.focus({ preventScroll: true });
    }
  }

  keysStayHere(el).tabIndex = -1;
  el.append(voice, result, toolbar, panelBox, rules.element, notices, strip.element, columns.element);
  enableDrag(board, columns);
  enableKeyboard(board, columns);

  const all = () => view.guard(draw);
  state.drafts.watch(() => {
    watchSilence();
    all();
  }, signal);
  let asked = state.drafts.get()?.revision ?? 0;
  state.answers.watch((answer) => {
    watchSilence();
    all();
    const { revision } = board.draft();
    if (answer.revision < revision || asked === revision) return;
    asked = revision;
    const first = answer.figures?.[0];
    if (first && isNumber(first.value)) setText(result, `${first.label} now ${figure(first.value, first.unit)}.`);
  }, signal);
  view.host.watch("_catalog", all, signal);
  view.host.watch("_offered", () => view.guard(rules.draw), signal);
  const drawn = () => {
    setAttribute(el, "data-drawn-revision", view.host.get("_drawn") ?? "");
    watchSilence();
  };
  view.host.watch("_drawn", () => view.guard(drawn), signal);
  drawn();
  watchSilence();
  draw();
}

export default widget({ create, render });
