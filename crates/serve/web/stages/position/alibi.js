/**
 * ALiBi: no token is told its place. A score loses the more the further away its key is, in each head at a
 * rate of its own.
 */

import { bars } from '../../kit/bars.js';
import { mention, visible, word } from '../../kit/chips.js';
import { fill, h } from '../../kit/dom.js';
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
        name: at === head ? `head ${at}, chosen` : `head ${at}`,
      }));
      fill(
        slopes,
        h(
          'p',
          { class: 'embed-sub' },
          'What each head takes off a score for every step of distance',
        ),
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
          `What scores with the tokens before lose in head ${layer}.${head}`,
        ),
        bars(shown, { max: Math.max(...shown.map(({ value }) => value), 1e-12), nameWidth: 120 }),
      );
      parts.caption(
        'No token is told its place. When ',
        mention(token, pieces[token] ?? ''),
        ` compares its query with a key, head ${layer}.${head} takes `,
        number(slope, { digits: 4 }),
        ' off the score for every step between the two: ',
        token === 0
          ? 'nothing here, since this is the first token. '
          : [
              'nothing with itself, ',
              number(told.losses[0] ?? 0),
              ' with ',
              mention(told.first, pieces[told.first] ?? ''),
              '. ',
            ],
        'So heads with a large number look nearby, and those with a small one far back.',
      );
      parts.say(
        `Head ${head} takes ${format(slope, { digits: 4 })} off a score of ${word(pieces[token] ?? '')} for every step of distance`,
      );
      return [
        {
          caption: 'What each head takes off a score for every step of distance',
          head: ['head', 'slope'],
          rows: told.slopes.map((value, at) => [String(at), number(value, { digits: 5 })]),
        },
      ];
    },
  };
}
