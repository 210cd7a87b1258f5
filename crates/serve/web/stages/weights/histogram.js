/** How the weights of a matrix are spread, with the one that is read marked. */

import { fill, h, svg } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { format, number } from '../../kit/number.js';

/** @typedef {import('../weights.js').Answer} Answer */

const [WIDE, TALL, FOOT] = [250, 64, 16];

export function histogram() {
  const label = h('p', { class: 'weights-label' });
  const place = h('div');
  const mark = svg('line', { class: 'weights-mark', y1: 0, y2: TALL, x1: -9, x2: -9 });
  const node = h('div', null, label, place);
  /** @type {Answer['histogram'] | null} */
  let shown = null;
  return {
    node,
    /** @param {Answer} answer */
    draw({ histogram, rows, columns }) {
      shown = histogram;
      const { from, to, counts, mean, deviation } = histogram;
      fill(
        label,
        message('weights.spread', {
          count: rows * columns,
          mean: number(mean, { digits: 4 }),
          deviation: number(deviation),
        }),
      );
      const most = Math.max(1, ...counts);
      const thin = WIDE / counts.length;
      fill(
        place,
        svg(
          'svg',
          {
            class: 'weights-spread',
            viewBox: `0 0 ${WIDE} ${TALL + FOOT}`,
            width: WIDE,
            height: TALL + FOOT,
            role: 'img',
            'aria-label': messageText('weights.spread.drawing', {
              from: format(from),
              to: format(to),
              bins: counts.length,
            }),
          },
          counts.map((weights, bin) => {
            // What is there at all is seen.
            const tall = weights === 0 ? 0 : Math.max(0.75, (weights / most) * (TALL - 2));
            return svg('rect', { x: bin * thin, y: TALL - tall, width: thin - 0.5, height: tall });
          }),
          svg('line', { class: 'bar-zero', x1: 0, x2: WIDE, y1: TALL, y2: TALL }),
          mark,
          svg('text', { class: 'number', x: 0, y: TALL + 13 }, format(from)),
          svg('text', { class: 'number is-end', x: WIDE, y: TALL + 13 }, format(to)),
        ),
      );
    },
    /** @param {number} weight */
    mark(weight) {
      if (!shown) return;
      const { from, to } = shown;
      const x = to > from ? ((weight - from) / (to - from)) * WIDE : WIDE / 2;
      for (const end of ['x1', 'x2']) mark.setAttribute(end, x.toFixed(1));
    },
  };
}
