/** What is said of a sweep: what a row, a column and a cell are, and what a cell brought back. */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { number } from '../../kit/number.js';
import { said } from '../logits/word.js';

/** @typedef {import('../../kit/dom.js').Child} Child */
/** @typedef {import('../sweep.js').Swept} Swept */

/** What can be carried over. @type {[string, string][]} */
export const KINDS = [
  ['resid_pre', 'the stream before a layer'],
  ['attn_out', 'what attention adds'],
  ['mlp_out', 'what the MLP adds'],
  ['z', 'a head, at all tokens'],
];

/** Whether columns are heads. @param {string} kind */
export function isOfHeads(kind) {
  return kind === 'z';
}

/** A cell in words, within a sentence. @param {Swept} swept @param {number} layer @param {number} column */
export function cellHeard({ kind, of }, layer, column) {
  const at = word(of.pieces[column] ?? '');
  if (kind === 'z') return `head ${layer}.${column}`;
  if (kind === 'resid_pre') return `the stream before layer ${layer} at ${at}`;
  return `what ${kind === 'attn_out' ? 'attention' : 'the MLP'} of layer ${layer} adds at ${at}`;
}

/** A share of the difference. @param {number} value */
export function share(value) {
  return number(value, { percent: true });
}

/** What the first text and the second one say. @param {Swept} swept @returns {Child[]} */
function answers({ next, pieces }) {
  return next[0] === next[1]
    ? ['Both texts go on with ', said(pieces, next[0]), '. ']
    : [
        'The first text goes on with ',
        said(pieces, next[0]),
        ', the second with ',
        said(pieces, next[1]),
        '. ',
      ];
}

/**
 * The caption: what both texts say, and what the chosen cell brings back.
 * @param {Swept} swept
 * @returns {Child[]}
 */
export function sentence(swept) {
  const { picked, values, columns, next, pieces, patched, metric } = swept;
  const value = values[picked[0] * columns + picked[1]] ?? 0;
  const where = cellHeard(swept, picked[0], picked[1]);
  const told = [
    'Put ',
    h('b', null, where),
    ' into the second text, and ',
    h('strong', null, share(Math.abs(value))),
    value < 0
      ? ' of the difference between the two is added to it: '
      : metric === 'kl'
        ? ' of the way between the two predictions is gone: '
        : ' of the difference between the two is back: ',
    patched === next[1]
      ? ['it still goes on with ', said(pieces, patched), '. ']
      : ['it goes on with ', said(pieces, patched), '. '],
  ];
  return [...answers(swept), ...told.flat(), ...strongest(swept)];
}

/** Where most is brought back: in the first layer and in the last. @param {Swept} swept @returns {Child[]} */
function strongest(swept) {
  const { values, columns, rows, kind } = swept;
  const best = (/** @type {number} */ row) => {
    const own = values.slice(row * columns, (row + 1) * columns);
    return own.indexOf(Math.max(...own));
  };
  if (kind !== 'resid_pre') {
    const at = values.indexOf(Math.max(...values));
    return [
      `Most is brought back by ${cellHeard(swept, Math.floor(at / columns), at % columns)}: `,
      share(values[at] ?? 0),
      '.',
    ];
  }
  const [first, last] = [best(0), best(rows - 1)];
  const name = (/** @type {number} */ at) => mention(at, swept.of.pieces[at] ?? '');
  return first === last
    ? ['In the first layer and in the last, most of it stands at ', name(first), '.']
    : [
        'In the first layer most of it stands at ',
        name(first),
        ', in the last at ',
        name(last),
        ': on the way it moves.',
      ];
}
