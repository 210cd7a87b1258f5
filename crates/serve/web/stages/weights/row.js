/**
 * One row at work: what it reads, its weights, their products and the sum so far, a line of bars for each,
 * column below column.
 */

import { arrowStep, moved } from '../../kit/arrows.js';
import { asWide } from '../../kit/as_wide.js';
import { fill, h, svg } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { format, number, numberText } from '../../kit/number.js';
import { inputIndex, standsAtItsSite } from './words.js';

/** @typedef {import('../weights.js').Shown} Shown */

/** A band's height, the room between two, and that for names and for the result. */
const [BAND, GAP, LEFT, RIGHT] = [46, 8, 92, 64];

/** @param {(column: number) => void} onColumn */
export function rowAtWork(onColumn) {
  const place = h('div', { class: 'weights-bands' });
  const readout = h('p', { class: 'weights-readout', 'aria-live': 'polite' }, '\u00a0');
  const label = h('p', { class: 'weights-label' }, message('weights.row.label'));
  const node = h('div', { class: 'weights-work' }, label, place, readout);
  /** @type {Shown | null} */
  let shown = null;
  let column = 0;
  /** @type {() => void} */
  let moveMark = () => {};
  const again = asWide(place, (width) => (shown ? drawing(shown, width) : null));

  /** @param {Shown} now @param {number} width */
  function drawing({ answer }, width) {
    const { columns, input, weights, products, sums, result, output } = answer;
    const room = width - LEFT - RIGHT;
    const step = room / columns;
    const x = (/** @type {number} */ column) => LEFT + (column + 0.5) * step;
    const top = (/** @type {number} */ band) => band * (BAND + GAP);
    const tall = top(3) + BAND + 4;
    const mark = svg('line', { class: 'weights-mark', y1: 0, y2: tall });
    const done = svg('path', { class: 'weights-sum' });
    const dot = svg('circle', { class: 'weights-dot', r: 3 });
    const bands = /** @type {const} */ ([
      ['weights.band.input', input.values],
      ['weights.band.weight', weights],
      ['weights.band.product', products],
    ]);
    const [low, high] = [Math.min(0, result, ...sums), Math.max(0, result, ...sums)];
    const y = (/** @type {number} */ sum) =>
      top(3) + 3 + ((high - sum) / (high - low || 1)) * (BAND - 6);
    const line = (/** @type {number} */ last) =>
      `M${LEFT} ${y(0).toFixed(1)}${sums
        .slice(0, last + 1)
        .map((sum, at) => `L${x(at).toFixed(1)} ${y(sum).toFixed(1)}`)
        .join('')}`;
    moveMark = () => {
      for (const end of ['x1', 'x2']) mark.setAttribute(end, x(column).toFixed(1));
      done.setAttribute('d', line(column));
      dot.setAttribute('cx', x(column).toFixed(1));
      dot.setAttribute('cy', y(sums[column] ?? 0).toFixed(1));
    };
    moveMark();
    const isSite = output !== null && standsAtItsSite(answer);
    const node = svg(
      'svg',
      {
        class: 'weights-drawing',
        viewBox: `0 0 ${width} ${tall}`,
        width,
        height: tall,
        tabindex: '0',
        role: 'application',
        'aria-label': messageText('weights.bands', { columns }),
        onclick: point,
        onpointermove: (/** @type {PointerEvent} */ event) => {
          if (event.buttons || event.pointerType === 'mouse') point(event);
        },
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          const step = arrowStep(event);
          if (step?.[0]) onColumn(moved(column, step[0], columns));
        },
      },
      bands.map(([id, values], band) => {
        const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
        const ground = top(band) + BAND / 2;
        const bars = (/** @type {number} */ sign) =>
          values
            .map((value, at) =>
              value * sign > 0
                ? `M${x(at).toFixed(1)} ${ground}V${(ground - (value / most) * (BAND / 2)).toFixed(1)}`
                : '',
            )
            .join('');
        const thick = Math.max(0.6, Math.min(10, step * 0.75));
        return svg(
          'g',
          null,
          svg('text', { class: 'weights-name', x: 0, y: ground - 3 }, message(id)),
          svg('text', { class: 'number weights-end', x: 0, y: ground + 12 }, `±${size(most)}`),
          svg('line', { class: 'bar-zero', x1: LEFT, x2: LEFT + room, y1: ground, y2: ground }),
          svg('path', { class: 'weights-up', 'stroke-width': thick, d: bars(1) }),
          svg('path', { class: 'weights-down', 'stroke-width': thick, d: bars(-1) }),
        );
      }),
      svg(
        'text',
        { class: 'weights-name', x: 0, y: top(3) + BAND / 2 + 4 },
        message('weights.band.sum'),
      ),
      svg('line', { class: 'bar-zero', x1: LEFT, x2: LEFT + room, y1: y(0), y2: y(0) }),
      svg('path', { class: 'weights-sum is-coming', d: line(columns - 1) }),
      done,
      mark,
      dot,
      numberText(result, {
        ...(isSite ? { site: output.site, index: output.index } : {}),
        class: 'weights-result',
        x: LEFT + room + 6,
        y: y(sums.at(-1) ?? 0) + 4,
      }),
    );
    /** @param {MouseEvent} event */
    function point(event) {
      const box = node.getBoundingClientRect();
      const at = (event.clientX - box.left - LEFT) / step;
      if (at >= 0 && at < columns && Math.floor(at) !== column) onColumn(Math.floor(at));
    }
    return node;
  }

  return {
    node,
    /** @param {Shown} now */
    draw(now) {
      shown = now;
      const hadFocus = place.contains(document.activeElement);
      again();
      if (hadFocus)
        /** @type {SVGElement | null} */ (place.firstElementChild)?.focus({ preventScroll: true });
    },
    /** @param {number} to */
    mark(to) {
      if (!shown) return;
      column = to;
      moveMark();
      const { input, weights, products, sums } = shown.answer;
      fill(
        readout,
        message('weights.readout', {
          column,
          input: number(input.values[column] ?? 0, {
            site: input.site,
            index: inputIndex(shown, column),
            digits: 4,
          }),
          weight: number(weights[column] ?? 0, { digits: 4 }),
          product: number(products[column] ?? 0, { digits: 4 }),
          sum: number(sums[column] ?? 0, { digits: 4 }),
        }),
      );
    },
  };
}

/** The end of a scale, in few digits. @param {number} value */
function size(value) {
  return value < 100 ? String(Number(value.toPrecision(2))) : format(value, { digits: 0 });
}
