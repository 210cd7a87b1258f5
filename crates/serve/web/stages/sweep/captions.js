/** What is said of a sweep: what a row, a column and a cell are, and what a cell brought back. */

import { inForce } from '../../kit/changes.js';
import { mention, word } from '../../kit/chips.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
import { said } from '../logits/word.js';

/** @typedef {import('../sweep.js').Swept} Swept */

/** What can be carried over, and what it is called. */
export const KINDS = /** @type {const} */ ([
  ['resid_pre', 'sweep.over.resid_pre'],
  ['attn_out', 'sweep.over.attn_out'],
  ['mlp_out', 'sweep.over.mlp_out'],
  ['z', 'sweep.over.z'],
]);

/** Whether columns are heads. @param {string} kind */
export function isOfHeads(kind) {
  return kind === 'z';
}

/** A cell in words, within a sentence. @param {Swept} swept @param {number} layer @param {number} column */
export function cellHeard({ kind, of }, layer, column) {
  const at = { layer, token: word(of.pieces[column] ?? '') };
  if (kind === 'z') return messageText('common.head', { head: `${layer}.${column}` });
  if (kind === 'resid_pre') return messageText('sweep.cell.stream', at);
  return kind === 'attn_out'
    ? messageText('sweep.cell.attention', at)
    : messageText('sweep.cell.mlp', at);
}

/** A share of the difference. @param {number} value */
export function share(value) {
  return number(value, { percent: true });
}

/** What the first text and the second one say. @param {Swept} swept */
function answers({ next, pieces }) {
  return next[0] === next[1]
    ? message('sweep.caption.both', { next: said(pieces, next[0]) })
    : message('sweep.caption.each', {
        first: said(pieces, next[0]),
        second: said(pieces, next[1]),
      });
}

/** That both passes are compared without what the page changes, where it changes something. @param {Swept['of']} of */
export function apart({ changes }) {
  return inForce(changes).length ? message('compare.unchanged') : null;
}

/** What the chosen cell does to the second text. @param {Swept} swept */
function effect(swept) {
  const { picked, values, columns, next, pieces, patched, metric } = swept;
  const value = values[picked[0] * columns + picked[1]] ?? 0;
  const about = {
    cell: cellHeard(swept, picked[0], picked[1]),
    share: share(Math.abs(value)),
    next: said(pieces, patched),
  };
  const isStill = patched === next[1];
  if (value < 0)
    return isStill
      ? message('sweep.caption.further.still', about)
      : message('sweep.caption.further', about);
  if (metric === 'kl')
    return isStill
      ? message('sweep.caption.nearer.still', about)
      : message('sweep.caption.nearer', about);
  return isStill
    ? message('sweep.caption.back.still', about)
    : message('sweep.caption.back', about);
}

/**
 * The caption: what both texts say, and what the chosen cell brings back.
 * @param {Swept} swept
 * @returns {(Node | string)[]}
 */
export function caption(swept) {
  return sentences(answers(swept), effect(swept), strongest(swept), apart(swept.of));
}

/** Where most is brought back: in the first layer and in the last. @param {Swept} swept */
function strongest(swept) {
  const { values, columns, rows, kind } = swept;
  const best = (/** @type {number} */ row) => {
    const own = values.slice(row * columns, (row + 1) * columns);
    return own.indexOf(Math.max(...own));
  };
  if (kind !== 'resid_pre') {
    const at = values.indexOf(Math.max(...values));
    return message('sweep.caption.most', {
      cell: cellHeard(swept, Math.floor(at / columns), at % columns),
      share: share(values[at] ?? 0),
    });
  }
  const [first, last] = [best(0), best(rows - 1)];
  const name = (/** @type {number} */ at) => mention(at, swept.of.pieces[at] ?? '');
  return first === last
    ? message('sweep.caption.stays', { token: name(first) })
    : message('sweep.caption.moves', { first: name(first), last: name(last) });
}
