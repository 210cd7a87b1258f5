/**
 * What is said about a map: its step, the caption's sentences, and the table twin.
 */

import { visible } from '../../kit/chips.js';
import { message, messageText } from '../../kit/messages.js';
import { format, number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../map.js').About} About */
/** @typedef {import('../map.js').Near} Near */

/**
 * @param {number | null} step  null is the table as it is now
 * @param {About} of
 */
export function stepName(step, of) {
  if (step === 0) return messageText('map.step.first');
  if (step !== null) return messageText('map.step', { step });
  return of.step === null
    ? messageText('map.step.now')
    : messageText('map.step.learning', { step: of.step });
}

/**
 * What an axis is called.
 * @param {About} of
 * @param {number} axis
 * @param {number} share
 */
export function axisName(of, axis, share) {
  const shown = format(share, { percent: true });
  return axis < of.parting
    ? messageText('map.axis.kinds', { number: axis + 1, share: shown })
    : messageText('map.axis.variance', { number: axis - of.parting + 1, share: shown });
}

/**
 * What the sheet shows of the table, and what it does not.
 * @param {About} of
 * @param {[number, number]} axes
 */
export function captions(of, [x, y]) {
  const share = (/** @type {number} */ axis) => number(of.shares[axis] ?? 0, { percent: true });
  const shown = {
    rows: messageText(of.fitted < of.rows ? 'map.rows.words' : 'map.rows.all', {
      count: of.fitted,
    }),
    across: share(x),
    up: share(y),
  };
  return sentences(
    message('map.points'),
    message('map.shadow', { width: of.width }),
    x < of.parting && y < of.parting
      ? message('map.axes.kinds', shown)
      : x >= of.parting && y >= of.parting
        ? message('map.axes.variance', shown)
        : message('map.axes', shown),
    message('map.flat'),
    message(of.steps.length > 1 ? 'map.play' : 'map.no-steps'),
  );
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
      caption: messageText('map.table.prompt'),
      head: [
        messageText('map.table.token'),
        messageText('map.table.across'),
        messageText('map.table.up'),
      ],
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
            caption: messageText('map.table.nearest', { word: visible(of.pieces[id] ?? '') }),
            head: [messageText('map.table.token'), messageText('map.table.cosine')],
            rows: near.map(({ piece, cosine }) => [visible(piece), number(cosine)]),
          },
        ]),
    {
      caption: messageText('map.table.colours'),
      head: [messageText('map.table.colour'), messageText('map.table.tokens')],
      rows: counts,
    },
  ];
}
