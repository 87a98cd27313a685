/** The tray and the stage columns: what they show. How they are moved is in drag.js and keyboard.js. */

import { freeName, isConditional, mergeProblem, nameProblem } from "./draft.js";
import { h, keyed, setAttribute, setText } from "./dom.js";
import { compact, count } from "./format.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { conditionText, stageMarks } from "./rules_text.js";
import { askWhere, stageRuleItems } from "./stage_rules.js";

/** @typedef {import("./context.js").Board} Board */
/** @typedef {import("./draft.js").Column} Column */
/** @typedef {import("./menu.js").MenuItem} MenuItem */
/** @typedef {import("./wire.d.ts").Stage} Stage */

const PALETTE = 8;

/**
 * @typedef {Object} Columns
 * @property {HTMLElement} element
 * @property {HTMLElement} scroller Scrolls sideways through the stages.
 * @property {() => void} draw
 * @property {(target: import("./context.js").FocusTarget) => boolean} focus
 * @property {(target: import("./context.js").FocusTarget) => void} aim Make it the tab stop, which it is once it has the focus.
 * @property {() => HTMLElement[]} columnElements The tray first.
 * @property {(element: Element | null) => Place | null} placeOf
 * @property {(index: number) => Place | null} placeAt -1 is the tray.
 * @property {(index: number | null, kind?: string, preview?: string) => void} mark Show where a drop would go.
 * @property {(stage: string) => void} rename
 * @property {(stage: string, roles?: boolean) => void} stageMenu
 * @property {(chip: HTMLElement) => void} chipMenu
 * @property {(event: string, to: string) => void} share Put an event into one more stage.
 * @property {(stage: string) => void} remove
 * @property {(event?: string) => void} addStage At the end, with an event to begin with.
 */

/** @typedef {{ index: number, stage: string | null, element: HTMLElement }} Place */

/**
 * @param {number} number
 * @param {string} one
 * @param {string} many
 */
const counted = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

/**
 * @param {Board} board
 * @returns {Columns}
 */
export function createColumns(board) {
  const { listen } = board;
  const id = `cx-${Math.random().toString(36).slice(2, 8)}`;

  const chipHelp = h(
    "span",
    { id: `${id}-chip`, hidden: true },
    "Enter picks up, left and right choose a stage, Enter drops, Shift with Enter puts it there as well. " +
      "M opens the menu. Arrow keys move between events.",
  );
  const stageHelp = h(
    "span",
    { id: `${id}-stage`, hidden: true },
    "F2 renames, M opens the menu, Alt with left or right moves the stage, Delete removes it.",
  );
  const search = h("input", {
    class: "cx-search",
    type: "search",
    placeholder: "Search",
    "aria-label": "Search the unassigned events",
    spellcheck: "false",
    autocomplete: "off",
  });
  const trayCount = h("span", { class: "cx-column-counts" });
  const trayTitle = h("div", { class: "cx-tray-title" }, icon("tray"), h("span", { class: "cx-tray-name" }, "Unassigned"));
  const trayChips = h("div", { class: "cx-chips" });
  const trayEmpty = h("p", { class: "cx-hint" });
  const tray = h(
    "div",
    { class: "cx-column cx-tray", role: "group", "data-testid": "tray", "data-column": "-1" },
    h("div", { class: "cx-tray-head" }, trayTitle, trayCount, h("div", { class: "cx-search-box" }, icon("search"), search)),
    trayChips,
    trayEmpty,
  );
  const list = h("div", { class: "cx-stage-list" });
  const add = h("button", { class: "cx-add", title: "Add a stage" }, icon("plus"), h("span", {}, "Add stage"));
  const scroller = h("div", { class: "cx-stages" }, list, add);
  const element = h("div", { class: "cx-area" }, tray, scroller, chipHelp, stageHelp);

  /** @type {{ stage: string } | null} */
  let renaming = null;
  /** @type {HTMLInputElement | null} A box just made, which takes the focus once it is on the page. */
  let opened = null;
  /** @type {HTMLElement | null} */
  let current = null;

  /* ---- chips ---- */

  /** @type {Map<string, import("./wire.d.ts").CatalogEvent>} */
  let events = new Map();
  /** @type {unknown} */
  let eventsOf = null;
  let mostEvents = 1;

  const createChip = () => {
    const chip = h(
      "button",
      { class: "cx-chip", "aria-describedby": `${id}-chip`, tabindex: -1 },
      h("span", { class: "cx-chip-name", dir: "auto" }),
      h("span", { class: "cx-chip-counts" }, h("span"), h("span", { class: "cx-chip-note" })),
      h("span", { class: "cx-chip-bar", "aria-hidden": "true" }),
    );
    return chip;
  };

  /**
   * @param {HTMLElement} chip
   * @param {Column["chips"][number]} item
   * @param {string | null} stage
   * @param {boolean} only Whether this is the only place of the event.
   */
  const updateChip = (chip, item, stage, only) => {
    const event = events.get(item.name);
    const n = event?.events ?? 0;
    const customers = event?.customers ?? 0;
    const [name, counts, bar] = /** @type {HTMLCollectionOf<HTMLElement>} */ (chip.children);
    setAttribute(chip, "data-event", item.name);
    setAttribute(chip, "data-from", stage ?? "");
    setAttribute(chip, "data-testid", only ? `chip:${item.name}` : `chip:${item.name}@${stage}`);
    const where = stage === null ? "unassigned" : `in ${stage}`;
    const some = item.conditional ? ", only some of its events" : "";
    const shared = item.also.length > 0;
    const also = shared ? `, also in ${item.also.join(", ")}` : "";
    const label = `${item.name}, ${counted(n, "event", "events")}, ${counted(customers, "customer", "customers")}, ${where}${some}${also}`;
    setAttribute(chip, "aria-label", label);
    setAttribute(chip, "title", label.replace(`, ${where}`, ""));
    setAttribute(chip, "data-conditional", item.conditional);
    setAttribute(chip, "data-shared", shared);
    if (name) setText(name, item.name);
    if (counts?.firstElementChild && counts.lastElementChild) {
      setText(counts.firstElementChild, `${compact(n)} ev · ${compact(customers)} cust`);
      const note = item.conditional ? "some" : item.pattern ? item.pattern : "";
      setText(counts.lastElementChild, shared ? [note, "shared"].filter(Boolean).join(", ") : note);
    }
    if (bar) {
      const width = `${Math.max(2, Math.round((100 * n) / mostEvents))}%`;
      if (bar.style.inlineSize !== width) bar.style.inlineSize = width;
    }
  };

  /* ---- a stage ---- */

  /**
   * @typedef {Object} Parts
   * @property {HTMLElement} head
   * @property {HTMLElement} number
   * @property {HTMLElement} slot
   * @property {HTMLButtonElement} name
   * @property {HTMLButtonElement} menu
   * @property {HTMLButtonElement} role
   * @property {HTMLElement} counts
   * @property {HTMLElement} marks
   * @property {HTMLElement} condition
   * @property {HTMLElement} patterns
   * @property {HTMLElement} chips
   * @property {HTMLElement} hint
   * @property {HTMLElement} problems
   */
  /** @type {WeakMap<Element, Parts>} */
  const partsOf = new WeakMap();

  const createStage = () => {
    const name = h("button", { class: "cx-stage-name", dir: "auto", tabindex: -1, "aria-describedby": `${id}-stage` });
    const menu = h("button", { class: "cx-icon-button cx-stage-menu", tabindex: -1, "aria-haspopup": "menu" }, icon("more"));
    const role = h("button", { class: "cx-role", tabindex: -1, "aria-haspopup": "menu" });
    const number = h("span", { class: "cx-stage-number", "aria-hidden": "true" });
    const slot = h("div", { class: "cx-stage-slot" }, name);
    const counts = h("span", { class: "cx-column-counts" });
    const marks = h("div", { class: "cx-marks" });
    const condition = h("button", { class: "cx-condition", dir: "auto", tabindex: -1, "aria-haspopup": "dialog", hidden: true });
    const patterns = h("div", { class: "cx-patterns" });
    const chips = h("div", { class: "cx-chips" });
    const hint = h("p", { class: "cx-hint" }, "Drop events here");
    const problems = h("div", { class: "cx-stage-problems" });
    const head = h(
      "div",
      { class: "cx-stage-head" },
      h("div", { class: "cx-stage-line" }, number, slot, menu),
      h("div", { class: "cx-stage-line" }, counts, role),
      marks,
      condition,
    );
    const column = h("div", { class: "cx-column cx-stage", role: "group" }, head, problems, patterns, chips, hint);
    partsOf.set(column, { head, number, slot, name, menu, role, counts, marks, condition, patterns, chips, hint, problems });
    return column;
  };

  /**
   * @param {HTMLElement} column
   * @param {Column} item
   * @param {number} index
   */
  const updateStage = (column, item, index) => {
    const parts = /** @type {Parts} */ (partsOf.get(column));
    const { stage } = item;
    const total = board.draft().definition.stages.length;
    const answer = board.answer();
    const answered = answer?.stages.find((each) => each.name === stage.name);
    const fresh = answered && !board.updating();
    const named = item.chips.reduce((sum, chip) => sum + (events.get(chip.name)?.events ?? 0), 0);
    const partly = isConditional(stage) || Boolean(board.draft().definition.rules?.observation_end);
    const n = fresh || (answered && partly) ? answered.events : named;
    const customers = answered?.customers;

    setAttribute(column, "data-testid", `stage:${stage.name}`);
    setAttribute(column, "data-column", index);
    column.style.setProperty("--cx-stage", `var(--cx-stage-${(index % PALETTE) + 1})`);
    const heads = customers === undefined ? "" : `, ${counted(customers, "customer", "customers")}`;
    const marks = stageMarks(stage);
    const marked = marks.map((mark) => `, ${mark.text}`).join("");
    setAttribute(column, "aria-label", `${stage.name}, stage ${index + 1} of ${total}, ${counted(n, "event", "events")}${heads}${marked}`);
    keyed(
      parts.marks,
      marks,
      (mark) => mark.key,
      () => h("span", { class: "cx-mark" }),
      (element, mark) => {
        setText(element, mark.text);
        setAttribute(element, "title", mark.words);
      },
    );
    setText(parts.number, String(index + 1));
    setText(parts.name, stage.name);
    setAttribute(parts.name, "title", `${stage.name}\nDouble-click to rename, drag to move or merge`);
    setAttribute(parts.menu, "aria-label", `Menu of stage ${stage.name}`);
    setText(parts.counts, `${compact(n)} ev${customers === undefined ? "" : ` · ${compact(customers)} cust`}`);
    setAttribute(parts.counts, "title", `${counted(n, "event", "events")}${heads}`);

    const guessed = stage.role === undefined || stage.role === "auto";
    const role = guessed ? (answered?.role ?? null) : (stage.role ?? null);
    setText(parts.role, role ?? "no role");
    setAttribute(parts.role, "data-none", role === null);
    setAttribute(parts.role, "aria-label", `${role ?? "no role"}${guessed && role ? ", guessed" : ""}: role of stage ${stage.name}`);
    setAttribute(parts.role, "title", guessed && role ? "Role in the loyalty figures, guessed from the name" : "Role in the loyalty figures");

    const condition = (stage.where ?? []).map(conditionText).join(" · ");
    parts.condition.hidden = !condition;
    setText(parts.condition, condition && `only ${condition}`);
    setAttribute(parts.condition, "title", condition ? `${condition}\nClick to change` : null);

    drawName(parts, stage.name);
    keyed(
      parts.patterns,
      item.patterns,
      (each) => each.pattern,
      () => h("span", { class: "cx-pattern" }, h("span", { class: "cx-pattern-text", dir: "auto" }), h("button", { class: "cx-icon-button" }, icon("close"))),
      (pill, each) => {
        const [text, remove] = pill.children;
        if (text) setText(text, each.pattern);
        setAttribute(pill, "title", `Pattern ${each.pattern}: ${counted(each.matched, "event", "events")} of the log`);
        if (remove) {
          setAttribute(remove, "aria-label", `Remove pattern ${each.pattern} from ${stage.name}`);
          setAttribute(remove, "data-remove", each.pattern);
        }
      },
    );
    drawChips(parts.chips, item.chips, stage.name);
    drawProblems(parts, item);
  };

  /**
   * @param {HTMLElement} box
   * @param {Column["chips"]} items
   * @param {string | null} stage
   */
  const drawChips = (box, items, stage) => {
    const { home } = board.parts();
    keyed(
      box,
      items,
      (item) => item.name,
      createChip,
      (chip, item) => {
        const place = stage === null ? -1 : board.draft().definition.stages.findIndex((each) => each.name === stage);
        updateChip(chip, item, stage, stage === null || home.get(item.name) === place);
      },
    );
  };

  /**
   * @param {Parts} parts
   * @param {Column} item
   */
  const drawProblems = (parts, item) => {
    const { stage } = item;
    const answered = (board.answer()?.problems ?? []).filter((problem) => problem.stage === stage.name);
    const empty = !item.chips.length && !item.unknown.length && !item.taken.length;
    const others = answered.filter((problem) => {
      if (problem.kind === "empty_stage") return empty && !board.updating();
      if (problem.event === null) return true;
      if (item.taken.some((each) => each.name === problem.event)) return false;
      return !item.unknown.includes(problem.event) && stage.events.includes(problem.event) && !board.updating();
    });
    parts.hint.hidden = !empty;
    setText(parts.hint, empty && stage.events.length ? "Another stage holds these events" : "Drop events here");
    keyed(
      parts.problems,
      [
        ...item.unknown.map((entry) => ({
          key: `unknown ${entry}`,
          text: answered.find((problem) => problem.event === entry)?.message ?? `'${entry}' is not in this log`,
          entry,
          share: false,
        })),
        ...item.taken.map(({ name, by }) => ({
          key: `taken ${name}`,
          text: answered.find((problem) => problem.event === name)?.message ?? `'${name}' goes to ${by}, which asks for it first`,
          entry: name,
          share: true,
        })),
        ...others.map((problem) => ({ key: `${problem.kind} ${problem.event} ${problem.message}`, text: problem.message, entry: problem.kind === "duplicate_event" ? problem.event : null, share: false })),
      ],
      (problem) => problem.key,
      () => h("div", { class: "cx-problem" }, icon("warn"), h("span", { class: "cx-problem-text", dir: "auto" })),
      (row, problem) => {
        const text = row.children[1];
        if (text) setText(text, problem.text);
        if (problem.entry !== null && row.children.length < 3) {
          row.append(h("button", { class: "cx-button cx-small", "data-remove": problem.entry, "aria-label": `Remove ${problem.entry} from ${stage.name}` }, "Remove"));
          if (problem.share) row.append(h("button", { class: "cx-button cx-small", "data-share": true, title: "Reuse: several stages, each row once" }, "Let it stand in both"));
        }
      },
    );
  };

  /* ---- renaming in place ---- */

  /**
   * @param {Parts} parts
   * @param {string} stage
   */
  const drawName = (parts, stage) => {
    const input = parts.slot.querySelector("input");
    if (renaming?.stage !== stage) {
      if (input) parts.slot.replaceChildren(parts.name);
      return;
    }
    if (input) return;
    const box = h("input", { class: "cx-rename", "aria-label": `New name of stage ${stage}`, maxlength: 200, dir: "auto", spellcheck: "false" });
    const complaint = h("p", { class: "cx-complaint", role: "alert", hidden: true });
    box.value = stage;
    parts.slot.replaceChildren(box, complaint);
    opened = box;
    let done = false;
    /** @param {boolean} giveBack */
    const finish = (giveBack) => {
      done = true;
      renaming = null;
      const lost = box.isConnected && document.activeElement === box;
      if (box.isConnected) parts.slot.replaceChildren(parts.name);
      if (giveBack || lost) parts.name.focus({ preventScroll: true });
    };
    /** @param {boolean} stay Whether a name that cannot be keeps the box open. */
    const commit = (stay) => {
      if (done) return;
      const name = box.value.trim();
      const problem = nameProblem(board.draft().definition, name, stage);
      if (problem && stay) {
        complaint.hidden = false;
        setText(complaint, problem);
        box.setAttribute("aria-invalid", "true");
        return;
      }
      finish(stay);
      if (!problem && name !== stage) board.act({ type: "rename", stage, name }, stay ? { stage: name } : undefined);
      else board.redraw();
    };
    listen(box, "keydown", (/** @type {KeyboardEvent} */ event) => {
      event.stopPropagation();
      if (event.isComposing) return;
      if (event.key === "Enter") commit(true);
      else if (event.key === "Escape") {
        finish(true);
        board.say("Renaming cancelled.");
      } else return;
      event.preventDefault();
    });
    listen(box, "input", () => {
      complaint.hidden = true;
      box.removeAttribute("aria-invalid");
    });
    listen(box, "blur", () => commit(false));
  };

  /** @param {string} stage */
  const rename = (stage) => {
    renaming = { stage };
    draw();
  };

  /** @param {{ at?: number, events?: string[] }} [fields] */
  const addStage = (fields = {}) => {
    const name = freeName(board.draft().definition);
    renaming = { stage: name };
    board.act({ type: "add", name, ...fields });
  };

  /* ---- menus ---- */

  /**
   * @param {string} stage
   * @param {boolean} [roles]
   */
  const stageMenu = (stage, roles = false) => {
    const { definition } = board.draft();
    const index = definition.stages.findIndex((each) => each.name === stage);
    const own = definition.stages[index];
    const place = placeAt(index);
    const parts = place && partsOf.get(place.element);
    if (!own || !parts) return;
    const role = own.role === undefined ? "auto" : own.role;
    const guess = board.answer()?.stages.find((each) => each.name === stage)?.role;
    /** @type {MenuItem[]} */
    const roleItems = [
      { label: role === "auto" && guess ? `Guess from the name (${guess})` : "Guess from the name", value: "auto" },
      { label: "No role", value: null },
      ...board.catalog().roles.map((each) => ({ label: each, value: each })),
    ].map(({ label, value }) => ({
      label,
      checked: role === value,
      run: () => void board.act({ type: "set_role", stage, role: value }, { stage }),
    }));
    if (roles) {
      openMenu(parts.role, `Role of ${stage}`, roleItems, board);
      return;
    }
    const last = definition.stages.length - 1;
    openMenu(
      parts.menu,
      `Stage ${stage}`,
      [
        { label: "Rename", icon: "pencil", hint: "F2", run: () => rename(stage) },
        { label: "Role", icon: "role", items: roleItems },
        ...stageRuleItems(board, own, parts.menu).map((item, place) => ({ ...item, rule: place === 0 })),
        {
          label: "Merge into…",
          icon: "merge",
          rule: true,
          ...(last < 1
            ? { disabled: "There is no other stage." }
            : {
                items: definition.stages
                  .filter((each) => each.name !== stage)
                  .map((each) => ({
                    label: each.name,
                    disabled: mergeProblem(definition, stage, each.name),
                    run: () => void board.act({ type: "merge", from: stage, into: each.name }, { stage: each.name }),
                  })),
              }),
        },
        {
          label: "Move left",
          icon: "left",
          hint: "Alt ←",
          disabled: index > 0 ? null : "It is the first stage.",
          run: () => void board.act({ type: "move", stage, to: index - 1 }, { stage }),
        },
        {
          label: "Move right",
          icon: "right",
          hint: "Alt →",
          disabled: index < last ? null : "It is the last stage.",
          run: () => void board.act({ type: "move", stage, to: index + 1 }, { stage }),
        },
        { label: "Add a stage before", icon: "plus", run: () => addStage({ at: index }) },
        { label: "Delete", icon: "trash", hint: "Del", run: () => remove(stage) },
      ],
      board,
    );
  };

  /** @param {string} stage */
  const remove = (stage) => {
    const { stages } = board.draft().definition;
    const index = stages.findIndex((each) => each.name === stage);
    const neighbour = stages[index + 1] ?? stages[index - 1];
    board.act({ type: "remove", stage }, neighbour ? { stage: neighbour.name } : { add: true });
  };

  /** @param {HTMLElement} chip */
  const chipMenu = (chip) => {
    const event = chip.dataset["event"] ?? "";
    const from = chip.dataset["from"] || null;
    const { stages } = board.draft().definition;
    /** @type {(string | null)[]} */
    const places = [null, ...stages.map((stage) => stage.name)];
    const holding = new Set(board.parts().columns.filter((column) => column.chips.some((each) => each.name === event)).map((column) => column.stage.name));
    const others = stages.filter((stage) => stage.name !== from);
    openMenu(
      chip,
      `Move ${event} to`,
      [
        ...places.map((to) => ({
          label: to ?? "Unassigned",
          checked: to === from,
          ...(to === null ? { icon: /** @type {const} */ ("tray") } : {}),
          run: () => {
            if (to !== from) board.act({ type: "assign", event, to, from }, { chip: event, stage: to });
          },
        })),
        ...(from !== null && others.length
          ? [
              {
                label: "Also in…",
                icon: /** @type {const} */ ("both"),
                rule: true,
                items: others.map((stage) => ({
                  label: stage.name,
                  disabled: holding.has(stage.name) ? "It stands there already." : null,
                  run: () => share(event, stage.name),
                })),
              },
            ]
          : []),
      ],
      board,
    );
  };

  /** @param {string} event @param {string} to */
  const share = (event, to) => {
    if (!board.act({ type: "share", event, to }, { chip: event, stage: to })) board.say(`${event} stands in ${to} already.`);
  };

  /* ---- places ---- */

  const columnElements = () => [tray, .../** @type {HTMLElement[]} */ ([...list.children])];
  /** @param {Element | null} from */
  const placeOf = (from) => {
    const column = /** @type {HTMLElement | null} */ (from?.closest("[data-column]") ?? null);
    return column && element.contains(column) ? placeAt(Number(column.dataset["column"])) : null;
  };
  /**
   * @param {number} index
   * @returns {Place | null}
   */
  const placeAt = (index) => {
    const column = columnElements()[index + 1];
    if (!column) return null;
    return { index, stage: index < 0 ? null : (board.draft().definition.stages[index]?.name ?? null), element: column };
  };
  /** @type {HTMLElement | null} */
  let marked = null;
  /**
   * @param {number | null} index
   * @param {string} [kind]
   * @param {string} [preview]
   */
  const mark = (index, kind = "chip", preview = "") => {
    const next = index === null ? null : (placeAt(index)?.element ?? null);
    if (marked && marked !== next) {
      delete marked.dataset["drop"];
      marked.querySelector(".cx-chips")?.removeAttribute("data-preview");
    }
    marked = next;
    if (!next) return;
    setAttribute(next, "data-drop", kind);
    const box = next.querySelector(".cx-chips");
    if (box) setAttribute(box, "data-preview", preview || null);
  };

  /** One tab stop for all chips and one for the stages; the other controls of a stage follow its name. */
  const rove = () => {
    const chips = /** @type {HTMLElement[]} */ ([...element.querySelectorAll(".cx-chip")]);
    const chip = chips.find((each) => each === current) ?? chips.find((each) => each.tabIndex === 0) ?? chips[0];
    for (const each of chips) {
      const index = each === chip ? 0 : -1;
      if (each.tabIndex !== index) each.tabIndex = index;
    }
    const stages = /** @type {HTMLElement[]} */ ([...list.children]);
    const open = stages.find((each) => current && each.contains(current)) ?? stages.find((each) => each.dataset["open"]) ?? stages[0];
    for (const each of stages) {
      setAttribute(each, "data-open", each === open);
      const parts = partsOf.get(each);
      if (!parts) continue;
      for (const control of [parts.name, parts.role, parts.menu, parts.condition]) {
        const index = each === open ? 0 : -1;
        if (control.tabIndex !== index) control.tabIndex = index;
      }
    }
  };

  /** @param {import("./context.js").FocusTarget} target */
  const seek = (target) => {
    /** @type {HTMLElement | null | undefined} */
    let found = null;
    if ("chip" in target) {
      const all = /** @type {HTMLElement[]} */ ([...element.querySelectorAll(".cx-chip")]).filter(
        (chip) => chip.dataset["event"] === target.chip,
      );
      found = all.find((chip) => (chip.dataset["from"] || null) === (target.stage ?? null)) ?? all[0] ?? search;
    } else if ("stage" in target) {
      const index = board.draft().definition.stages.findIndex((stage) => stage.name === target.stage);
      const place = index < 0 ? null : placeAt(index);
      found = place && partsOf.get(place.element)?.name;
    } else {
      found = add;
    }
    return found ?? null;
  };

  /** @type {Columns["aim"]} */
  const aim = (target) => {
    current = seek(target) ?? current;
    rove();
  };

  /** @type {Columns["focus"]} */
  const focus = (target) => {
    const found = seek(target);
    found?.focus({ preventScroll: true });
    found?.scrollIntoView({ block: "nearest", inline: "nearest" });
    return Boolean(found);
  };

  /* ---- drawing ---- */

  /** Stable keys, so that a renamed stage keeps its element and with it focus and scroll. */
  let keys = /** @type {{ name: string, key: string }[]} */ ([]);
  let nextKey = 0;
  /** @param {string[]} names */
  const stableKeys = (names) => {
    const known = new Map(keys.map(({ name, key }) => [name, key]));
    const gone = keys.filter(({ name }) => !names.includes(name));
    const fresh = names.filter((name) => !known.has(name));
    const [from] = gone;
    const [to] = fresh;
    if (from && to !== undefined && gone.length === 1 && fresh.length === 1 && keys.indexOf(from) === names.indexOf(to)) {
      known.set(to, from.key);
    }
    keys = names.map((name) => ({ name, key: known.get(name) ?? `k${(nextKey += 1)}` }));
    return new Map(keys.map(({ name, key }) => [name, key]));
  };

  function draw() {
    const catalog = board.catalog();
    if (eventsOf !== catalog) {
      eventsOf = catalog;
      events = new Map(catalog.events.map((event) => [event.name, event]));
      mostEvents = Math.max(1, ...catalog.events.map((event) => event.events));
    }
    const { columns, unassigned } = board.parts();
    const wanted = search.value.trim().toLowerCase();
    const shown = wanted ? unassigned.filter((name) => name.toLowerCase().includes(wanted)) : unassigned;
    const n = unassigned.reduce((sum, name) => sum + (events.get(name)?.events ?? 0), 0);
    const keyOf = stableKeys(columns.map((column) => column.stage.name));

    if (renaming && !keyOf.has(renaming.stage)) renaming = null;
    setAttribute(tray, "aria-label", `Unassigned events, ${count(unassigned.length)} of ${count(catalog.events.length)}, ${counted(n, "row", "rows")}`);
    setText(trayCount, unassigned.length ? `${count(unassigned.length)} of ${count(catalog.events.length)}` : "none");
    setAttribute(trayCount, "title", `${counted(unassigned.length, "event name", "event names")}, ${counted(n, "event", "events")}`);
    trayEmpty.hidden = shown.length > 0;
    setText(trayEmpty, unassigned.length ? "No event matches the search" : catalog.events.length ? "Every event has a stage" : "The log has no events");
    drawChips(trayChips, shown.map((name) => ({ name, conditional: false, pattern: null, also: [] })), null);
    keyed(list, columns, (column) => keyOf.get(column.stage.name) ?? column.stage.name, createStage, updateStage);
    setAttribute(scroller, "data-empty", columns.length === 0);
    rove();
    if (opened) {
      const box = opened;
      opened = null;
      box.focus({ preventScroll: true });
      box.select();
      box.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  /* ---- listeners ---- */

  listen(search, "input", () => {
    draw();
    if (search.value) board.say(`${counted(trayChips.childElementCount, "event", "events")} found.`);
  });
  listen(search, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && search.value) {
      search.value = "";
      draw();
      event.preventDefault();
    } else if (event.key === "ArrowDown") {
      /** @type {HTMLElement | null} */ (trayChips.firstElementChild)?.focus();
      event.preventDefault();
    }
  });
  listen(add, "click", () => addStage());
  listen(element, "focusin", (/** @type {FocusEvent} */ event) => {
    current = /** @type {HTMLElement} */ (event.target);
    rove();
  });
  listen(element, "click", (/** @type {MouseEvent} */ event) => {
    const target = /** @type {Element} */ (event.target);
    const chip = /** @type {HTMLElement | null} */ (target.closest(".cx-chip"));
    if (chip) return chipMenu(chip);
    const place = placeOf(target);
    const stage = place?.stage ?? null;
    if (stage === null) return;
    const button = /** @type {HTMLElement | null} */ (target.closest("[data-remove]"));
    if (target.closest("[data-share]")) board.act({ type: "rule", field: "reuse", value: "distinct" }, { stage });
    else if (button) board.act({ type: "remove_entry", event: button.dataset["remove"] ?? "", stage }, { stage });
    else if (target.closest(".cx-stage-menu")) stageMenu(stage);
    else if (target.closest(".cx-role")) stageMenu(stage, true);
    else if (target.closest(".cx-condition")) {
      const own = board.draft().definition.stages.find((each) => each.name === stage);
      if (own) askWhere(board, own, /** @type {HTMLElement} */ (target));
    }
    // A click without a pointer comes from a screen reader.
    else if (target.closest(".cx-stage-name") && event.detail === 0) stageMenu(stage);
  });
  listen(element, "dblclick", (/** @type {MouseEvent} */ event) => {
    const target = /** @type {Element} */ (event.target);
    const stage = target.closest(".cx-stage-line") && !target.closest(".cx-icon-button, .cx-role, input") ? placeOf(target)?.stage : null;
    if (stage) rename(stage);
  });

  return {
    element,
    scroller,
    draw,
    focus,
    aim,
    columnElements,
    placeOf,
    placeAt,
    mark,
    rename,
    stageMenu,
    chipMenu,
    share,
    remove,
    addStage: (event) => addStage(event === undefined ? {} : { events: [event] }),
  };
}
