/** What the opening says of heads and of a guess, in sentences. */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { isVariant } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./found.js').Found} Found */
/** @typedef {(Node | string)[]} Sentence */

/** A next word as a sentence has it. @param {Record<string, string>} pieces @param {number} id */
function next(pieces, id) {
  return h(
    'b',
    { class: 'next-word', title: messageText('opening.token', { id: String(id) }) },
    word(pieces[id] ?? `#${id}`),
  );
}

/** Whether all tokens that are looked at have the same weight. @param {Float32Array} row */
export function isEven(row) {
  const seen = row.filter((weight) => weight > 0);
  return seen.length > 1 && Math.max(...seen) - Math.min(...seen) < 1e-6;
}

/**
 * Where the chosen token looks in a head.
 * @param {Selection} of
 * @param {{layer: number, head: number, isOff: boolean, row: Float32Array, index: (key: number) => string}} seen
 * @param {number} likeliest  the next token's id
 * @returns {Sentence}
 */
export function looks(of, { layer, head, isOff, row, index }, likeliest) {
  const { token, pieces, ids } = of;
  const me = mention(token, pieces[token] ?? '');
  if (token === 0 && !isVariant('no-mask')) return message('opening.first', { token: me });
  let most = 0;
  for (let key = 1; key < row.length; key += 1) if ((row[key] ?? 0) > (row[most] ?? 0)) most = key;
  const site = `blocks.${layer}.attn.pattern`;
  const share = number(row[most] ?? 0, { percent: true, site, index: index(most) });
  const said = { head: `${layer}.${head}`, token: me, share: h('strong', null, share) };
  if (isEven(row)) return message('opening.looks.equal', said);
  if (most === token)
    return message(isOff ? 'opening.changed.itself' : 'opening.looks.itself', said);
  const other = mention(most, pieces[most] ?? '');
  if (ids[most] === likeliest)
    return message(isOff ? 'opening.changed.next' : 'opening.looks.next', { ...said, other });
  return message(isOff ? 'opening.changed.other' : 'opening.looks.other', { ...said, other });
}

/**
 * Which heads are offered, and why.
 * @param {Found} found
 * @param {Record<string, string>} pieces
 * @returns {Sentence}
 */
export function whyTheseHeads({ adding, needed, heads, next: id }, pieces) {
  const [first] = adding;
  if (!first) return [];
  const said = { heads, head: `${first.layer}.${first.head}`, next: next(pieces, id) };
  if (!needed) return message('opening.why', said);
  if (needed.layer === first.layer && needed.head === first.head)
    return message('opening.why.same', said);
  return message('opening.why.other', { ...said, needed: `${needed.layer}.${needed.head}` });
}

/**
 * That other heads, which are not off, look at the same token.
 * @param {Selection} of
 * @param {string[]} names
 * @param {number} key
 * @returns {Sentence}
 */
export function alsoLook({ pieces }, names, key) {
  const token = mention(key, pieces[key] ?? '');
  const last = names.at(-1) ?? '';
  return names.length > 1
    ? message('opening.also.heads', { heads: names.slice(0, -1).join(', '), last, token })
    : message('opening.also.head', { head: last, token });
}

/**
 * What became of a guess.
 * @param {number | null} guess  an id; null is another word than those that were offered
 * @param {boolean} isRight
 * @param {Record<string, string>} pieces
 * @returns {Sentence}
 */
export function guessed(guess, isRight, pieces) {
  if (guess === null) return message(isRight ? 'opening.right.other' : 'opening.wrong.other');
  return message(isRight ? 'opening.right' : 'opening.wrong', { next: next(pieces, guess) });
}
