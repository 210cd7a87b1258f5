/** The sentences of the figure of the end of the model, together. */

import { mention, visible } from '../../kit/chips.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { short } from '../../kit/particulars.js';
import { sentences } from '../../kit/sentences.js';
import { said, share } from '../logits/word.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../../kit/stage.js').Model} Model */
/** @typedef {import('../unembed.js').End} End */
/** @typedef {import('../unembed.js').Column} Column */

/** What stands under a column. */
export const NAMES = /** @type {const} */ ({
  enters: 'unembed.name.enters',
  hidden: 'unembed.name.hidden',
  added: 'unembed.name.added',
  normed: 'unembed.name.normed',
  logits: 'unembed.name.logits',
});

/** And where there is little room. */
export const SHORT = /** @type {const} */ ({ ...NAMES, normed: 'unembed.name.normed-short' });

/** What the numbers of a column are. @param {Column} column @param {Selection} of */
function whatIs({ kind }, { about }) {
  const layer = about.layers - 1;
  if (kind === 'enters')
    return about.block.order === 'sequential'
      ? messageText('unembed.what.enters', { layer })
      : messageText('unembed.what.enters.parallel', { layer });
  return messageText(WHAT[kind]);
}

const WHAT = /** @type {const} */ ({
  hidden: 'unembed.what.hidden',
  added: 'unembed.what.added',
  normed: 'unembed.what.normed',
  logits: 'unembed.what.logits',
});

/**
 * What stands under the cursor: a number, and of how many it is the one that is shown.
 * @param {Selection} of
 * @param {Column} column
 * @param {{from: number, to: number, place: number}} line
 * @param {Record<string, string>} pieces
 */
export function readout(of, column, { from, to, place }, pieces) {
  const piece = column.kind === 'logits' ? pieces[place] : undefined;
  const group = { from, to: to - 1 };
  return message('unembed.readout', {
    place,
    what: whatIs(column, of),
    piece: piece === undefined ? [] : message('unembed.readout.piece', { piece: visible(piece) }),
    value: number(column.values[place] ?? 0, {
      site: column.site,
      index: column.index(place),
      digits: 3,
    }),
    among:
      to - from < 2
        ? []
        : column.kind === 'logits'
          ? message('unembed.readout.largest', group)
          : message('unembed.readout.furthest', group),
  });
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
 */
export function caption(of, { columns, top, pieces }) {
  const { about, token } = of;
  const [enters = 0, hidden = 0, added = 0, , vocabulary = 0] = columns.map(
    ({ values }) => values.length,
  );
  const logits = columns[4];
  const [first, probability] = [top[0]?.id ?? 0, top[0]?.probability ?? 0];
  const smallest = place(logits?.values ?? [], (a, b) => a < b);
  const inside = weights(about, columns);
  const { logit_cap: cap, logit_factor: factor } = about.block;
  const logit = (/** @type {number} */ id) =>
    number(logits?.values[id] ?? 0, { site: 'logits', index: `${token},${id}`, digits: 2 });
  const way = { layer: about.layers - 1, enters, hidden, added };
  return sentences(
    message('unembed.caption', {
      count: vocabulary,
      token: mention(token, of.pieces[token] ?? ''),
      logit: logit(first),
      word: said(pieces, first),
      share: share(probability, { site: 'probabilities', index: `${token},${first}` }),
    }),
    message('unembed.caption.smallest', { logit: logit(smallest) }),
    about.block.order === 'sequential'
      ? message('unembed.caption.way', way)
      : message('unembed.caption.way.parallel', way),
    message('unembed.caption.table', { count: vocabulary }),
    inside === null ? null : message('unembed.caption.matrices', { count: inside }),
    cap === null ? null : message('unembed.caption.cap', { cap: short(cap) }),
    factor === 1 ? null : message('unembed.caption.factor', { factor: short(factor) }),
    message('unembed.caption.scale'),
  );
}

/** The place of the value that comes before all others. @param {ArrayLike<number>} values @param {(a: number, b: number) => boolean} isBefore */
function place(values, isBefore) {
  let found = 0;
  for (let at = 1; at < values.length; at += 1)
    if (isBefore(values[at] ?? 0, values[found] ?? 0)) found = at;
  return found;
}
