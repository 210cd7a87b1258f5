/** Axes, for drawings that have a horizontal and a vertical scale. */

import { svg } from '../../kit/dom.js';

/**
 * @typedef {object} Scale
 * @property {(value: number) => number} to  from a value to a place
 * @property {number[]} ticks
 */

/**
 * A scale from low to high values over some places.
 * @param {[number, number]} values
 * @param {[number, number]} places
 * @param {number} [most]  ticks at most
 * @returns {Scale}
 */
export function linear([low, high], [from, to], most = 6) {
  const factor = (to - from) / (high - low || 1);
  const rough = (high - low) / most;
  const ten = 10 ** Math.floor(Math.log10(rough || 1));
  const step = ten * ([1, 2, 5, 10].find((of) => of * ten >= rough) ?? 10);
  const ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high + 1e-9; at += 1) ticks.push(at * step);
  return { to: (value) => from + (value - low) * factor, ticks };
}

/**
 * A scale on which equal steps are equal factors.
 * @param {[number, number]} values  both above 0
 * @param {[number, number]} places
 * @returns {Scale}
 */
export function logarithmic([low, high], [from, to]) {
  const [first, last] = [Math.log10(low), Math.log10(high)];
  const factor = (to - from) / (last - first || 1);
  const ticks = [];
  const room = Math.abs(to - from) / Math.max(1, last - first);
  const step = Math.max(1, Math.ceil(34 / room));
  for (let at = Math.ceil(first - 1e-9); at <= last + 1e-9; at += step) ticks.push(10 ** at);
  return {
    to: (value) => from + (Math.log10(Math.max(value, low)) - first) * factor,
    ticks,
  };
}

/**
 * Ticks and names of both axes.
 * @param {object} options
 * @param {Scale} options.x
 * @param {Scale} options.y
 * @param {{left: number, right: number, top: number, bottom: number}} options.box
 * @param {string} options.xName
 * @param {string} options.yName
 * @param {(value: number) => string} [options.xShow]
 * @param {(value: number) => string} [options.yShow]
 */
export function axes({ x, y, box, xName, yName, xShow = String, yShow = String }) {
  const { left, right, top, bottom } = box;
  return svg(
    'g',
    { class: 'axes', 'aria-hidden': 'true' },
    x.ticks.flatMap((tick) => [
      svg('line', { x1: x.to(tick), x2: x.to(tick), y1: top, y2: bottom, class: 'axis-line' }),
      svg('text', { x: x.to(tick), y: bottom + 15, class: 'axis-tick is-x' }, xShow(tick)),
    ]),
    y.ticks.flatMap((tick) => [
      svg('line', { x1: left, x2: right, y1: y.to(tick), y2: y.to(tick), class: 'axis-line' }),
      svg('text', { x: left - 6, y: y.to(tick), class: 'axis-tick is-y' }, yShow(tick)),
    ]),
    svg('text', { x: right, y: bottom + 31, class: 'axis-name is-x' }, xName),
    svg('text', { x: left, y: 14, class: 'axis-name is-y' }, yName),
  );
}

/** A tick without needless digits. @param {number} value */
export function short(value) {
  return String(Number(value.toPrecision(6))).replace('-', '−');
}
