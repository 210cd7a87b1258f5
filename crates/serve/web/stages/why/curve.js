/** Two curves over how many are switched off: the predicted change of a logit, and the real one. */

import { asWide } from '../../kit/as_wide.js';
import { pressed } from '../../kit/bars.js';
import { h, svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { format } from '../../kit/number.js';
import { linear, short } from '../logits/plot.js';
import { DIGITS } from './captions.js';

/** @typedef {import('./answer.js').CheckPoint} CheckPoint */

const HEIGHT = 224;

/**
 * @param {object} handlers
 * @param {(off: number) => void} handlers.onPick
 */
export function curve({ onPick }) {
  const node = h('div', { class: 'faithfulness-plot' });
  /** @type {{check: CheckPoint[], point: CheckPoint | null}} */
  let now = { check: [], point: null };
  const again = asWide(node, (width) => (now.check.length ? drawing(width) : null));

  /** @param {number} width */
  function drawing(width) {
    const { check, point } = now;
    const box = { left: 44, right: width - 84, top: 22, bottom: HEIGHT - 38 };
    const all = [0, ...check.flatMap(({ predicted, real }) => [predicted, real])];
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const margin = 0.06 * (high - low || 1);
    const ends = [low - (low < 0 ? margin : 0), high + (high > 0 ? margin : 0)];
    const y = linear(/** @type {[number, number]} */ (ends), [box.bottom, box.top], 5);
    // One, two, four and eight stand as far apart: each doubles the one before.
    const x = (/** @type {number} */ at) =>
      box.left + ((box.right - box.left) * at) / Math.max(1, check.length);
    const line = (/** @type {'predicted' | 'real'} */ of) =>
      [[x(0), y.to(0)], ...check.map((point, at) => [x(at + 1), y.to(point[of])])]
        .map((place) => place.map((part) => (part ?? 0).toFixed(1)).join(','))
        .join(' ');
    const told = point ? check.indexOf(point) : -1;
    const last = check.at(-1);
    // Names of lines that end together are kept apart.
    const [predictedY, realY] = last ? [y.to(last.predicted), y.to(last.real)] : [0, 0];
    const push = Math.max(0, (15 - Math.abs(predictedY - realY)) / 2);
    const sign = predictedY < realY ? -1 : 1;
    return svg(
      'svg',
      {
        width,
        height: HEIGHT,
        viewBox: `0 0 ${width} ${HEIGHT}`,
        role: 'group',
        'data-roving': '',
        'aria-label': messageText('faithfulness.curve'),
      },
      told < 0
        ? null
        : svg('rect', {
            class: 'faithfulness-told',
            x: x(told + 1) - 16,
            y: box.top - 8,
            width: 32,
            height: box.bottom - box.top + 26,
          }),
      y.ticks.flatMap((tick) => [
        svg('line', {
          x1: box.left,
          x2: box.right,
          y1: y.to(tick),
          y2: y.to(tick),
          class: Math.abs(tick) < 1e-9 ? 'axis-zero' : 'axis-line',
        }),
        svg('text', { x: box.left - 6, y: y.to(tick), class: 'axis-tick is-y' }, short(tick)),
      ]),
      [0, ...check.map(({ off }) => off)].map((off, at) =>
        svg('text', { x: x(at), y: box.bottom + 15, class: 'axis-tick is-x' }, String(off)),
      ),
      svg(
        'text',
        { x: box.right, y: box.bottom + 31, class: 'axis-name is-x' },
        messageText('faithfulness.off'),
      ),
      svg('text', { x: 0, y: 12, class: 'axis-name is-y' }, messageText('faithfulness.change')),
      svg('polyline', { class: 'faithfulness-line is-predicted', points: line('predicted') }),
      svg('polyline', { class: 'faithfulness-line', points: line('real') }),
      check.map((of, at) => {
        const isTold = of === point;
        return svg(
          'g',
          {
            class: `faithfulness-point ${isTold ? 'is-told' : ''}`,
            tabindex: '0',
            role: 'button',
            'aria-pressed': String(isTold),
            'aria-label': messageText('faithfulness.point', {
              off: of.off,
              predicted: format(of.predicted, { digits: DIGITS, sign: true }),
              real: format(of.real, { digits: DIGITS, sign: true }),
            }),
            onclick: () => onPick(of.off),
            onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(event) && onPick(of.off),
          },
          svg('rect', {
            class: 'faithfulness-reach',
            x: x(at + 1) - 16,
            y: box.top - 8,
            width: 32,
            height: box.bottom - box.top + 26,
          }),
          svg('line', {
            class: 'faithfulness-gap',
            x1: x(at + 1),
            x2: x(at + 1),
            y1: y.to(of.predicted),
            y2: y.to(of.real),
          }),
          svg('circle', {
            class: 'faithfulness-predicted',
            cx: x(at + 1),
            cy: y.to(of.predicted),
            r: 4.5,
          }),
          svg('circle', { class: 'faithfulness-real', cx: x(at + 1), cy: y.to(of.real), r: 4.5 }),
        );
      }),
      svg(
        'text',
        { class: 'faithfulness-name is-predicted', x: box.right + 10, y: predictedY + sign * push },
        messageText('faithfulness.predicted'),
      ),
      svg(
        'text',
        { class: 'faithfulness-name', x: box.right + 10, y: realY - sign * push },
        messageText('faithfulness.real'),
      ),
    );
  }

  return {
    node,
    /** @param {CheckPoint[]} check @param {CheckPoint | null} point */
    draw(check, point) {
      now = { check, point };
      again();
    },
  };
}
