import assert from "node:assert/strict";
import { test } from "node:test";
import { globMatches, isGlob } from "../patterns.js";

// Each line was checked with Python's fnmatch.fnmatchcase.
/** @type {[name: string, pattern: string, matches: boolean][]} */
const CASES = [
  ["view", "view", true],
  ["view", "View", false],
  ["view_item", "view*", true],
  ["view", "view*", true],
  ["review", "view*", false],
  ["a/b/c", "a*c", true],
  ["", "*", true],
  ["", "?", false],
  ["é", "?", true],
  ["🛒", "?", true],
  ["cart🛒", "cart?", true],
  ["abcabd", "*abd", true],
  ["abcabd", "*ab", false],
  ["step1", "step[0-9]", true],
  ["stepx", "step[!0-9]", true],
  ["step1", "step[!0-9]", false],
  ["a]", "a[]]", true],
  ["a]", "a[!]]", false],
  ["ax", "a[!]]", true],
  ["a-", "a[-z]", true],
  ["a-", "a[z-]", true],
  ["am", "a[z-]", false],
  ["a[", "a[", true],
  ["a[b", "a[b", true],
  ["ab", "a[b", false],
  ["a!", "a[!]", false],
  ["a[!]", "a[!]", true],
  ["ab", "a[c-a]", false],
  ["a*", "a[*]", true],
  ["ab", "a[*]", false],
  ["a\\b", "a\\b", true],
  ["a.b", "a.b", true],
  ["axb", "a.b", false],
  ["line\nbreak", "line*", true],
  ["order (new)", "order (*)", true],
];

test("globs match as in Python's fnmatchcase", () => {
  for (const [name, pattern, matches] of CASES) {
    assert.equal(globMatches(name, pattern), matches, `${JSON.stringify(name)} against ${pattern}`);
  }
});

test("many stars do not take forever", () => {
  assert.equal(globMatches("a".repeat(5000), `${"*a".repeat(40)}*b`), false);
});

test("only wildcards make an entry a glob", () => {
  assert.deepEqual(["view", "vi*w", "v?", "v[a]", "v]"].map(isGlob), [false, true, true, true, false]);
});
