/** The words of the flow view: labels, cards, table cells and sentences. No DOM, no model. */

import { compact, count, delta, duration, interval, isNumber, percent, UNDEFINED } from "./format.js";
import { END, kindOf, linkKey, START } from "./flow_layout.js";

/**
 * @template Choice
 * @typedef {import("./caption_table.js").TableRow<Choice>} TableRow
 */

/**
 * @typedef {import("./flow_layout.js").FlowStage} FlowStage
 * @typedef {import("./flow_layout.js").FlowLink} FlowLink
 * @typedef {import("./flow_layout.js").LinkKind} LinkKind
 *
 * @typedef {Object} FlowModel
 * @property {number} revision
 * @property {string} title
 * @property {string} description
 * @property {number} n_customers
 * @property {FlowStage[]} stages
 * @property {FlowLink[]} links
 * @property {{ from: string, to: string, share: number | null }[] | null} baseline_links
 * @property {{ message: string }[]} problems
 * @property {boolean} stale
 * @property {string} preview
 *
 * @typedef {{ kind: "link", from: string, to: string } | { kind: "node", stage: string }} FlowSelection
 *
 * @typedef {Object} Card
 * @property {string[]} names One stage, or the two ends of a transition.
 * @property {string} kind
 * @property {[label: string, value: string][]} rows
 */

/** @type {Record<LinkKind, string>} */
const KINDS = {
  start: "journeys start here",
  forward: "on to the next stage",
  skip: "skips stages",
  back: "steps back",
  end: "journeys end here",
};

/** @param {string} name */
const plainName = (name) => (name === START ? "start" : name === END ? "end" : name);

/**
 * Share of the same transition under the baseline: 0 where its stage had other exits only, null where it had none.
 * @param {FlowModel} view
 * @returns {((link: { from: string, to: string }) => number | null) | null} Null where there is no baseline to compare with.
 */
export function baselineShares(view) {
  const { baseline_links: links } = view;
  if (!links) return null;
  const shares = new Map(links.map((link) => [linkKey(link), link.share]));
  const left = new Set(links.map((link) => link.from));
  return (link) => shares.get(linkKey(link)) ?? (left.has(link.from) && !shares.has(linkKey(link)) ? 0 : null);
}

/**
 * Wordings of a link's label, best first.
 * @param {FlowLink} link
 * @param {LinkKind} kind
 * @param {number | null} [change] In share, against the baseline.
 */
export function labelTexts(link, kind, change = null) {
  const many = count(link.count);
  const share = percent(link.share);
  const both = isNumber(link.share) ? `${many} · ${share}` : many;
  const moved = isNumber(change) && Math.abs(change) >= 0.0005 ? [`${both} (${delta(change, "share")})`] : [];
  const texts = [...moved, both, many, compact(link.count)];
  if (kind === "start") return texts.slice(moved.length).map((text) => `start ${text}`);
  if (kind === "end") return texts.map((text) => `end ${text}`);
  if (kind === "skip") return texts.map((text) => `${text} →`);
  if (kind === "back") return texts.map((text) => `← ${text}`);
  return texts;
}

/**
 * Wordings of the line under a stage's name, best first.
 * @param {FlowStage} stage
 */
export function headTexts(stage) {
  const noun = stage.visits === 1 ? "visit" : "visits";
  return [`${count(stage.visits)} ${noun}`, count(stage.visits), compact(stage.visits)];
}

/** @param {number} part @param {number} whole */
const shareOf = (part, whole) => (whole > 0 ? ` (${percent(part / whole)} of ${count(whole)})` : "");

/** @param {FlowLink} link */
const shareLabel = (link) => (link.from === START ? "Share of journeys" : "Share of exits");

/**
 * What the card of a link says.
 * @param {FlowLink} link
 * @param {LinkKind} kind
 * @param {FlowModel} view
 * @returns {Card}
 */
export function linkCard(link, kind, view) {
  /** @type {Card["rows"]} */
  const rows = [[link.from === START || link.to === END ? "Journeys" : "Transitions", count(link.count)]];
  rows.push([shareLabel(link), isNumber(link.share) ? `${percent(link.share)} of ${count(link.denominator)}` : UNDEFINED]);
  const ends = interval(link.lower, link.upper, "share");
  if (ends) rows.push(["95% interval", ends]);
  const before = baselineShares(view)?.(link);
  if (isNumber(before)) {
    rows.push(["Baseline", percent(before)]);
    if (isNumber(link.share)) rows.push(["Change", delta(link.share - before, "share")]);
  }
  rows.push(["Customers", count(link.customers) + shareOf(link.customers, view.n_customers)]);
  if (isNumber(link.dwell_seconds)) rows.push(["Median dwell before", duration(link.dwell_seconds)]);
  return { names: [plainName(link.from), plainName(link.to)], kind: KINDS[kind], rows };
}

/**
 * What the card of a stage says.
 * @param {FlowStage} stage
 * @param {FlowModel} view
 * @returns {Card}
 */
export function nodeCard(stage, view) {
  /** @type {Card["rows"]} */
  const rows = [
    ["Visits", count(stage.visits)],
    ["Customers", count(stage.customers) + shareOf(stage.customers, view.n_customers)],
    ["Median dwell", duration(stage.dwell_seconds)],
  ];
  const start = view.links.find((link) => link.from === START && link.to === stage.name);
  const end = view.links.find((link) => link.from === stage.name && link.to === END);
  rows.push(["Journeys start here", count(start?.count ?? 0)]);
  rows.push(["Journeys end here", count(end?.count ?? 0)]);
  return { names: [stage.name], kind: "stage", rows };
}

/**
 * The name of a link for those who do not see it.
 * @param {FlowLink} link
 * @param {LinkKind} kind
 */
export function linkName(link, kind) {
  const what = link.from === START || link.to === END ? "journey" : "transition";
  const share = isNumber(link.share) ? `, ${percent(link.share)} of ${link.from === START ? "journeys" : "exits"}` : "";
  return `${plainName(link.from)} to ${plainName(link.to)}, ${KINDS[kind]}: ${count(link.count)} ${what}${link.count === 1 ? "" : "s"}${share}`;
}

/** @param {FlowStage} stage */
export const nodeName = (stage) =>
  `${stage.name}, stage: ${count(stage.visits)} ${stage.visits === 1 ? "visit" : "visits"}, ${count(stage.customers)} ${stage.customers === 1 ? "customer" : "customers"}`;

/** @param {FlowSelection | null} selection */
export function selectionSentence(selection) {
  if (!selection) return "Nothing selected.";
  if (selection.kind === "node") return `Selected the customers who visited ${selection.stage}.`;
  if (selection.from === START) return `Selected the customers whose journey starts with ${selection.to}.`;
  if (selection.to === END) return `Selected the customers whose journey ends after ${selection.from}.`;
  return `Selected the customers who went from ${selection.from} to ${selection.to}.`;
}

/**
 * All numbers of the links. Transitions that only the baseline has come last.
 * @param {FlowModel} view
 * @returns {{ columns: string[], rows: TableRow<FlowSelection>[] }}
 */
export function linkTable(view) {
  const before = baselineShares(view);
  const kind = kindOf(view.stages);
  const columns = ["From", "To", "Kind", "Count", "Share of exits", "95% interval", "Exits", "Customers", "Median dwell before"];
  if (before) columns.push("Baseline share", "Change");
  /** @type {TableRow<FlowSelection>[]} */
  const rows = view.links.map((link) => {
    const was = before?.(link) ?? null;
    const cells = [
      plainName(link.from),
      plainName(link.to),
      KINDS[kind(link) ?? link.kind],
      count(link.count),
      percent(link.share),
      interval(link.lower, link.upper, "share") || UNDEFINED,
      count(link.denominator),
      count(link.customers),
      duration(link.dwell_seconds),
    ];
    if (before) cells.push(percent(was), isNumber(was) && isNumber(link.share) ? delta(link.share - was, "share") : UNDEFINED);
    return {
      key: linkKey(link),
      selects: { kind: "link", from: link.from, to: link.to },
      name: `${plainName(link.from)} to ${plainName(link.to)}`,
      cells,
    };
  });
  const known = new Set(view.links.map(linkKey));
  const left = new Set(view.links.map((link) => link.from));
  for (const link of view.baseline_links ?? []) {
    if (known.has(linkKey(link))) continue;
    const now = left.has(link.from) ? 0 : null;
    const gone = isNumber(now) && isNumber(link.share) ? delta(now - link.share, "share") : UNDEFINED;
    rows.push({
      key: linkKey(link),
      selects: null,
      name: `${plainName(link.from)} to ${plainName(link.to)}`,
      cells: [plainName(link.from), plainName(link.to), "only in the baseline", "0", percent(now), ...Array(4).fill(UNDEFINED), percent(link.share), gone],
    });
  }
  return { columns, rows };
}

/**
 * All numbers of the stages.
 * @param {FlowModel} view
 * @returns {{ columns: string[], rows: TableRow<FlowSelection>[] }}
 */
export function stageTable(view) {
  return {
    columns: ["Stage", "Visits", "Customers", "Share of customers", "Median dwell"],
    rows: view.stages.map((stage) => ({
      key: stage.name,
      selects: { kind: "node", stage: stage.name },
      name: stage.name,
      cells: [
        stage.name,
        count(stage.visits),
        count(stage.customers),
        view.n_customers > 0 ? percent(stage.customers / view.n_customers) : UNDEFINED,
        duration(stage.dwell_seconds),
      ],
    })),
  };
}

/**
 * What stands in place of a drawing without links; null where there is one.
 * @param {FlowModel} view
 * @param {number} drawn
 */
export function emptySentence(view, drawn) {
  if (drawn > 0) return null;
  if (view.stages.length === 0) return "No stages yet. Add a stage and give it events: the flow between stages appears here.";
  return "No customer has visited a stage yet. Give the stages events and the flow between them appears here.";
}

/**
 * A view with every field, whatever has arrived so far.
 * @param {Partial<FlowModel> | null | undefined} raw
 * @returns {FlowModel}
 */
export const readFlow = (raw) => ({
  revision: raw?.revision ?? 0,
  title: raw?.title ?? "Flow between stages",
  description: raw?.description ?? "",
  n_customers: raw?.n_customers ?? 0,
  stages: raw?.stages ?? [],
  links: raw?.links ?? [],
  baseline_links: raw?.baseline_links ?? null,
  problems: raw?.problems ?? [],
  stale: raw?.stale ?? false,
  preview: raw?.preview ?? "",
});

/**
 * Why the drawing is not that of the definition on the board; empty where it is.
 * @param {FlowModel} view
 */
export function problemSentence({ problems, stale }) {
  const [first, ...others] = problems;
  const parts = [];
  if (first) parts.push(first.message);
  if (others.length > 0) parts.push(`And ${others.length} more.`);
  if (stale) parts.push("Shown: the last good definition.");
  return parts.join(" ");
}
