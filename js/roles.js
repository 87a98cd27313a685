/** The role a stage's name suggests, guessed by the words Python sends, so that both sides guess alike. */

/** @typedef {import("./wire.d.ts").Catalog} Catalog */

/**
 * @param {string} name
 * @param {Catalog} catalog
 * @returns {string | null} The one role the words of the name point to; null for none, several, or a word that forbids a guess.
 */
export function guessRole(name, catalog) {
  const words = new Set(name.toLowerCase().match(/\p{L}+/gu) ?? []);
  if (catalog.no_role_words.some((word) => words.has(word))) return null;
  const roles = catalog.roles.filter((role) => catalog.role_words[role]?.some((word) => words.has(word)));
  return roles.length === 1 ? (roles[0] ?? null) : null;
}
