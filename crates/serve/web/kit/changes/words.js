/**
 * Changes in words: what a chip says, what a sentence begins with, and what they did to a next word.
 */

import { inForce } from '../changes.js';
import { word } from '../chips.js';
import { h } from '../dom.js';
import { message, messageText } from '../messages.js';
import { format, number } from '../number.js';
import { capitalised, listedText } from '../sentences.js';

/** @typedef {import('../changes.js').Change} Change */
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
const VARIANTS = {
  'no-mask': {
    chip: messageText('changes.chip.no-mask'),
    phrase: messageText('changes.phrase.no-mask'),
  },
  'no-scale': {
    chip: messageText('changes.chip.no-scale'),
    phrase: messageText('changes.phrase.no-scale'),
  },
  'no-position': {
    chip: messageText('changes.chip.no-position'),
    phrase: messageText('changes.phrase.no-position'),
  },
  'uniform-attention': {
    chip: messageText('changes.chip.uniform-attention'),
    phrase: messageText('changes.phrase.uniform-attention'),
  },
  'plain-attention': {
    chip: messageText('changes.chip.plain-attention'),
    phrase: messageText('changes.phrase.plain-attention'),
  },
};

/** Messages about a part, off and at its mean. */
const PARTS = /** @type {const} */ ({
  head: {
    off: { chip: 'changes.chip.head-off', phrase: 'changes.phrase.head-off' },
    mean: { chip: 'changes.chip.head-mean', phrase: 'changes.phrase.head-mean' },
  },
  attention: {
    off: { chip: 'changes.chip.attention-off', phrase: 'changes.phrase.attention-off' },
    mean: { chip: 'changes.chip.attention-mean', phrase: 'changes.phrase.attention-mean' },
  },
  mlp: {
    off: { chip: 'changes.chip.mlp-off', phrase: 'changes.phrase.mlp-off' },
    mean: { chip: 'changes.chip.mlp-mean', phrase: 'changes.phrase.mlp-mean' },
  },
  neuron: {
    off: { chip: 'changes.chip.neuron-off', phrase: 'changes.phrase.neuron-off' },
    mean: { chip: 'changes.chip.neuron-mean', phrase: 'changes.phrase.neuron-mean' },
  },
});

/** A part that is off or at its mean. @param {Change} change @param {'chip' | 'phrase'} form */
function part({ part = 'head', isMean, layer = 0, index = 0 }, form) {
  const id = PARTS[part][isMean ? 'mean' : 'off'][form];
  return messageText(id, { layer, head: `${layer}.${index}`, neuron: String(index) });
}

/** A piece of the text by its place. @param {string[]} pieces @param {number | undefined} at */
function pieceAt(pieces, at = -1) {
  const piece = pieces[at];
  return piece === undefined ? messageText('common.token-at', { token: at }) : word(piece);
}

/** What a changed score is called by. @param {Change} change @param {string[]} pieces */
function score({ layer, index, query, key }, pieces) {
  return {
    head: `${layer}.${index}`,
    query: pieceAt(pieces, query),
    key: pieceAt(pieces, key),
  };
}

/**
 * What stands on a chip.
 * @param {Change} change
 * @param {string[]} pieces  of the text
 */
export function chipText(change, pieces) {
  const { kind, text, layer = 0, amount = 0, words } = change;
  const signed = format(amount, { digits: 1, sign: true });
  if (kind === 'variant') return VARIANTS[text]?.chip ?? text;
  if (kind === 'part') return part(change, 'chip');
  if (kind === 'score')
    return messageText('changes.chip.score', { ...score(change, pieces), amount: signed });
  if (kind === 'vector' && words) {
    const [to, from] = words;
    return messageText('changes.chip.vector', { layer, amount: signed, to, from });
  }
  return text;
}

/** @param {Change} change @param {string[]} pieces */
function phrase(change, pieces) {
  const { kind, text, layer = 0, amount = 0, words } = change;
  if (kind === 'variant') return VARIANTS[text]?.phrase ?? text;
  if (kind === 'part') return part(change, 'phrase');
  if (kind === 'score')
    return messageText(
      amount < 0 ? 'changes.phrase.score-lowered' : 'changes.phrase.score-raised',
      { ...score(change, pieces), amount: format(Math.abs(amount), { digits: 1 }) },
    );
  if (kind === 'vector' && words) {
    const [to, from] = words;
    const factor = format(amount, { digits: 1 });
    return messageText('changes.phrase.vector', { layer, amount: factor, to, from });
  }
  return messageText('changes.phrase.edit', { edit: text });
}

/**
 * Changes within a sentence: `without heads 1.0 and 1.2`.
 * @param {Change[]} changes
 * @param {string[]} pieces
 */
function withChanges(changes, pieces) {
  const active = inForce(changes);
  const heads = active.filter(({ part, isMean }) => part === 'head' && !isMean);
  const rest = active.filter((change) => !heads.includes(change));
  const off =
    heads.length > 1
      ? [
          messageText('changes.phrase.heads-off', {
            heads: listedText(heads.map(({ layer, index }) => `${layer}.${index}`)),
          }),
        ]
      : heads.map((change) => phrase(change, pieces));
  const phrases = [...off, ...rest.map((change) => phrase(change, pieces))];
  return phrases.length > 3
    ? messageText('changes.phrase.many', { count: active.length })
    : listedText(phrases);
}

/** A next word in a sentence. @param {Record<string, string>} pieces @param {number} id */
function nextWord(pieces, id) {
  const title = messageText('common.token-at', { token: id });
  return h('b', { class: 'next-word', title }, word(pieces[id] ?? `#${id}`));
}

/**
 * What changes did to the next word, as a sentence: *without head 2.0, golden falls from 8.5 % to 1.2 %*.
 * @param {Change[]} changes
 * @param {string[]} of  the pieces of the text
 * @param {Effect} effect
 */
export function effectSentence(changes, of, { token, before, after, first, pieces }) {
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
  const isSame = first.id === before.id;
  const how =
    said(before) === said(after)
      ? 'stays'
      : after.probability < 1e-6
        ? 'vanishes'
        : after.probability < before.probability
          ? 'falls'
          : 'rises';
  const sentence = message(EFFECTS[how][isSame ? 'first' : 'second'], {
    changes: withChanges(changes, of),
    word: nextWord(pieces, before.id),
    was: share(before, true),
    is: share(after),
    first: nextWord(pieces, first.id),
    most: share(first),
  });
  return capitalised(sentence);
}

/** What becomes of a word that is the likeliest still, or no longer. */
const EFFECTS = /** @type {const} */ ({
  stays: { first: 'changes.effect.stays', second: 'changes.effect.stays-second' },
  falls: { first: 'changes.effect.falls', second: 'changes.effect.falls-second' },
  rises: { first: 'changes.effect.rises', second: 'changes.effect.rises-second' },
  vanishes: { first: 'changes.effect.vanishes', second: 'changes.effect.vanishes-second' },
});
