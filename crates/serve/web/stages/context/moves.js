/**
 * What a weight says beside what it does: each source's weight, the length of its value, and its
 * share of what moves the sum.
 */

import { word } from '../../kit/chips.js';
import { hue } from '../../kit/colour.js';
import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { hoverToken } from '../../kit/state.js';

/** @typedef {import('../context.js').Context} Context */
/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {ReturnType<typeof import('../../kit/motion.js').growing>} Bar */

const COLUMNS = /** @type {const} */ ([
  'context.from',
  'context.weight',
  'context.length',
  'context.share',
]);

/**
 * @param {{of: Selection, context: Context}} shown
 * @param {number} step
 * @param {Bar} bar
 */
export function moves({ of, context }, step, bar) {
  const { sources, terms, rest } = context;
  const longest = Math.max(...sources.map(({ value }) => value ?? 0));
  return h(
    'div',
    {
      class: 'moves',
      tabindex: '0',
      role: 'table',
      'aria-label': messageText('context.moves'),
    },
    h(
      'div',
      { class: 'moves-row moves-head', role: 'row' },
      COLUMNS.map((id, at) =>
        h('span', { role: 'columnheader', class: at === 0 ? '' : 'moves-over' }, message(id)),
      ),
    ),
    terms.map(({ token }, at) => {
      const source = sources[token];
      if (!source) return null;
      return h(
        'div',
        {
          class: `moves-row ${at > step ? 'is-coming' : at === step && step < terms.length - (rest ? 0 : 1) ? 'is-now' : ''}`,
          role: 'row',
          style: { '--hue': hue(token) },
          onpointerenter: () => hoverToken(token),
          onpointerleave: () => hoverToken(null),
        },
        h('span', { role: 'rowheader', class: 'moves-name' }, word(of.pieces[token] ?? '')),
        cell(
          bar(`weight ${token}`, source.weight),
          number(source.weight, {
            percent: true,
            site: `blocks.${of.layer}.attn.pattern`,
            index: `${of.head},${of.token},${token}`,
          }),
        ),
        cell(
          bar(`value ${token}`, (source.value ?? 0) / (longest || 1), 'is-quiet'),
          number(source.value ?? 0),
        ),
        cell(bar(`share ${token}`, source.share), number(source.share, { percent: true })),
      );
    }),
  );
}

/** @param {Node} bar @param {Node} said */
function cell(bar, said) {
  return h(
    'span',
    { role: 'cell', class: 'moves-cell' },
    h('span', { class: 'moves-track', 'aria-hidden': 'true' }, bar),
    said,
  );
}
