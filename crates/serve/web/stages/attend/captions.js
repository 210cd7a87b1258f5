/**
 * What is said about one head: a cell in numbers, a row before its weights are there, and the weights.
 */

import { mention } from '../../kit/chips.js';
import { message } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
import { isVariant } from '../../kit/state.js';
import { stepsOf } from './steps.js';
import { headSwitched } from './switched.js';

/** @typedef {import('../attend.js').Head} Head */

/**
 * A cell in words and numbers.
 * @param {Head} head
 * @param {number} query
 * @param {number} key
 */
export function cellReadout({ selection, pattern, scores }, query, key) {
  const names = {
    query: mention(query, selection.pieces[query] ?? ''),
    key: mention(key, selection.pieces[key] ?? ''),
  };
  const isHidden = scores.get(query, key) === -Infinity;
  if (isHidden) return message(key > query ? 'attend.cell.later' : 'attend.cell.window', names);
  const block = `blocks.${selection.layer}.attn`;
  return message('attend.cell', {
    ...names,
    score: number(scores.get(query, key), {
      site: `${block}.scores`,
      index: scores.index(query, key),
    }),
    weight: number(pattern.get(query, key), {
      site: `${block}.pattern`,
      index: pattern.index(query, key),
      percent: true,
    }),
  });
}

/**
 * The caption while the weights are not there yet: what stands in the chosen token's row.
 * @param {Head} head
 * @param {number} at  the step
 * @returns {(Node | string)[]}
 */
export function unfinished(head, at) {
  const { selection } = head;
  const { token, pieces } = selection;
  const steps = stepsOf(selection.about, selection.layer);
  const step = steps[at] ?? steps[0];
  const value = (/** @type {number} */ key) => step.value(head, token, key);
  const seen = Array.from({ length: selection.ids.length }, (_, key) => key).filter(
    (key) => !step.isMasked || head.scores.get(token, key) !== -Infinity,
  );
  const most = seen.reduce((most, key) => (value(key) > value(most) ? key : most), seen[0] ?? 0);
  // After the mask the numbers are the site's own.
  const place = (/** @type {number} */ key) =>
    step.site
      ? {
          site: `blocks.${selection.layer}.attn.${step.site}`,
          index: head.scores.index(token, key),
        }
      : {};
  const told = (/** @type {number} */ key) => number(value(key), { digits: 3, ...place(key) });
  const row = { token: mention(token, pieces[token] ?? ''), largest: told(most) };
  return sentences(
    step.numbers && message(step.numbers),
    most === token
      ? message('attend.unfinished.own', row)
      : message('attend.unfinished', {
          ...row,
          key: mention(most, pieces[most] ?? ''),
          own: told(token),
        }),
    !step.isMasked && token < selection.ids.length - 1
      ? message('attend.unfinished.unmasked')
      : null,
  );
}

/**
 * The caption: what the chosen token does in this head.
 * @param {Head} head
 * @returns {(Node | string)[]}
 */
export function sentence({ selection, pattern }) {
  const { token, pieces } = selection;
  const me = { token: mention(token, pieces[token] ?? '') };
  const isLast = token === selection.ids.length - 1;
  const site = `blocks.${selection.layer}.attn.pattern`;
  const share = (/** @type {number} */ key) =>
    number(pattern.get(token, key), { site, index: pattern.index(token, key), percent: true });
  const { sinks } = selection.about.block;
  const isMasked = !isVariant('no-mask');
  if (isMasked && token === 0)
    return message(sinks ? 'attend.caption.first.sink' : 'attend.caption.first', {
      ...me,
      share: share(0),
    });
  const row = pattern.part(token);
  const others = Array.from({ length: isMasked ? token : row.length }, (_, key) => key)
    .filter((key) => key !== token)
    .sort((a, b) => at(row, b) - at(row, a));
  if (others.length === 0) return message('attend.caption.alone', me);
  const [first = 0, second] = others;
  const gives = {
    ...me,
    head: `${selection.layer}.${selection.head}`,
    share: share(first),
    first: mention(first, pieces[first] ?? ''),
  };
  return sentences(
    second === undefined
      ? message('attend.caption.one', gives)
      : message('attend.caption', {
          ...gives,
          secondShare: share(second),
          second: mention(second, pieces[second] ?? ''),
        }),
    message(
      at(row, token) > at(row, first) ? 'attend.caption.itself-most' : 'attend.caption.itself',
      { share: share(token) },
    ),
    sinks
      ? message('attend.caption.sink', { share: number(1 - total(row), { percent: true }) })
      : null,
    message(
      !isMasked
        ? 'attend.caption.unmasked'
        : isLast
          ? 'attend.caption.last'
          : 'attend.caption.hatched',
    ),
    headSwitched(selection),
  );
}

/** The weights of a row together. @param {Float32Array} row */
function total(row) {
  return row.reduce((sum, weight) => sum + weight, 0);
}

/** @param {Float32Array} row @param {number} index */
function at(row, index) {
  return row[index] ?? 0;
}
