/** Event names against globs, as Python's `fnmatch.fnmatchcase` decides: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`. */

/** @param {string} entry */
export const isGlob = (entry) => /[*?[]/.test(entry);

/**
 * @typedef {{ kind: "star" } | { kind: "any" } | { kind: "one", char: string }
 *   | { kind: "set", negated: boolean, ranges: [string, string][] }} Token
 */

/**
 * @param {string} pattern
 * @returns {Token[]}
 */
function tokens(pattern) {
  const chars = [...pattern];
  /** @type {Token[]} */
  const out = [];
  let i = 0;
  while (i < chars.length) {
    const char = /** @type {string} */ (chars[i]);
    i += 1;
    if (char === "*") {
      if (out.at(-1)?.kind !== "star") out.push({ kind: "star" });
    } else if (char === "?") {
      out.push({ kind: "any" });
    } else if (char === "[") {
      let end = i;
      if (chars[end] === "!") end += 1;
      if (chars[end] === "]") end += 1;
      while (end < chars.length && chars[end] !== "]") end += 1;
      if (end >= chars.length) {
        out.push({ kind: "one", char: "[" });
        continue;
      }
      const negated = chars[i] === "!";
      out.push({ kind: "set", negated, ranges: rangesOf(chars.slice(negated ? i + 1 : i, end)) });
      i = end + 1;
    } else {
      out.push({ kind: "one", char });
    }
  }
  return out;
}

/**
 * @param {string[]} chars The inside of a `[...]`.
 * @returns {[string, string][]}
 */
function rangesOf(chars) {
  /** @type {[string, string][]} */
  const ranges = [];
  for (let i = 0; i < chars.length; i += 1) {
    const low = /** @type {string} */ (chars[i]);
    const high = chars[i + 2];
    if (chars[i + 1] === "-" && high !== undefined) {
      if (codePoint(low) <= codePoint(high)) ranges.push([low, high]);
      i += 2;
    } else {
      ranges.push([low, low]);
    }
  }
  return ranges;
}

/** @param {string} char */
const codePoint = (char) => /** @type {number} */ (char.codePointAt(0));

/**
 * @param {Token} token
 * @param {string} char
 */
function fits(token, char) {
  if (token.kind === "any") return true;
  if (token.kind === "one") return token.char === char;
  if (token.kind !== "set") return false;
  const code = codePoint(char);
  return token.ranges.some(([low, high]) => codePoint(low) <= code && code <= codePoint(high)) !== token.negated;
}

/** @type {Map<string, Token[]>} */
const COMPILED = new Map();

/**
 * @param {string} name
 * @param {string} pattern
 * @returns {boolean}
 */
export function globMatches(name, pattern) {
  let parts = COMPILED.get(pattern);
  if (!parts) {
    if (COMPILED.size > 500) COMPILED.clear();
    parts = tokens(pattern);
    COMPILED.set(pattern, parts);
  }
  const chars = [...name];
  let at = 0;
  let part = 0;
  let star = -1;
  let resume = 0;
  while (at < chars.length) {
    const token = parts[part];
    if (token && token.kind !== "star" && fits(token, /** @type {string} */ (chars[at]))) {
      at += 1;
      part += 1;
    } else if (token?.kind === "star") {
      star = part;
      resume = at;
      part += 1;
    } else if (star >= 0) {
      part = star + 1;
      resume += 1;
      at = resume;
    } else {
      return false;
    }
  }
  while (parts[part]?.kind === "star") part += 1;
  return part === parts.length;
}
