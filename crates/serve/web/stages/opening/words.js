/** What the opening says, in sentences and on its controls. */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { count, number } from '../../kit/number.js';
import { isVariant } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../../kit/dom.js').Child} Child */
/** @typedef {import('./found.js').Found} Found */

/** @param {string} name */
export const without = (name) => `without head ${name}`;

export const SAID = {
  title: 'Where a word looks, what comes next',
  heads: 'and without',
  needed: 'the head that the next word needs most',
  waiting: 'There is no model yet: one is being made on this machine, as the curve below shows.',
  other: 'another word',
  show: 'just show me',
  ownPrompt: 'my own text',
  lastPrompt: 'my own text again',
  example: 'the example again',
  command: 'the same on the command line',
};

/** @param {string} name @param {string} piece */
export const question = (name, piece) => [
  `First a guess: without head ${name}, which word is likeliest after `,
  h('em', null, word(piece)),
  '?',
];

/** A next word as a sentence has it. @param {Record<string, string>} pieces @param {number} id */
function next(pieces, id) {
  return h('b', { class: 'next-word', title: `token ${id}` }, word(pieces[id] ?? `#${id}`));
}

/**
 * Where the chosen token looks in a head.
 * @param {Selection} of
 * @param {{layer: number, head: number, isOff: boolean, row: Float32Array, index: (key: number) => string}} seen
 * @param {number} likeliest  the next token's id
 * @returns {Child[]}
 */
export function looks(of, { layer, head, isOff, row, index }, likeliest) {
  const { token, pieces, ids } = of;
  const me = mention(token, pieces[token] ?? '');
  const share = (/** @type {number} */ key) =>
    h(
      'strong',
      null,
      number(row[key] ?? 0, {
        percent: true,
        site: `blocks.${layer}.attn.pattern`,
        index: index(key),
      }),
    );
  if (token === 0 && !isVariant('no-mask'))
    return [me, ' is the first token: it can look at nothing but itself, in every head. '];
  let most = 0;
  for (let key = 1; key < row.length; key += 1) if ((row[key] ?? 0) > (row[most] ?? 0)) most = key;
  const name = `In head ${layer}.${head}, ${isOff ? 'which is changed, ' : ''}`;
  if (most === token) return [name, me, ' looks most at itself (', share(token), '). '];
  return [
    name,
    me,
    ' looks most at ',
    mention(most, pieces[most] ?? ''),
    ' (',
    share(most),
    ids[most] === likeliest ? '), and that is the likeliest next word. ' : '). ',
  ];
}

/**
 * Which heads are offered, and why.
 * @param {Found} found
 * @param {Record<string, string>} pieces
 * @returns {Child[]}
 */
export function whyTheseHeads({ adding, needed, heads, next: id }, pieces) {
  const name = next(pieces, id);
  const [first] = adding;
  if (!first) return [];
  const isFirst = needed?.layer === first.layer && needed.head === first.head;
  const begin = `Of all ${count(heads)} heads, ${first.layer}.${first.head} pushes `;
  if (needed && isFirst)
    return [begin, name, ' up most, and without it that word would be least likely. '];
  return [
    begin,
    name,
    ' up most',
    needed ? `; without head ${needed.layer}.${needed.head} it would be least likely` : '',
    '. ',
  ];
}

/**
 * That other heads, which are not off, look at the same token.
 * @param {Selection} of
 * @param {string[]} names
 * @param {number} key
 * @returns {Child[]}
 */
export function alsoLook({ pieces }, names, key) {
  const list = names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : names[0];
  return [
    names.length > 1 ? `Heads ${list} look most at ` : `Head ${list} looks most at `,
    mention(key, pieces[key] ?? ''),
    ' as well: what becomes of it without them? ',
  ];
}

/**
 * What became of a guess.
 * @param {number | null} guess  an id; null is another word than those that were offered
 * @param {boolean} isRight
 * @param {Record<string, string>} pieces
 * @returns {Child[]}
 */
export function guessed(guess, isRight, pieces) {
  return [
    'You guessed ',
    guess === null ? SAID.other : next(pieces, guess),
    isRight ? ', and so it is. ' : '. It is not. ',
  ];
}
