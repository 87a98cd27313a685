/** The small pictures of a legend; the words beside them carry the meaning. */

import { s } from "./dom.js";

const STAGES = 8;

/**
 * @param {string} kind "now", "baseline", "interval", "line", "dashed", "scale", "lost" or "stage-1" to "stage-8".
 * @returns {SVGSVGElement}
 */
export function swatch(kind) {
  const svg = s("svg", { class: "cx-cap-swatch", width: 16, height: 12, viewBox: "0 0 16 12", "aria-hidden": "true", focusable: "false" });
  svg.append(...marks(kind));
  return svg;
}

/** @param {string} kind */
function marks(kind) {
  const stage = /^stage-(\d+)$/.exec(kind);
  if (stage) return [box(2, 12, `var(--cx-stage-${((Number(stage[1]) + STAGES - 1) % STAGES) + 1})`)];
  switch (kind) {
    case "now":
      return [box(2, 12, "var(--cx-stage-1)")];
    case "baseline":
      return [s("rect", { x: 2, y: 1, width: 12, height: 10, rx: 2, fill: "#9a9a9a", "fill-opacity": 0.35, stroke: "#9a9a9a" })];
    case "interval":
      return [line("M1,6H15M1,2V10M15,2V10", "var(--cx-fg)")];
    case "line":
      return [line("M0,6H16", "var(--cx-stage-1)")];
    case "dashed":
      return [s("path", { d: "M0,6H16", stroke: "#9a9a9a", "stroke-width": 2, "stroke-dasharray": "4 2" })];
    case "lost":
      return [line("M8,1V11M4,7L8,11L12,7", "var(--cx-bad)")];
    case "scale":
      return ["0.15", "0.5", "1"].map((opacity, i) => {
        const step = box(i * 5, 5, "var(--cx-stage-1)");
        step.setAttribute("fill-opacity", opacity);
        return step;
      });
    default:
      return [box(2, 12, "var(--cx-line-strong)")];
  }
}

/** @param {number} x @param {number} width @param {string} fill */
const box = (x, width, fill) => s("rect", { x, y: 1, width, height: 10, rx: width > 5 ? 2 : 0, fill });

/** @param {string} d @param {string} stroke */
const line = (d, stroke) => s("path", { d, fill: "none", stroke, "stroke-width": 1.5 });
