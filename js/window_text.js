/** Windows as the wire writes them: a length of time, a number of events or of sessions, or calendar units. */

import { parseSpan, spanWords } from "./timespan.js";

/**
 * @typedef {{ kind: "none" }
 *   | { kind: "time", seconds: number }
 *   | { kind: "events", size: number }
 *   | { kind: "sessions", size: number, gap: string }
 *   | { kind: "calendar", size: number, unit: string }
 *   | { kind: "other", text: string }} Window
 */

const COUNTED = /^\s*(\d+)\s+(event|session|calendar\s+(?:day|week|month|quarter|year))s?(?:\s+of\s+(.+?))?\s*$/;

/**
 * @param {string | null | undefined} text
 * @returns {Window}
 */
export function parseWindow(text) {
  if (!text) return { kind: "none" };
  const seconds = parseSpan(text);
  if (seconds !== null) return { kind: "time", seconds };
  const found = COUNTED.exec(text);
  const size = Number(found?.[1]);
  const what = found?.[2] ?? "";
  const gap = found?.[3];
  if (what === "session" && gap !== undefined) return { kind: "sessions", size, gap };
  if (what === "event" && gap === undefined) return { kind: "events", size };
  if (what.startsWith("calendar") && gap === undefined) return { kind: "calendar", size, unit: what.replace(/^calendar\s+/, "") };
  return { kind: "other", text };
}

/** @param {number} size @param {string} unit */
const counted = (size, unit) => `${size} ${unit}${size === 1 ? "" : "s"}`;

/** @param {Extract<Window, { kind: "events" | "sessions" | "calendar" }>} window As the wire writes it. */
export function windowText(window) {
  if (window.kind === "events") return counted(window.size, "event");
  if (window.kind === "sessions") return `${counted(window.size, "session")} of ${window.gap}`;
  return counted(window.size, `calendar ${window.unit}`);
}

/** @param {string} text */
export function windowWords(text) {
  const window = parseWindow(text);
  if (window.kind === "time") return spanWords(window.seconds);
  if (window.kind !== "sessions") return text;
  const gap = parseSpan(window.gap);
  return `${counted(window.size, "session")} (${gap === null ? window.gap : spanWords(gap)} gap)`;
}
