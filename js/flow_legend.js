/** The small pictures of the flow view's legend. */

import { s } from "./dom.js";

/** @param {"forward" | "skip" | "back" | "stub" | "empty"} kind */
export function swatch(kind) {
  const large = kind === "empty";
  const svg = s("svg", {
    class: "cx-cap-swatch",
    width: large ? 72 : 24,
    height: large ? 36 : 12,
    viewBox: "0 0 24 12",
    "aria-hidden": "true",
    focusable: "false",
  });
  const bar = (/** @type {number} */ x) => s("rect", { x, y: 1, width: 3, height: 10, rx: 1, fill: "currentcolor", "fill-opacity": 0.7 });
  const line = (/** @type {string} */ d, /** @type {number} */ width) =>
    s("path", { d, fill: "none", stroke: "currentcolor", "stroke-opacity": 0.45, "stroke-width": width });
  if (kind === "forward") svg.append(line("M3,6H21", 7), bar(0), bar(21));
  if (kind === "skip") svg.append(line("M2,8C6,8 6,2 12,2S18,8 22,8", 2.5), s("rect", { x: 10.5, y: 7, width: 3, height: 4, rx: 1, fill: "currentcolor", "fill-opacity": 0.7 }));
  if (kind === "back") svg.append(line("M17,3C23,3 23,10 16,10H8C1,10 1,3 7,3", 2.5), s("path", { d: "M6,0.5L10,3L6,5.5Z", fill: "currentcolor", "fill-opacity": 0.7 }));
  if (kind === "stub") svg.append(s("path", { d: "M2,2H10V10H2L4,6Z", fill: "currentcolor", "fill-opacity": 0.35 }), bar(10), s("path", { d: "M13,2H20L22,6L20,10H13Z", fill: "currentcolor", "fill-opacity": 0.35 }));
  if (large) svg.append(s("path", { d: "M4,6C10,6 12,6 20,6", fill: "none", stroke: "currentcolor", "stroke-dasharray": "1 1.5", "stroke-width": 1 }), bar(1), bar(20));
  return svg;
}
