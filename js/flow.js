/** The flow between stages: drawn as ribbons and arcs, read as a table, selectable by mouse and by keyboard. */

import { createTable } from "./caption_table.js";
import { swatch } from "./flow_legend.js";
import { h, keyed, s, setAttribute, setText } from "./dom.js";
import { isArea, NARROW_PITCH, NODE_WIDTH, layoutFlow, linkKey, linkPath } from "./flow_layout.js";
import {
  baselineShares, emptySentence, headTexts, labelTexts, linkCard, linkName, linkTable, nodeCard, nodeName, problemSentence, readFlow,
  selectionSentence, stageTable,
} from "./flow_text.js";
import { linkId, lit, nodeId, selectedId, stops, toggled, walk } from "./flow_walk.js";
import { newest, widget } from "./host.js";
import { createPreviewMark } from "./preview.js";

/**
 * @typedef {import("./flow_layout.js").FlowPlan} FlowPlan
 * @typedef {import("./flow_layout.js").LinkShape} LinkShape
 * @typedef {import("./flow_layout.js").NodeBox} NodeBox
 * @typedef {import("./flow_text.js").FlowModel} FlowModel
 * @typedef {import("./flow_text.js").FlowSelection} FlowSelection
 *
 * @typedef {{ node: NodeBox } | { link: LinkShape }} Item
 */

const LABEL_FONT = 11;
const NAME_FONT = 12;
const GLIDE_MS = 180;
const COLOURS = 8;

/** Widths of text that are kept. */
const MOST_WIDTHS = 2000;

/** @param {number} index */
const colour = (index) => `--cx-flow-colour: var(--cx-stage-${(index % COLOURS) + 1})`;

/** @param {number} width */
const strength = (width) => `--cx-flow-strength: ${width < 3 ? 0.8 : width < 8 ? 0.62 : 0.5}`;

/** @param {Item} item @returns {FlowSelection} */
const choiceOf = (item) =>
  "node" in item ? { kind: "node", stage: item.node.key } : { kind: "link", from: item.link.link.from, to: item.link.link.to };

/**
 * Widths of text as the browser sets it.
 * @param {HTMLElement} el
 */
function ruler(el) {
  const context = document.createElement("canvas").getContext("2d");
  const family = getComputedStyle(el).fontFamily || "sans-serif";
  /** @type {Map<string, number>} Numbers and names come back in edit after edit. */
  const known = new Map();
  return (/** @type {string} */ text, /** @type {number} */ size, weight = 400) => {
    if (!context) return text.length * size * 0.6;
    const key = `${weight} ${size} ${text}`;
    let wide = known.get(key);
    if (wide === undefined) {
      if (known.size >= MOST_WIDTHS) known.clear();
      context.font = `${weight} ${size}px ${family}`;
      wide = context.measureText(text).width + 1;
      known.set(key, wide);
    }
    return wide;
  };
}

export default widget({
  create: (host) => ({ view: /** @type {ReturnType<typeof newest<FlowModel>>} */ (newest(host, "_view")) }),

  render({ host, state, el, signal, guard, listen }) {
    const id = `cx-flow-${Math.random().toString(36).slice(2, 10)}`;

    const title = h("span", { id: `${id}-title`, dir: "auto" });
    const preview = createPreviewMark();
    const heading = h("p", { class: "cx-cap-title" }, title, " ", preview.element);
    const text = h("p", { class: "cx-cap-text", id: `${id}-text`, dir: "auto" });
    const clear = h("button", { class: "cx-cap-button", "data-testid": "flow-clear", "aria-label": "Clear selection" }, "Clear");
    const toggle = h(
      "button",
      { class: "cx-cap-button cx-cap-toggle", "aria-controls": `${id}-panel`, "aria-expanded": "false", "data-testid": "table-toggle" },
      "Table",
    );
    const problem = h("p", { class: "cx-flow-problem", dir: "auto" });
    const heads = h("div", { class: "cx-flow-heads", "aria-hidden": "true" });
    const desc = s("desc", {});
    const guides = s("g", {});
    const links = s("g", {});
    const nodes = s("g", {});
    const labels = s("g", { "aria-hidden": "true" });
    const svg = s(
      "svg",
      { class: "cx-flow-svg", role: "group", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-text`, focusable: "false" },
      desc, guides, links, nodes, labels,
    );
    const canvas = h("div", { class: "cx-flow-canvas" }, heads, svg);
    const scroll = h("div", { class: "cx-flow-scroll" }, canvas);
    const emptyText = h("p");
    const empty = h("div", { class: "cx-flow-empty" }, swatch("empty"), emptyText);
    const undrawn = h("p", { class: "cx-cap-note" });
    const foot = h(
      "div",
      { class: "cx-flow-foot" },
      h(
        "ul",
        { class: "cx-cap-legend" },
        ...(/** @type {const} */ ([
          ["forward", "to the next stage"],
          ["skip", "above: skips stages"],
          ["back", "below: steps back"],
          ["stub", "grey: journeys start or end"],
        ])).map(([kind, words]) => h("li", {}, swatch(kind), words)),
        h("li", {}, "width: how many"),
      ),
      undrawn,
    );
    const card = h("div", { class: "cx-flow-card", id: `${id}-card`, role: "tooltip", hidden: true, "data-testid": "flow-card" });
    const said = h("div", { class: "cx-hidden", "aria-live": "polite" });
    const panel = h("div", { class: "cx-cap-panel", tabindex: 0, id: `${id}-panel`, role: "group", "aria-labelledby": `${id}-title`, hidden: true });
    const root = h(
      "div",
      { class: "cx-flow", role: "group", "aria-labelledby": `${id}-title`, "data-testid": "flow" },
      h("div", { class: "cx-cap-head" }, h("div", { class: "cx-cap-words" }, heading, text), h("div", { class: "cx-cap-tools" }, clear, toggle)),
      problem, scroll, empty, foot, panel, card, said,
    );
    el.append(root);

    const measure = ruler(root);
    let view = readFlow(state.view.get());
    /** @type {FlowPlan} */
    let plan = layoutFlow({ stages: [], links: [] }, 0);
    /** @type {Map<string, Item>} */
    let items = new Map();
    /** The one item in the tab order. */
    let stop = "";
    /** @type {{ id: string, at: { x: number, y: number } | null } | null} Under the pointer, or focused (without a place). */
    let near = null;
    let open = false;
    let width = -1;

    /** @returns {FlowSelection | null} */
    const selection = () => host.get("_selection") ?? null;

    /** @param {FlowSelection | null} next */
    const select = (next) => {
      host.set("_selection", next);
      setText(said, selectionSentence(next));
    };

    const stageRows = createTable({ caption: "Stages", signal, guard, onSelect: (/** @type {FlowSelection} */ each) => select(toggled(each, selection())) });
    const linkRows = createTable({ caption: "", signal, guard, onSelect: (/** @type {FlowSelection} */ each) => select(toggled(each, selection())) });
    panel.append(stageRows.el, linkRows.el);

    /** @param {string} key @returns {SVGElement | null} */
    const elementOf = (key) => {
      for (const group of [nodes, links]) for (const each of group.children) if (each.getAttribute("data-item") === key) return /** @type {SVGElement} */ (each);
      return null;
    };

    /** @param {EventTarget | null} target */
    const itemAt = (target) => {
      const key = target instanceof Element ? target.closest("[data-item]")?.getAttribute("data-item") : null;
      return key && items.has(key) ? key : null;
    };

    const drawCard = () => {
      const item = near ? items.get(near.id) : undefined;
      for (const each of root.querySelectorAll("[data-near]")) if (each.getAttribute("data-item") !== near?.id) each.removeAttribute("data-near");
      if (!near || !item) {
        card.hidden = true;
        return;
      }
      const element = elementOf(near.id);
      element?.setAttribute("data-near", "");
      const { names, kind, rows } = "node" in item ? nodeCard(item.node.stage, view) : linkCard(item.link.link, item.link.kind, view);
      const heading = h("p", { class: "cx-flow-card-title" });
      names.forEach((name, index) => heading.append(...(index ? [" → "] : []), h("bdi", {}, name)));
      const list = h("dl");
      for (const [label, value] of rows) list.append(h("dt", {}, label), h("dd", {}, value));
      card.replaceChildren(heading, h("p", { class: "cx-flow-card-kind" }, kind), list);
      card.hidden = false;
      placeCard(item);
    };

    /** @param {Item} item */
    const placeCard = (item) => {
      const frame = root.getBoundingClientRect();
      const paper = svg.getBoundingClientRect();
      const anchor = "node" in item ? { x: item.node.x1, y: (item.node.y0 + item.node.y1) / 2 } : item.link.anchor;
      const at = near?.at ?? { x: paper.left + anchor.x, y: paper.top + anchor.y };
      const size = card.getBoundingClientRect();
      const x = at.x - frame.left;
      const y = at.y - frame.top;
      const beside = x + 16 + size.width <= frame.width ? x + 16 : x - 16 - size.width;
      const under = y + 16 + size.height <= frame.height || y < size.height + 16 ? y + 16 : y - 16 - size.height;
      card.style.left = `${Math.max(4, Math.min(beside, frame.width - size.width - 4))}px`;
      card.style.top = `${Math.max(0, under)}px`;
    };

    const drawSelection = () => {
      const chosen = selection();
      const bright = lit(plan, chosen);
      setAttribute(root, "data-selecting", bright !== null);
      const chosenId = selectedId(chosen);
      for (const group of [nodes, links]) {
        for (const each of group.children) {
          const key = each.getAttribute("data-item") ?? "";
          if (key === chosenId) paintRing(each);
          setAttribute(each, "aria-pressed", String(key === chosenId));
          setAttribute(each, "data-lit", bright?.has(key) ?? false);
        }
      }
      for (const group of [heads, labels]) for (const each of group.children) setAttribute(each, "data-lit", bright?.has(each.getAttribute("data-item") ?? "") ?? false);
      clear.style.visibility = chosen ? "" : "hidden";
      drawTable();
    };

    const drawTable = () => {
      setAttribute(toggle, "aria-expanded", String(open));
      panel.hidden = !open;
      if (!open) return;
      const chosen = selection();
      linkRows.name(view.title);
      stageRows.draw(stageTable(view), chosen?.kind === "node" ? chosen.stage : null);
      linkRows.draw(linkTable(view), chosen?.kind === "link" ? linkKey(chosen) : null);
    };

    /** @param {string} key Make this item the one in the tab order. */
    const moveStop = (key) => {
      stop = key;
      for (const group of [nodes, links]) for (const each of group.children) setAttribute(each, "tabindex", each.getAttribute("data-item") === key ? 0 : -1);
    };

    const glide = createGlide(signal);

    /** @param {FlowModel} shown */
    const planOf = (shown) => {
      const before = baselineShares(shown);
      return layoutFlow(shown, width, {
        measure: (words) => measure(words, LABEL_FONT),
        texts(link, kind) {
          const was = before?.(link);
          return labelTexts(link, kind, typeof was === "number" && typeof link.share === "number" ? link.share - was : null);
        },
      });
    };
    /** @type {{ raw: unknown, width: number, plan: FlowPlan } | null} */
    let coming = null;

    /** @param {boolean} moving Whether shapes may glide to their places. */
    const draw = (moving) => {
      const raw = state.view.get();
      view = readFlow(raw);
      // As the observer saw it last: to ask now would lay out the page in the middle of an answer.
      const available = width;
      setAttribute(root, "data-revision", view.revision);
      setAttribute(root, "data-stale", view.stale);
      setText(title, view.title);
      preview.draw(view.preview);
      setText(text, view.description);
      setText(problem, problemSentence(view));
      setAttribute(toggle, "aria-label", `Table: ${view.title}`);
      toggle.hidden = view.stages.length === 0;
      if (available <= 0) return;

      plan = coming?.raw === raw && coming.width === width ? coming.plan : planOf(view);
      coming = null;
      items = new Map();
      for (const node of plan.nodes) items.set(nodeId(node.key), { node });
      for (const link of plan.links) items.set(linkId(link.link), { link });
      if (!items.has(stop)) stop = stops(plan)[0]?.[0] ?? "";

      const nothing = emptySentence(view, plan.links.length);
      empty.hidden = nothing === null;
      setText(emptyText, nothing ?? "");
      scroll.hidden = foot.hidden = nothing !== null;
      setText(undrawn, plan.undrawn > 0 ? `The ${plan.undrawn} smallest transitions are in the table only.` : "");
      setText(desc, view.description);

      setAttribute(root, "data-narrow", plan.pitch < NARROW_PITCH);

      const focused = document.activeElement instanceof SVGElement && svg.contains(document.activeElement) ? document.activeElement.getAttribute("data-item") : null;
      drawHeads();
      drawShapes(moving);
      if (focused && document.activeElement?.getAttribute("data-item") !== focused) elementOf(items.has(focused) ? focused : stop)?.focus({ preventScroll: true });
      drawSelection();
      if (near && !items.has(near.id)) near = null;
      drawCard();
    };

    const drawHeads = () => {
      const lines = Math.max(1, ...plan.nodes.map(({ stage, head }) => (/\s/u.test(stage.name) && measure(stage.name, NAME_FONT, 600) > head.width ? 2 : 1)));
      heads.style.height = `${lines * 16 + 15 + 8}px`;
      keyed(
        heads,
        plan.nodes,
        (node) => node.key,
        (node) =>
          h(
            "div",
            { class: "cx-flow-head", "data-item": nodeId(node.key) },
            h("span", { class: "cx-flow-head-name", dir: "auto" }),
            h("span", { class: "cx-flow-head-visits" }),
          ),
        (head, node) => {
          head.style.left = `${node.head.x}px`;
          head.style.width = `${Math.max(node.head.width, 40)}px`;
          const words = headTexts(node.stage);
          const name = /** @type {Element} */ (head.firstElementChild);
          setText(name, node.stage.name);
          setAttribute(name, "data-word", !/\s/u.test(node.stage.name));
          setText(/** @type {Element} */ (head.lastElementChild), words.find((each) => measure(each, LABEL_FONT) <= node.head.width) ?? words.at(-1) ?? "");
        },
      );
    };

    /** @param {boolean} moving */
    const drawShapes = (moving) => {
      canvas.style.width = `${plan.width}px`;
      setAttribute(svg, "width", plan.width);
      setAttribute(svg, "height", plan.height);
      setAttribute(svg, "viewBox", `0 0 ${plan.width} ${plan.height}`);

      keyed(guides, plan.nodes, (node) => node.key, () => s("line", { class: "cx-flow-guide" }), (line, node) => {
        const x = (node.x0 + node.x1) / 2;
        setAttribute(line, "x1", x);
        setAttribute(line, "x2", x);
        setAttribute(line, "y1", 0);
        setAttribute(line, "y2", Math.max(0, node.y0 - 2));
      });

      keyed(
        links,
        plan.links,
        (shape) => shape.key,
        (shape) =>
          s(
            "g",
            { class: "cx-flow-item cx-flow-link", role: "button", tabindex: -1, "data-item": linkId(shape.link), "data-testid": `flow-link:${shape.link.from}->${shape.link.to}` },
            s("path", { class: "cx-flow-hit" }), s("path", { class: "cx-flow-halo" }), s("path", { class: "cx-flow-gap" }), s("path", { class: "cx-flow-ink" }),
          ),
        (group, shape) => {
          const item = linkId(shape.link);
          setAttribute(group, "data-kind", shape.kind);
          setAttribute(group, "data-shape", isArea(shape) ? "area" : "line");
          setAttribute(group, "data-count", shape.link.count);
          setAttribute(group, "data-share", shape.link.share ?? "");
          setAttribute(group, "aria-label", linkName(shape.link, shape.kind));
          setAttribute(group, "tabindex", item === stop ? 0 : -1);
          setAttribute(group, "style", shape.kind === "start" || shape.kind === "end" ? null : `${colour(shape.index)}; ${strength(shape.width)}`);
          glide.to(item, `${shape.kind} ${isArea(shape)}`, [...shape.geometry, shape.width], moving, (numbers) => paintLink(group, shape, numbers));
        },
      );

      keyed(
        nodes,
        plan.nodes,
        (node) => node.key,
        (node) =>
          s(
            "g",
            { class: "cx-flow-item cx-flow-node", role: "button", tabindex: -1, "data-item": nodeId(node.key), "data-testid": `flow-node:${node.key}` },
            s("rect", { class: "cx-flow-hit" }), s("rect", { class: "cx-flow-halo" }), s("rect", { class: "cx-flow-gap" }), s("rect", { class: "cx-flow-ink" }),
          ),
        (group, node) => {
          const item = nodeId(node.key);
          setAttribute(group, "data-visits", node.stage.visits);
          setAttribute(group, "data-empty", node.y1 - node.y0 < 0.5);
          setAttribute(group, "aria-label", nodeName(node.stage));
          setAttribute(group, "tabindex", item === stop ? 0 : -1);
          setAttribute(group, "style", colour(node.index));
          glide.to(item, "node", [node.x0, node.y0, node.y1], moving, (numbers) => paintNode(group, numbers));
        },
      );

      // Labels never overlap, so none of them has to move in the document.
      const named = [...plan.labels].sort((a, b) => (a.key < b.key ? -1 : 1));
      keyed(labels, named, (label) => label.key, (label) => s("text", { class: "cx-flow-label", "data-item": `link:${label.key}` }), (element, label) => {
        setAttribute(element, "x", label.x);
        setAttribute(element, "y", label.y);
        setAttribute(element, "text-anchor", label.align);
        setText(element, label.text);
      });
      glide.keepOnly(items);
    };

    listen(clear, "click", () => {
      select(null);
      toggle.focus();
    });
    listen(toggle, "click", () => {
      open = !open;
      drawTable();
    });
    listen(panel, "keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      open = false;
      drawTable();
      toggle.focus();
    });

    listen(canvas, "click", (/** @type {MouseEvent} */ event) => {
      const key = itemAt(event.target);
      const item = key ? items.get(key) : undefined;
      if (!key || !item) return;
      moveStop(key);
      select(toggled(choiceOf(item), selection()));
    });
    listen(canvas, "pointermove", (/** @type {PointerEvent} */ event) => {
      const key = itemAt(event.target);
      if (!key && !near?.at) return;
      const same = key !== null && near?.id === key;
      near = key ? { id: key, at: { x: event.clientX, y: event.clientY } } : null;
      const item = key ? items.get(key) : undefined;
      if (same && item && !card.hidden) placeCard(item);
      else drawCard();
    });
    listen(canvas, "pointerleave", () => {
      if (!near?.at) return;
      near = null;
      drawCard();
    });
    // Not on the svg: Chromium puts an svg with focus listeners into the tab order.
    listen(canvas, "focusin", (/** @type {FocusEvent} */ event) => {
      const key = itemAt(event.target);
      if (!key) return;
      paintRing(elementOf(key));
      moveStop(key);
      if (event.target instanceof Element && event.target.matches(":focus-visible")) {
        near = { id: key, at: null };
        setAttribute(event.target, "aria-describedby", `${id}-card`);
        drawCard();
      }
    });
    listen(canvas, "focusout", (/** @type {FocusEvent} */ event) => {
      if (event.target instanceof Element) event.target.removeAttribute("aria-describedby");
      if (near?.at) return;
      near = null;
      drawCard();
    });
    listen(canvas, "keydown", (/** @type {KeyboardEvent} */ event) => {
      const key = itemAt(event.target);
      const item = key ? items.get(key) : undefined;
      if (!key || !item || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        select(toggled(choiceOf(item), selection()));
        return;
      }
      if (event.key === "Escape") {
        if (near) near = null;
        else if (selection()) select(null);
        drawCard();
        return;
      }
      const next = walk(plan, key, event.key);
      if (next !== null || event.key.startsWith("Arrow")) event.preventDefault();
      if (next === null) return;
      const element = elementOf(next);
      element?.focus({ preventScroll: true });
      reveal(next);
    });

    /** @param {string} key Scroll sideways so that the focused item is in sight. */
    const reveal = (key) => {
      const item = items.get(key);
      if (!item || plan.width <= scroll.clientWidth) return;
      const x = "node" in item ? (item.node.x0 + item.node.x1) / 2 : item.link.anchor.x;
      const margin = Math.min(80, scroll.clientWidth / 4);
      if (x < scroll.scrollLeft + margin) scroll.scrollLeft = x - margin;
      else if (x > scroll.scrollLeft + scroll.clientWidth - margin) scroll.scrollLeft = x - scroll.clientWidth + margin;
    };

    state.view.watch(() => guard(() => draw(true)), signal);
    const plans = (/** @type {any} */ raw) => {
      coming = width > 0 ? { raw, width, plan: planOf(readFlow(raw)) } : null;
    };
    host.soon("_view", (raw) => guard(() => plans(raw)), signal);
    host.watch("_selection", () => guard(drawSelection), signal);

    const observer = new ResizeObserver(() =>
      guard(() => {
        const now = Math.floor(root.clientWidth);
        if (now === width) return;
        width = now;
        draw(false);
      }),
    );
    observer.observe(root);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    width = Math.floor(root.clientWidth);
    draw(false);
  },
});

/** @type {WeakMap<Element, string>} */
const PAINTED = new WeakMap();
/** @type {WeakMap<Element, () => void>} Rings that are still those of an edit before. */
const RINGS = new WeakMap();

/**
 * @param {Element} group
 * @param {LinkShape} shape
 * @param {readonly number[]} numbers The geometry and, last, the width.
 */
function paintLink(group, shape, numbers) {
  const wide = numbers.at(-1) ?? 0;
  const d = linkPath(shape.kind, numbers.slice(0, -1));
  const [hit, halo, gap, ink] = group.children;
  if (!hit || !halo || !gap || !ink) return;
  const area = isArea(shape);
  // Paths are long to read back: what was painted last is remembered.
  const paint = `${wide} ${area} ${d}`;
  if (PAINTED.get(group) === paint) return;
  PAINTED.set(group, paint);
  for (const part of [hit, ink]) part.setAttribute("d", d);
  setAttribute(hit, "stroke-width", area ? 8 : Math.max(wide, 12));
  setAttribute(ink, "stroke-width", area ? 0 : wide);
  RINGS.set(group, () => {
    for (const part of [halo, gap]) part.setAttribute("d", d);
    setAttribute(halo, "stroke-width", area ? 7 : wide + 7);
    setAttribute(gap, "stroke-width", area ? 3 : wide + 3);
  });
  if (group.matches(":focus, [aria-pressed='true']")) paintRing(group);
}

/**
 * The ring around a link is seen on the chosen and the focused one alone: it is painted when it becomes one of them.
 * @param {Element | null} group
 */
function paintRing(group) {
  if (!group) return;
  RINGS.get(group)?.();
  RINGS.delete(group);
}

/**
 * @param {Element} group
 * @param {readonly number[]} numbers
 */
function paintNode(group, [x0 = 0, y0 = 0, y1 = 0]) {
  const least = Math.max(y1 - y0, 2);
  const middle = (y0 + y1) / 2;
  [Math.max(least, 24), least + 7, least + 3, least].forEach((tall, index) => {
    const part = group.children[index];
    if (!part) return;
    const out = [6, 3.5, 1.5, 0][index] ?? 0;
    setAttribute(part, "x", x0 - out);
    setAttribute(part, "width", NODE_WIDTH + 2 * out);
    setAttribute(part, "y", middle - tall / 2);
    setAttribute(part, "height", tall);
    setAttribute(part, "rx", index === 3 ? 2 : 4);
    if (index === 1) setAttribute(part, "stroke-width", 2);
  });
}

/**
 * Lets numbers glide from where they were last painted to where they should be; at once where the reader
 * prefers stillness, where the page is hidden, and for what is new.
 * @param {AbortSignal} signal
 */
function createGlide(signal) {
  /** @type {Map<string, { sort: string, now: number[], from: number[], goal: number[], paint: (numbers: readonly number[]) => void }>} */
  const all = new Map();
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let start = 0;
  let frame = 0;

  /** @param {number} time */
  const step = (time) => {
    frame = 0;
    if (start === 0) start = time;
    const t = Math.min(1, (time - start) / GLIDE_MS);
    const eased = 1 - (1 - t) ** 3;
    for (const each of all.values()) {
      if (each.now === each.goal) continue;
      each.now = t === 1 ? each.goal : each.goal.map((goal, index) => (each.from[index] ?? goal) + (goal - (each.from[index] ?? goal)) * eased);
      each.paint(each.now);
    }
    if (t < 1) frame = requestAnimationFrame(step);
  };
  signal.addEventListener("abort", () => cancelAnimationFrame(frame), { once: true });

  return {
    /**
     * @param {string} key
     * @param {string} sort Only shapes of the same sort glide into each other.
     * @param {number[]} goal
     * @param {boolean} moving
     * @param {(numbers: readonly number[]) => void} paint
     */
    to(key, sort, goal, moving, paint) {
      const known = all.get(key);
      const glides = moving && known?.sort === sort && !still.matches && !document.hidden && known.now.some((value, index) => value !== goal[index]);
      if (!glides || !known) {
        all.set(key, { sort, now: goal, from: goal, goal, paint });
        paint(goal);
        return;
      }
      all.set(key, { sort, now: known.now, from: known.now, goal, paint });
      paint(known.now);
      start = 0;
      if (frame === 0) frame = requestAnimationFrame(step);
    },
    /** @param {ReadonlyMap<string, unknown>} kept */
    keepOnly(kept) {
      for (const key of [...all.keys()]) if (!kept.has(key)) all.delete(key);
    },
  };
}
