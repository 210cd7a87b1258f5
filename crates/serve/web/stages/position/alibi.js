/**
 * ALiBi: no token is told its place. A score loses the more the further away its key is, in each head at a
 * rate of its own.
 */

import { bars } from '../../kit/bars.js';
import { mention, visible, word } from '../../kit/chips.js';
import { fill, h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { format, number } from '../../kit/number.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/**
 * @typedef {object} Alibi
 * @property {'alibi'} kind
 * @property {number[]} slopes  what each head takes off for every step of distance
 * @property {number} first     the first key that is told of
 * @property {number[]} losses  what the chosen head takes off with each key up to the token
 */

/** @param {import('../../kit/figure.js').Anatomy} parts */
export function alibi(parts) {
  const slopes = h('div');
  const losses = h('div');
  return {
    node: h('div', { class: 'embed-columns' }, slopes, losses),
    /** @param {Alibi} told @param {Selection} selection @returns {import('../../kit/figure.js').Table[]} */
    draw(told, { layer, head, token, pieces }) {
      const slope = told.slopes[head] ?? 0;
      const heads = told.slopes.map((value, at) => ({
        value,
        name: messageText(at === head ? 'position.alibi.head-chosen' : 'position.alibi.head', {
          head: at,
        }),
      }));
      fill(
        slopes,
        h('p', { class: 'embed-sub' }, message('position.alibi.slopes')),
        bars(heads, { max: Math.max(...told.slopes, 1e-12), nameWidth: 120 }),
      );
      const shown = told.losses.map((value, at) => ({
        value,
        name: visible(pieces[told.first + at] ?? ''),
      }));
      fill(
        losses,
        h(
          'p',
          { class: 'embed-sub' },
          message('position.alibi.losses', { head: `${layer}.${head}` }),
        ),
        bars(shown, { max: Math.max(...shown.map(({ value }) => value), 1e-12), nameWidth: 120 }),
      );
      const said = {
        token: mention(token, pieces[token] ?? ''),
        head: `${layer}.${head}`,
        slope: number(slope, { digits: 4 }),
      };
      parts.caption(
        token === 0
          ? message('position.alibi.first', said)
          : message('position.alibi.later', {
              ...said,
              loss: number(told.losses[0] ?? 0),
              first: mention(told.first, pieces[told.first] ?? ''),
            }),
      );
      parts.say(
        messageText('position.alibi.said', {
          head,
          slope: format(slope, { digits: 4 }),
          token: word(pieces[token] ?? ''),
        }),
      );
      return [
        {
          caption: messageText('position.alibi.slopes'),
          head: [
            messageText('position.alibi.table.head'),
            messageText('position.alibi.table.slope'),
          ],
          rows: told.slopes.map((value, at) => [String(at), number(value, { digits: 5 })]),
        },
      ];
    },
  };
}
