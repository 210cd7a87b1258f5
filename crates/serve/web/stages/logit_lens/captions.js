/**
 * What is said about the depths: where a row stands, and at which depths the next word is first.
 */

import { mention } from '../../kit/chips.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { listed, sentences } from '../../kit/sentences.js';
import { said } from '../logits/word.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../logit_lens.js').Asked} Asked */
/** @typedef {import('../logit_lens.js').Depth} Depth */
/** @typedef {import('../logit_lens.js').Guess} Guess */

/** A depth's layer, and whether it is read half-way through it. @param {Depth[]} depths @param {number} at */
function standing(depths, at) {
  const site = depths[at]?.site ?? '';
  return {
    layer: site.match(/blocks\.(\d+)\./)?.[1] ?? '',
    isHalf: site.endsWith('resid_mid'),
  };
}

/** Where a depth is read. @param {Depth[]} depths @param {number} at */
export function stand(depths, at) {
  if (at === 0) return messageText('logit_lens.depth.embedding');
  const { layer, isHalf } = standing(depths, at);
  return messageText(isHalf ? 'logit_lens.depth.attention' : 'logit_lens.depth.layer', { layer });
}

/** The same at the head of a row. @param {Depth[]} depths @param {number} at */
export function rowName(depths, at) {
  if (at === 0) return messageText('logit_lens.depth.embedding');
  const { layer, isHalf } = standing(depths, at);
  return messageText(isHalf ? 'logit_lens.row.attention' : 'common.layer', { layer });
}

/**
 * Whether the embedding read back says the token that it came from, in a model with one table for both.
 * @param {Guess | undefined} guess
 * @param {Selection} of
 */
function echoes(guess, of) {
  return of.about.tied && guess?.top[0]?.id === of.ids[of.token];
}

/**
 * Depths in words, in order: `after layers 1 to 6, 16 and 29`.
 * @param {Depth[]} depths
 * @param {number[]} among  indices, ascending
 */
function places(depths, among) {
  /** @type {[number, number][]} */
  const runs = [];
  for (const at of among) {
    const run = runs.at(-1);
    if (run && run[1] === at - 1) run[1] = at;
    else runs.push([at, at]);
  }
  const hasEmbedding = runs[0]?.[0] === 0;
  if (hasEmbedding && runs[0]) runs[0][0] = 1;
  const bare = (/** @type {number} */ at) => {
    const { layer, isHalf } = standing(depths, at);
    return isHalf ? messageText('logit_lens.places.attention', { layer }) : layer;
  };
  const layers = runs
    .filter(([from, to]) => from <= to)
    .map(([from, to]) =>
      from === to
        ? bare(from)
        : messageText('logit_lens.places.run', { from: bare(from), to: bare(to) }),
    );
  const isOne = layers.length === 1 && among.filter((at) => at > 0).length === 1;
  const after = layers.length
    ? [
        message('logit_lens.places.layers', {
          layers: listed(layers.map((layer) => [layer])),
          count: isOne ? 1 : 2,
        }),
      ]
    : [];
  return listed([...(hasEmbedding ? [message('logit_lens.depth.embedding')] : []), ...after]);
}

/**
 * The caption: at which depths the next word is first.
 * @param {Asked} asked
 * @returns {(Node | string)[]}
 */
export function caption({ of, answer }) {
  const { depths, pieces } = answer;
  const ranks = depths.map(({ tokens }) => tokens[0]?.of.rank ?? 0);
  const last = ranks.length - 1;
  // Where the last run of first places begins, and the first places before it.
  let from = last + 1;
  while (from > 0 && ranks[from - 1] === 1) from -= 1;
  const before = ranks.flatMap((rank, at) => (rank === 1 && at < from ? [at] : []));
  const token = () => mention(of.token, of.pieces[of.token] ?? '');
  const about = { token: token(), next: said(pieces, answer.of) };
  const start = message('logit_lens.caption.start', {
    rank: number(ranks[0] ?? 0, { digits: 0 }),
    vocabulary: of.about.vocabulary,
  });
  // The half-way rows of parallel blocks are sums that the model itself never reads.
  const isHalved = depths.some(({ site }) => site.endsWith('resid_mid'));
  const aside =
    isHalved && of.about.block.order !== 'sequential'
      ? message('logit_lens.caption.parallel')
      : null;
  if (from > last)
    return sentences(
      message('logit_lens.caption.never', {
        ...about,
        rank: number(ranks[last] ?? 0, { digits: 0 }),
      }),
      before.length
        ? message('logit_lens.caption.on-the-way', { places: places(depths, before) })
        : null,
      start,
      aside,
    );
  const earlier = { ...about, places: places(depths, before), depth: stand(depths, from) };
  const first =
    from === 0
      ? message('logit_lens.caption.always', about)
      : before.length
        ? from === last
          ? message('logit_lens.caption.again-last', earlier)
          : message('logit_lens.caption.again-from', earlier)
        : from === last
          ? message('logit_lens.caption.last', about)
          : message('logit_lens.caption.from', earlier);
  return sentences(
    first,
    from === 0 ? null : start,
    echoes(depths[0]?.tokens[0], of)
      ? message('logit_lens.caption.echo', { token: token() })
      : null,
    aside,
  );
}
