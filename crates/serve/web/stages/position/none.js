/**
 * A layer, or a model, that is not told where a token stands.
 */

import { h } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
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
        ? messageText('position.none.layer', {
            layer: layer ?? 0,
            layers: layers(thetas.map((theta) => theta !== null)),
          })
        : messageText('position.none');
      parts.caption(sentence);
      parts.say(sentence);
      return [];
    },
  };
}
