/**
 * Messages put together: sentences one behind the other, and lists inside of a sentence.
 */

import { message } from './messages.js';

/** @typedef {(Node | string)[]} Said */

/**
 * Sentences one behind the other. The space between two stands in the text that ends the first, where a
 * narrow screen may fold a caption.
 * @param {...(Said | null)} parts  messages; what does not apply is null
 * @returns {Said}
 */
export function sentences(...parts) {
  const said = parts.filter((part) => part !== null);
  return said.flatMap((part, at) => {
    const last = part.at(-1) ?? '';
    if (at === said.length - 1) return part;
    return typeof last === 'string' ? [...part.slice(0, -1), `${last} `] : [...part, ' '];
  });
}

/**
 * a, b and c.
 * @param {Said[]} items
 * @returns {Said}
 */
export function listed(items) {
  if (items.length < 2) return items[0] ?? [];
  return message('common.list', { few: commas(items.slice(0, -1)), last: items.at(-1) ?? [] });
}

/**
 * a, b, c.
 * @param {Said[]} items
 * @returns {Said}
 */
export function commas(items) {
  return items.flatMap((item, at) => (at === 0 ? item : [', ', ...item]));
}
