/** What a caption shows, from what Python sent. No DOM, no model. */

/**
 * @typedef {Object} Grid
 * @property {string[]} rows What stands at the rows.
 * @property {string[]} columns What stands over the columns.
 * @property {number[][]} shades A line for each row: from 0, nothing, to 1, the darkest.
 * @property {string[][]} texts What is written in the cells.
 * @property {(string | null)[][]} keys What a click selects.
 */

/**
 * @typedef {Object} CaptionModel
 * @property {number} revision
 * @property {string} title
 * @property {string} description
 * @property {{ label: string, swatch: string }[]} legend
 * @property {string[]} columns
 * @property {{ key: string | null, cells: string[] }[]} rows
 * @property {string} note
 * @property {Grid | null} grid A heat map under the words.
 * @property {string} preview The part of the log counted; "waits" where newer figures follow; empty for the whole.
 */

/**
 * A view with every field, whatever has arrived so far.
 * @param {Partial<CaptionModel> | null | undefined} raw
 * @returns {CaptionModel}
 */
export const readCaption = (raw) => ({
  revision: raw?.revision ?? 0,
  title: raw?.title ?? "",
  description: raw?.description ?? "",
  legend: raw?.legend ?? [],
  columns: raw?.columns ?? [],
  rows: raw?.rows ?? [],
  note: raw?.note ?? "",
  grid: raw?.grid ?? null,
  preview: raw?.preview ?? "",
});

/**
 * Rows for the table: as many cells as there are columns, and a choice where a row has a key.
 * @param {CaptionModel} view
 * @returns {import("./caption_table.js").TableContent<string>}
 */
export function captionTable(view) {
  return {
    columns: view.columns,
    rows: view.rows.map(({ key, cells }, index) => ({
      key: key ?? `row-${index}`,
      selects: key,
      name: cells[0] ?? "",
      cells: view.columns.map((_, column) => cells[column] ?? ""),
    })),
  };
}
