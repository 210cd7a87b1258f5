/**
 * One weight, unfolded into the sum that made it.
 */

import { strip } from '../../kit/bars.js';
import { mention } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
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
    'the weight of ',
    mention(key, of.pieces[key] ?? ''),
    ' for ',
    mention(of.token, of.pieces[of.token] ?? ''),
    ', unfolded: query × key, dimension by dimension',
  );
  const terms = strip({
    name: 'products of query and key',
    values: cell.products,
    height: 48,
    read: (d) =>
      h(
        'span',
        null,
        `dimension ${d}: `,
        q(d),
        ' × ',
        k(d),
        ' = ',
        number(cell.products[d] ?? 0),
        '; the sum so far ',
        number(cell.sums[d] ?? 0),
      ),
  });
  const chain = [
    h('li', null, 'all ', String(cell.products.length), ' products add up to ', number(last)),
    h(
      'li',
      null,
      number(last),
      ' × ',
      number(cell.scale, { digits: 4 }),
      ' = ',
      number(cell.scaled),
      cell.capped === null && cell.slope === null ? ', the score' : '',
    ),
  ];
  if (cell.capped !== null) {
    const cap = short(of.about.block.score_cap ?? 0);
    chain.push(
      h(
        'li',
        null,
        `${cap} × tanh(`,
        number(cell.scaled),
        ` / ${cap}) = `,
        number(cell.capped),
        cell.slope === null ? ', the score' : '',
      ),
    );
  }
  if (cell.slope !== null) {
    chain.push(
      h(
        'li',
        null,
        number(cell.capped ?? cell.scaled),
        ' − ',
        number(cell.slope, { digits: 5 }),
        ` × ${of.token - key}, the distance, = `,
        number(cell.unmasked),
        ', the score',
      ),
    );
  }
  if (cell.score === null) {
    chain.push(
      h(
        'li',
        null,
        'the mask takes it away: the token comes later, or lies too far back. Its weight is exactly ',
        number(cell.weight, { site: `${block}.pattern`, index: at, digits: 0 }),
      ),
    );
  } else {
    const exponential = cell.exponentials[key] ?? 0;
    chain.push(
      h(
        'li',
        null,
        'e to the power of ',
        number(cell.score, { site: `${block}.scores`, index: at }),
        ' − ',
        number(cell.largest),
        cell.sink !== null && cell.largest === cell.sink
          ? ' (the head’s sink, larger than every score of the row) is '
          : ' (the row’s largest) is ',
        number(exponential),
      ),
      h(
        'li',
        null,
        number(exponential),
        ' of ',
        number(cell.total),
        ', the sum over the row',
        cell.sink === null ? '' : [' and the sink’s ', number(cell.sink_exponential)],
        ', is the weight ',
        h('strong', null, number(cell.weight, { site: `${block}.pattern`, index: at, digits: 4 })),
      ),
    );
  }
  const all = h(
    'details',
    null,
    h('summary', null, 'every term'),
    h(
      'div',
      {
        class: 'attend-terms',
        tabindex: '0',
        role: 'region',
        'aria-label': 'every term of the sum',
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
            ['dimension', 'query', 'key', 'product', 'sum so far'].map((name) =>
              h('th', { scope: 'col' }, name),
            ),
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
  return [title, terms, h('ol', { class: 'attend-chain' }, chain), all];
}
