/**
 * A whole matrix made small: in each cell the weight that is largest in size, blue below zero and orange above.
 * The chosen row and column are marked; a click or the arrow keys choose others. A click chooses the weight that
 * the cell shows, and says of how many it is the largest.
 */

import { arrowStep, moved } from '../../kit/arrows.js';
import { legend, signed } from '../../kit/colour.js';
import { fill, h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { format, number } from '../../kit/number.js';
import { cellAt, sizeOf } from './largest.js';
import { matrixName } from './words.js';

/** @typedef {import('../weights.js').Answer} Answer */

/** Sides of the picture in pixels, at most and at least; a phone has less room above the controls. */
const [WIDEST, TALLEST, LOW, LEAST] = [250, 210, 150, 56];

/**
 * @param {object} handlers
 * @param {(row: number, column: number) => void} handlers.onPick
 * @param {(cell: import('./largest.js').Cell) => void} handlers.onCell  where a cell stands for several weights
 */
export function picture({ onPick, onCell }) {
  const canvas = h('canvas', {
    class: 'weights-picture',
    tabindex: '0',
    role: 'application',
    'aria-roledescription': messageText('weights.picture.role'),
  });
  const label = h('p', { class: 'weights-label' });
  const ends = h('div', { class: 'weights-legend' });
  const said = h('p', { class: 'weights-label weights-picked', 'aria-live': 'polite' });
  const node = h('div', null, label, canvas, ends, said);
  /** @type {Answer | null} */
  let shown = null;
  let [row, column] = [0, 0];
  let size = { wide: WIDEST, tall: WIDEST };

  function draw() {
    if (!shown) return;
    const { picture, rows, columns } = shown;
    size = sides(rows, columns);
    const { wide, tall } = size;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(wide * ratio);
    canvas.height = Math.round(tall * ratio);
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${tall}px`;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    pen.scale(ratio, ratio);
    const most = largest(picture.values);
    const [cellWide, cellTall] = [wide / picture.columns, tall / picture.rows];
    picture.values.forEach((value, at) => {
      const [y, x] = [Math.floor(at / picture.columns), at % picture.columns];
      pen.fillStyle = signed(value, most);
      // A little wider than it is, or a thin seam would stand between cells.
      pen.fillRect(x * cellWide, y * cellTall, cellWide + 0.3, cellTall + 0.3);
    });
    const styles = getComputedStyle(node);
    pen.strokeStyle = styles.getPropertyValue('--line');
    pen.strokeRect(0.5, 0.5, wide - 1, tall - 1);
    const [high, broad] = [Math.max(4, tall / rows), Math.max(4, wide / columns)];
    const y = ((row + 0.5) / rows) * tall - high / 2;
    const x = ((column + 0.5) / columns) * wide - broad / 2;
    pen.strokeStyle = styles.getPropertyValue('--accent');
    pen.lineWidth = 1.5;
    pen.strokeRect(0.75, y, wide - 1.5, high);
    pen.strokeStyle = styles.getPropertyValue('--ink');
    pen.strokeRect(x, y - 2, broad, high + 4);
  }

  canvas.addEventListener('click', (event) => {
    if (!shown) return;
    const { picture } = shown;
    const box = canvas.getBoundingClientRect();
    const [down, right] = [
      (event.clientY - box.top) / box.height,
      (event.clientX - box.left) / box.width,
    ];
    const cell = cellAt(
      shown,
      moved(Math.floor(down * picture.rows), 0, picture.rows),
      moved(Math.floor(right * picture.columns), 0, picture.columns),
    );
    if (sizeOf(cell) > 1) onCell(cell);
    else onPick(cell.rows[0], cell.columns[0]);
  });
  canvas.addEventListener('keydown', (event) => {
    const step = arrowStep(event);
    if (!step || !shown) return;
    const [right, down] = step;
    // At once, for the next key; the row's numbers come when they are there.
    row = moved(row, down, shown.rows);
    column = moved(column, right, shown.columns);
    draw();
    onPick(row, column);
  });
  document.addEventListener('lookback-theme', draw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);

  return {
    node,
    /** @param {Answer} answer */
    draw(answer) {
      shown = answer;
      const { picture, rows, columns } = answer;
      const about = { rows, columns };
      fill(
        label,
        picture.rows === rows && picture.columns === columns
          ? message('weights.picture', about)
          : message('weights.picture.small', about),
      );
      const most = largest(picture.values);
      fill(ends, legend('signed', format(-most), format(most)));
      canvas.setAttribute(
        'aria-label',
        messageText('weights.picture.keys', { ...about, matrix: matrixName(answer.matrix) }),
      );
    },
    /** @param {number} toRow @param {number} toColumn */
    mark(toRow, toColumn) {
      [row, column] = [toRow, toColumn];
      draw();
      if (!shown) return;
      const { picture, rows, columns } = shown;
      const weight = shown.weights[column] ?? 0;
      const cell = cellAt(
        shown,
        Math.floor((row * picture.rows) / rows),
        Math.floor((column * picture.columns) / columns),
      );
      const count = sizeOf(cell);
      fill(
        said,
        message(
          count > 1 && weight === cell.value ? 'weights.picture.largest' : 'weights.picture.said',
          { row, column, weight: number(weight, { digits: 4 }), count },
        ),
      );
    },
  };
}

/** As it is shaped, unless that leaves too little to see. @param {number} rows @param {number} columns */
function sides(rows, columns) {
  const tallest = window.innerWidth < 640 ? LOW : TALLEST;
  const scale = Math.min(WIDEST / columns, tallest / rows);
  return { wide: Math.max(LEAST, columns * scale), tall: Math.max(LEAST, rows * scale) };
}

/** @param {number[]} values */
function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
