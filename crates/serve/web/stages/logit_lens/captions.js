/**
 * What is said about the depths: where a row stands, and at which depths the next word is first.
 */

import { mention } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { count, number } from '../../kit/number.js';
import { said } from '../logits/word.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../logit_lens.js').Asked} Asked */
/** @typedef {import('../logit_lens.js').Depth} Depth */
/** @typedef {import('../logit_lens.js').Guess} Guess */

/** Where a depth is read. @param {Depth[]} depths @param {number} at */
export function stand(depths, at) {
  const site = depths[at]?.site ?? '';
  if (at === 0) return 'before layer 0';
  const layer = site.match(/blocks\.(\d+)\./)?.[1] ?? '';
  const half = site.endsWith('resid_mid') ? ' attn.' : '';
  return `after layer ${layer}${half}`;
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
  const bare = (/** @type {number} */ at) => stand(depths, at).replace('after layer ', '');
  const embedding = runs[0]?.[0] === 0;
  if (embedding && runs[0]) runs[0][0] = 1;
  const layers = runs
    .filter(([from, to]) => from <= to)
    .map(([from, to]) => (from === to ? bare(from) : `${bare(from)} to ${bare(to)}`));
  const isOne = layers.length === 1 && !layers[0]?.includes(' to ');
  const list =
    layers.length > 1 ? `${layers.slice(0, -1).join(', ')} and ${layers.at(-1)}` : layers[0];
  const told = list ? `after ${isOne ? 'layer' : 'layers'} ${list}` : '';
  return embedding ? ['before layer 0', told].filter(Boolean).join(' and ') : told;
}

/**
 * The caption: at which depths the next word is first.
 * @param {Asked} asked
 * @returns {import('../../kit/dom.js').Child[]}
 */
export function sentence({ of, answer }) {
  const { depths, pieces } = answer;
  const ranks = depths.map(({ tokens }) => tokens[0]?.of.rank ?? 0);
  const last = ranks.length - 1;
  // Where the last run of first places begins, and the first places before it.
  let from = last + 1;
  while (from > 0 && ranks[from - 1] === 1) from -= 1;
  const before = ranks.flatMap((rank, at) => (rank === 1 && at < from ? [at] : []));
  const next = said(pieces, answer.of);
  const start = [
    ' Read straight from the embedding it would be number ',
    h('strong', null, number(ranks[0] ?? 0, { digits: 0 })),
    ` of ${count(of.about.vocabulary)}.`,
  ];
  // The half-way rows of parallel blocks are sums that the model itself never reads.
  const isHalved = depths.some(({ site }) => site.endsWith('resid_mid'));
  const aside =
    isHalved && of.about.block.order !== 'sequential'
      ? [
          ' The rows marked attn. hold the stream with what attention adds; in this model nothing reads it there, for the MLP reads what enters the layer.',
        ]
      : [];
  const after = mention(of.token, of.pieces[of.token] ?? '');
  if (from > last) {
    return [
      'After ',
      after,
      ', the word ',
      next,
      ' ends as number ',
      h('strong', null, number(ranks[last] ?? 0, { digits: 0 })),
      before.length ? `. On the way it was first ${places(depths, before)}.` : '.',
      ...start,
      ...aside,
    ];
  }
  const when =
    from === 0
      ? 'at every depth: the embedding alone already says it'
      : before.length
        ? `at the end. It was first ${places(depths, before)} already, lost the place, and has it for good ${from === last ? 'only after the last layer' : `from “${stand(depths, from)}” on`}`
        : from === last
          ? 'only at the very end'
          : `from “${stand(depths, from)}” on`;
  return [
    'After ',
    after,
    ', the word ',
    next,
    ` is first ${when}.`,
    ...(from === 0 ? [] : start),
    ...(echoes(depths[0]?.tokens[0], of)
      ? [
          ' Before layer 0 it says ',
          mention(of.token, of.pieces[of.token] ?? ''),
          ' itself: the table that is compared with is the table that the vector came from.',
        ]
      : []),
    ...aside,
  ];
}
