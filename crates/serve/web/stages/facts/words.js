/** The sentences of the figure of facts, together. */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { number } from '../../kit/number.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../facts.js').Answers} Answers */
/** @typedef {import('../facts.js').Off} Off */

export const SAID = {
  title: 'What is left of an answer without one part',
  question: 'the text',
  own: 'my own prompt',
  use: 'look at this text on the whole page',
  whole: 'nothing off',
  layer: (/** @type {number} */ layer) => `layer ${layer}`,
  mlp: 'its MLP off',
  attention: 'its attention off',
  answer: 'then likeliest',
  rows: 'what is left of the answer, by the layer of which a part is off',
  table: (/** @type {string} */ answer) => `the probability of ${answer}`,
};

/** @param {Answers} answers @param {number} id */
export function said({ pieces }, id) {
  return h('b', { class: 'next-word' }, word(pieces[id] ?? `#${id}`));
}

/** The part without which the least is left. @param {Off[]} parts */
function worst(parts) {
  return parts.reduce((least, part) => (part.left < least.left ? part : least));
}

/**
 * @param {Selection} of
 * @param {Answers} answers
 * @returns {import('../../kit/dom.js').Child[]}
 */
export function caption(of, answers) {
  const { id, probability, mlps, attentions } = answers;
  const share = (/** @type {number} */ value) => number(value, { percent: true });
  const mlp = worst(mlps);
  const attention = attentions.length ? worst(attentions) : null;
  const then = (/** @type {Off} */ { first }) =>
    first === id ? ', and it still comes first' : [', and ', said(answers, first), ' comes first'];
  return [
    'After ',
    mention(of.token, of.pieces[of.token] ?? ''),
    ' the likeliest is ',
    said(answers, id),
    ' with ',
    share(probability),
    '. ',
    `Of the MLPs that of layer ${mlp.layer} costs most when it is off: `,
    h('strong', null, share(mlp.left)),
    ' are left',
    then(mlp),
    '. ',
    attention
      ? [
          `Of the attentions it is that of layer ${attention.layer}: `,
          h('strong', null, share(attention.left)),
          ' are left',
          then(attention),
          '. ',
        ].flat()
      : 'In so deep a model attention is left on. ',
    attention === null
      ? ''
      : attention.left < mlp.left
        ? 'So here one layer’s attention is needed even more than any MLP. '
        : 'So here one MLP is needed at least as much as any attention. ',
    'That a part is needed does not say that the fact is in it: an MLP may also write what is asked for. ',
    h('code', null, 'docs/facts.md'),
    ' asks further.',
  ].flat();
}
