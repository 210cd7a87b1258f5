/**
 * Cells of a matrix: what `matrix.js` asks of them, and how one that does not exist is hatched.
 */

import { named } from './colour.js';

/** @typedef {import('./matrix.js').Picture} Picture */

/** @param {[number, number] | null | undefined} one @param {[number, number] | null | undefined} other */
export function isSame(one, other) {
  return one?.[0] === other?.[0] && one?.[1] === other?.[1];
}

/** @param {Picture} picture */
export function largest(picture) {
  let max = 0;
  for (let row = 0; row < picture.rows; row += 1) {
    for (let column = 0; column < picture.columns; column += 1) {
      const size = picture.masked?.(row, column) ? 0 : Math.abs(picture.value(row, column));
      if (Number.isFinite(size) && size > max) max = size;
    }
  }
  return max;
}

/** The largest weight of a row. @param {Picture} picture @param {number} row */
export function heaviest(picture, row) {
  let most = 1e-12;
  for (let column = 0; column < picture.columns; column += 1)
    if (!picture.masked?.(row, column)) most = Math.max(most, picture.value(row, column));
  return most;
}

/** @param {string} label */
export function shorten(label) {
  return label.length > 12 ? `${label.slice(0, 11)}…` : label;
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} size @param {string} colour */
export function hatch(pen, x, y, size, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  const step = size < 12 ? size : 6;
  for (let at = step / 2; at < 2 * size; at += step) {
    const [from, to] = [Math.max(0, at - size), Math.min(at, size)];
    pen.moveTo(x + from, y + at - from);
    pen.lineTo(x + to, y + at - to);
  }
  pen.stroke();
}

/**
 * A cell that moved: what it was stands around what it is.
 * @param {CanvasRenderingContext2D} pen
 * @param {number} x
 * @param {number} y
 * @param {number} size
 * @param {string} was
 * @param {string} is
 */
export function ghost(pen, x, y, size, was, is) {
  const edge = Math.max(1.5, size * 0.13);
  pen.fillStyle = was;
  pen.fillRect(x, y, size, size);
  pen.fillStyle = is;
  pen.fillRect(x + edge, y + edge, size - 2 * edge, size - 2 * edge);
  pen.strokeStyle = `rgb(${named('accent').join(' ')})`;
  pen.lineWidth = 1;
  pen.strokeRect(x + edge, y + edge, size - 2 * edge, size - 2 * edge);
}
