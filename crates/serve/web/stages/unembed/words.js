/** The sentences of the figure of the end of the model, together. */

import { mention, visible } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { count, number } from '../../kit/number.js';
import { short } from '../../kit/particulars.js';
import { said, share } from '../logits/word.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../../kit/stage.js').Model} Model */
/** @typedef {import('../unembed.js').End} End */
/** @typedef {import('../unembed.js').Column} Column */

/** What stands under a column. @type {Record<Column['kind'], string>} */
export const NAMES = {
  enters: 'enters',
  hidden: 'hidden',
  added: 'added',
  normed: 'sum, normed',
  logits: 'logits',
};

/** And where there is little room. @type {Record<Column['kind'], string>} */
export const SHORT = { ...NAMES, normed: 'normed' };

export const SAID = {
  title: 'From one vector to a score for every word',
  titleOf: 'What becomes of the vector of ',
  columns: 'the columns from the last MLP to the logits, arrow keys read their numbers',
  norm: '+, norm',
  scale: (/** @type {string} */ most) => `to ±${most}`,
  tableColumns: 'The columns',
  tableNumbers: 'The numbers of the columns, by place',
  tableWords: 'The largest logits',
  first: (/** @type {number} */ rows) => `, the first ${count(rows)} places`,
  headColumns: ['column', 'numbers', 'smallest', 'largest'],
  headWords: ['word', 'id', 'logit', 'probability'],
  place: 'place',
};

/** What the numbers of a column are. @param {Column} column @param {Selection} of */
function whatIs({ kind }, { about }) {
  const last = about.layers - 1;
  /** @type {Record<Column['kind'], string>} */
  const what = {
    enters:
      about.block.order === 'sequential'
        ? `the stream behind layer ${last}’s attention`
        : `the stream that enters layer ${last}`,
    hidden: 'the hidden units',
    added: 'what the MLP adds',
    normed: 'the sum, normed',
    logits: 'the logits',
  };
  return what[kind];
}

/**
 * What stands under the cursor: a number, and of how many it is the one that is shown.
 * @param {Selection} of
 * @param {Column} column
 * @param {{from: number, to: number, place: number}} line
 * @param {Record<string, string>} pieces
 */
export function readout(of, column, { from, to, place }, pieces) {
  const value = number(column.values[place] ?? 0, {
    site: column.site,
    index: column.index(place),
    digits: 3,
  });
  const piece = column.kind === 'logits' ? pieces[place] : undefined;
  return [
    `Number ${count(place)} of ${whatIs(column, of)}`,
    piece === undefined ? '' : [', that of ', h('b', null, visible(piece))],
    ': ',
    value,
    to - from > 1
      ? `, the ${column.kind === 'logits' ? 'largest' : 'furthest from 0'} of ${count(from)} to ${count(to - 1)}`
      : '',
    '.',
  ].flat();
}

/** Numbers in the matrices between the columns; none where experts have theirs. @param {Model} about @param {Column[]} columns */
function weights({ gated, block }, columns) {
  if (block.experts.at(-1)) return null;
  const [enters = 0, hidden = 0, added = 0, normed = 0, logits = 0] = columns.map(
    ({ values }) => values.length,
  );
  return enters * hidden * (gated ? 2 : 1) + hidden * added + normed * logits;
}

/**
 * @param {Selection} of
 * @param {End} end
 * @returns {import('../../kit/dom.js').Child[]}
 */
export function caption(of, { columns, top, pieces }) {
  const { about, token } = of;
  const [enters = 0, hidden = 0, added = 0, , vocabulary = 0] = columns.map(
    ({ values }) => values.length,
  );
  const last = about.layers - 1;
  const logits = columns[4];
  const [first, probability] = [top[0]?.id ?? 0, top[0]?.probability ?? 0];
  const smallest = place(logits?.values ?? [], (a, b) => a < b);
  const inside = weights(about, columns);
  const { logit_cap: cap, logit_factor: factor } = about.block;
  const logit = (/** @type {number} */ id) =>
    number(logits?.values[id] ?? 0, { site: 'logits', index: `${token},${id}`, digits: 2 });
  return [
    `Of ${count(vocabulary)} logits after `,
    mention(token, of.pieces[token] ?? ''),
    ' the largest is ',
    h('strong', null, logit(first)),
    ', that of ',
    said(pieces, first),
    '; the softmax makes ',
    share(probability, { site: 'probabilities', index: `${token},${first}` }),
    ' of it. ',
    'The smallest is ',
    logit(smallest),
    `. On the way, ${count(enters)} numbers ${
      about.block.order === 'sequential'
        ? `behind the attention of layer ${last}`
        : `that enter layer ${last}`
    } become ${count(hidden)} hidden units, and these become ${count(added)} numbers that are added to the stream. `,
    `The sum is normed, and a dot product with each of ${count(vocabulary)} rows of a table gives the logits. `,
    inside === null ? '' : `The matrices between the columns hold ${count(inside)} numbers. `,
    cap === null ? '' : `This model’s cap, ${short(cap)}, has flattened its logits. `,
    factor === 1 ? '' : `This model multiplies its logits by ${short(factor)}. `,
    'Each column has a scale of its own. Where it has more numbers than lines, a line shows the largest logit of its group, and else the number furthest from 0.',
  ];
}

/** The place of the value that comes before all others. @param {ArrayLike<number>} values @param {(a: number, b: number) => boolean} isBefore */
function place(values, isBefore) {
  let found = 0;
  for (let at = 1; at < values.length; at += 1)
    if (isBefore(values[at] ?? 0, values[found] ?? 0)) found = at;
  return found;
}
