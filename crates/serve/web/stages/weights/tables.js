/** The numbers of a row, of the norm before it and of the matrix, as tables. */

import { messageText } from '../../kit/messages.js';
import { count, number } from '../../kit/number.js';
import { inputIndex, matrixName } from './words.js';

/** @typedef {import('../weights.js').Shown} Shown */
/** @typedef {import('../../kit/figure.js').Table} Table */

/** Columns that a table has. */
const COLUMNS = 256;

/** @param {Shown} shown @returns {Table[]} */
export function tables(shown) {
  const { of, answer } = shown;
  const { matrix, row, columns, norm, input, weights, products, sums, histogram } = answer;
  const places = Array.from({ length: Math.min(columns, COLUMNS) }, (_, column) => column);
  const fine = { digits: 4 };
  const read = (/** @type {number} */ column) =>
    number(input.values[column] ?? 0, {
      ...fine,
      site: input.site,
      index: inputIndex(shown, column),
    });
  const about = { row, matrix: matrixName(matrix), count: places.length };
  const width = (histogram.to - histogram.from) / histogram.counts.length;
  /** @type {Table[]} */
  const made = [
    {
      caption: messageText(
        places.length < columns ? 'weights.table.first' : 'weights.table',
        about,
      ),
      head: [
        messageText('weights.table.column'),
        messageText('weights.table.input'),
        messageText('weights.table.weight'),
        messageText('weights.table.product'),
        messageText('weights.table.sum'),
      ],
      rows: places.map((column) => [
        String(column),
        read(column),
        number(weights[column] ?? 0, fine),
        number(products[column] ?? 0, fine),
        number(sums[column] ?? 0, fine),
      ]),
    },
  ];
  if (norm)
    made.push({
      caption: messageText('weights.table.norm'),
      head: [
        messageText('weights.table.column'),
        messageText('weights.table.before'),
        messageText('weights.table.divided'),
        ...(norm.gain ? [messageText('weights.table.gain')] : []),
        ...(norm.shift ? [messageText('weights.table.shift')] : []),
        messageText('weights.table.input'),
      ],
      rows: places.map((column) => [
        String(column),
        number(norm.before.values[column] ?? 0, {
          ...fine,
          site: norm.before.site,
          index: `${of.token},${norm.before.from + column}`,
        }),
        number(norm.divided[column] ?? 0, fine),
        ...(norm.gain ? [number(norm.gain[column] ?? 0, fine)] : []),
        ...(norm.shift ? [number(norm.shift[column] ?? 0, fine)] : []),
        read(column),
      ]),
    });
  made.push({
    caption: messageText('weights.table.spread'),
    head: [messageText('weights.table.from'), messageText('weights.table.weights')],
    rows: histogram.counts.map((weights, bin) => [
      number(histogram.from + bin * width, fine),
      count(weights),
    ]),
  });
  return made;
}
