/** The counting rules in words: labels, explanations, and what differs from the default. */

import { parseSpan, spanWords } from "./timespan.js";
import { windowWords } from "./window_text.js";

/** @typedef {import("./wire.d.ts").Catalog} Catalog */
/** @typedef {import("./wire.d.ts").Condition} Condition */
/** @typedef {import("./wire.d.ts").Exclusion} Exclusion */
/** @typedef {import("./wire.d.ts").Rules} Rules */
/** @typedef {import("./wire.d.ts").Stage} Stage */

/**
 * @typedef {Object} RuleWords
 * @property {string} label
 * @property {string} words What the rule decides.
 * @property {Record<string, { label: string, words: string, chip?: string }>} [choices] `chip`: what to say where it is chosen.
 */

/** @type {Record<string, RuleWords>} */
export const RULES = {
  order: {
    label: "Order",
    words: "In which order the stages must be reached.",
    choices: {
      ordered: { label: "In order", words: "Stages in order; other events may lie between." },
      unbroken: { label: "Only repeats between", words: "Between two stages lie only events of stages reached already.", chip: "only repeats between" },
      strict: { label: "Strict order", words: "Stages in order, with no other event between, in a stage or not.", chip: "strict order" },
      any: { label: "Any order", words: "Stages in any order; line k counts who reached k different stages.", chip: "any order" },
    },
  },
  window: { label: "Window", words: "The longest way from entering the first stage to reaching a later one." },
  entry: {
    label: "Entry",
    words: "Which start counts where somebody has several.",
    choices: {
      best: { label: "Best attempt", words: "Every start is tried; the one that gets furthest counts." },
      first: { label: "First start only", words: "Only the first event of the first stage is a start.", chip: "first start only" },
      latest: { label: "Last start only", words: "Only the last event of the first stage is a start.", chip: "last start only" },
    },
  },
  unit: {
    label: "Unit",
    words: "What is counted: whose events make one journey.",
    choices: {
      customer: { label: "Customers", words: "All events of a customer belong together." },
      journey: { label: "Journeys", words: "A customer's events, cut after each event of the last stage.", chip: "counted by journey" },
      session: { label: "Sessions", words: "A customer's events, cut where nothing happens for longer than the gap.", chip: "counted by session" },
    },
  },
  count: {
    label: "Count",
    words: "Whether repeated attempts count.",
    choices: {
      unique: { label: "Each once", words: "Every customer (or other unit) counts once." },
      attempts: { label: "Every attempt", words: "A new attempt begins after one has converted, timed out or met an exclusion.", chip: "every attempt" },
    },
  },
  reach: {
    label: "Reach",
    words: "Where a journey may begin.",
    choices: {
      closed: { label: "Enter at the first stage", words: "Who skips the first stage is not in the funnel." },
      open: { label: "Enter at any stage", words: "Each stage is reached by whoever has an event of it.", chip: "enter at any stage" },
    },
  },
  ties: {
    label: "Ties",
    words: "How events at the very same time are read.",
    choices: {
      stage: { label: "In stage order", words: "Equal times count as in order." },
      row: { label: "As they stand in the data", words: "At equal times the earlier row of the table comes first.", chip: "ties in row order" },
      strict: { label: "Must be later", words: "At equal times there is no step from one stage to the next.", chip: "ties are no step" },
      grace: { label: "May be earlier, by at most …", words: "A stage may also lie a little before the one before it.", chip: "grace" },
    },
  },
  reuse: {
    label: "Reuse",
    words: "Whether an event may stand in several stages.",
    choices: {
      never: { label: "One stage for each event", words: "The first stage that asks for an event takes it." },
      distinct: { label: "Several stages, each row once", words: "An event may stand in several stages; in a journey each row serves one.", chip: "events in several stages" },
      shared: { label: "Several stages at once", words: "One row may serve several stages in a row.", chip: "a row may serve several stages" },
    },
  },
  exclusions: { label: "Exclusions", words: "Events that must not happen on the way from one stage to another." },
  hold_constant: { label: "Hold constant", words: "Columns in which all events of a journey must agree, such as one product or one device." },
  denominator: {
    label: "Denominator",
    words: "What shares are shares of.",
    choices: {
      entrants: { label: "Those who entered", words: "Shares are of those who reached the first stage." },
      all: { label: "Everybody in the log", words: "Shares are of all units, whether they entered or not.", chip: "shares of everybody" },
    },
  },
  observation_end: { label: "Observation end", words: "Until when is counted; what comes later is not looked at. Empty: the last event." },
  time_zone: { label: "Time zone", words: "Where days, weeks and months begin. Empty: the log's own." },
  retention_period: { label: "Retention by", words: "The period in which a buyer has to come back." },
};

/** Fields in sight, and those one click away, group by group. */
export const COMMON = ["order", "window", "entry", "unit", "count"];

const PLAIN_UNITS = new Set(["customer", "journey"]);
const WORDS_OF_UNITS = new Set([...PLAIN_UNITS, "session"]);

/** @param {string} text Whether Python reads a rule's text as a length of time. */
export const looksLikeSpan = (text) => /^[+\-. ]*\d/.test(text);

/**
 * The column that is counted by; null where the unit is no column.
 * @param {string} unit
 */
export const unitColumn = (unit) => (PLAIN_UNITS.has(unit) || looksLikeSpan(unit) ? null : unit.replace(/^column:/, ""));

/** @param {string} column The unit that counts by a column, as the wire writes it. */
export const columnUnit = (column) => (WORDS_OF_UNITS.has(column) || looksLikeSpan(column) ? `column:${column}` : column);

/**
 * A rule's value as one of the words its control offers: a length of time is "grace" or "session".
 * @param {string} field
 * @param {unknown} value
 */
export function choiceOf(field, value) {
  const text = String(value ?? "");
  if (field === "ties" && looksLikeSpan(text)) return "grace";
  if (field === "unit") return looksLikeSpan(text) ? "session" : PLAIN_UNITS.has(text) ? text : columnUnit(unitColumn(text) ?? "");
  return text;
}

/**
 * @param {Rules | undefined} rules
 * @param {string} field
 * @param {Catalog} catalog
 * @returns {unknown} The value of a rule, its default where it is not set.
 */
export const ruleValue = (rules, field, catalog) => rules?.[field] ?? catalog.rule_defaults?.[field] ?? null;

/**
 * Why a choice cannot be taken beside the others; null if it can, or if nobody knows.
 * @param {Rules | undefined} rules
 * @param {string} field
 * @param {string} choice
 * @param {Catalog} catalog
 */
export function clashOf(rules, field, choice, catalog) {
  const clash = (catalog.rule_clashes ?? []).find(
    (each) => each.field === field && each.value === choice && choiceOf(each.beside, ruleValue(rules, each.beside, catalog)) === each.has,
  );
  if (!clash) return null;
  const beside = RULES[clash.beside];
  return { beside: `${beside?.label ?? clash.beside}: ${beside?.choices?.[clash.has]?.label ?? clash.has}`, why: clash.why };
}

/**
 * A list of names, cut after the second.
 * @param {readonly string[]} names
 */
const shortList = (names) => (names.length > 3 ? `${names.slice(0, 2).join(", ")} + ${names.length - 2} more` : names.join(", "));

/** @param {Condition} condition */
export function conditionText({ column, op, value }) {
  const shown = Array.isArray(value) ? value.join(", ") : value === undefined || value === null ? "" : String(value);
  return `${column} ${op} ${shown}`.trim();
}

/** @type {Record<string, { label: string, words: string, chip: string }>} */
export const EFFECTS = {
  stop: { label: "Stop: goes no further", words: "The attempt keeps what it had reached and goes no further.", chip: "" },
  reset: { label: "Reset: the attempt is void", words: "The attempt counts for nothing, not even as entered; another may count.", chip: "voids the attempt" },
  remove: { label: "Remove: leaves the funnel", words: "Whoever makes such an attempt leaves the funnel, with all attempts.", chip: "removes from the funnel" },
};

/**
 * "refund between Evaluate and Buy".
 * @param {Exclusion} exclusion
 * @param {boolean} [short]
 */
export function exclusionWords(exclusion, short = false) {
  const { after = null, before = null } = exclusion;
  const names = short ? shortList(exclusion.events) : exclusion.events.join(", ");
  const where = (exclusion.where ?? []).map(conditionText);
  const between =
    after !== null && before !== null ? ` between ${after} and ${before}` : after !== null ? ` after ${after}` : before !== null ? ` before ${before}` : "";
  const effect = EFFECTS[exclusion.effect ?? "stop"]?.chip ?? exclusion.effect;
  return `${names}${where.length ? ` where ${where.join(" and ")}` : ""}${between}${effect ? ` (${effect})` : ""}`;
}

/** @param {string} text A length of time in words, or as it is where it cannot be read. */
const inWords = (text) => {
  const seconds = parseSpan(text);
  return seconds === null ? text : spanWords(seconds);
};

/**
 * @typedef {{ key: string, field: string, text: string, full: string, index?: number }} Chip
 */

/**
 * What differs from the default rules, window apart (its own control shows it), one chip for each column and exclusion.
 * @param {Rules | undefined} rules
 * @param {Catalog} catalog
 * @returns {Chip[]}
 */
export function changedRules(rules, catalog) {
  /** @type {Chip[]} */
  const chips = [];
  const known = [...Object.keys(RULES), ...Object.keys(rules ?? {}).filter((field) => !RULES[field])];
  for (const field of known) {
    const value = rules?.[field];
    if (field === "window" || value === undefined || value === null) continue;
    /** @param {string} text @param {string} [full] @param {number} [index] */
    const chip = (text, full = text, index) =>
      chips.push({ key: `${field} ${index ?? ""}`, field, text, full, ...(index === undefined ? {} : { index }) });
    if (field === "exclusions") {
      (rules?.exclusions ?? []).forEach((each, index) => chip(`excl. ${exclusionWords(each, true)}`, `Excluded: ${exclusionWords(each)}`, index));
    } else if (field === "hold_constant") {
      (rules?.hold_constant ?? []).forEach((column, index) => chip(`same ${column} throughout`, undefined, index));
    } else if (JSON.stringify(value) === JSON.stringify(catalog.rule_defaults?.[field])) {
      continue;
    } else {
      chip(wordsOf(field, String(value)));
    }
  }
  return chips;
}

/**
 * @param {string} field
 * @param {string} value
 */
function wordsOf(field, value) {
  if (field === "retention_period") return `retention by ${inWords(value)}`;
  if (field === "observation_end") return `observed until ${value.replace("T", " ").replace(/ 00:00(:00)?$/, "")}`;
  if (field === "time_zone") return `time in ${value}`;
  const choice = choiceOf(field, value);
  if (field === "ties" && choice === "grace") return `${inWords(value)} of grace`;
  if (field === "unit" && choice === "session") return `counted by session (${inWords(value)} gap)`;
  if (field === "unit" && unitColumn(value) !== null) return `counted by ${unitColumn(value)}`;
  return RULES[field]?.choices?.[choice]?.chip ?? `${RULES[field]?.label ?? field}: ${value}`;
}

/**
 * What a rule was set to, for the history and a screen reader.
 * @param {string} field
 * @param {unknown} value Null for the default.
 */
export function ruleEdit(field, value) {
  const label = (RULES[field]?.label ?? field).toLowerCase();
  if (field === "window") return value === null ? "took the window away" : `set the window to ${windowWords(String(value))}`;
  if (field === "retention_period" && value !== null) return `set the retention period to ${inWords(String(value))}`;
  if (value === null) return `set ${label} back to the default`;
  if (Array.isArray(value)) return `set ${label} to ${value.join(", ")}`;
  const choice = choiceOf(field, value);
  const known = RULES[field]?.choices?.[choice];
  const text = choice === "grace" || choice === "session" || !known ? wordsOf(field, String(value)) : known.label.toLowerCase();
  return `set ${label} to ${text}`;
}

/**
 * A stage's own rules as short marks.
 * @param {Stage} stage
 * @returns {{ key: string, text: string, words: string }[]}
 */
export function stageMarks(stage) {
  const marks = [];
  if (stage.optional) marks.push({ key: "optional", text: "optional", words: "May be skipped" });
  if (stage.directly) marks.push({ key: "directly", text: "directly", words: "Directly after the stage before, nothing between" });
  if (stage.anchored) marks.push({ key: "anchored", text: "keeps its place", words: "Those before it come before it, those behind it after it" });
  if (stage.window) marks.push({ key: "window", text: `≤ ${inWords(stage.window)}`, words: `Within ${inWords(stage.window)} of the stage before` });
  if (stage.nth !== undefined && stage.nth !== null) {
    const text = occurrence(stage.nth);
    marks.push({ key: "nth", text, words: `Of each customer's matching events the ${text}` });
  }
  return marks;
}

/**
 * "1st only", "2nd and later".
 * @param {number | string} nth
 */
export function occurrence(nth) {
  const number = parseInt(String(nth), 10);
  const ends = /** @type {Record<number, string>} */ ({ 1: "st", 2: "nd", 3: "rd" });
  const end = number % 100 >= 11 && number % 100 <= 13 ? "th" : (ends[number % 10] ?? "th");
  return `${number}${end} ${String(nth).endsWith("+") ? "and later" : "only"}`;
}
