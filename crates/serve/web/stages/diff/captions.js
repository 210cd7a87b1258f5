/** What is said of two passes: which two they are, where they part, and how far they end apart. */

import { mention } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { number } from '../../kit/number.js';
import { said } from '../logits/word.js';

/** @typedef {import('../../kit/dom.js').Child} Child */
/** @typedef {import('../diff.js').Compared} Compared */
/** @typedef {import('../diff.js').Way} Way */

/** What is compared with what is chosen. @type {Record<Way, string>} */
export const WAYS = {
  text: 'another text',
  model: 'another model',
  changes: 'the same with the changes',
};

/** Both sides in words. @param {Compared} compared @returns {[string, string]} */
export function sides({ way, of, model }) {
  if (way === 'text') return ['the first text', 'the second'];
  if (way === 'model') return [of.model, model ?? ''];
  return ['without the changes', 'with them'];
}

/** How far two predictions are apart. @param {number} kl */
export function nats(kl) {
  return number(kl, { digits: digitsOf(kl) });
}

/** As many digits as tell it from nothing. @param {number} kl */
export function digitsOf(kl) {
  return kl >= 0.1 || kl === 0 ? 2 : Math.min(6, 1 - Math.floor(Math.log10(Math.max(kl, 1e-6))));
}

/** Where a depth is read. @param {number} at */
export function depth(at) {
  return at === 0 ? 'before layer 0' : `after layer ${at - 1}`;
}

/** A tenth of what the two end apart, and they have parted. */
const PARTED = 0.1;

/**
 * The caption: what both say in the end, by how much they are apart, where they part, and which head differs most.
 * @param {Compared} compared
 * @returns {Child[]}
 */
export function sentence(compared) {
  const { found, pieces, of } = compared;
  const { last, depth_kl: depths, heads } = found;
  const [first, second] = sides(compared);
  const end = mention(of.pieces.length - 1, of.pieces.at(-1) ?? '');
  const answers =
    last.next[0] === last.next[1]
      ? ['After ', end, ', both go on with ', said(pieces, last.next[0])]
      : [
          'After ',
          end,
          `, ${first} goes on with `,
          said(pieces, last.next[0]),
          `, ${second} with `,
          said(pieces, last.next[1]),
        ];
  const apart = ['; their predictions are ', h('strong', null, nats(last.kl)), ' nats apart. '];
  const parted = depths.findIndex((kl) => kl >= PARTED * last.kl);
  const most = heads.reduce(
    (/** @type {typeof heads[0] | null} */ most, head) =>
      most === null || head.distance > most.distance ? head : most,
    null,
  );
  return [
    ...answers,
    ...apart,
    last.kl === 0
      ? 'Nothing tells them apart. '
      : depths.length === 0
        ? 'They have different numbers of layers, so their depths are not compared. '
        : parted < 0
          ? ''
          : `Read at each depth, they part ${parted === 0 ? 'before the first layer' : `in layer ${parted - 1}`}: there the distance first reaches a tenth of that. `,
    ...(most && most.distance > 0
      ? [
          `Of all heads ${most.layer}.${most.head} differs most, by `,
          number(most.distance, { percent: true }),
          ' of what it returns.',
        ]
      : []),
  ];
}
