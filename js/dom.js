/** Small helpers to write DOM: everything from outside goes through `textContent` or `setAttribute`. */

/**
 * JupyterLab and Notebook 7 run commands on single keys (`x` cuts the cell) unless the focused element itself
 * carries this attribute; an ancestor's does not count.
 * @template {Element} E
 * @param {E} element
 * @returns {E}
 */
export function keysStayHere(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  return element;
}

const FOCUSABLE = new Set(["button", "input", "select", "textarea", "summary", "a"]);

/**
 * Make an element. Attributes whose value is null, undefined or false are left out; true writes an empty one.
 * Children that are strings become text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  if (FOCUSABLE.has(tag) || "tabindex" in attributes) keysStayHere(element);
  if (tag === "button" && !("type" in attributes)) element.setAttribute("type", "button");
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/**
 * The same for SVG.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  if ("tabindex" in attributes) keysStayHere(element);
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/**
 * Write an attribute only if it changes.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * Write text only if it changes.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * The longest run of places that rise already, which need not move; -1 is no place.
 * @param {readonly number[]} places
 * @returns {number[]} Their indexes, in order.
 */
export function inOrder(places) {
  /** @type {number[]} The index of the lowest end of a run of each length. */
  const ends = [];
  const before = places.map(() => -1);
  places.forEach((place, index) => {
    if (place < 0) return;
    let low = 0;
    for (let high = ends.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((places[ends[middle] ?? 0] ?? 0) < place) low = middle + 1;
      else high = middle;
    }
    before[index] = ends[low - 1] ?? -1;
    ends[low] = index;
  });
  const run = [];
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at] ?? -1) run.push(at);
  return run.reverse();
}

/** @type {WeakMap<Element, Map<string, Element>>} */
const KEYED = new WeakMap();

/**
 * Make a parent's children follow a list: elements are kept by key, so focus, scroll and selection survive a redraw.
 * All children of the parent belong to the list.
 * @template Item
 * @template {Element} E
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => E} create
 * @param {(element: E, item: Item, index: number) => void} update
 */
export function keyed(parent, items, keyOf, create, update) {
  const before = /** @type {Map<string, E>} */ (KEYED.get(parent) ?? new Map());
  /** @type {Map<string, E>} */
  const after = new Map();
  items.forEach((item, index) => {
    const key = keyOf(item);
    const element = before.get(key) ?? create(item);
    after.set(key, element);
    update(element, item, index);
  });
  for (const [key, element] of before) if (!after.has(key)) element.remove();
  const wanted = [...after.values()];
  const active = document.activeElement;
  // An element that is moved is styled and laid out anew with all that it holds, and loses the focus for a moment.
  const places = new Map([...parent.children].map((element, place) => [/** @type {Element} */ (element), place]));
  const stay = new Set(inOrder(wanted.map((element) => places.get(element) ?? -1)));
  /** @type {Element | null} */
  let next = null;
  for (let index = wanted.length - 1; index >= 0; index -= 1) {
    const element = /** @type {E} */ (wanted[index]);
    if (!stay.has(index)) parent.insertBefore(element, next);
    next = element;
  }
  if (active instanceof HTMLElement && active !== document.activeElement && parent.contains(active)) {
    active.focus({ preventScroll: true });
  }
  KEYED.set(parent, after);
}
