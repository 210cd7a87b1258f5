/**
 * One weight, unfolded into the sum that made it.
 */

import { strip } from '../../kit/bars.js';
import { mention } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { short } from '../../kit/particulars.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */

/**
 * As the program says how a weight came about.
 * @typedef {object} Cell
 * @property {number[]} query
 * @property {number[]} key
 * @property {number[]} products
 * @property {number[]} sums
 * @property {number} scale
 * @property {number} scaled
 * @property {number | null} capped    under the soft cap, where there is one
 * @property {number | null} slope     what is taken off for each position of distance, where it is
 * @property {number} unmasked         what comes of all that
 * @property {number | null} score  null where hidden
 * @property {number} largest
 * @property {number[]} exponentials
 * @property {number | null} sink
 * @property {number} sink_exponential
 * @property {number} total
 * @property {number} weight
 */

/** The head of the table of terms. */
const TERMS = /** @type {const} */ ([
  'attend.terms.dimension',
  'attend.terms.query',
  'attend.terms.key',
  'attend.terms.product',
  'attend.terms.sum',
]);

/**
 * @param {Cell} cell
 * @param {Selection} of
 * @param {number} key
 */
export function unfolded(cell, of, key) {
  const block = `blocks.${of.layer}.attn`;
  const shared = Math.floor(of.head / (of.about.heads / of.about.key_heads));
  const at = `${of.head},${of.token},${key}`;
  const q = (/** @type {number} */ d) =>
    number(cell.query[d] ?? 0, { site: `${block}.rot_q`, index: `${of.token},${of.head},${d}` });
  const k = (/** @type {number} */ d) =>
    number(cell.key[d] ?? 0, { site: `${block}.rot_k`, index: `${key},${shared},${d}` });
  const last = cell.sums.at(-1) ?? 0;
  const title = h(
    'p',
    { class: 'attend-label' },
    message('attend.sum.title', {
      key: mention(key, of.pieces[key] ?? ''),
      query: mention(of.token, of.pieces[of.token] ?? ''),
    }),
  );
  const terms = strip({
    name: messageText('attend.sum.products'),
    values: cell.products,
    height: 48,
    read: (d) =>
      h(
        'span',
        null,
        message('attend.sum.term', {
          dimension: d,
          query: q(d),
          key: k(d),
          product: number(cell.products[d] ?? 0),
          sum: number(cell.sums[d] ?? 0),
        }),
      ),
  });
  // An edit of the scores comes last of all.
  const isChanged = cell.score !== null && cell.score !== cell.unmasked;
  const isScaledScore = cell.capped === null && cell.slope === null && !isChanged;
  const chain = [
    message('attend.sum.all', { count: cell.products.length, sum: number(last) }),
    message(isScaledScore ? 'attend.sum.scaled.score' : 'attend.sum.scaled', {
      sum: number(last),
      scale: number(cell.scale, { digits: 4 }),
      scaled: number(cell.scaled),
    }),
  ];
  if (cell.capped !== null)
    chain.push(
      message(cell.slope === null && !isChanged ? 'attend.sum.capped.score' : 'attend.sum.capped', {
        cap: short(of.about.block.score_cap ?? 0),
        scaled: number(cell.scaled),
        capped: number(cell.capped),
      }),
    );
  if (cell.slope !== null)
    chain.push(
      message(isChanged ? 'attend.sum.biased' : 'attend.sum.biased.score', {
        before: number(cell.capped ?? cell.scaled),
        slope: number(cell.slope, { digits: 5 }),
        distance: of.token - key,
        score: number(cell.unmasked),
      }),
    );
  if (isChanged) chain.push(message('attend.sum.changed', { score: number(cell.score ?? 0) }));
  const weight = (/** @type {number} */ digits) =>
    number(cell.weight, { site: `${block}.pattern`, index: at, digits });
  if (cell.score === null) {
    chain.push(message('attend.sum.masked', { weight: weight(0) }));
  } else {
    const exponential = cell.exponentials[key] ?? 0;
    chain.push(
      message(
        cell.sink !== null && cell.largest === cell.sink
          ? 'attend.sum.exponential.sink'
          : 'attend.sum.exponential',
        {
          score: number(cell.score, { site: `${block}.scores`, index: at }),
          largest: number(cell.largest),
          exponential: number(exponential),
        },
      ),
    );
    const share = {
      exponential: number(exponential),
      total: number(cell.total),
      weight: weight(4),
    };
    chain.push(
      cell.sink === null
        ? message('attend.sum.weight', share)
        : message('attend.sum.weight.sink', { ...share, sink: number(cell.sink_exponential) }),
    );
  }
  const all = h(
    'details',
    null,
    h('summary', null, message('attend.terms')),
    h(
      'div',
      {
        class: 'attend-terms',
        tabindex: '0',
        role: 'region',
        'aria-label': messageText('attend.terms.table'),
      },
      h(
        'table',
        null,
        h(
          'thead',
          null,
          h(
            'tr',
            null,
            TERMS.map((id) => h('th', { scope: 'col' }, message(id))),
          ),
        ),
        h(
          'tbody',
          null,
          cell.products.map((product, d) =>
            h(
              'tr',
              null,
              h('th', { scope: 'row' }, d),
              h('td', null, q(d)),
              h('td', null, k(d)),
              h('td', null, number(product)),
              h('td', null, number(cell.sums[d] ?? 0)),
            ),
          ),
        ),
      ),
    ),
  );
  return [
    title,
    terms,
    h(
      'ol',
      { class: 'attend-chain' },
      chain.map((step) => h('li', null, step)),
    ),
    all,
  ];
}
