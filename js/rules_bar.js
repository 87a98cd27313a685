/** The counting rules: the common ones in sight, the rest one click away, and what differs from the default as chips. */

import { h, keyed, setAttribute, setText } from "./dom.js";
import { same, reduce } from "./draft.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { createChoice, createField, createUnit, drawProblems, ruleProblems } from "./rule_fields.js";
import { createMoreRules } from "./rules_more.js";
import { changedRules, COMMON, RULES } from "./rules_text.js";
import { createWindowControl } from "./window_control.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./menu.js").MenuItem} MenuItem */
/** @typedef {import("./rules_text.js").Chip} Chip */

/**
 * @param {Board} board
 * @returns {{ element: HTMLElement, like: HTMLElement, draw: () => void }} `like`: the button for the rules of other tools.
 */
export function createRulesBar(board) {
  const { listen } = board;
  const id = `cx-more-${Math.random().toString(36).slice(2, 8)}`;
  const common = Object.entries({
    order: createChoice(board, "order"),
    window: createWindowControl(board),
    entry: createChoice(board, "entry"),
    unit: createUnit(board),
    count: createChoice(board, "count"),
  }).map(([key, control]) => createField(board, key, control, `${id}-wrong`));
  const more = createMoreRules(board, id);
  const like = h("button", { class: "cx-button", "aria-haspopup": "menu", title: "Take over the rules of another tool" }, icon("equal"), h("span", {}, "Count like…"));
  const toggleText = h("span", {}, "More rules");
  const toggle = h("button", { class: "cx-button cx-more-button", "aria-controls": id, "aria-expanded": "false", title: "Reach, ties, reuse, exclusions, denominator and the rest" }, toggleText, icon("chevron"));
  const chips = h("ul", { class: "cx-rule-chips", "aria-label": "Rules that differ from the default" });
  const reset = h("button", { class: "cx-button cx-small cx-quiet", title: "Set every rule back to its default, the window too" }, "Reset all rules");
  const changes = h("div", { class: "cx-rule-changes" }, chips, reset);
  const problems = h("div", { class: "cx-rule-problems", id: `${id}-wrong` });
  const element = h(
    "div",
    { class: "cx-rules", role: "group", "aria-label": "Counting rules", "data-testid": "rules" },
    h("div", { class: "cx-rule-row" }, ...common.map((field) => field.element), toggle),
    changes,
    problems,
    more.element,
  );
  const fields = new Map([...common, ...more.fields].map((field) => [field.key, field]));
  let open = false;

  /** @param {boolean} shown */
  const show = (shown) => {
    open = shown;
    more.element.hidden = !shown;
    setAttribute(toggle, "aria-expanded", String(shown));
    draw();
  };
  /** @param {string} key @param {number} [index] */
  const goTo = (key, index) => {
    const field = fields.get(key);
    if (!field) return;
    if (!COMMON.includes(key) && !open) show(true);
    if (key === "exclusions" && index !== undefined) more.exclusions.edit(index);
    else field.focus();
    field.element.scrollIntoView({ block: "nearest" });
  };
  listen(toggle, "click", () => show(!open));
  listen(more.element, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    show(false);
    toggle.focus({ preventScroll: true });
  });
  listen(reset, "click", () => {
    board.act({ type: "reset_rules" });
    toggle.focus({ preventScroll: true });
  });
  listen(like, "click", () => openMenu(like, "Count like another tool", tools(), board));

  const tools = () => {
    const { definition } = board.draft();
    const presets = board.catalog().rule_presets ?? [];
    /** @param {string} key Whether the board counts like this already. */
    const counted = (key) => {
      const draft = { ...board.draft(), past: [], future: [] };
      return same(reduce(draft, { type: "rule_preset", key }, board.catalog()).definition, definition);
    };
    /** @type {MenuItem} */
    const plain = { label: "The default rules", checked: !definition.rules, run: () => void board.act({ type: "reset_rules" }) };
    const others = [...new Set(presets.map((preset) => preset.tool))].map((tool) => {
      const settings = presets.filter((preset) => preset.tool === tool);
      const items = settings.map(({ key, setting }) => ({
        label: setting,
        checked: counted(key),
        run: () => void board.act({ type: "rule_preset", key }),
      }));
      return /** @type {MenuItem} */ ({ label: tool, items, ...(items.some((item) => item.checked) ? { icon: "check" } : {}) });
    });
    return [plain, ...others];
  };

  /** @param {Chip} chip */
  const takeBack = (chip) => {
    const rules = board.draft().definition.rules ?? {};
    const { field, index } = chip;
    if (field === "exclusions" && index !== undefined) return board.act({ type: "exclusion", at: index, exclusion: null });
    const value = field === "hold_constant" ? (rules.hold_constant ?? []).filter((_, at) => at !== index) : null;
    return board.act({ type: "rule", field, value });
  };

  const createChip = (/** @type {Chip} */ first) => {
    const text = h("button", { class: "cx-rule-chip-text", dir: "auto" });
    const remove = h("button", { class: "cx-icon-button" }, icon("close"));
    const item = h("li", { class: "cx-rule-chip" }, text, remove);
    shown.set(item, first);
    const chip = () => /** @type {Chip} */ (shown.get(item));
    listen(text, "click", () => goTo(chip().field, chip().index));
    listen(remove, "click", () => {
      const near = [item, item.nextElementSibling, item.previousElementSibling];
      if (!takeBack(chip())) return;
      // Chips of exclusions and columns are counted through, so another one may have moved up into this place.
      const control = /** @type {HTMLElement | null | undefined} */ (near.find((each) => each?.isConnected)?.lastElementChild);
      (control ?? toggle).focus({ preventScroll: true });
    });
    return item;
  };
  /** @type {WeakMap<Element, Chip>} */
  const shown = new WeakMap();

  function draw() {
    const { definition } = board.draft();
    const found = ruleProblems(board);
    for (const field of common) field.draw(found.get(field.key) ?? []);
    if (open) for (const field of more.fields) field.draw(found.get(field.key) ?? []);
    const changed = changedRules(definition.rules, board.catalog());
    keyed(
      chips,
      changed,
      (chip) => chip.key,
      createChip,
      (item, chip) => {
        shown.set(item, chip);
        const [text, remove] = item.children;
        if (text) {
          setText(text, chip.text);
          setAttribute(text, "title", `${chip.full}\n${RULES[chip.field]?.words ?? ""}`.trim());
        }
        if (remove) setAttribute(remove, "aria-label", `Reset: ${chip.full}`);
        setAttribute(item, "data-wrong", found.has(chip.field));
      },
    );
    changes.hidden = changed.length === 0;
    const behind = changed.filter((chip) => !COMMON.includes(chip.field)).length;
    setText(toggleText, behind && !open ? `More rules (${behind})` : "More rules");
    // What belongs to a field in the open panel stands there.
    const here = [...found].filter(([key]) => !open || key === "" || COMMON.includes(key)).flatMap(([, list]) => list);
    drawProblems(problems, here, (problem) =>
      named(problem).map((key) => {
        const go = h("button", { class: "cx-button cx-small" }, `Go to ${RULES[key]?.label ?? key}`);
        listen(go, "click", () => goTo(key));
        return go;
      }),
    );
  }
  /** The rules out of sight that a sentence is about. @param {import("./wire.d.ts").Problem} problem */
  const named = (problem) =>
    [...fields.keys()].filter((key) => !COMMON.includes(key) && (key === problem.field || new RegExp(`\\b${key}=`).test(problem.message)));
  return { element, like, draw };
}
