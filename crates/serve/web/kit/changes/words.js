/**
 * Changes in words: what a chip says, what a sentence begins with, and what they did to a next word.
 */

import { inForce } from '../changes.js';
import { word } from '../chips.js';
import { h } from '../dom.js';
import { format, number } from '../number.js';

/** @typedef {import('../changes.js').Change} Change */
/** @typedef {import('../dom.js').Child} Child */
/** @typedef {{id: number, probability: number}} Ranked */

/**
 * What changes did to a next word: it as it was and as it is, and the likeliest then and now.
 * @typedef {object} Effect
 * @property {number} token           after which token
 * @property {Ranked} before          the word without changes
 * @property {Ranked} after           the same word with them
 * @property {Ranked} first           the likeliest with them
 * @property {Record<string, string>} pieces
 */

/** @type {Record<string, {chip: string, phrase: string}>} */
export const VARIANTS = {
  'no-mask': { chip: 'no mask', phrase: 'without the mask' },
  'no-scale': { chip: 'no √d', phrase: 'without dividing by √d' },
  'no-position': { chip: 'no positions', phrase: 'without positions' },
  'uniform-attention': { chip: 'equal weights', phrase: 'with equal weights in every head' },
  'plain-attention': {
    chip: 'q = k = v = x',
    phrase: 'with what attention reads as query, key and value',
  },
};

/** @param {Change} change */
function partName({ part, layer, index }) {
  return {
    head: `head ${layer}.${index}`,
    attention: `attention of layer ${layer}`,
    mlp: `MLP of layer ${layer}`,
    neuron: `neuron ${index} of layer ${layer}`,
  }[part ?? 'head'];
}

/** A piece of the text by its place. @param {string[]} pieces @param {number | undefined} at */
function pieceAt(pieces, at) {
  const piece = pieces[at ?? -1];
  return piece === undefined ? `token ${at}` : word(piece);
}

/**
 * What stands on a chip.
 * @param {Change} change
 * @param {string[]} pieces  of the text
 */
export function chipText(change, pieces) {
  const { kind, text, isMean, layer, index, query, key, amount = 0, words } = change;
  if (kind === 'variant') return VARIANTS[text]?.chip ?? text;
  if (kind === 'part') return `${partName(change)} ${isMean ? 'at its mean' : 'off'}`;
  if (kind === 'score')
    return `head ${layer}.${index}: score of ${pieceAt(pieces, query)} for ${pieceAt(pieces, key)} ${format(amount, { digits: 1, sign: true })}`;
  if (kind === 'vector' && words)
    return `behind layer ${layer}: ${format(amount, { digits: 1, sign: true })} × (${words[0]} − ${words[1]})`;
  return text;
}

/** @param {Change} change @param {string[]} pieces */
function phrase(change, pieces) {
  const { kind, text, isMean, layer, index, query, key, amount = 0, words } = change;
  if (kind === 'variant') return VARIANTS[text]?.phrase ?? `with ${text}`;
  if (kind === 'part')
    return isMean
      ? `with ${the(change)}${partName(change)} at its mean`
      : `without ${the(change)}${partName(change)}`;
  if (kind === 'score')
    return `with the score of ${pieceAt(pieces, query)} for ${pieceAt(pieces, key)} in head ${layer}.${index} ${amount < 0 ? 'lowered' : 'raised'} by ${format(Math.abs(amount), { digits: 1 })}`;
  if (kind === 'vector' && words)
    return `with ${format(amount, { digits: 1 })} × (${words[0]} − ${words[1]}) added behind layer ${layer}`;
  return `with ${text}`;
}

/** @param {Change} change */
function the({ part }) {
  return part === 'attention' || part === 'mlp' ? 'the ' : '';
}

/**
 * What a sentence about changes begins with: `without heads 1.0 and 1.2`.
 * @param {Change[]} changes
 * @param {string[]} pieces
 */
export function withChanges(changes, pieces) {
  const active = inForce(changes);
  const heads = active.filter(({ part, isMean }) => part === 'head' && !isMean);
  const rest = active.filter((change) => !heads.includes(change));
  const off =
    heads.length > 1
      ? [`without heads ${list(heads.map(({ layer, index }) => `${layer}.${index}`))}`]
      : heads.map((change) => phrase(change, pieces));
  const phrases = [...off, ...rest.map((change) => phrase(change, pieces))];
  return phrases.length > 3 ? `with these ${active.length} changes` : list(phrases);
}

/** @param {string[]} parts */
function list(parts) {
  return parts.length > 1
    ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
    : (parts[0] ?? '');
}

/** A next word in a sentence. @param {Record<string, string>} pieces @param {number} id */
function nextWord(pieces, id) {
  return h('b', { class: 'next-word', title: `token ${id}` }, word(pieces[id] ?? `#${id}`));
}

/**
 * What changes did to the next word, as a sentence: *without head 2.0, golden falls from 8.5 % to 1.2 %*.
 * @param {Change[]} changes
 * @param {string[]} pieces  of the text
 * @param {Effect} effect
 * @returns {Child[]}
 */
export function effectSentence(changes, pieces, effect) {
  const begin = withChanges(changes, pieces);
  return [begin.charAt(0).toUpperCase() + begin.slice(1), ', ', ...whatHappened(effect), '.'];
}

/** @param {Effect} effect @returns {Child[]} */
export function whatHappened({ token, before, after, first, pieces }) {
  const share = (/** @type {Ranked} */ of, isBefore = false) =>
    h(
      'strong',
      null,
      number(of.probability, {
        percent: true,
        site: 'probabilities',
        index: `${token},${of.id}`,
        isBefore,
      }),
    );
  const said = (/** @type {Ranked} */ of) => format(of.probability, { percent: true });
  const isTiny = after.probability < 1e-6;
  const name = nextWord(pieces, before.id);
  const moved =
    said(before) === said(after)
      ? [name, ' stays at ', share(after)]
      : [
          name,
          after.probability < before.probability ? ' falls from ' : ' rises from ',
          share(before, true),
          isTiny ? ' to almost nothing (' : ' to ',
          share(after),
          isTiny ? ')' : '',
        ];
  return first.id === before.id
    ? [...moved, ' and is still the likeliest']
    : [...moved, ', and ', nextWord(pieces, first.id), ' is the likeliest, with ', share(first)];
}

/** What the controls are called. */
export const SAID = {
  whatIf: 'what if:',
  scoreOf: (/** @type {string} */ query, /** @type {string} */ key) =>
    `add to the score of ${query} for ${key}`,
  addBehind: (/** @type {number} */ layer) => `add behind layer ${layer}`,
  vectorTo: 'the word that the added vector leads to',
  vectorFrom: 'the word that it leads from',
  times: 'times',
  toMean: 'to mean',
  toMeanOf: (/** @type {string} */ name) => `${name}: put its mean over the text there instead`,
  toZero: 'to 0',
  toZeroOf: (/** @type {string} */ name) => `${name}: put 0 there instead`,
  pause: 'pause',
  resume: 'resume',
  remove: 'remove',
  allOff: 'all off',
  allOffTitle: 'removes every change; Back brings them back',
  copy: 'copy the command',
  copied: 'copied',
  noCopy: 'the browser does not let this page copy; the command is selected',
};
