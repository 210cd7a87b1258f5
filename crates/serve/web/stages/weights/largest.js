/**
 * The weight that a cell of the small picture stands for: the largest in size of those under it. The program
 * answers with one row at a time, so rows are read from the middle of the cell on until the weight is found.
 */

/** @typedef {import('../weights.js').Picture} Picture */
/** @typedef {{rows: [from: number, to: number], columns: [from: number, to: number], value: number}} Cell  ends not included */

/** Rows that are asked for at once. */
const AT_ONCE = 6;

/**
 * The weights under a cell.
 * @param {{rows: number, columns: number, picture: Picture}} matrix
 * @param {number} row @param {number} column  of the picture
 * @returns {Cell}
 */
export function cellAt({ rows, columns, picture }, row, column) {
  const ends = (
    /** @type {number} */ at,
    /** @type {number} */ size,
    /** @type {number} */ cells,
  ) =>
    /** @type {[number, number]} */ ([at, at + 1].map((edge) => Math.ceil((edge * size) / cells)));
  return {
    rows: ends(row, rows, picture.rows),
    columns: ends(column, columns, picture.columns),
    value: picture.values[row * picture.columns + column] ?? 0,
  };
}

/** How many weights a cell stands for. @param {Cell} cell */
export function sizeOf({ rows, columns }) {
  return (rows[1] - rows[0]) * (columns[1] - columns[0]);
}

/**
 * Where the weight of a cell stands.
 * @param {Cell} cell
 * @param {(row: number) => Promise<number[]>} read  the weights of a row
 * @returns {Promise<[row: number, column: number]>}
 */
export async function largestUnder({ rows: [top, bottom], columns: [left, right], value }, read) {
  const middle = (top + bottom - 1) / 2;
  const rows = Array.from({ length: bottom - top }, (_, at) => top + at).sort(
    (one, other) => Math.abs(one - middle) - Math.abs(other - middle),
  );
  let [best, size] = [/** @type {[number, number]} */ ([rows[0] ?? top, left]), -1];
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    const some = rows.slice(from, from + AT_ONCE);
    const found = await Promise.all(some.map(read));
    for (const [at, weights] of found.entries())
      for (let column = left; column < right; column += 1) {
        const weight = weights[column] ?? 0;
        if (Math.abs(weight) > size) [best, size] = [[some[at] ?? top, column], Math.abs(weight)];
        if (weight === value) return best;
      }
  }
  return best;
}
