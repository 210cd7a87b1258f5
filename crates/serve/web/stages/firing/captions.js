/** What is said of the units that fire most, and of the chosen head. */

import { message } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
import { said } from '../logits/word.js';

/** @typedef {import('../firing.js').Fired} Fired */

/**
 * The caption: the unit that is furthest from 0, at which word and for which; units that never fire; the head.
 * @param {Fired} fired
 */
export function sentence({ layer, head, sequences, pieces, texts, tokens }) {
  const [first] = layer.strongest;
  if (!first) return [];
  const at = sequences[first.sequence]?.[first.token] ?? -1;
  const { sequence, query, key, weight } = head.strongest;
  const token = (/** @type {number} */ place) => sequences[sequence]?.[place] ?? -1;
  return sentences(
    message('firing.caption', {
      units: layer.count,
      layer: layer.layer,
      unit: String(first.neuron),
      texts,
      tokens,
      value: number(first.activation, { digits: 2 }),
      at: said(pieces, at),
      up: said(pieces, first.up[0] ?? -1),
      down: said(pieces, first.down[0] ?? -1),
    }),
    layer.dead.length === 0
      ? message('firing.caption.alive')
      : message('firing.caption.dead', { count: layer.dead.length }),
    message('firing.caption.head', {
      head: `${head.layer}.${head.head}`,
      share: number(weight, { percent: true }),
      query: said(pieces, token(query)),
      key: said(pieces, token(key)),
    }),
  );
}
