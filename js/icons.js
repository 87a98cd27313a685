import { s } from "./dom.js";

/** Drawn on a grid of 16, stroked in the colour of the text beside them. */
const PATHS = {
  undo: "M6 4 2.5 7.5 6 11M3 7.5h6.5a3.5 3.5 0 0 1 0 7H7",
  redo: "M10 4l3.5 3.5L10 11M13 7.5H6.5a3.5 3.5 0 0 0 0 7H9",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  plus: "M8 3v10M3 8h10",
  pin: "M5.5 2.5h5M6.5 2.5v4L4 9.5h8l-2.5-3v-4M8 9.5v4",
  code: "M5.5 4 1.5 8l4 4M10.5 4l4 4-4 4",
  copy: "M6 6h7.5v7.5H6zM10 6V2.5H2.5V10H6",
  check: "M3 8.5l3.5 3.5L13 4.5",
  warn: "M8 2 1.5 13.5h13zM8 6.5v3.2M8 11.6v.01",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.3 10.3l3.5 3.5",
  info: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8M8 7.2v4M8 4.9v.01",
  close: "M4 4l8 8M12 4l-8 8",
  up: "M8 13V3.5M4 7l4-4 4 4",
  down: "M8 3v9.5M4 9l4 4 4-4",
  equal: "M3.5 6h9M3.5 10h9",
  left: "M10 3 5 8l5 5",
  right: "M6 3l5 5-5 5",
  chevron: "M4 6l4 4 4-4",
  stages: "M2 3h3v10H2zM6.5 3h3v7h-3zM11 3h3v4h-3z",
  move: "M2 8h11M9 4l4 4-4 4",
  merge: "M2.5 3.5C7 3.5 7 8 10 8h3.5M2.5 12.5C7 12.5 7 8 10 8M11 5.5 13.5 8 11 10.5",
  tray: "M2 9.5h3.5l1 2h3l1-2H14M2 9.5 4 3h8l2 6.5v4H2z",
  keyboard: "M1.5 4h13v8h-13zM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M5 9.5h6",
  pencil: "M2.5 13.5l.7-3L10.5 3l2.5 2.5-7.5 7.3z",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9",
  timer: "M8 3.5a5 5 0 1 1 0 10A5 5 0 0 1 8 3.5M8 6v3l2 1.2M6.5 1.5h3",
  count: "M2.5 5.5 4.5 4v8M8 12h5.5M8 5.2c1.2-2 5-1.5 5 .8 0 2-3 3.5-5 6",
  both: "M2.5 4.5h7v7h-7zM6.5 4.5v-2h7v7h-4",
  role: "M8 2.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6M2.5 14c.4-3 2.6-4.5 5.5-4.5s5.1 1.5 5.5 4.5",
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  return s(
    "svg",
    { class: "cx-icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", focusable: "false" },
    s("path", { d: PATHS[name] }),
  );
}
