/**
 * What units are called, and where their numbers are read: by their place in the token's row. In a mixture of
 * experts the row holds those of each chosen expert, one expert after the other.
 */

import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { listed, sentences } from '../../kit/sentences.js';

/** @typedef {import('../mlp.js').Layer} Layer */

/** Where a unit stands: which of the chosen experts, and which of its units. @param {Layer} layer @param {number} place */
function placed({ answer: { experts }, pre }, place) {
  const each = experts ? pre.length / experts.length : pre.length;
  return { slot: Math.floor(place / each), unit: place % each };
}

/** `7`, or `7 of expert 2`. @param {Layer} layer @param {number} place */
export function unitName(layer, place) {
  const { slot, unit } = placed(layer, place);
  const expert = layer.answer.experts?.[slot];
  return expert
    ? messageText('mlp.unit.of-expert', { unit: String(unit), expert: String(expert.index) })
    : String(unit);
}

/** The same where there is little room: `#7`, or `2.7` as heads are called. @param {Layer} layer @param {number} place */
export function unitLabel(layer, place) {
  const { slot, unit } = placed(layer, place);
  const expert = layer.answer.experts?.[slot];
  return expert ? `${expert.index}.${unit}` : `#${unit}`;
}

/** Its index in a site of the layer. @param {Layer} layer @param {number} place */
export function unitIndex(layer, place) {
  const { of, answer } = layer;
  const { slot, unit } = placed(layer, place);
  return answer.experts ? `${of.token},${slot},${unit}` : `${of.token},${unit}`;
}

/**
 * Which experts work on the token, in a sentence of its own; null where there is one MLP for all.
 * @param {Layer} layer
 */
export function chosenExperts({ of, answer: { experts } }) {
  const all = of.about.block.experts[of.layer];
  if (!experts || !all) return null;
  const site = `blocks.${of.layer}.mlp.expert_weights`;
  const chosen = experts.map(({ index, weight }, slot) =>
    message('mlp.expert', {
      expert: String(index),
      weight: number(weight, { site, index: `${of.token},${slot}` }),
    }),
  );
  return sentences(
    message('mlp.experts', {
      all: all.experts,
      count: experts.length,
      experts: listed(chosen),
    }),
    message('mlp.experts.weighted'),
  );
}
