/** What is said of the units that fire most, and of the chosen head. */

import { h } from '../../kit/dom.js';
import { count, number } from '../../kit/number.js';
import { said } from '../logits/word.js';

/** @typedef {import('../../kit/dom.js').Child} Child */
/** @typedef {import('../firing.js').Fired} Fired */

/**
 * The caption: the unit that is furthest from 0, at which word and for which; units that never fire; the head.
 * @param {Fired} fired
 * @returns {Child[]}
 */
export function sentence({ layer, head, sequences, pieces, texts, tokens }) {
  const [first] = layer.strongest;
  if (!first) return [];
  const at = sequences[first.sequence]?.[first.token] ?? -1;
  const { sequence, query, key, weight } = head.strongest;
  const token = (/** @type {number} */ place) => sequences[sequence]?.[place] ?? -1;
  return [
    `Of the ${count(layer.count)} hidden units of layer ${layer.layer}, number ${first.neuron} goes furthest from 0 in ${count(texts)} texts of up to ${count(tokens)} tokens: `,
    h('strong', null, number(first.activation, { digits: 2 })),
    ' at ',
    said(pieces, at),
    '. There it raises ',
    said(pieces, first.up[0] ?? -1),
    ' most, and lowers ',
    said(pieces, first.down[0] ?? -1),
    ' most. ',
    layer.dead.length === 0
      ? 'Each unit fires somewhere. '
      : `${count(layer.dead.length)} of them never fire. `,
    `Head ${head.layer}.${head.head} gives at most `,
    h('strong', null, number(weight, { percent: true })),
    ' of its attention to another token: from ',
    said(pieces, token(query)),
    ' to ',
    said(pieces, token(key)),
    '.',
  ];
}
