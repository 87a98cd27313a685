/** Fixed lengths of time as the wire writes them ("30D", "36h", "90min"), and the stops of the window slider. */

/** @type {Record<string, number>} Seconds of each unit of the wire. */
const SECONDS = { D: 86_400, h: 3_600, min: 60, s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };

/** The units that the number box offers; a week is written as seven days. */
export const UNITS = /** @type {const} */ ([
  { key: "s", label: "seconds", one: "second", seconds: 1 },
  { key: "min", label: "minutes", one: "minute", seconds: 60 },
  { key: "h", label: "hours", one: "hour", seconds: 3_600 },
  { key: "D", label: "days", one: "day", seconds: 86_400 },
  { key: "W", label: "weeks", one: "week", seconds: 604_800 },
]);

/**
 * Seconds of a wire duration such as "30D" or "1D12h"; null if there is none or it cannot be read.
 * @param {string | null | undefined} text
 * @returns {number | null}
 */
export function parseSpan(text) {
  if (!text) return null;
  let seconds = 0;
  let rest = text.trim();
  while (rest) {
    const part = /^(\d+(?:\.\d+)?)\s*(D|d|h|min|ms|us|ns|s)\s*/.exec(rest);
    if (!part) return null;
    seconds += Number(part[1]) * (SECONDS[part[2] === "d" ? "D" : /** @type {string} */ (part[2])] ?? NaN);
    rest = rest.slice(part[0].length);
  }
  return seconds;
}

/**
 * The wire form: the largest unit that divides the length exactly, in whole milliseconds at the least.
 * @param {number} seconds
 */
export function spanText(seconds) {
  const milliseconds = Math.max(1, Math.round(seconds * 1000));
  for (const unit of ["D", "h", "min", "s"]) {
    const size = /** @type {number} */ (SECONDS[unit]) * 1000;
    if (milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  return `${milliseconds}ms`;
}

/**
 * The unit a length is shown in: the largest (weeks apart, which nobody asked for) that divides it exactly.
 * @param {number} seconds
 */
export function unitOf(seconds) {
  const exact = UNITS.filter((unit) => unit.key !== "W" && seconds >= unit.seconds && seconds % unit.seconds === 0);
  return exact.at(-1) ?? UNITS[0];
}

/**
 * In words: "30 days", "36 hours", "1 minute".
 * @param {number} seconds
 */
export function spanWords(seconds) {
  const unit = unitOf(seconds);
  const size = Number((seconds / unit.seconds).toFixed(3));
  return `${size} ${size === 1 ? unit.one : unit.label}`;
}

const MINUTES = [1, 2, 5, 10, 15, 30];
const HOURS = [1, 2, 3, 4, 6, 8, 12, 18];
const DAYS = [
  1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 18, 21, 24, 28, 30, 35, 42, 45, 50, 60, 75, 90, 105, 120, 150, 180, 210, 240, 270,
  300, 330, 365, 450, 545, 730, 910, 1095, 1460, 1825, 2555, 3650, 5475, 7300,
];

/**
 * Where the slider can stand, in seconds: round lengths up to the span of the log.
 * Logs of more than a month start at one hour, shorter ones at a minute.
 * @param {number | null} span Seconds from the first event to the last.
 * @returns {number[]}
 */
export function spanStops(span) {
  const all = [...MINUTES.map((m) => m * 60), ...HOURS.map((x) => x * 3_600), ...DAYS.map((d) => d * 86_400)];
  const top = span && span > 120 ? span : 86_400;
  const low = top > 31 * 86_400 ? 3_600 : 60;
  const inside = all.filter((stop) => stop >= low && stop < top);
  const ceiling = all.find((stop) => stop >= top) ?? Math.ceil(top / 86_400) * 86_400;
  return [...inside, ceiling];
}

/** The slider's whole numbers run from 0 to here. */
export const SLIDER_MAX = 1000;

/**
 * Position of a length on the slider (logarithmic).
 * @param {number} seconds
 * @param {readonly number[]} stops
 */
export function sliderPosition(seconds, stops) {
  const low = Math.log(stops[0] ?? 60);
  const high = Math.log(stops.at(-1) ?? 86_400);
  if (high <= low) return SLIDER_MAX;
  const at = (Math.log(Math.max(seconds, 1e-9)) - low) / (high - low);
  return Math.round(Math.min(1, Math.max(0, at)) * SLIDER_MAX);
}

/**
 * The stop nearest to a position of the slider.
 * @param {number} position
 * @param {readonly number[]} stops
 */
export function stopAt(position, stops) {
  let best = stops[0] ?? 60;
  for (const stop of stops) {
    if (Math.abs(sliderPosition(stop, stops) - position) < Math.abs(sliderPosition(best, stops) - position)) best = stop;
  }
  return best;
}

/**
 * The next stop above or below a length.
 * @param {number} seconds
 * @param {readonly number[]} stops
 * @param {number} direction 1 or -1
 */
export function nextStop(seconds, stops, direction) {
  const beyond = direction > 0 ? stops.find((stop) => stop > seconds) : stops.findLast((stop) => stop < seconds);
  return beyond ?? (direction > 0 ? stops.at(-1) : stops[0]) ?? seconds;
}
