/** What is said of two passes: which two they are, where they part, and how far they end apart. */

import { mention } from '../../kit/chips.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
import { said } from '../logits/word.js';
import { apart } from '../sweep/captions.js';

/** @typedef {import('../diff.js').Compared} Compared */
/** @typedef {import('../diff.js').Way} Way */

/** Both sides in words. @param {Compared} compared @returns {[string, string]} */
export function sides({ way, of, model }) {
  if (way === 'text') return [messageText('diff.side.text'), messageText('diff.side.other-text')];
  if (way === 'model') return [of.model, model ?? ''];
  return [messageText('diff.side.unchanged'), messageText('diff.side.changed')];
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
  return at === 0
    ? messageText('logit_lens.depth.embedding')
    : messageText('logit_lens.depth.layer', { layer: at - 1 });
}

/** A tenth of what the two end apart, and they have parted. */
const PARTED = 0.1;

/**
 * The caption: what both say in the end, by how much they are apart, where they part, and which head differs most.
 * @param {Compared} compared
 * @returns {(Node | string)[]}
 */
export function caption(compared) {
  const { found, pieces, of } = compared;
  const { last, heads } = found;
  const [first, second] = sides(compared);
  const about = {
    token: mention(of.pieces.length - 1, of.pieces.at(-1) ?? ''),
    nats: nats(last.kl),
    first,
    second,
    next: said(pieces, last.next[0]),
    other: said(pieces, last.next[1]),
  };
  const most = heads.reduce(
    (/** @type {typeof heads[0] | null} */ most, head) =>
      most === null || head.distance > most.distance ? head : most,
    null,
  );
  return sentences(
    last.next[0] === last.next[1]
      ? message('diff.caption.both', about)
      : message('diff.caption.each', about),
    parting(found),
    most && most.distance > 0
      ? message('diff.caption.head', {
          head: `${most.layer}.${most.head}`,
          share: number(most.distance, { percent: true }),
        })
      : null,
    compared.way === 'changes' ? null : apart(of),
  );
}

/** Where the two part. @param {Compared['found']} found */
function parting({ last, depth_kl: depths }) {
  if (last.kl === 0) return message('diff.caption.same');
  if (depths.length === 0) return message('diff.caption.no-depths');
  const parted = depths.findIndex((kl) => kl >= PARTED * last.kl);
  if (parted < 0) return null;
  return parted === 0
    ? message('diff.caption.parted-first')
    : message('diff.caption.parted', { layer: parted - 1 });
}
