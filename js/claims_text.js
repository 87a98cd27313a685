/** What the table of claims shows, from what Python sent. No DOM, no model. */

/**
 * A claim: words, this log's figure as text, and the numbers of the small picture.
 * @typedef {Object} Claim
 * @property {string} key
 * @property {string} text
 * @property {string} estimate What is estimated, in words.
 * @property {string} value
 * @property {string} interval
 * @property {string} n
 * @property {string} verdict "supports", "contradicts", "undecided" or "not measurable".
 * @property {string} why The rule of the verdict, or what is missing.
 * @property {"share" | "ratio"} unit
 * @property {{ value: number | null, lower: number | null, upper: number | null, low: number | null, high: number | null }} numbers
 *   The estimate, its interval, and what the claim allows; null where there is no end.
 *
 * @typedef {Object} ClaimsModel
 * @property {number} revision
 * @property {string} name
 * @property {Claim[]} claims
 *
 * @typedef {{ from: number, to: number, open: boolean }} Span From 0 (left) to 1 (right); open where the right end is not known.
 * @typedef {{ allowed: Span, interval: Span | null, value: number | null, ticks: { at: number, text: string }[] }} Picture
 */

/**
 * A view with every field, whatever has arrived so far.
 * @param {Partial<ClaimsModel> | null | undefined} raw
 * @returns {ClaimsModel}
 */
export const readClaims = (raw) => ({ revision: raw?.revision ?? 0, name: raw?.name ?? "", claims: raw?.claims ?? [] });

/** The sign of a verdict: colour never carries it alone. */
export const SIGNS = /** @type {Record<string, string>} */ ({ supports: "✓", contradicts: "✕", undecided: "?", "not measurable": "–" });

const STEPS = [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64];

/** @param {number} ratio "1:4" for a quarter, "4" for four. */
const ratioText = (ratio) => (ratio < 1 ? `1:${Math.round(1 / ratio)}` : String(ratio));

/**
 * Where everything stands in the picture. Shares lie on a line from 0 to 1, ratios on a logarithmic one that holds the claim
 * and the interval, as far as 1:64 and 64.
 * @param {Claim} claim
 * @returns {Picture}
 */
export function pictureOf({ unit, numbers }) {
  const { value, lower, upper, low, high } = numbers;
  /** @type {(number: number) => number} */
  let place = (share) => Math.min(Math.max(share, 0), 1);
  let ticks = [0, 0.5, 1].map((at) => ({ at, text: `${100 * at}%` }));
  if (unit === "ratio") {
    const known = [value, lower, upper, low, high].filter((each) => each !== null && each > 0).map(Number);
    const least = STEPS.filter((step) => step <= Math.min(...known, 0.5)).at(-1) ?? STEPS[0] ?? 1;
    const most = STEPS.find((step) => step >= Math.max(...known, 2)) ?? STEPS.at(-1) ?? 1;
    const width = Math.log(most / least);
    place = (ratio) => (ratio > 0 ? Math.min(Math.max(Math.log(ratio / least) / width, 0), 1) : 0);
    ticks = [least, 1, most].map((step) => ({ at: place(step), text: ratioText(step) }));
  }
  return {
    allowed: { from: low === null ? 0 : place(low), to: high === null ? 1 : place(high), open: false },
    interval: lower === null ? null : { from: place(lower), to: upper === null ? 1 : place(upper), open: upper === null },
    value: value === null ? null : place(value),
    ticks,
  };
}

/** @param {Claim} claim What the picture says, in words. */
export const pictureName = (claim) =>
  claim.numbers.value === null ? "No estimate." : `Estimate ${claim.value}, 95% interval ${claim.interval}: ${claim.verdict}.`;
