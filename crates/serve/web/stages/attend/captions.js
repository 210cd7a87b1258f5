/**
 * What is said about one head: a cell in numbers, a row before its weights are there, and the weights.
 */

import { mention } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { number } from '../../kit/number.js';
import { isVariant } from '../../kit/state.js';
import { stepsOf } from './steps.js';

/** @typedef {import('../attend.js').Head} Head */

/**
 * A cell in words and numbers.
 * @param {Head} head
 * @param {number} query
 * @param {number} key
 */
export function cellReadout({ selection, pattern, scores }, query, key) {
  const names = [
    mention(query, selection.pieces[query] ?? ''),
    ' to ',
    mention(key, selection.pieces[key] ?? ''),
    ': ',
  ];
  const isHidden = scores.get(query, key) === -Infinity;
  if (isHidden && key > query)
    return [...names, 'hidden. It comes later, and the future does not exist yet.'];
  if (isHidden) return [...names, 'hidden. It lies further back than this layer looks.'];
  const block = `blocks.${selection.layer}.attn`;
  return [
    ...names,
    'score ',
    number(scores.get(query, key), { site: `${block}.scores`, index: scores.index(query, key) }),
    ', weight ',
    number(pattern.get(query, key), {
      site: `${block}.pattern`,
      index: pattern.index(query, key),
      percent: true,
    }),
  ];
}

/** `score before the mask` as several. @param {string} called */
function plural(called) {
  const [first = '', ...rest] = called.split(' before ');
  return [`${first}s`, ...rest].join(' before ');
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
  const told = (/** @type {number} */ key) =>
    h('strong', null, number(value(key), { digits: 3, ...place(key) }));
  return [
    `At this step the numbers are ${plural(step.called)}, not weights yet. The largest in the row of `,
    mention(token, pieces[token] ?? ''),
    ' is ',
    told(most),
    ', with ',
    ...(most === token
      ? ['its own key.']
      : [mention(most, pieces[most] ?? ''), '; with its own key it has ', told(token), '.']),
    !step.isMasked && token < selection.ids.length - 1
      ? ' Nothing is masked yet, so tokens that come later are compared as well.'
      : '',
  ];
}

/**
 * The caption: what the chosen token does in this head.
 * @param {Head} head
 * @returns {(Node | string)[]}
 */
export function sentence({ selection, pattern }) {
  const { token, pieces } = selection;
  const me = mention(token, pieces[token] ?? '');
  const isLast = token === selection.ids.length - 1;
  const site = `blocks.${selection.layer}.attn.pattern`;
  const share = (/** @type {number} */ key) =>
    h(
      'strong',
      null,
      number(pattern.get(token, key), { site, index: pattern.index(token, key), percent: true }),
    );
  const { sinks } = selection.about.block;
  const isMasked = !isVariant('no-mask');
  if (isMasked && token === 0 && sinks)
    return [
      me,
      ' is the first token. It can look at nothing but itself, and here it gives itself ',
      share(0),
      ' of its attention: the rest is taken by the head’s sink, a number that it learned and that has no value to give.',
    ];
  if (isMasked && token === 0)
    return [
      me,
      ' is the first token. It can look at nothing but itself, so its whole attention, ',
      share(0),
      ', stays there, in every head of every layer.',
    ];
  const row = pattern.part(token);
  const others = Array.from({ length: isMasked ? token : row.length }, (_, key) => key)
    .filter((key) => key !== token)
    .sort((a, b) => at(row, b) - at(row, a));
  if (others.length === 0) return [me, ' is alone in the text, and looks at itself.'];
  const [first = 0, second] = others;
  const own = at(row, token);
  const where = ` in head ${selection.layer}.${selection.head}`;
  const self =
    own > at(row, first)
      ? [' Here it looks at itself more than at anything else: ', share(token), '.']
      : [' To itself it gives ', share(token), '.'];
  return [
    me,
    ' gives ',
    share(first),
    ' of its attention to ',
    mention(first, pieces[first] ?? ''),
    where,
    ...(second !== undefined
      ? [', and ', share(second), ' to ', mention(second, pieces[second] ?? '')]
      : []),
    '.',
    ...self,
    ...(sinks
      ? [
          ' The head’s sink takes ',
          h('strong', null, number(1 - total(row), { percent: true })),
          ', and gives nothing for it.',
        ]
      : []),
    !isMasked
      ? ' Nothing is masked: every token may look at those that come after it, too.'
      : isLast
        ? ' Nothing comes after it; in the rows above, what comes later is hatched and gets exactly nothing.'
        : ' What comes after it is hatched: it gets exactly nothing.',
  ];
}

/** The weights of a row together. @param {Float32Array} row */
function total(row) {
  return row.reduce((sum, weight) => sum + weight, 0);
}

/** @param {Float32Array} row @param {number} index */
function at(row, index) {
  return row[index] ?? 0;
}
