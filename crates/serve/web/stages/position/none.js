/**
 * A layer, or a model, that is not told where a token stands.
 */

import { h } from '../../kit/dom.js';
import { layers } from '../../kit/particulars.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {{kind: 'none', layer?: number, thetas?: (number | null)[]}} None */

/** @param {import('../../kit/figure.js').Anatomy} parts */
export function none(parts) {
  return {
    node: h('div'),
    /** @param {None} told @returns {import('../../kit/figure.js').Table[]} */
    draw({ layer, thetas }) {
      const sentence = thetas
        ? `Nothing tells layer ${layer}: its queries and keys are compared as they are, and it knows the order of tokens only by what each may look at. Positions are known in ${layers(thetas.map((theta) => theta !== null))}; choose one of those to see them turn.`
        : 'Nothing does: this model knows the order of its tokens only by what each may look at.';
      parts.caption(sentence);
      parts.say(sentence);
      return [];
    },
  };
}
