/** What a quadrant shows, from what Python sent. No DOM, no model. */

/**
 * A part of the whole; `share` and `before` (that of the baseline, where it differs) are numbers from 0 to 1.
 * @typedef {Object} Tile
 * @property {string} key
 * @property {number} row 0 above, 1 below.
 * @property {number} column 0 left, 1 right.
 * @property {string} label
 * @property {string} count
 * @property {string} share
 * @property {string} interval
 * @property {number | null} size
 * @property {number | null} before
 * @property {string} change In words, empty where nothing changed.
 * @property {string} colour A swatch such as "stage-1".
 * @property {{ key: string, label: string, count: string, share: string } | null} part A part of this part.
 *
 * @typedef {Object} QuadrantModel
 * @property {number} revision
 * @property {string} name
 * @property {{ title: string, ends: string[] }} across
 * @property {{ title: string, ends: string[] }} down
 * @property {Tile[]} tiles
 */

/**
 * A view with every field, whatever has arrived so far.
 * @param {Partial<QuadrantModel> | null | undefined} raw
 * @returns {QuadrantModel}
 */
export const readQuadrant = (raw) => ({
  revision: raw?.revision ?? 0,
  name: raw?.name ?? "",
  across: raw?.across ?? { title: "", ends: [] },
  down: raw?.down ?? { title: "", ends: [] },
  tiles: raw?.tiles ?? [],
});

/**
 * The side of a square, in percent of its tile's side, so that its area is the share.
 * @param {number | null} share
 */
export const side = (share) => (share === null ? 0 : Math.round(1000 * Math.sqrt(Math.min(Math.max(share, 0), 1))) / 10);

/** @param {Tile} tile What a screen reader says of it. */
export const tileName = (tile) =>
  [`${tile.label}: ${tile.count} customers`, `${tile.share} of buyers`, tile.interval && `95% interval ${tile.interval}`, tile.change].filter(Boolean).join(", ");

/** @param {NonNullable<Tile["part"]>} part @param {Tile} tile */
export const partName = (part, tile) => `${part.label}: ${part.count} customers, ${part.share} of ${tile.label.toLowerCase()}`;
