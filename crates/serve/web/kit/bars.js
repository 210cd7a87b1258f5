/**
 * Numbers as bars one can read off: signed ones from a middle line, others from the left.
 */

import { arrowStep } from './arrows.js';
import { fill, h, svg } from './dom.js';
import { messageText } from './messages.js';
import { format, numberText } from './number.js';

/**
 * @typedef {object} Bar
 * @property {number} value
 * @property {string} [name]
 * @property {string} [site]
 * @property {string} [index]
 * @property {string} [colour]
 * @property {boolean} [picked]
 * @property {number} [before]  what it was without changes: a ghost behind the bar, and a number before its number
 */

/**
 * @typedef {object} BarsOptions
 * @property {number} [max]        the end of the scale (default: the largest)
 * @property {boolean} [signed]
 * @property {number} [digits]
 * @property {boolean} [percent]
 * @property {number} [width]      in pixels (default: as the screen allows)
 * @property {number} [nameWidth]  in pixels
 * @property {number} [rowHeight]
 * @property {(index: number) => void} [onPick]
 * @property {(index: number | null) => void} [onHover]
 */

/**
 * Horizontal bars, one a row, with their names on the left and their numbers on the right.
 * @param {Bar[]} bars
 * @param {BarsOptions} [options]
 */
export function bars(bars, options = {}) {
  const {
    signed = bars.some((bar) => bar.value < 0),
    digits,
    percent,
    nameWidth = 110,
    rowHeight = 22,
    onPick,
    onHover,
  } = options;
  const sizes = bars.flatMap(({ value, before = 0 }) => [Math.abs(value), Math.abs(before)]);
  const max = options.max ?? Math.max(1e-12, ...sizes);
  const hasGhosts = bars.some(({ before }) => before !== undefined);
  // On a narrow screen no wider than it is, or the words would be drawn too small to read.
  const width =
    options.width ?? Math.max(260, Math.min(460, document.documentElement.clientWidth - 32));
  const said = (/** @type {number} */ value) => format(value, { digits, percent });
  // As wide as the longest of them, so that what was before ends before what is.
  const nowWidth = Math.max(64, 7 * Math.max(...bars.map(({ value }) => said(value).length)) + 8);
  const numberWidth = hasGhosts ? nowWidth + 68 : 64;
  const room = width - nameWidth - numberWidth - 12;
  const zero = nameWidth + (signed ? room / 2 : 0);
  const scale = (signed ? room / 2 : room) / max;
  const lengthOf = (/** @type {number} */ value) =>
    Math.min(Math.abs(value) * scale, signed ? room / 2 : room);
  const rows = bars.map((bar, at) => {
    const length = lengthOf(bar.value);
    const { before } = bar;
    const hasMoved = before !== undefined && said(before) !== said(bar.value);
    const y = at * rowHeight;
    const isPicked = bar.picked ? 'is-picked' : '';
    return svg(
      'g',
      {
        class: `bar ${isPicked} ${onPick ? 'can-pick' : ''} ${hasMoved ? 'has-moved' : ''}`,
        ...(onPick
          ? {
              tabindex: '0',
              role: 'button',
              'aria-label': bar.name ?? String(at),
              onclick: () => onPick(at),
              onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(event) && onPick(at),
            }
          : {}),
        ...(onHover
          ? { onpointerenter: () => onHover(at), onpointerleave: () => onHover(null) }
          : {}),
      },
      svg('rect', { class: 'bar-ground', x: 0, y, width, height: rowHeight }),
      svg('text', { class: 'bar-name', x: nameWidth - 8, y: y + rowHeight / 2 }, bar.name ?? ''),
      before === undefined
        ? null
        : svg('rect', {
            class: 'bar-ghost',
            x: before < 0 ? zero - lengthOf(before) : zero,
            y: y + 1.5,
            width: Math.max(lengthOf(before), 0.75),
            height: rowHeight - 3,
          }),
      svg('rect', {
        class: bar.value < 0 ? 'bar-negative' : signed ? 'bar-positive' : 'bar-plain',
        x: bar.value < 0 ? zero - length : zero,
        y: y + (before === undefined ? 3 : 5),
        width: Math.max(length, 0.75),
        height: rowHeight - (before === undefined ? 6 : 10),
        ...(bar.colour ? { style: { fill: bar.colour } } : {}),
      }),
      hasMoved
        ? numberText(before, {
            site: bar.site,
            index: bar.index,
            digits,
            percent,
            isBefore: true,
            class: 'bar-number bar-was',
            x: width - nowWidth - 14,
            y: y + rowHeight / 2,
          })
        : null,
      hasMoved
        ? svg('text', { class: 'bar-arrow', x: width - nowWidth - 7, y: y + rowHeight / 2 }, '→')
        : null,
      numberText(bar.value, {
        site: bar.site,
        index: bar.index,
        digits,
        percent,
        class: 'bar-number',
        x: width - 4,
        y: y + rowHeight / 2,
      }),
    );
  });
  return svg(
    'svg',
    {
      class: 'bars',
      viewBox: `0 0 ${width} ${Math.max(1, bars.length) * rowHeight}`,
      role: onPick ? 'group' : 'img',
      'aria-label': bars
        .map((bar) => `${bar.name ?? ''} ${bar.value.toPrecision(3)}`)
        .slice(0, 12)
        .join(', '),
    },
    signed
      ? svg('line', { class: 'bar-zero', x1: zero, x2: zero, y1: 0, y2: bars.length * rowHeight })
      : null,
    rows,
  );
}

/** Whether a key presses a button. @param {KeyboardEvent} event */
export function pressed(event) {
  if (event.key !== 'Enter' && event.key !== ' ') return false;
  event.preventDefault();
  return true;
}

/**
 * A whole vector as a strip of thin signed bars, with a readout of the one under the pointer or the
 * keyboard's cursor.
 * @param {object} options
 * @param {string} options.name
 * @param {ArrayLike<number>} options.values
 * @param {(dimension: number) => Node | string} options.read  the readout of a dimension
 * @param {number} [options.max]
 * @param {number} [options.height]
 * @param {string} [options.colour]
 * @param {(dimension: number | null) => void} [options.onHover]
 */
export function strip({ name, values, read, max, height = 56, colour, onHover }) {
  const size = values.length;
  const top = max ?? Math.max(1e-12, ...Array.from(values, Math.abs));
  const step = 600 / size;
  const half = height / 2;
  const readout = h('p', { class: 'strip-readout' }, '\u00a0');
  const mark = svg('rect', {
    class: 'strip-mark',
    y: 0,
    width: Math.max(step, 1.5),
    height,
    x: -1000,
  });
  const lines = Array.from(values, (value, at) => {
    const length = Math.min(half, (Math.abs(value) / top) * half);
    return svg('rect', {
      class: value < 0 ? 'bar-negative' : 'bar-positive',
      x: at * step,
      y: value < 0 ? half : half - length,
      width: Math.max(step - (step > 3 ? 1 : 0), 0.5),
      height: Math.max(length, 0.3),
      ...(colour ? { style: { fill: colour } } : {}),
    });
  });
  let cursor = -1;
  /** @param {number} to */
  const move = (to) => {
    cursor = Math.max(0, Math.min(size - 1, to));
    mark.setAttribute('x', String(cursor * step));
    fill(readout, read(cursor));
    onHover?.(cursor);
  };
  const drawing = svg(
    'svg',
    {
      class: 'strip',
      viewBox: `0 0 600 ${height}`,
      preserveAspectRatio: 'none',
      tabindex: '0',
      role: 'application',
      'aria-label': messageText('strip.name', { name, size }),
      onpointermove: (/** @type {PointerEvent} */ event) => {
        const box = drawing.getBoundingClientRect();
        move(Math.floor(((event.clientX - box.left) / box.width) * size));
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const step = arrowStep(event);
        if (step?.[0]) move(cursor + step[0]);
      },
    },
    mark,
    svg('line', { class: 'bar-zero', x1: 0, x2: 600, y1: half, y2: half }),
    lines,
  );
  return h('div', { class: 'strip-whole' }, drawing, readout);
}
