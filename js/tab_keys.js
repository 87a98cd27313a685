/** Which tab a key goes to. No DOM, no model. */

/**
 * Arrows go round, Home and End go to the ends; null for any other key and with a modifier.
 * @param {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean }} event
 * @param {number} at Place of the tab with the focus.
 * @param {number} count
 * @returns {number | null}
 */
export function stepOf(event, at, count) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || count < 1) return null;
  switch (event.key) {
    case "ArrowRight":
    case "ArrowDown":
      return (at + 1) % count;
    case "ArrowLeft":
    case "ArrowUp":
      return (at - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}
