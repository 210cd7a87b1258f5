/**
 * Messages put together: sentences one behind the other, and lists inside of a sentence, as the language of
 * the page writes them.
 */

import { message } from './messages.js';

/** @typedef {import('./dom.js').Child} Child */
/** @typedef {(Node | string)[]} Said */

const { lang } = document.documentElement;
// Of three things English readers differ about the comma before the last; this page has none.
const locale = lang === 'en' ? 'en-GB' : lang;
const lists = {
  and: new Intl.ListFormat(locale, { type: 'conjunction' }),
  unit: new Intl.ListFormat(locale, { type: 'unit' }),
};

/**
 * Sentences one behind the other, a space between them; what does not apply is null or empty. Texts that meet
 * are one text, so that a caption finds where a sentence ends.
 * @param {...(Child[] | null)} all
 * @returns {Said}
 */
export function sentences(...all) {
  /** @type {Said} */
  const said = [];
  for (const sentence of all) {
    const parts = sentence?.flatMap(node) ?? [];
    if (parts.length === 0) continue;
    for (const part of said.length ? [' ', ...parts] : parts) {
      const before = said.at(-1);
      if (typeof part === 'string' && typeof before === 'string')
        said[said.length - 1] = before + part;
      else said.push(part);
    }
  }
  return said;
}

/** What stands for a child in a node. @param {Child} child @returns {Said} */
function node(child) {
  if (child === null || child === undefined || child === false) return [];
  return [child instanceof Node ? child : String(child)];
}

/**
 * Several things as a sentence lists them: `a, b and c`, or without the *and*.
 * @param {(Child | Child[])[]} things
 * @param {'and' | 'unit'} [kind]
 * @returns {Said}
 */
export function listed(things, kind = 'and') {
  const places = things.map((_, at) => String(at));
  return lists[kind]
    .formatToParts(places)
    .flatMap(({ type, value }) =>
      type === 'element' ? [things[Number(value)] ?? null].flat().flatMap(node) : [value],
    );
}

/**
 * The same as a string.
 * @param {string[]} things
 * @param {'and' | 'unit'} [kind]
 */
export function listedText(things, kind = 'and') {
  return lists[kind].format(things);
}

/** Clauses one behind the other: `a; b; c`. @param {(Child | Child[])[]} clauses @returns {Said} */
export function clauses([first, ...rest]) {
  return rest.reduce(
    (/** @type {Said} */ before, clause) => message('common.clauses', { before, clause }),
    [first ?? null].flat().flatMap(node),
  );
}

/**
 * A sentence whose first letter is a capital, whatever it begins with; where a node is first, it stays as it is.
 * @param {Said} sentence
 * @returns {Said}
 */
export function capitalised([first, ...rest]) {
  if (typeof first !== 'string') return first === undefined ? [] : [first, ...rest];
  const [letter = '', ...others] = first;
  return [letter.toLocaleUpperCase(lang) + others.join(''), ...rest];
}
