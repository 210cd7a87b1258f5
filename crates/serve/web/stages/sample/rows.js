/**
 * The grid's columns and rows: for each token what each step of the chain leaves of it, and what is drawn.
 */

import { visible } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { message } from '../../kit/messages.js';
import { count, number } from '../../kit/number.js';
import { chance } from '../sampling.js';

/** @typedef {import('../sampling.js').Sampler} Sampler */
/** @typedef {{sampler: string | null, step: string | null, kept: number, removed: number, removed_share: number, probabilities: (number | null)[], others: {tokens: number, share: number}}} Left */
/** @typedef {{seeds: number, first: number | null, counts: number[], expected: number[], spread: number[], others: number, distinct: number}} Draws */
/** @typedef {{position: number, vocabulary: number, tokens: {id: number, piece: string, probability: number}[], stages: Left[], draws: Draws}} Answer */
/** @typedef {{sampler: Sampler | null, left: Left, isIdle: boolean}} Column */

/**
 * One column for the model's own distribution and one for each sampler, also for those that change
 * nothing: they pass on what they get.
 * @param {Sampler[]} all
 * @param {Left[]} stages
 * @returns {Column[]}
 */
export function asColumns(all, stages) {
  let left = /** @type {Left} */ (stages[0]);
  /** @type {Column[]} */
  const columns = [{ sampler: null, left, isIdle: false }];
  for (const sampler of all) {
    // A sampler that takes several numbers has its stage under the first.
    const isFirst = columns.every((column) => column.sampler?.sampler !== sampler.sampler);
    const found = isFirst && stages.find((stage) => stage.sampler === sampler.sampler);
    left = found || { ...left, removed: 0, removed_share: 0 };
    columns.push({ sampler, left, isIdle: !found });
  }
  return columns;
}

/**
 * A row for each token, one for all others, and what is left.
 * @param {Answer} answer
 * @param {Column[]} columns
 * @param {(key: string, share: number) => HTMLElement} bar
 * @param {Float32Array | null} [before]  every token's probability without changes, where there are some
 */
export function rows(answer, columns, bar, before = null) {
  const { tokens, draws, position } = answer;
  const shares = columns.flatMap(({ left }) => [...left.probabilities, left.others.share]);
  const drawn = [...draws.counts, draws.others].map((times) => times / Math.max(1, draws.seeds));
  const earlier = tokens.map(({ id }) => before?.[id] ?? 0);
  const max = Math.max(1e-12, ...shares.map((share) => share ?? 0), ...drawn, ...earlier);
  const last = /** @type {Column} */ (columns.at(-1)).left;
  /** @param {number} row @param {Column} column @param {number} at */
  const cell = (row, column, at) => {
    const share = column.left.probabilities[row];
    const idle = column.isIdle ? 'is-idle' : '';
    if (share === null || share === undefined) {
      const before = at > 0 ? columns[at - 1]?.left.probabilities[row] : null;
      const isHere = before !== null && before !== undefined;
      return h(
        'div',
        { class: `sample-cell is-gone ${idle}` },
        isHere ? h('span', { class: 'sample-gone' }, message('sample.taken-away')) : null,
      );
    }
    const token = /** @type {Answer['tokens'][0]} */ (tokens[row]);
    // The model's own numbers are elements of a site; what the chain makes of them is the sampler's.
    const said =
      at === 0
        ? chance(token.probability, {
            percent: true,
            site: 'probabilities',
            index: `${position},${token.id}`,
          })
        : chance(share);
    const was = at === 0 ? before?.[token.id] : undefined;
    return h(
      'div',
      { class: `sample-cell ${idle} ${was === undefined ? '' : 'has-ghost'}` },
      was === undefined
        ? null
        : h('span', { class: 'sample-ghost', style: { width: `${(100 * was) / max}%` } }),
      bar(`${token.id} ${at}`, share / max),
      said,
    );
  };
  /** @param {string} key @param {number} times @param {number | null} wanted */
  const drawCell = (key, times, wanted) =>
    h(
      'div',
      { class: 'sample-cell is-drawn' },
      bar(`${key} drawn`, times / Math.max(1, draws.seeds) / max),
      wanted === null
        ? null
        : h('span', { class: 'sample-wanted', style: { left: `${(100 * wanted) / max}%` } }),
      h('span', { class: 'number' }, count(times)),
    );
  const told = tokens.map((token, row) => {
    const isFirst = token.id === draws.first;
    return h(
      'div',
      { class: `sample-row ${isFirst ? 'is-first' : ''}` },
      h('div', { class: 'sample-name' }, visible(token.piece)),
      columns.map((column, at) => cell(row, column, at)),
      drawCell(String(token.id), draws.counts[row] ?? 0, last.probabilities[row] ?? null),
    );
  });
  const others = h(
    'div',
    { class: 'sample-row is-others' },
    h('div', { class: 'sample-name' }, message('sample.others')),
    columns.map(({ left, isIdle }, at) =>
      left.others.tokens === 0
        ? h('div', { class: 'sample-cell is-gone' })
        : h(
            'div',
            { class: `sample-cell ${isIdle ? 'is-idle' : ''}` },
            bar(`others ${at}`, left.others.share / max),
            chance(left.others.share),
          ),
    ),
    drawCell('others', draws.others, last.others.tokens ? last.others.share : null),
  );
  return [
    ...told,
    others,
    h(
      'div',
      { class: 'sample-row is-foot' },
      h('div', { class: 'sample-name' }, message('sample.left')),
      columns.map(({ left, isIdle }) =>
        h(
          'div',
          { class: `sample-foot ${isIdle ? 'is-idle' : ''}` },
          h(
            'span',
            null,
            left.removed
              ? message('sample.left.tokens', {
                  count: left.kept,
                  number: (children) => h('span', { class: 'number' }, children),
                })
              : h('span', { class: 'number' }, count(left.kept)),
          ),
          left.removed
            ? h(
                'span',
                { class: 'sample-minus' },
                message('sample.removed', {
                  count: left.removed,
                  share: chance(left.removed_share),
                }),
              )
            : null,
        ),
      ),
      h(
        'div',
        { class: 'sample-foot' },
        message('sample.distinct', { number: number(draws.distinct, { digits: 0 }) }),
      ),
    ),
  ];
}
