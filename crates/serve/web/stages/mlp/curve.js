/**
 * The curve that bends every hidden unit, with one token's own units on it; in a gated MLP a line from
 * each to what the other branch makes of it.
 */

import { asWide } from '../../kit/as_wide.js';
import { fill, h, svg } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { switched } from '../attend/switched.js';
import { axes, linear, short } from '../logits/plot.js';
import { unitIndex, unitName } from './units.js';

/** @typedef {import('../mlp.js').Layer} Layer */

/**
 * @param {(unit: number) => void} onPick
 */
export function curve(onPick) {
  const place = h('div', { class: 'mlp-plot' });
  const readout = h('p', { class: 'mlp-readout' }, '\u00a0');
  const node = h('div', { class: 'mlp-curve' }, place, readout);
  /** @type {Layer | null} */
  let layer = null;
  let name = '';
  /** @type {number | null} */
  let marked = null;
  /** @type {((unit: number | null) => void) | null} */
  let moveMark = null;

  const again = asWide(place, (width) => (layer ? drawing(layer, width) : null));

  /** @param {Layer} now @param {number} width */
  function drawing({ pre, post, linear: other, answer }, width) {
    const height = Math.max(210, Math.min(width * 0.72, window.innerHeight * 0.32));
    const box = { left: 40, right: width - 8, top: 28, bottom: height - 38 };
    const { curve, bent } = answer;
    const [low, high] = [Number(curve.x[0]), Number(curve.x.at(-1))];
    const ends = reach([...curve.y, ...post]);
    const x = linear([low, high], [box.left, box.right]);
    const y = linear(ends, [box.bottom, box.top]);
    const at = (/** @type {number} */ unit) => ({
      x: x.to(pre[unit] ?? 0),
      on: y.to(bent[unit] ?? 0),
      end: y.to(post[unit] ?? 0),
    });
    const listed = new Set(answer.units.map((unit) => unit.place));
    const every = Array.from(pre, (_, unit) => unit);
    const mark = svg('g', { class: 'mlp-mark' });
    moveMark = (unit) => {
      if (unit === null || unit >= pre.length) return fill(mark);
      const { x: here, on, end } = at(unit);
      fill(
        mark,
        svg('line', { x1: here, x2: here, y1: y.to(0), y2: on, class: 'mlp-rise' }),
        other && svg('line', { x1: here, x2: here, y1: on, y2: end, class: 'mlp-stretch' }),
        svg('circle', { cx: here, cy: on, r: 4 }),
        other && svg('circle', { cx: here, cy: end, r: 4, class: 'is-end' }),
      );
    };
    const nearest = (/** @type {PointerEvent | MouseEvent} */ event) => {
      const frame = picture.getBoundingClientRect();
      const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
      let [best, closest] = [0, Number.POSITIVE_INFINITY];
      for (const unit of every) {
        const { x: here, on, end } = at(unit);
        const far = Math.hypot(here - px, Math.min(Math.abs(on - py), Math.abs(end - py)));
        if (far < closest) [best, closest] = [unit, far];
      }
      return best;
    };
    const picture = svg(
      'svg',
      {
        class: 'mlp-drawing',
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-label': messageText('mlp.curve', { curve: name, count: pre.length }),
        onpointermove: (/** @type {PointerEvent} */ event) => show(nearest(event)),
        onpointerleave: () => show(marked),
        onclick: (/** @type {MouseEvent} */ event) => {
          const unit = nearest(event);
          if (listed.has(unit)) onPick(unit);
        },
      },
      axes({
        x,
        y,
        box,
        xName: messageText('mlp.curve.enters'),
        yName: messageText(other ? 'mlp.curve.leaves.gated' : 'mlp.curve.leaves', { curve: name }),
        xShow: short,
        yShow: short,
      }),
      svg('line', { x1: box.left, x2: box.right, y1: y.to(0), y2: y.to(0), class: 'axis-zero' }),
      svg('line', { x1: x.to(0), x2: x.to(0), y1: box.top, y2: box.bottom, class: 'axis-zero' }),
      other &&
        every.map((unit) => {
          const { x: here, on, end } = at(unit);
          const kind = listed.has(unit) ? 'mlp-stem is-listed' : 'mlp-stem';
          return svg('line', { x1: here, x2: here, y1: on, y2: end, class: kind });
        }),
      svg('polyline', {
        class: 'mlp-line',
        points: curve.x
          .map(
            (value, point) => `${x.to(value).toFixed(1)},${y.to(curve.y[point] ?? 0).toFixed(1)}`,
          )
          .join(' '),
      }),
      every.map((unit) => {
        const { x: here, on } = at(unit);
        return svg('circle', {
          cx: here,
          cy: on,
          r: listed.has(unit) ? 3 : 1.8,
          class: listed.has(unit) ? 'mlp-dot is-listed' : 'mlp-dot',
        });
      }),
      mark,
    );
    // A drawing that is made anew for another width keeps its mark.
    moveMark(marked);
    return picture;
  }

  /** @param {number | null} unit */
  function show(unit) {
    moveMark?.(unit);
    fill(readout, unit === null || !layer ? '\u00a0' : told(layer, unit, name));
  }

  return {
    node,
    /** @param {Layer} now @param {string} called */
    draw(now, called) {
      layer = now;
      name = called;
      again();
    },
    /** Marks a unit until another is pointed at. @param {number | null} unit */
    mark(unit) {
      marked = unit;
      show(unit);
    },
  };
}

/**
 * A unit's way in words and numbers.
 * @param {Layer} layer
 * @param {number} unit
 * @param {string} name
 * @returns {import('../../kit/dom.js').Child[]}
 */
export function told(layer, unit, name) {
  const { pre, post, linear: other, answer, site } = layer;
  const index = unitIndex(layer, unit);
  const factor = answer.factors[unit] ?? 0;
  // Some activations change the other branch too; then the factor is no site's number.
  const isPlain = factor === other?.[unit];
  const bent = answer.bent[unit] ?? 0;
  const way = {
    unit: unitName(layer, unit),
    curve: name,
    enters: number(pre[unit] ?? 0, { site: `${site}.pre`, index }),
    leaves: number(post[unit] ?? 0, { site: `${site}.post`, index }),
  };
  // Where neurons are placed anew for each token, a change is of a place.
  if (switched(layer.of, 'neuron', unit))
    return message('mlp.way.changed', { ...way, bent: number(bent) });
  if (!other) return message('mlp.way', way);
  return message('mlp.way.gated', {
    ...way,
    bent: number(bent),
    factor: number(factor, isPlain ? { site: `${site}.pre_linear`, index } : {}),
  });
}

/** Ends of a scale that hold all numbers and 0. @param {number[]} values @returns {[number, number]} */
function reach(values) {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const air = 0.04 * (high - low || 1);
  return [low - air, high + air];
}
