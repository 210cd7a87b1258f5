/**
 * A grid of layers by tokens, or by heads: above it the words of the first text, below those of the second.
 * A cell is chosen by a click, by keys, or by dragging it from the grid into the second text.
 */

import { arrowStep, moved } from '../../kit/arrows.js';
import { asWide } from '../../kit/as_wide.js';
import { readable, signed } from '../../kit/colour.js';
import { fill, h, sideways, svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { hoverToken } from '../../kit/state.js';

/**
 * @typedef {object} Grid
 * @property {number} rows
 * @property {number} columns
 * @property {number[]} values    row by row
 * @property {number} max         the end of the scale
 * @property {string[]} above     a word for each column
 * @property {string[]} below     the same of the second text; empty where columns are heads
 * @property {[number, number]} picked
 * @property {(row: number, column: number) => string} describe
 */

/** Pixels of a cell: the least and the most, and from where on its number stands in it. */
const [THIN, WIDE, LOW, TALL] = [22, 92, 9, 34];
const [NUMBER_WIDTH, NUMBER_HEIGHT] = [30, 17];
/** Pixels of all rows together, at most; and so many letters of a word stand upright. */
const [ROWS, ROWS_NARROW] = [270, 216];
const LETTER = 7.6;
/** Where a row's name is its number alone. */
const NARROW = 480;
/** Pixels that a pointer moves before it drags. */
const DRAGS = 6;

/**
 * @param {object} handlers
 * @param {string} handlers.name
 * @param {(row: number, column: number) => void} handlers.onPick
 */
export function grid({ name, onPick }) {
  const place = h('div', { class: 'sweep-place' });
  const spoken = h('span', { class: 'spoken', 'aria-live': 'polite' });
  const node = h('div', { class: 'sweep-grid' }, place, spoken);
  sideways(place);
  /** @type {Grid | null} */
  let now = null;
  /** @type {[number, number] | null} */
  let cursor = null;
  let geometry = { left: 0, top: 0, wide: 1, tall: 1 };
  const again = asWide(place, (width) => (now ? drawing(now, width) : null));
  document.addEventListener('lookback-theme', () => again());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => again());

  /** @param {Grid} grid @param {number} width */
  function drawing(grid, width) {
    const { rows, columns, values, max, above, below, picked } = grid;
    const isNarrow = width < NARROW;
    const named = (/** @type {number} */ row) =>
      isNarrow ? String(row) : messageText('common.layer', { layer: row });
    const left = isNarrow ? 24 : 8 + LETTER * named(rows - 1).length;
    const wide = Math.max(THIN, Math.min(WIDE, (width - left - 14) / columns));
    const tall = Math.max(LOW, Math.min(TALL, (isNarrow ? ROWS_NARROW : ROWS) / rows));
    const longest = Math.max(...[...above, ...below].map((text) => text.length));
    // Words that are wider than their column lean.
    const leans = longest * LETTER > wide;
    const label = leans ? Math.min(66, 12 + 0.72 * LETTER * longest) : 22;
    const [top, bottom] = [label, label + tall * rows];
    geometry = { left, top, wide, tall };
    const height = bottom + (below.length ? label : 4);
    const isNumbered = wide >= NUMBER_WIDTH && tall >= NUMBER_HEIGHT;
    const cell = (/** @type {number} */ row, /** @type {number} */ column) => {
      const value = values[row * columns + column] ?? 0;
      const colour = signed(value, max);
      const [x, y] = [left + column * wide, top + row * tall];
      return [
        svg('rect', {
          class: 'sweep-cell',
          x,
          y,
          width: wide - 1,
          height: tall - (tall > 12 ? 1 : 0),
          style: { fill: colour },
        }),
        isNumbered
          ? svg(
              'text',
              {
                class: 'sweep-number',
                x: x + (wide - 1) / 2,
                y: y + tall / 2,
                // A number near nothing steps back.
                style: { fill: Math.abs(value) < 0.005 ? 'var(--quiet)' : readable(colour) },
              },
              String(Math.round(100 * value)).replace('-', '−'),
            )
          : null,
      ];
    };
    const words = (/** @type {string[]} */ texts, /** @type {boolean} */ isAbove) =>
      texts.map((text, at) => {
        const [x, y] = [left + (at + 0.5) * wide, isAbove ? top - 8 : bottom + 10];
        const isOther = below.length > 0 && above[at] !== below[at];
        return svg(
          'text',
          {
            class: `sweep-word ${isOther ? 'is-other' : ''} ${leans ? 'leans' : ''}`,
            x,
            y,
            'text-anchor': leans ? (isAbove ? 'start' : 'end') : 'middle',
            ...(leans ? { transform: `rotate(-42 ${x} ${y})` } : {}),
          },
          text,
        );
      });
    const frame = (/** @type {[number, number] | null} */ at, /** @type {string} */ kind) =>
      at
        ? svg('rect', {
            class: kind,
            x: left + at[1] * wide,
            y: top + at[0] * tall,
            width: wide - 1,
            height: Math.max(3, tall - 1),
          })
        : null;
    const ghost = svg('g', { class: 'sweep-ghost' });
    const every = Math.max(1, Math.ceil(14 / tall));
    return svg(
      'svg',
      {
        width: left + wide * columns + 14,
        height,
        viewBox: `0 0 ${left + wide * columns + 14} ${height}`,
        tabindex: '0',
        role: 'application',
        'aria-roledescription': messageText('sweep.grid.role'),
        'aria-label': messageText('sweep.grid.name', { name }),
        onpointerdown: (/** @type {PointerEvent} */ event) => begin(event, ghost),
        onpointermove: (/** @type {PointerEvent} */ event) => {
          if (!drag) hoverToken(below.length ? (cellAt(event)?.[1] ?? null) : null);
        },
        onpointerleave: () => hoverToken(null),
        onkeydown: keys,
      },
      Array.from({ length: rows }, (_, row) =>
        row % every === 0
          ? svg(
              'text',
              { class: 'sweep-row', x: left - 6, y: top + (row + 0.5) * tall },
              named(row),
            )
          : null,
      ),
      Array.from({ length: rows }, (_, row) =>
        Array.from({ length: columns }, (_, column) => cell(row, column)),
      ).flat(2),
      words(above, true),
      words(below, false),
      frame(picked, 'sweep-picked'),
      frame(cursor, 'sweep-cursor'),
      ghost,
    );
  }

  /** @param {MouseEvent} event @returns {[number, number] | null} */
  function cellAt(event) {
    const picture = place.querySelector('svg');
    if (!picture || !now) return null;
    const box = picture.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - geometry.left) / geometry.wide);
    const row = Math.floor((event.clientY - box.top - geometry.top) / geometry.tall);
    const isIn = row >= 0 && column >= 0 && row < now.rows && column < now.columns;
    return isIn ? [row, column] : null;
  }

  /** @type {{x: number, y: number, cell: [number, number]} | null} */
  let drag = null;

  /** @param {PointerEvent} event @param {SVGGElement} ghost */
  function begin(event, ghost) {
    const cell = cellAt(event);
    if (!cell || event.button !== 0) return;
    const own = { x: event.clientX, y: event.clientY, cell };
    drag = own;
    let isMoved = false;
    const move = (/** @type {PointerEvent} */ event) => {
      const picture = place.querySelector('svg');
      if (!picture) return;
      isMoved ||= Math.hypot(event.clientX - own.x, event.clientY - own.y) > DRAGS;
      if (!isMoved || event.pointerType === 'touch') return;
      const box = picture.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const value = now?.values[own.cell[0] * now.columns + own.cell[1]] ?? 0;
      const { wide, tall } = geometry;
      fill(
        ghost,
        svg('rect', {
          x: x - wide / 2,
          y: y - tall / 2,
          width: wide,
          height: Math.max(12, tall),
          style: { fill: signed(value, now?.max ?? 1) },
        }),
      );
    };
    const end = (/** @type {PointerEvent} */ event) => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', end);
      window.removeEventListener('pointercancel', end);
      drag = null;
      fill(ghost);
      // What was dragged is dropped into the second text; a touch that moved has scrolled.
      const isScroll = isMoved && event.pointerType === 'touch';
      if (event.type === 'pointerup' && !isScroll) onPick(own.cell[0], own.cell[1]);
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    if (!now) return;
    const step = arrowStep(event);
    if (step) {
      const [row, column] = cursor ?? now.picked;
      cursor = [moved(row, step[1], now.rows), moved(column, step[0], now.columns)];
      spoken.textContent = now.describe(cursor[0], cursor[1]);
      keepFocus();
    } else if ((event.key === 'Enter' || event.key === ' ') && cursor) {
      event.preventDefault();
      onPick(cursor[0], cursor[1]);
    }
  }

  /** Draws anew; who had the focus has it again. */
  function keepFocus() {
    const had = place.contains(document.activeElement);
    again();
    if (had)
      /** @type {SVGElement | null} */ (place.querySelector('svg'))?.focus({ preventScroll: true });
  }

  return {
    node,
    /** @param {Grid} grid */
    draw(grid) {
      if (cursor && (cursor[0] >= grid.rows || cursor[1] >= grid.columns)) cursor = null;
      now = grid;
      keepFocus();
    },
  };
}
