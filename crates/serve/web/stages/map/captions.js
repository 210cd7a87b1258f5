/**
 * What is said about a map: its step, the caption's sentences, and the table twin.
 */

import { visible } from '../../kit/chips.js';
import { count, format, number } from '../../kit/number.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../map.js').About} About */
/** @typedef {import('../map.js').Near} Near */

/**
 * @param {number | null} step  null is the table as it is now
 * @param {About} of
 */
export function stepName(step, of) {
  if (step === 0) return 'before training';
  if (step !== null) return `after step ${count(step)}`;
  return of.step === null ? 'as it is now' : `now, at step ${count(of.step)}`;
}

/**
 * What an axis is called.
 * @param {About} of
 * @param {number} axis
 * @param {number} share
 */
export function axisName(of, axis, share) {
  const name =
    axis < of.parting ? `kinds apart, ${axis + 1}` : `most variance, ${axis - of.parting + 1}`;
  return `${name} (${format(share, { percent: true })})`;
}

/**
 * What the sheet shows of the table, and what it does not.
 * @param {About} of
 * @param {[number, number]} axes
 */
export function captions(of, [x, y]) {
  const share = (/** @type {number} */ axis) => number(of.shares[axis] ?? 0, { percent: true });
  const rows =
    of.fitted < of.rows ? `the ${count(of.fitted)} words` : `all ${count(of.fitted)} rows`;
  const along =
    x < of.parting && y < of.parting
      ? `The axes are the two along which the kinds of words, which are the colours, lie furthest apart: of the variance of ${rows}, the one across shows `
      : x >= of.parting && y >= of.parting
        ? `The axes are among those along which ${rows} differ most: of their variance, the one across shows `
        : `Of the variance of ${rows}, the axis across shows `;
  return [
    'Each point is a row of the table. ',
    along,
    share(x),
    ', the one up ',
    share(y),
    `. The rest of the ${count(of.width)} dimensions is not on this sheet, so a flat map misleads: points that touch here may be far apart, and the lines from the word that is spoken of lead to its true neighbours. `,
    of.steps.length > 1
      ? 'The axes are fitted to the last table and are the same at every step, so that only the words move. Press play to see them go from where training began; the faint lines show the way of the words that are named in bold. '
      : 'Of this model no earlier tables were kept, so there is nothing to play. ',
  ];
}

/**
 * The figure as tables.
 * @param {About} of
 * @param {Selection} now
 * @param {Float32Array} places  two numbers a token
 * @param {number | null} id     the token that is talked about
 * @param {Near[]} near          and its true neighbours
 */
export function twin(of, now, places, id, near) {
  const counts = of.names.map((name, at) => [
    name,
    String(of.colors.filter((color) => color === at).length),
  ]);
  return [
    {
      caption: 'the prompt on the map',
      head: ['token', 'across', 'up'],
      rows: now.ids.flatMap((id, at) =>
        2 * id < places.length
          ? [
              [
                visible(now.pieces[at] ?? ''),
                number(places[2 * id] ?? 0),
                number(places[2 * id + 1] ?? 0),
              ],
            ]
          : [],
      ),
    },
    ...(id === null
      ? []
      : [
          {
            caption: `nearest to ${visible(of.pieces[id] ?? '')} in all dimensions`,
            head: ['token', 'cosine'],
            rows: near.map(({ piece, cosine }) => [visible(piece), number(cosine)]),
          },
        ]),
    { caption: 'tokens of each colour', head: ['colour of', 'tokens'], rows: counts },
  ];
}
