/** Selection and arrow keys of the flow view, as pure functions over its plan. */

import { linkKey, START } from "./flow_layout.js";

/**
 * @typedef {import("./flow_layout.js").FlowPlan} FlowPlan
 * @typedef {import("./flow_layout.js").LinkShape} LinkShape
 * @typedef {import("./flow_text.js").FlowSelection} FlowSelection
 */

/** @param {string} stage */
export const nodeId = (stage) => `node:${stage}`;

/** @param {{ from: string, to: string }} link */
export const linkId = (link) => `link:${linkKey(link)}`;

/**
 * Everything that can be focused: for each stage its node, then its links in the order they meet the eye.
 * @param {FlowPlan} plan
 * @returns {string[][]}
 */
export function stops(plan) {
  const order = { start: 0, skip: 1, forward: 2, end: 3, back: 4 };
  return plan.nodes.map((node) => [
    nodeId(node.key),
    ...plan.links
      .filter((shape) => shape.index === node.index)
      .sort((a, b) => order[a.kind] - order[b.kind] || b.link.count - a.link.count || (a.key < b.key ? -1 : 1))
      .map((shape) => linkId(shape.link)),
  ]);
}

/**
 * Where a key leads: Left and Right along the stages, Down and Up through the links of a stage, and from a link Right
 * to where it leads and Left to where it comes from. Null for keys that do not walk, and at the ends.
 * @param {FlowPlan} plan
 * @param {string} from
 * @param {string} key
 * @returns {string | null}
 */
export function walk(plan, from, key) {
  const columns = stops(plan);
  const column = columns.findIndex((ids) => ids.includes(from));
  const ids = columns[column];
  if (!ids) return columns[0]?.[0] ?? null;
  const row = ids.indexOf(from);
  switch (key) {
    case "Home":
      return columns[0]?.[0] ?? null;
    case "End":
      return columns.at(-1)?.[0] ?? null;
    case "ArrowDown":
      return ids[row + 1] ?? null;
    case "ArrowUp":
      return row > 0 ? (ids[row - 1] ?? null) : null;
    case "ArrowRight":
    case "ArrowLeft": {
      const shape = row > 0 ? plan.links.find((each) => linkId(each.link) === from) : undefined;
      if (!shape) return columns[column + (key === "ArrowRight" ? 1 : -1)]?.[0] ?? null;
      const ahead = key === "ArrowRight" && shape.link.from !== START;
      const target = plan.nodes.find((node) => node.key === (ahead ? shape.link.to : shape.link.from));
      return target ? nodeId(target.key) : (ids[0] ?? null);
    }
    default:
      return null;
  }
}

/**
 * @param {FlowSelection | null | undefined} selection
 * @returns {string | null}
 */
export function selectedId(selection) {
  if (!selection) return null;
  return selection.kind === "node" ? nodeId(selection.stage) : linkId(selection);
}

/**
 * The ids that stand out under a selection; null where nothing is selected or the selection is not on the plan,
 * so that nothing is dimmed for a reason nobody can see. A stage brings its links, a link its two ends.
 * @param {FlowPlan} plan
 * @param {FlowSelection | null | undefined} selection
 * @returns {Set<string> | null}
 */
export function lit(plan, selection) {
  const id = selectedId(selection);
  if (!selection || !id) return null;
  if (selection.kind === "node") {
    if (!plan.nodes.some((node) => node.key === selection.stage)) return null;
    const links = plan.links.filter(({ link }) => link.from === selection.stage || link.to === selection.stage);
    return new Set([id, ...links.map(({ link }) => linkId(link))]);
  }
  if (!plan.links.some(({ link }) => linkId(link) === id)) return null;
  return new Set([id, nodeId(selection.from), nodeId(selection.to)]);
}

/**
 * What a click on an item leaves selected: the item, or nothing where it was selected already.
 * @param {FlowSelection} item
 * @param {FlowSelection | null | undefined} selection
 * @returns {FlowSelection | null}
 */
export const toggled = (item, selection) => (selectedId(item) === selectedId(selection) ? null : item);
