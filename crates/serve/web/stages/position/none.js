/**
 * A layer, or a model, that is not told where a token stands.
 */

import { h } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { layers } from '../../kit/particulars.js';
import { isVariant } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {{kind: 'none', layer?: number, thetas?: (number | null)[]}} None */

/** Why no position is told: it is so in the model, or a change of the page has made it so. */
function withoutAny() {
  const isUnmasked = isVariant('no-mask');
  if (isVariant('no-position'))
    return isUnmasked ? 'position.none.off-unmasked' : 'position.none.off';
  if (isVariant('plain-attention'))
    return isUnmasked ? 'position.none.plain-unmasked' : 'position.none.plain';
  // Equal weights leave no room for what ALiBi takes off a score.
  if (isVariant('uniform-attention'))
    return isUnmasked ? 'position.none.equal-unmasked' : 'position.none.equal';
  return isUnmasked ? 'position.none.unmasked' : 'position.none';
}

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
        : messageText(withoutAny());
      parts.caption(sentence);
      parts.say(sentence);
      return [];
    },
  };
}
