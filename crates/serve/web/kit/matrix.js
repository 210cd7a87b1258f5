/**
 * A matrix on a canvas: colours for values, hatching for what does not exist, a cursor for pointer and
 * keyboard. Large ones are panned and zoomed, never shrunk to dust.
 */

import { arrowStep, moved } from './arrows.js';
import { cellDrag } from './cell_drag.js';
import { ghost, hatch, heaviest, isSame, largest, shorten } from './cells.js';
import { legend, named, readable, signed, weight } from './colour.js';
import { fill, h } from './dom.js';
import { messageText } from './messages.js';
import { format } from './number.js';

/**
 * @typedef {object} Picture
 * @property {number} rows
 * @property {number} columns
 * @property {(row: number, column: number) => number} value
 * @property {(row: number, column: number) => number} [before]  what it was without changes: a frame around what moved
 * @property {(row: number, column: number) => boolean} [masked]  hatched: it does not exist
 * @property {'signed' | 'weights'} scale
 * @property {number} [max]           the end of a signed scale (default: the largest that is shown)
 * @property {string[]} [rowLabels]
 * @property {string[]} [columnLabels]
 * @property {[number, number] | null} [picked]
 * @property {number | null} [markedRow]
 * @property {boolean} [numbers]      writes values into cells where they fit
 */

/**
 * @typedef {object} Handlers
 * @property {string} name            what a screen reader calls it
 * @property {(row: number, column: number) => void} [onPick]
 * @property {(cell: [number, number] | null) => void} [onHover]
 * @property {(steps: number) => void} [onDrag]  the picked cell is dragged so many steps up from where it was
 * @property {() => void} [onDragBegin]
 * @property {(row: number, column: number) => string} [describe]  a cell in words, for the keyboard
 * @property {number} [tallest]       pixels of its height, at most
 */

/** Cells smaller than this are not drawn; smaller than the second only where somebody zooms out, since no names fit beside them. */
const [SMALLEST, NAMED] = [4, 11];
const LARGEST = 104;
/** Pixels of a matrix's height, at most, and the share of the screen's that it takes. */
const [TALLEST, SHARE, NARROW_SHARE, LOW_SHARE] = [480, 0.58, 0.365, 0.24];

/** Of the screen's height: less on a phone, and again on a low one. */
const share = () => {
  if (window.innerWidth >= 640) return SHARE;
  return window.innerHeight < 800 ? LOW_SHARE : NARROW_SHARE;
};
/** Columns from which on each row of weights has a scale of its own. */
const MANY = 24;

/** The share of the scale by which a cell has to differ to count as moved. */
const MOVED = 0.03;

/**
 * @param {Handlers} handlers
 */
export function matrix({
  name,
  onPick,
  onHover,
  onDrag,
  onDragBegin,
  describe,
  tallest = TALLEST,
}) {
  const canvas = h('canvas', {
    class: 'matrix-canvas',
    tabindex: '0',
    role: 'application',
    'aria-roledescription': messageText('matrix.role'),
    'aria-label': messageText('matrix.name', { name }),
  });
  const spoken = h('span', { class: 'spoken', 'aria-live': 'polite' });
  const key = h('div', { class: 'matrix-legend' });
  const zoomed = h('span', { class: 'matrix-tools' });
  const stand = h('span', { class: 'matrix-stand' });
  const node = h(
    'div',
    { class: 'matrix' },
    canvas,
    h('div', { class: 'matrix-under' }, key, stand, zoomed),
    spoken,
  );
  const holder = h('div', { class: 'matrix-holder' }, node);
  /** @type {Picture | null} */
  let picture = null;
  /** @type {[number, number] | null} */
  let cursor = null;
  // The corner that is seen and the size of a cell, in CSS pixels; 0 fits the whole matrix.
  const view = { x: 0, y: 0, cell: 0 };
  /** Whether the picked cell is to be brought to the middle when there is room to draw in. */
  let isLost = false;
  let geometry = { left: 0, top: 0, right: 0, cell: 10, width: 0, height: 0 };

  const plus = h(
    'button',
    {
      type: 'button',
      class: 'plain',
      'aria-label': messageText('matrix.zoom-in', { name }),
      onclick: () => zoom(1.5),
    },
    '+',
  );
  const minus = h(
    'button',
    {
      type: 'button',
      class: 'plain',
      'aria-label': messageText('matrix.zoom-out', { name }),
      onclick: () => zoom(1 / 1.5),
    },
    '−',
  );
  const whole = h(
    'button',
    {
      type: 'button',
      class: 'plain',
      'aria-label': messageText('matrix.larger-name', { name }),
      onclick: () => fullScreen(),
    },
    messageText('matrix.larger'),
  );

  function fullScreen() {
    // Its place in the page stays as tall as it was.
    const tall = node.offsetHeight;
    const isFull = node.classList.toggle('fills-screen');
    holder.style.minHeight = isFull ? `${tall}px` : '';
    isLost = true;
    whole.textContent = messageText(isFull ? 'matrix.close' : 'matrix.larger');
    whole.setAttribute(
      'aria-label',
      messageText(isFull ? 'matrix.close-name' : 'matrix.larger-name', { name }),
    );
    draw();
  }

  /** @param {Picture} now */
  function measure(now) {
    const small = node.clientWidth < 480;
    node.classList.toggle('is-small', small);
    const longest = (/** @type {string[] | undefined} */ labels) =>
      Math.max(0, ...(labels ?? []).map((label) => Math.min(label.length, 12)));
    // The last column's label leans over the edge.
    const right = now.columnLabels ? Math.min(48, 4 + 4 * longest(now.columnLabels)) : 2;
    const left = Math.min(small ? 72 : 104, 12 + 7 * longest(now.rowLabels));
    const top = Math.min(84, 10 + 6 * longest(now.columnLabels));
    const room = Math.max(40, node.clientWidth - left - right);
    const tall = node.classList.contains('fills-screen')
      ? window.innerHeight - 120 - top
      : Math.min(tallest, Math.max(190, window.innerHeight * share())) - top;
    const fitting = Math.min(LARGEST, room / now.columns, tall / now.rows);
    const cell = view.cell > 0 ? view.cell : Math.max(NAMED, Math.floor(fitting * 2) / 2);
    const width = Math.min(room, cell * now.columns);
    const height = Math.min(tall, cell * now.rows);
    geometry = { left, top, right, cell, width, height };
    if (isLost && now.picked) {
      view.x = (now.picked[1] + 0.5) * cell - width / 2;
      view.y = (now.picked[0] + 0.5) * cell - height / 2;
    }
    isLost = false;
    view.x = Math.max(0, Math.min(view.x, cell * now.columns - width));
    view.y = Math.max(0, Math.min(view.y, cell * now.rows - height));
  }

  function draw() {
    if (!picture || node.clientWidth === 0) return;
    const now = picture;
    measure(now);
    const { left, top, right, cell, width, height } = geometry;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round((left + width + right) * ratio);
    canvas.height = Math.round((top + height + 2) * ratio);
    canvas.style.width = `${left + width + right}px`;
    canvas.style.height = `${top + height + 2}px`;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    pen.scale(ratio, ratio);
    const [firstRow, firstColumn] = [Math.floor(view.y / cell), Math.floor(view.x / cell)];
    const lastRow = Math.min(now.rows, Math.ceil((view.y + height) / cell));
    const lastColumn = Math.min(now.columns, Math.ceil((view.x + width) / cell));
    const max = now.max ?? largest(now);
    // Of many weights each is small, and on one scale for all rows most rows would be blank.
    const isLong = now.scale === 'weights' && now.columns > MANY;
    const styles = getComputedStyle(node);
    const line = styles.getPropertyValue('--line');
    const ink = styles.getPropertyValue('--ink');

    pen.save();
    pen.beginPath();
    pen.rect(left, top, width + 1, height + 1);
    pen.clip();
    const gap = cell >= 14 ? 1 : 0;
    for (let row = firstRow; row < lastRow; row += 1) {
      const most = isLong ? heaviest(now, row) : 1;
      for (let column = firstColumn; column < lastColumn; column += 1) {
        const [x, y] = [left + column * cell - view.x, top + row * cell - view.y];
        if (now.masked?.(row, column)) {
          hatch(pen, x, y, cell - gap, line);
          continue;
        }
        const value = now.value(row, column);
        const colourOf = (/** @type {number} */ value) =>
          now.scale === 'signed' ? signed(value, max) : weight(value / most);
        const colour = colourOf(value);
        const was = now.before?.(row, column);
        pen.fillStyle = colour;
        pen.fillRect(x, y, cell - gap, cell - gap);
        if (was !== undefined && Math.abs(was - value) > MOVED * (isLong ? most : max))
          ghost(pen, x, y, cell - gap, colourOf(was), colour);
        if (now.scale === 'weights' && value < 0.04 && cell >= 10) {
          // A weight near nothing exists all the same: it keeps an edge.
          pen.strokeStyle = line;
          pen.strokeRect(x + 0.5, y + 0.5, cell - gap - 1, cell - gap - 1);
        }
        if (now.numbers && cell >= 38) {
          pen.fillStyle = readable(colour);
          pen.font = `${cell >= 64 ? 14 : 11}px ${styles.getPropertyValue('--mono')}`;
          pen.textAlign = 'center';
          pen.textBaseline = 'middle';
          pen.fillText(format(value, { digits: 2 }), x + (cell - gap) / 2, y + (cell - gap) / 2);
        }
      }
    }
    frame(pen, now.picked ?? null, `rgb(${named('accent').join(' ')})`, 2);
    frame(pen, cursor, ink, 1.5);
    pen.restore();

    pen.fillStyle = styles.getPropertyValue('--quiet');
    pen.font = `${Math.min(13, Math.max(10, cell - 2))}px ${styles.getPropertyValue('--sans')}`;
    pen.textBaseline = 'middle';
    if (now.rowLabels && cell >= NAMED - 0.5) {
      pen.textAlign = 'right';
      for (let row = firstRow; row < lastRow; row += 1) {
        pen.fillStyle =
          row === now.markedRow || row === cursor?.[0] ? ink : styles.getPropertyValue('--quiet');
        const y = top + (row + 0.5) * cell - view.y;
        if (y > top && y < top + height)
          pen.fillText(shorten(now.rowLabels[row] ?? ''), left - 6, y);
      }
    }
    if (now.columnLabels && cell >= NAMED - 0.5) {
      pen.textAlign = 'left';
      for (let column = firstColumn; column < lastColumn; column += 1) {
        const x = left + (column + 0.5) * cell - view.x;
        if (x < left || x > left + width) continue;
        pen.fillStyle = column === cursor?.[1] ? ink : styles.getPropertyValue('--quiet');
        pen.save();
        pen.translate(x, top - 6);
        pen.rotate(-Math.PI / 3.2);
        pen.fillText(shorten(now.columnLabels[column] ?? ''), 0, 0);
        pen.restore();
      }
    }
    fill(
      key,
      now.scale === 'weights'
        ? legend('weights', '0', isLong ? messageText('matrix.largest-of-row') : '1')
        : legend('signed', format(-max, { digits: 2 }), format(max, { digits: 2 })),
    );
    const isCut = cell * now.columns > width + 1 || cell * now.rows > height + 1;
    fill(stand, isCut ? where(now) : '');
    fill(
      zoomed,
      isCut || view.cell > 0 ? [minus, plus] : null,
      now.columns > 24 || node.clientWidth < 480 ? whole : null,
    );
  }

  /** Which part is seen, of a matrix of which not all is: counted from 0, as everywhere. @param {Picture} now */
  function where({ rows, columns }) {
    const { cell, width, height } = geometry;
    const first = (/** @type {number} */ from, /** @type {number} */ all) =>
      Math.min(all - 1, Math.floor(from / cell + 0.5));
    const last = (/** @type {number} */ to, /** @type {number} */ all) =>
      Math.min(all, Math.round(to / cell)) - 1;
    return messageText('matrix.part', {
      firstRow: first(view.y, rows),
      lastRow: last(view.y + height, rows),
      rows,
      firstColumn: first(view.x, columns),
      lastColumn: last(view.x + width, columns),
      columns,
    });
  }

  /** @param {CanvasRenderingContext2D} pen @param {[number, number] | null} at @param {string} colour @param {number} thick */
  function frame(pen, at, colour, thick) {
    if (!at) return;
    const { left, top, cell } = geometry;
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    pen.strokeRect(
      left + at[1] * cell - view.x + 0.5,
      top + at[0] * cell - view.y + 0.5,
      cell - 1,
      cell - 1,
    );
    pen.lineWidth = 1;
  }

  /** @param {number} factor */
  function zoom(factor) {
    const cell = Math.max(SMALLEST, Math.min(LARGEST, geometry.cell * factor));
    const [midX, midY] = [view.x + geometry.width / 2, view.y + geometry.height / 2];
    view.x = (midX * cell) / geometry.cell - geometry.width / 2;
    view.y = (midY * cell) / geometry.cell - geometry.height / 2;
    view.cell = cell;
    draw();
  }

  /** @param {MouseEvent} event @returns {[number, number] | null} */
  function cellAt(event) {
    if (!picture) return null;
    const box = canvas.getBoundingClientRect();
    const [x, y] = [
      event.clientX - box.left - geometry.left,
      event.clientY - box.top - geometry.top,
    ];
    if (x < 0 || y < 0 || x > geometry.width || y > geometry.height) return null;
    const [row, column] = [
      Math.floor((y + view.y) / geometry.cell),
      Math.floor((x + view.x) / geometry.cell),
    ];
    return row < picture.rows && column < picture.columns ? [row, column] : null;
  }

  /** @param {[number, number] | null} to */
  function move(to) {
    if (to?.[0] === cursor?.[0] && to?.[1] === cursor?.[1]) return;
    cursor = to;
    onHover?.(to);
    draw();
  }

  if (onDrag) {
    const isPicked = (/** @type {PointerEvent} */ event) => {
      const at = cellAt(event);
      return at !== null && isSame(at, picture?.picked);
    };
    cellDrag(canvas, isPicked, onDrag, onDragBegin);
  }
  /** @type {{x: number, y: number, from: {x: number, y: number}, moved: boolean} | null} */
  let drag = null;
  canvas.addEventListener('pointerdown', (event) => {
    drag = { x: event.clientX, y: event.clientY, from: { x: view.x, y: view.y }, moved: false };
  });
  canvas.addEventListener('pointermove', (event) => {
    if (drag && event.buttons) {
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      if (Math.hypot(dx, dy) > 6) {
        drag.moved = true;
        view.x = drag.from.x - dx;
        view.y = drag.from.y - dy;
        draw();
      }
      return;
    }
    move(cellAt(event));
  });
  canvas.addEventListener('pointerleave', () => move(null));
  canvas.addEventListener('click', (event) => {
    const at = cellAt(event);
    if (at && !drag?.moved) onPick?.(at[0], at[1]);
    drag = null;
  });
  canvas.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    },
    { passive: false },
  );
  node.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !node.classList.contains('fills-screen')) return;
    fullScreen();
    whole.focus({ preventScroll: true });
  });
  canvas.addEventListener('keydown', (event) => {
    if (!picture) return;
    const step = arrowStep(event);
    if (step) {
      const [row, column] = cursor ?? picture.picked ?? [0, 0];
      const to = /** @type {[number, number]} */ ([
        moved(row, step[1], picture.rows),
        moved(column, step[0], picture.columns),
      ]);
      reveal(to);
      move(to);
      if (describe) spoken.textContent = describe(to[0], to[1]);
    } else if ((event.key === 'Enter' || event.key === ' ') && cursor) {
      event.preventDefault();
      onPick?.(cursor[0], cursor[1]);
    } else if (event.key === '+' || event.key === '-') {
      zoom(event.key === '+' ? 1.5 : 1 / 1.5);
    }
  });

  /** @param {[number, number] | null | undefined} at */
  function isSeen(at) {
    if (!at) return true;
    const { cell, width, height } = geometry;
    const [x, y] = [at[1] * cell - view.x, at[0] * cell - view.y];
    return x >= 0 && y >= 0 && x + cell <= width + 1 && y + cell <= height + 1;
  }

  /** @param {[number, number]} at */
  function reveal([row, column]) {
    const { cell, width, height } = geometry;
    view.y = Math.min(Math.max(view.y, (row + 1) * cell - height), row * cell);
    view.x = Math.min(Math.max(view.x, (column + 1) * cell - width), column * cell);
  }

  new ResizeObserver(() => draw()).observe(node);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw());
  document.addEventListener('lookback-theme', () => draw());

  return {
    node: holder,
    /** @param {Picture} now */
    draw(now) {
      const isOther = picture?.rows !== now.rows || picture.columns !== now.columns;
      if (isOther) Object.assign(view, { x: 0, y: 0, cell: 0 });
      isLost = isOther || (!isSame(picture?.picked, now.picked) && !isSeen(now.picked));
      picture = now;
      if (cursor && (cursor[0] >= now.rows || cursor[1] >= now.columns)) cursor = null;
      draw();
    },
    /** Marks a cell from outside. @param {[number, number] | null} to */
    mark(to) {
      cursor = to;
      draw();
    },
  };
}
