/** Messages put together: sentences that follow each other, and lists in words. */

import { message } from '../../kit/messages.js';

/** @typedef {import('../../kit/dom.js').Child} Child */

/**
 * Sentences one after the other, a space between them. Texts that meet are one text, so that a caption finds
 * where a sentence ends. What is null is left out.
 * @param {((Node | string)[] | null)[]} all
 * @returns {(Node | string)[]}
 */
export function sentences(...all) {
  /** @type {(Node | string)[]} */
  const said = [];
  for (const sentence of all) {
    if (sentence === null || sentence.length === 0) continue;
    for (const part of said.length ? [' ', ...sentence] : sentence) {
      const before = said.at(-1);
      if (typeof part === 'string' && typeof before === 'string') said.push(said.pop() + part);
      else said.push(part);
    }
  }
  return said;
}

/** Items one after the other: `a, b, c`. @param {(Child | Child[])[]} items @returns {Child[]} */
export function joined(items) {
  return items
    .slice(1)
    .reduce(
      (/** @type {Child[]} */ before, item) => message('common.list.comma', { before, item }),
      [items[0] ?? null].flat(),
    );
}

/** Clauses one after the other: `a; b; c`. @param {(Child | Child[])[]} items @returns {Child[]} */
export function clauses(items) {
  return items
    .slice(1)
    .reduce(
      (/** @type {Child[]} */ before, item) => message('common.list.semicolon', { before, item }),
      [items[0] ?? null].flat(),
    );
}

/** A list in words: `a, b and c`. @param {(Child | Child[])[]} items @returns {Child[]} */
export function list(items) {
  const last = items.at(-1) ?? null;
  return items.length < 2
    ? [last].flat()
    : message('common.list.and', { before: joined(items.slice(0, -1)), item: last });
}
