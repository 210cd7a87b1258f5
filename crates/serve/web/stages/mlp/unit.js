/** One hidden unit, unfolded: how its value came about, and what it does to the next words' logits. */

import { h } from '../../kit/dom.js';
import { number } from '../../kit/number.js';
import { barCell, pick, said } from '../logits/word.js';
import { unitIndex, unitName } from './units.js';

/** @typedef {import('../mlp.js').Layer} Layer */
/** @typedef {import('../mlp.js').Unit} Unit */
/** @typedef {import('../mlp.js').Push} Push */

/**
 * @param {import('../../kit/stage.js').Page} page
 * @param {Layer} layer
 * @param {Unit} unit
 */
export function unfolded(page, layer, unit) {
  const { answer, site } = layer;
  const index = unitIndex(layer, unit.place);
  const leaves = () => number(unit.post, { site: `${site}.post`, index });
  const most = Math.max(
    ...[...unit.up, ...unit.down].map(({ contribution }) => Math.abs(contribution)),
    1e-12,
  );
  const row = (/** @type {Push} */ push) =>
    h(
      'tr',
      null,
      h('th', { scope: 'row' }, pick(page, answer.pieces, push.id ?? 0, push.id === answer.of)),
      h('td', null, number(push.effect, { digits: 3, sign: true })),
      h('td', { class: 'mlp-bar' }, barCell(push.contribution, most, { signed: true })),
      h('td', null, number(push.contribution, { digits: 3, sign: true })),
    );
  const list = (/** @type {string} */ name, /** @type {Push[]} */ pushes) =>
    h(
      'table',
      { class: 'mlp-pushes' },
      h('caption', null, name),
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          ['next word', 'push when it is 1', '', 'push as it is'].map((cell) =>
            cell ? h('th', { scope: 'col' }, cell) : h('td'),
          ),
        ),
      ),
      h('tbody', null, pushes.map(row)),
    );
  const effect = unit.of.effect;
  return [
    h(
      'p',
      { class: 'mlp-told' },
      h('strong', null, `Unit ${unitName(layer, unit.place)}`),
      ' pushes ',
      said(answer.pieces, answer.of),
      ' by ',
      leaves(),
      ' × ',
      number(effect, { sign: true }),
      ' = ',
      h('strong', null, number(unit.of.contribution, { sign: true })),
      '; all words on average by ',
      number(unit.average.contribution, { sign: true }),
      ', which changes no probability. What it writes is ',
      number(unit.written),
      ' long.',
    ),
    h(
      'div',
      { class: 'mlp-lists' },
      list('pushed up most', unit.up),
      list('pushed down most', unit.down),
    ),
  ];
}
