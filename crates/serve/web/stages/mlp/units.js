/**
 * What units are called, and where their numbers are read: by their place in the token's row. In a mixture of
 * experts the row holds those of each chosen expert, one expert after the other.
 */

import { number } from '../../kit/number.js';

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
  return expert ? `${unit} of expert ${expert.index}` : String(unit);
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
 * Which experts work on the token, in a sentence of its own; nothing where there is one MLP for all.
 * @param {Layer} layer
 * @returns {import('../../kit/dom.js').Child[]}
 */
export function chosenExperts({ of, answer: { experts } }) {
  const all = of.about.block.experts[of.layer];
  if (!experts || !all) return [];
  const site = `blocks.${of.layer}.mlp.expert_weights`;
  return [
    ` This layer has ${all.experts} MLPs, its experts, and a router chose ${experts.length} of them for this token: `,
    ...experts.flatMap(({ index, weight }, slot) => [
      slot === 0 ? '' : slot === experts.length - 1 ? ' and ' : ', ',
      `expert ${index} with a weight of `,
      number(weight, { site, index: `${of.token},${slot}` }),
    ]),
    '. What an expert’s units push is weighted so.',
  ];
}
