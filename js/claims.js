/** Claims as a table: what is claimed, what this log says with a small picture of its interval, and the verdict. */

import { pictureName, pictureOf, readClaims, SIGNS } from "./claims_text.js";
import { h, keyed, s, setAttribute, setText } from "./dom.js";
import { newest, widget } from "./host.js";

/**
 * @typedef {import("./claims_text.js").Claim} Claim
 * @typedef {import("./claims_text.js").ClaimsModel} ClaimsModel
 */

const WIDTH = 190;
const HEIGHT = 34;
const EDGE = 12;
const LINE = 10;

/** @param {number} at From 0 to 1. */
const across = (at) => Math.round(10 * (EDGE + at * (WIDTH - 2 * EDGE))) / 10;

/** @param {Claim} claim */
function picture(claim) {
  const { allowed, interval, value, ticks } = pictureOf(claim);
  const svg = s("svg", { class: "cx-claim-picture", width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", focusable: "false" });
  svg.append(s("title", {}, pictureName(claim)));
  svg.append(s("rect", { class: "cx-claim-allowed", x: across(allowed.from), y: 2, width: Math.max(across(allowed.to) - across(allowed.from), 1), height: 16 }));
  svg.append(s("path", { class: "cx-claim-line", d: `M${across(0)},${LINE}H${across(1)}` }));
  for (const { at, text } of ticks) {
    svg.append(s("path", { class: "cx-claim-line", d: `M${across(at)},18V21` }));
    svg.append(s("text", { class: "cx-claim-tick", x: across(at), y: 31, "text-anchor": "middle" }, text));
  }
  if (interval) {
    const [from, to] = [across(interval.from), across(interval.to)];
    const end = interval.open ? `M${to - 5},${LINE - 4}L${to},${LINE}L${to - 5},${LINE + 4}` : `M${to},${LINE - 5}V${LINE + 5}`;
    svg.append(s("path", { class: "cx-claim-interval", d: `M${from},${LINE}H${to}M${from},${LINE - 5}V${LINE + 5}${end}` }));
  }
  if (value !== null) svg.append(s("circle", { class: "cx-claim-value", cx: across(value), cy: LINE, r: 4 }));
  return svg;
}

export default widget({
  create: (host) => ({ view: /** @type {ReturnType<typeof newest<ClaimsModel>>} */ (newest(host, "_view")) }),

  render({ state, el, signal, guard }) {
    const heads = ["Claim", "This log", "95% interval", "n", "Verdict"].map((text) => h("th", { scope: "col" }, text));
    const body = h("tbody");
    const name = h("caption", { class: "cx-hidden" });
    const root = h("div", { class: "cx-claims", "data-testid": "claims" }, h("table", {}, name, h("thead", {}, h("tr", {}, ...heads)), body));
    el.append(root);

    const create = () =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, h("span", { class: "cx-claim-text" }), h("span", { class: "cx-claim-small" }), h("span", { class: "cx-claim-small" })),
        h("td", { class: "cx-claim-number" }, h("span"), h("span", { class: "cx-claim-small" })),
        h("td", { class: "cx-claim-cell" }),
        h("td", { class: "cx-claim-number" }),
        h("td", {}, h("span", { class: "cx-claim-verdict" }, h("span", { class: "cx-claim-sign", "aria-hidden": "true" }), h("span"))),
      );

    /** @param {HTMLElement} row @param {Claim} claim */
    const update = (row, claim) => {
      const [words, figure, drawn, n, verdict] = /** @type {HTMLElement[]} */ ([...row.children]);
      if (!words || !figure || !drawn || !n || !verdict) return;
      setAttribute(row, "data-testid", `claim:${claim.key}`);
      setAttribute(row, "data-verdict", claim.verdict);
      [claim.text, claim.estimate, claim.why].forEach((text, index) => setText(/** @type {Element} */ (words.children[index]), text));
      [claim.value, claim.interval].forEach((text, index) => setText(/** @type {Element} */ (figure.children[index]), text));
      drawn.replaceChildren(picture(claim));
      setText(n, claim.n);
      const [sign, said] = [...(verdict.firstElementChild?.children ?? [])];
      if (sign) setText(sign, SIGNS[claim.verdict] ?? "");
      if (said) setText(said, claim.verdict);
    };

    const draw = () => {
      const view = readClaims(state.view.get());
      root.hidden = view.claims.length === 0;
      setAttribute(root, "data-revision", view.revision);
      setText(name, view.name);
      keyed(body, view.claims, (claim) => claim.key, create, update);
    };
    state.view.watch(() => guard(draw), signal);
    draw();
  },
});
