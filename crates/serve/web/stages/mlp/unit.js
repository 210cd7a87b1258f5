/** One hidden unit, unfolded: how its value came about, and what it does to the next words' logits. */

import { h } from '../../kit/dom.js';
import { message } from '../../kit/messages.js';
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
  const list = (
    /** @type {'mlp.unit.up' | 'mlp.unit.down'} */ name,
    /** @type {Push[]} */ pushes,
  ) =>
    h(
      'table',
      { class: 'mlp-pushes' },
      h('caption', null, message(name)),
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          h('th', { scope: 'col' }, message('mlp.unit.next')),
          h('th', { scope: 'col' }, message('mlp.unit.effect')),
          h('td'),
          h('th', { scope: 'col' }, message('mlp.unit.contribution')),
        ),
      ),
      h('tbody', null, pushes.map(row)),
    );
  return [
    h(
      'p',
      { class: 'mlp-told' },
      message('mlp.unit', {
        unit: unitName(layer, unit.place),
        word: said(answer.pieces, answer.of),
        leaves: number(unit.post, { site: `${site}.post`, index }),
        effect: number(unit.of.effect, { sign: true }),
        push: number(unit.of.contribution, { sign: true }),
        average: number(unit.average.contribution, { sign: true }),
        length: number(unit.written),
      }),
    ),
    h(
      'div',
      { class: 'mlp-lists' },
      list('mlp.unit.up', unit.up),
      list('mlp.unit.down', unit.down),
    ),
  ];
}
