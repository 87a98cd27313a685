/** The mark on figures of a sample, and on those that newer ones follow. */

import { h, setAttribute, setText } from "./dom.js";

/**
 * @param {string} preview What Python says: the part of the log counted; "waits" where no figures are yet; empty for the whole.
 * @returns {{ text: string, title: string }}
 */
function previewWords(preview) {
  if (!preview) return { text: "", title: "" };
  if (preview === "waits") return { text: "Exact figures follow", title: "Still those of the edit before; the exact ones are being counted." };
  const [part = preview] = preview.split(",");
  return {
    text: `Preview, ${part}`,
    title: `Counted from ${preview}. Counts are estimates, intervals those of the sample. The exact figures follow.`,
  };
}

/** @returns {{ element: HTMLElement, draw: (preview: string) => void }} */
export function createPreviewMark() {
  const element = h("span", { class: "cx-preview", "data-testid": "preview", hidden: true });
  return {
    element,
    draw(preview) {
      const { text, title } = previewWords(preview);
      element.hidden = !text;
      setText(element, text);
      setAttribute(element, "title", title || null);
    },
  };
}
