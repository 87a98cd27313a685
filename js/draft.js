/**
 * Edits of the draft as pure functions: `(draft, action, catalog) -> draft`. The same draft comes back when an action
 * changes nothing; an action that cannot be done throws a sentence.
 */

import { globMatches, isGlob } from "./patterns.js";
import { guessRole } from "./roles.js";
import { RULES, conditionText, exclusionWords, occurrence, ruleEdit } from "./rules_text.js";
import { parseSpan, spanWords } from "./timespan.js";
import { parseWindow } from "./window_text.js";

/** @typedef {import("./wire.d.ts").Action} Action */
/** @typedef {import("./wire.d.ts").Catalog} Catalog */
/** @typedef {import("./wire.d.ts").Definition} Definition */
/** @typedef {import("./wire.d.ts").Draft} Draft */
/** @typedef {import("./wire.d.ts").Exclusion} Exclusion */
/** @typedef {import("./wire.d.ts").Rules} Rules */
/** @typedef {import("./wire.d.ts").Stage} Stage */

const HISTORY = 50;
const LONGEST_NAME = 200;
export const DEFAULT_RETENTION = "30D";
const RESERVED = new Set(["(start)", "(end)", "(unassigned)"]);

/** @param {Stage} stage Whether an event's name alone does not decide. */
export const isConditional = (stage) => (stage.where?.length ?? 0) > 0 || (stage.nth ?? null) !== null;

/** @param {Definition} definition Whether an event may stand in several stages. */
const sharesEvents = (definition) => (definition.rules?.reuse ?? "never") !== "never";

/** @param {string} text */
const quoted = (text) => `'${text}'`;

/* ---- which event stands where ------------------------------------------------------------------------------- */

/**
 * @typedef {Object} Chip
 * @property {string} name
 * @property {boolean} conditional Whether the stage takes only some of the event's rows.
 * @property {string | null} pattern The glob that holds the event, if its name is not written.
 * @property {string[]} also The other stages in which the event stands.
 */

/**
 * @typedef {Object} Column
 * @property {Stage} stage
 * @property {Chip[]} chips In the catalog's order.
 * @property {{ name: string, by: string }[]} taken Events the stage names that all go to another stage.
 * @property {{ pattern: string, matched: number }[]} patterns The globs of the stage.
 * @property {string[]} unknown Entries that no event of the log answers to.
 */

/**
 * @typedef {Object} Partition
 * @property {Column[]} columns
 * @property {string[]} unassigned Events no stage holds, in the catalog's order.
 * @property {Map<string, number>} home For each event the first stage that holds it by name, -1 for the tray.
 */

/**
 * Exact names beat globs whatever the order; among equals the first stage wins; a stage with conditions takes only some
 * rows and leaves the rest to the next. Where events may stand in several stages, every stage has what it asks for.
 * @param {Definition} definition
 * @param {Catalog} catalog
 * @returns {Partition}
 */
export function partition(definition, catalog) {
  const stages = definition.stages;
  const shares = sharesEvents(definition);
  const names = new Set(catalog.events.map((event) => event.name));
  /** @type {Map<string, number[]>} */
  const exact = new Map();
  /** @type {{ index: number, pattern: string, matched: number }[]} */
  const globs = [];
  const columns = stages.map((stage, index) => {
    /** @type {Column} */
    const column = { stage, chips: [], taken: [], patterns: [], unknown: [] };
    for (const entry of stage.events) {
      if (names.has(entry)) exact.set(entry, [...(exact.get(entry) ?? []), index]);
      else if (isGlob(entry)) globs.push({ index, pattern: entry, matched: 0 });
      else column.unknown.push(entry);
    }
    return column;
  });
  /** @type {string[]} */
  const unassigned = [];
  /** @type {Map<string, number>} */
  const home = new Map();
  for (const { name } of catalog.events) {
    const matching = globs.filter((glob) => globMatches(name, glob.pattern));
    for (const glob of matching) glob.matched += 1;
    /** @type {Map<number, string | null>} */
    const claims = new Map((exact.get(name) ?? []).map((index) => [index, null]));
    for (const glob of matching) if (!claims.has(glob.index)) claims.set(glob.index, glob.pattern);
    let placed = -1;
    /** @type {number | null} The stage that takes all rows that are left. */
    let taker = null;
    const holding = [];
    for (const [index, pattern] of claims) {
      const column = /** @type {Column} */ (columns[index]);
      const conditional = isConditional(column.stage);
      if (taker !== null && !shares) {
        if (pattern === null) column.taken.push({ name, by: stages[taker]?.name ?? "" });
        continue;
      }
      holding.push(index);
      column.chips.push({ name, conditional, pattern, also: [] });
      if (placed < 0 || (taker === null && !conditional)) placed = index;
      if (!conditional) taker ??= index;
    }
    for (const index of holding.length > 1 ? holding : []) {
      const chip = /** @type {Chip} */ (columns[index]?.chips.at(-1));
      chip.also = holding.filter((other) => other !== index).map((other) => stages[other]?.name ?? "");
    }
    home.set(name, placed);
    if (placed < 0) unassigned.push(name);
  }
  for (const { index, pattern, matched } of globs) {
    const column = /** @type {Column} */ (columns[index]);
    if (matched) column.patterns.push({ pattern, matched });
    else column.unknown.push(pattern);
  }
  return { columns, unassigned, home };
}

/* ---- names --------------------------------------------------------------------------------------------------- */

/**
 * Why a stage cannot have this name; null if it can.
 * @param {Definition} definition
 * @param {string} name
 * @param {string | null} [own] The name of the stage itself, when it is renamed.
 * @returns {string | null}
 */
export function nameProblem(definition, name, own = null) {
  const stripped = name.trim();
  if (!stripped) return "A stage needs a name.";
  if ([...stripped].length > LONGEST_NAME) return `A stage's name has at most ${LONGEST_NAME} characters.`;
  if (RESERVED.has(stripped.toLowerCase())) return `${quoted(stripped)} is reserved for the results.`;
  if (stripped !== own && definition.stages.some((stage) => stage.name === stripped)) {
    return `There is a stage ${quoted(stripped)} already.`;
  }
  return null;
}

/**
 * "Stage 4", or the next number that is free.
 * @param {Definition} definition
 */
export function freeName(definition) {
  let number = definition.stages.length + 1;
  while (definition.stages.some((stage) => stage.name === `Stage ${number}`)) number += 1;
  return `Stage ${number}`;
}

/**
 * Why two stages cannot become one; null if they can.
 * @param {Definition} definition
 * @param {string} from
 * @param {string} into
 */
export function mergeProblem(definition, from, into) {
  if (from === into) return "A stage cannot be merged into itself.";
  const a = definition.stages.find((stage) => stage.name === from);
  const b = definition.stages.find((stage) => stage.name === into);
  if (!a || !b) return "One of the stages is gone.";
  const conditions = (/** @type {Stage} */ stage) => JSON.stringify([stage.where ?? [], stage.nth ?? null]);
  return conditions(a) === conditions(b) ? null : "Their conditions differ, so they cannot become one stage.";
}

/* ---- stages -> stages ---------------------------------------------------------------------------------------- */

/**
 * @param {Definition} definition
 * @param {string} name
 */
function indexOf(definition, name) {
  const index = definition.stages.findIndex((stage) => stage.name === name);
  if (index < 0) throw new Error(`There is no stage ${quoted(name)} any more.`);
  return index;
}

/**
 * @param {Definition} definition
 * @param {(stage: Stage, index: number) => Stage} change
 * @returns {Definition}
 */
const mapStages = (definition, change) => ({ ...definition, stages: definition.stages.map(change) });

/**
 * @param {Stage} stage
 * @param {string} entry
 * @returns {Stage}
 */
const without = (stage, entry) =>
  stage.events.includes(entry) ? { ...stage, events: stage.events.filter((other) => other !== entry) } : stage;

/**
 * Take an event out of a stage that holds it through a pattern: the patterns that match it give way to the other
 * events they stand for there.
 * @param {Definition} definition
 * @param {number} index
 * @param {string} event
 * @param {Catalog} catalog
 */
function unfold(definition, index, event, catalog) {
  const column = partition(definition, catalog).columns[index];
  if (!column) return definition;
  const giving = new Set(
    column.stage.events.filter((entry) => entry !== event && isGlob(entry) && globMatches(event, entry)),
  );
  const names = new Set(catalog.events.map((each) => each.name));
  for (const entry of giving) if (names.has(entry)) giving.delete(entry);
  if (!giving.size) return definition;
  const kept = column.stage.events.filter((entry) => !giving.has(entry));
  const held = column.chips.map((chip) => chip.name).filter((name) => name !== event && !kept.includes(name));
  // An event that another pattern of the stage still holds needs no name of its own.
  const named = held.filter((name) => !kept.some((entry) => isGlob(entry) && globMatches(name, entry)));
  return mapStages(definition, (stage, at) => (at === index ? { ...stage, events: [...kept, ...named] } : stage));
}

/**
 * @param {Definition} definition
 * @param {Extract<Action, { type: "assign" }>} action
 * @param {Catalog} catalog
 */
function assign(definition, action, catalog) {
  const { event, to, from = null } = action;
  const target = to === null ? -1 : indexOf(definition, to);
  const shares = sharesEvents(definition);
  // Where an event may stand in several stages, it leaves the one it was taken from and stays in the others.
  const leaves = (/** @type {Stage} */ stage) =>
    stage.name === from || (!isConditional(stage) && !(shares && from !== null));
  let next = mapStages(definition, (stage, index) => (index !== target && leaves(stage) ? without(stage, event) : stage));
  if (target >= 0) {
    const source = definition.stages.findIndex((stage) => stage.name === from && (shares || isConditional(stage)));
    if (source >= 0 && source !== target) next = unfold(next, source, event, catalog);
    return mapStages(next, (stage, index) =>
      index === target && !stage.events.includes(event) ? { ...stage, events: [...stage.events, event] } : stage,
    );
  }
  next.stages.forEach((stage, index) => {
    if (leaves(stage)) next = unfold(next, index, event, catalog);
  });
  return next;
}

/**
 * @param {Definition} definition
 * @param {string} from
 * @param {string} into
 */
function merge(definition, from, into) {
  const problem = mergeProblem(definition, from, into);
  if (problem) throw new Error(problem);
  const added = /** @type {Stage} */ (definition.stages[indexOf(definition, from)]).events;
  const stages = definition.stages
    .filter((stage) => stage.name !== from)
    .map((stage) =>
      stage.name === into
        ? { ...stage, events: [...stage.events, ...added.filter((entry) => !stage.events.includes(entry))] }
        : stage,
    );
  return renamedEnds({ ...definition, stages }, from, into);
}

/**
 * Rules without what is at its default.
 * @param {Definition} definition
 * @param {Rules} rules
 * @param {Catalog} catalog
 * @returns {Definition}
 */
function withRules(definition, rules, catalog) {
  const defaults = catalog.rule_defaults ?? { retention_period: DEFAULT_RETENTION };
  const kept = Object.entries(rules).filter(
    ([name, value]) => value !== null && value !== undefined && canonical(value) !== canonical(defaults[name]) && !(Array.isArray(value) && !value.length),
  );
  const { rules: _, ...rest } = definition;
  return kept.length ? { ...rest, rules: Object.fromEntries(kept) } : rest;
}

/**
 * The definition with the exclusions that name a stage under its new name.
 * @param {Definition} definition
 * @param {string} old
 * @param {string} name
 * @returns {Definition}
 */
function renamedEnds(definition, old, name) {
  const exclusions = definition.rules?.exclusions;
  if (!exclusions?.some((each) => each.after === old || each.before === old)) return definition;
  const moved = exclusions.map((each) => ({
    ...each,
    ...(each.after === old ? { after: name } : {}),
    ...(each.before === old ? { before: name } : {}),
  }));
  return { ...definition, rules: { ...definition.rules, exclusions: moved } };
}

/**
 * @param {string} field
 * @param {unknown} value
 */
function ruleProblem(field, value) {
  if (field === "window" && typeof value === "string") {
    const window = parseWindow(value);
    const size = window.kind === "time" ? window.seconds : "size" in window ? window.size : 0;
    if (!(size > 0)) return "A window is longer than nothing.";
  }
  return null;
}

/**
 * @param {Definition} definition
 * @param {string} key
 * @param {Catalog} catalog
 */
function rulePreset(definition, key, catalog) {
  const chosen = catalog.rule_presets?.find((each) => each.key === key);
  if (!chosen) throw new Error(`There are no rules called ${quoted(key)}.`);
  /** @type {Rules} */
  const rules = { ...chosen.rules };
  for (const field of chosen.keeps) rules[field] = definition.rules?.[field];
  const { effect } = chosen;
  if (effect !== null && rules.exclusions) rules.exclusions = rules.exclusions.map((each) => withEffect(each, effect));
  return withRules(definition, rules, catalog);
}

/** @param {Exclusion} exclusion @param {string} effect */
function withEffect(exclusion, effect) {
  const { effect: _, ...rest } = exclusion;
  return effect === "stop" ? rest : { ...rest, effect };
}

/**
 * An exclusion as the wire writes it: what has its default is left out.
 * @param {Exclusion} exclusion
 * @returns {Exclusion}
 */
function tidyExclusion({ events, after, before, where, effect }) {
  return {
    events: [...events],
    ...(after ? { after } : {}),
    ...(before ? { before } : {}),
    ...(where?.length ? { where } : {}),
    ...(effect && effect !== "stop" ? { effect } : {}),
  };
}

/**
 * Why an exclusion cannot be; null if it can, as far as the board knows.
 * @param {Exclusion} exclusion
 */
export const exclusionProblem = (exclusion) => (exclusion.events.length ? null : "An exclusion needs at least one event.");

/**
 * @param {Definition} definition
 * @param {number | null} at Null adds one.
 * @param {Exclusion | null} exclusion Null takes one away.
 * @param {Catalog} catalog
 */
function withExclusion(definition, at, exclusion, catalog) {
  const exclusions = [...(definition.rules?.exclusions ?? [])];
  const old = at === null ? undefined : exclusions[at];
  if (at !== null && !old) throw new Error("This exclusion is gone.");
  if (exclusion) {
    const problem = exclusionProblem(exclusion);
    if (problem) throw new Error(problem);
    exclusions.splice(at ?? exclusions.length, old ? 1 : 0, tidyExclusion(exclusion));
  } else if (at !== null) {
    exclusions.splice(at, 1);
  }
  const shown = exclusion ?? old;
  return {
    definition: withRules(definition, { ...definition.rules, exclusions }, catalog),
    edit: `${exclusion ? (old ? "changed the exclusion" : "excluded") : "took away the exclusion"} ${shown ? exclusionWords(shown, true) : ""}`.trim(),
  };
}

/**
 * @param {Stage} stage
 * @param {string} field
 * @param {unknown} value Null, false and undefined take the field away.
 * @returns {Stage}
 */
function withStageRule(stage, field, value) {
  const { [field]: _, ...rest } = stage;
  const nothing = value === null || value === undefined || value === false || (Array.isArray(value) && !value.length);
  return /** @type {Stage} */ (nothing ? rest : { ...rest, [field]: value });
}

/**
 * @param {string} stage
 * @param {string} field
 * @param {unknown} value
 */
function stageRuleEdit(stage, field, value) {
  const name = quoted(stage);
  if (field === "optional") return value ? `made ${name} optional` : `made ${name} required`;
  if (field === "directly") return value ? `let nothing lie before ${name}` : `let other events lie before ${name}`;
  if (field === "anchored") return value ? `let ${name} keep its place` : `let ${name} come in any place`;
  if (field === "window") {
    return value ? `gave ${name} a window of ${spanWords(parseSpan(String(value)) ?? 0)}` : `took the window of ${name} away`;
  }
  if (field === "where") {
    const conditions = /** @type {import("./wire.d.ts").Condition[] | null} */ (value) ?? [];
    return conditions.length ? `let ${name} have only rows where ${conditions.map(conditionText).join(" and ")}` : `let ${name} have all rows of its events`;
  }
  return value === null ? `let ${name} have every occurrence` : `let ${name} have the ${occurrence(/** @type {number | string} */ (value))}`;
}

/**
 * @param {Definition} definition
 * @param {Extract<Action, { type: "preset" }>} action
 * @param {Catalog} catalog
 */
function preset(definition, action, catalog) {
  const chosen = catalog.presets.find((each) => each.key === action.key);
  if (!chosen) throw new Error(`There is no preset ${quoted(action.key)}.`);
  const stages = chosen.stages.map((stage) => ({
    name: stage.name,
    events: action.suggestions ? [...stage.events] : [],
    ...(stage.role === undefined ? {} : { role: stage.role }),
  }));
  return { title: chosen.title, definition: { ...definition, stages } };
}

/**
 * The stage under another name. Its role stays: one guessed from the old name is written down where the new one suggests none.
 * @param {Stage} stage
 * @param {string} name
 * @param {Catalog} catalog
 * @returns {Stage}
 */
function renamed(stage, name, catalog) {
  const guessed = stage.role === undefined ? guessRole(stage.name, catalog) : null;
  return guessed !== null && guessRole(name, catalog) === null ? { ...stage, name, role: guessed } : { ...stage, name };
}

/**
 * The default of a rule that takes words or a length of time; null for others.
 * @param {string} field
 * @param {Catalog} catalog
 */
function defaultWord(field, catalog) {
  const word = catalog.rule_defaults?.[field];
  return typeof word === "string" ? word : null;
}

/* ---- the reducer --------------------------------------------------------------------------------------------- */

/**
 * What an action makes of a definition, and the words for it.
 * @param {Definition} definition
 * @param {Action} action
 * @param {Catalog} catalog
 * @returns {{ definition: Definition, edit: string }}
 */
function edited(definition, action, catalog) {
  switch (action.type) {
    case "assign":
      return {
        definition: assign(definition, action, catalog),
        edit: action.to === null ? `took ${quoted(action.event)} out of its stage` : `moved ${quoted(action.event)} to ${action.to}`,
      };
    case "share": {
      const index = indexOf(definition, action.to);
      return {
        definition: mapStages(definition, (stage, at) =>
          at === index && !stage.events.includes(action.event) ? { ...stage, events: [...stage.events, action.event] } : stage,
        ),
        edit: `put ${quoted(action.event)} also into ${action.to}`,
      };
    }
    case "add": {
      const problem = nameProblem(definition, action.name);
      if (problem) throw new Error(problem);
      const stages = [...definition.stages];
      const name = action.name.trim();
      stages.splice(action.at ?? stages.length, 0, { name, events: [] });
      const added = (action.events ?? []).reduce(
        (each, event) => assign(each, { type: "assign", event, to: name }, catalog),
        { ...definition, stages },
      );
      return { definition: added, edit: `added stage ${quoted(name)}` };
    }
    case "rename": {
      const index = indexOf(definition, action.stage);
      const problem = nameProblem(definition, action.name, action.stage);
      if (problem) throw new Error(problem);
      const name = action.name.trim();
      return {
        definition: renamedEnds(
          mapStages(definition, (stage, at) => (at === index ? renamed(stage, name, catalog) : stage)),
          action.stage,
          name,
        ),
        edit: `renamed ${quoted(action.stage)} to ${quoted(name)}`,
      };
    }
    case "remove":
      indexOf(definition, action.stage);
      return {
        definition: { ...definition, stages: definition.stages.filter((stage) => stage.name !== action.stage) },
        edit: `removed stage ${quoted(action.stage)}`,
      };
    case "merge":
      return {
        definition: merge(definition, action.from, action.into),
        edit: `merged ${quoted(action.from)} into ${quoted(action.into)}`,
      };
    case "move": {
      const stages = [...definition.stages];
      const [moved] = stages.splice(indexOf(definition, action.stage), 1);
      stages.splice(Math.max(0, Math.min(action.to, stages.length)), 0, /** @type {Stage} */ (moved));
      return {
        definition: { ...definition, stages },
        edit: `moved stage ${quoted(action.stage)} to position ${stages.indexOf(/** @type {Stage} */ (moved)) + 1}`,
      };
    }
    case "set_role": {
      const index = indexOf(definition, action.stage);
      const change = (/** @type {Stage} */ stage) => {
        const { role: _, ...rest } = stage;
        return action.role === "auto" ? rest : { ...rest, role: action.role };
      };
      return {
        definition: mapStages(definition, (stage, at) => (at === index ? change(stage) : stage)),
        edit:
          action.role === null
            ? `took the role of ${quoted(action.stage)} away`
            : `set the role of ${quoted(action.stage)} to ${action.role}`,
      };
    }
    case "rule": {
      const { field } = action;
      const problem = ruleProblem(field, action.value);
      if (problem) throw new Error(problem);
      const made = withRules(definition, { ...definition.rules, [field]: action.value }, catalog);
      return { definition: made, edit: ruleEdit(field, made.rules?.[field] ?? (field in RULES ? defaultWord(field, catalog) : null)) };
    }
    case "reset_rules":
      return { definition: withRules(definition, {}, catalog), edit: "set all rules back to the default" };
    case "rule_preset":
      return { definition: rulePreset(definition, action.key, catalog), edit: `counts like ${action.key}` };
    case "exclusion":
      return withExclusion(definition, action.at, action.exclusion, catalog);
    case "stage_rule": {
      const index = indexOf(definition, action.stage);
      return {
        definition: mapStages(definition, (stage, at) => (at === index ? withStageRule(stage, action.field, action.value) : stage)),
        edit: stageRuleEdit(action.stage, action.field, action.value),
      };
    }
    case "preset": {
      const made = preset(definition, action, catalog);
      return {
        definition: made.definition,
        edit: `took the preset ${quoted(made.title)}${action.suggestions ? " with suggestions" : ""}`,
      };
    }
    case "remove_entry":
      return {
        definition: mapStages(definition, (stage) =>
          action.stage === undefined || action.stage === null || stage.name === action.stage
            ? without(stage, action.event)
            : stage,
        ),
        edit: `removed ${quoted(action.event)}`,
      };
    default:
      throw new Error(`unknown action ${JSON.stringify(action)}`);
  }
}

/**
 * JSON with its keys in order, to tell whether two definitions are the same.
 * @param {unknown} value
 * @returns {string}
 */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value && typeof value === "object") {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join()}}`;
  }
  return JSON.stringify(value ?? null);
}

/**
 * @param {Definition | null | undefined} a
 * @param {Definition | null | undefined} b
 */
export const same = (a, b) => a === b || canonical(a) === canonical(b);

/**
 * @param {Draft} draft
 * @param {Action} action
 * @param {Catalog} catalog
 * @returns {Draft}
 */
export function reduce(draft, action, catalog) {
  const revision = draft.revision + 1;
  switch (action.type) {
    case "pin":
      if (same(draft.baseline, draft.definition)) return draft;
      return { ...draft, revision, baseline: draft.definition, edit: "pinned the baseline" };
    case "undo": {
      const definition = draft.past.at(-1);
      if (!definition) return draft;
      const future = [draft.definition, ...draft.future].slice(0, HISTORY);
      return { ...draft, revision, definition, past: draft.past.slice(0, -1), future, edit: "undid the last edit" };
    }
    case "redo": {
      const [definition, ...future] = draft.future;
      if (!definition) return draft;
      const past = [...draft.past, draft.definition].slice(-HISTORY);
      return { ...draft, revision, definition, past, future, edit: "did the edit again" };
    }
    default: {
      const { definition, edit } = edited(draft.definition, action, catalog);
      if (same(definition, draft.definition)) return draft;
      const coalesced = action.type === "rule" && action.coalesce === true && draft.past.length > 0;
      const past = coalesced ? draft.past : [...draft.past, draft.definition].slice(-HISTORY);
      return { ...draft, revision, definition, past, future: [], edit };
    }
  }
}
