/**
 * Numbers as text, the same in every browser and language: no Intl, no locale.
 * Undefined numbers (null, NaN, infinite) are an en dash.
 */

export const UNDEFINED = "–";
const MINUS = "−";
const SPACE = "\u00a0";

/** @typedef {"share" | "seconds" | "ratio" | "money" | "count"} Unit */

/**
 * @param {number | null | undefined} value
 * @returns {value is number}
 */
export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/**
 * Fixed digits, thousands set apart by commas, a true minus sign; never "−0".
 * @param {number} value
 * @param {number} digits
 */
function fixed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  const [whole = "0", fraction] = text.split(".");
  const grouped = whole.length < 4 ? whole : whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const sign = value < 0 && Number(text) !== 0 ? MINUS : "";
  return sign + grouped + (fraction ? `.${fraction}` : "");
}

/**
 * Three significant digits, at most two after the point; trailing zeros go.
 * @param {number} value
 */
function short(value) {
  const size = Math.abs(value);
  const text = fixed(value, size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** @param {number | null | undefined} value `1234` as "1,234". */
export const count = (value) => (isNumber(value) ? fixed(value, 0) : UNDEFINED);

/** @param {number | null | undefined} value `12345` as "12.3k", for places where space is short. */
export function compact(value) {
  if (!isNumber(value)) return UNDEFINED;
  const size = Math.abs(value);
  if (size < 9_999.5) return fixed(value, 0);
  if (size < 999_500) return `${short(value / 1e3)}k`;
  if (size < 999_500_000) return `${short(value / 1e6)}M`;
  return `${short(value / 1e9)}B`;
}

/**
 * Digits after the point for a share: enough to tell small shares apart.
 * @param {number} size Of the share, as a number between 0 and 1.
 */
const shareDigits = (size) => (size > 0 && size < 0.00095 ? 3 : size > 0 && size < 0.0095 ? 2 : 1);

/** @param {number | null | undefined} value `0.1234` as "12.3%". */
export const percent = (value) =>
  isNumber(value) ? `${fixed(value * 100, shareDigits(Math.abs(value)))}%` : UNDEFINED;

/** @type {readonly (readonly [seconds: number, one: string, many: string])[]} */
const TIMES = [
  [86_400, "day", "days"],
  [3_600, "h", "h"],
  [60, "min", "min"],
  [1, "s", "s"],
  [0.001, "ms", "ms"],
];

/**
 * The unit a duration is written in: the largest that it fills once, once rounding is done.
 * @param {number} seconds
 */
function timeUnit(seconds) {
  const size = Math.abs(seconds);
  if (size === 0) return /** @type {const} */ ([1, "s", "s"]);
  return TIMES.find(([unit]) => size >= unit * 0.9995) ?? /** @type {const} */ ([0.001, "ms", "ms"]);
}

/** @param {number | null | undefined} seconds `302400` as "3.5 days". */
export function duration(seconds) {
  if (!isNumber(seconds)) return UNDEFINED;
  const [unit, one, many] = timeUnit(seconds);
  const text = short(seconds / unit);
  return `${text}${SPACE}${text === "1" || text === `${MINUS}1` ? one : many}`;
}

/** @param {number | null | undefined} value `1/6` as "1 : 6", `2.5` as "2.5 : 1". */
export function ratio(value) {
  if (!isNumber(value) || value < 0) return UNDEFINED;
  if (value === 0) return "0 : 1";
  const larger = value >= 1 ? value : 1 / value;
  const text = fixed(larger, larger < 1.995 ? 2 : larger < 99.95 ? 1 : 0).replace(/\.0+$|(\.\d)0$/, "$1");
  return value >= 1 ? `${text} : 1` : `1 : ${text}`;
}

/** @param {number | null | undefined} value Without a currency, which the log does not know. */
export function money(value) {
  if (!isNumber(value)) return UNDEFINED;
  return Math.abs(value) < 99_999.5 ? fixed(value, 2) : compact(value);
}

/**
 * A figure in its unit.
 * @param {number | null | undefined} value
 * @param {Unit | string} unit
 */
export function figure(value, unit) {
  switch (unit) {
    case "share":
      return percent(value);
    case "seconds":
      return duration(value);
    case "ratio":
      return ratio(value);
    case "money":
      return money(value);
    default:
      return count(value);
  }
}

/**
 * Both ends of an interval, the unit written once: "12.1 – 14.5%".
 * @param {number | null | undefined} lower
 * @param {number | null | undefined} upper
 * @param {Unit | string} unit
 */
export function interval(lower, upper, unit) {
  if (!isNumber(lower) && !isNumber(upper)) return "";
  if (unit === "share" && isNumber(lower) && isNumber(upper)) {
    const digits = shareDigits(Math.max(Math.abs(lower), Math.abs(upper)));
    return `${fixed(lower * 100, digits)} – ${fixed(upper * 100, digits)}%`;
  }
  if (unit === "seconds" && isNumber(lower) && isNumber(upper)) {
    const [size, , many] = timeUnit(Math.max(Math.abs(lower), Math.abs(upper)));
    return `${short(lower / size)} – ${short(upper / size)}${SPACE}${many}`;
  }
  return `${isNumber(lower) ? figure(lower, unit) : "?"} – ${isNumber(upper) ? figure(upper, unit) : "?"}`;
}

/**
 * A change with its sign; shares in percentage points ("pp"), ratios as the difference of the quotients.
 * @param {number | null | undefined} value
 * @param {Unit | string} unit
 */
export const delta = (value, unit) => change(value, null, null, unit)[0];

/**
 * A change and its interval, both in the unit that stands with the change: ["+3.2 pp", "[+0.2, +5.9]"].
 * @param {number | null | undefined} value
 * @param {number | null | undefined} lower
 * @param {number | null | undefined} upper
 * @param {Unit | string} unit
 * @returns {[change: string, interval: string]}
 */
export function change(value, lower, upper, unit) {
  if (!isNumber(value)) return [UNDEFINED, ""];
  const size = Math.abs(value) || Math.max(Math.abs(lower ?? 0), Math.abs(upper ?? 0));
  /** @type {(number: number) => string} */
  let write = (number) => fixed(number, 0);
  let scale = 1;
  let name = "";
  if (unit === "share") {
    const digits = shareDigits(size);
    write = (number) => fixed(number, digits);
    scale = 0.01;
    name = "pp";
  } else if (unit === "seconds") {
    const [seconds, one, many] = timeUnit(size);
    write = short;
    scale = seconds;
    name = short(Math.abs(value) / seconds) === "1" ? one : many;
  } else if (unit === "ratio") {
    write = short;
  } else if (unit === "money") {
    write = money;
  }
  const text = write(Math.abs(value) / scale);
  const sign = /[1-9]/.test(text) ? (value < 0 ? MINUS : "+") : "±";
  const ends = isNumber(lower) && isNumber(upper) ? `[${signed(lower / scale, write)}, ${signed(upper / scale, write)}]` : "";
  return [sign + text + (name && SPACE + name), ends];
}

/**
 * @param {number} value
 * @param {(value: number) => string} write
 */
function signed(value, write) {
  const text = write(Math.abs(value));
  if (!/[1-9]/.test(text)) return text;
  return (value < 0 ? MINUS : "+") + text;
}

/**
 * How many of how many: "165 / 489".
 * @param {number | null | undefined} numerator
 * @param {number | null | undefined} denominator
 */
export function outOf(numerator, denominator) {
  if (isNumber(numerator) && isNumber(denominator)) return `${count(numerator)} / ${count(denominator)}`;
  return isNumber(denominator) ? `n = ${count(denominator)}` : "";
}
