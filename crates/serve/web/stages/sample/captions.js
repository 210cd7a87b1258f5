/**
 * What is said about the chain and the dice: the caption's sentences, the summary, and the table twin.
 */

import { visible } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { count, format, number } from '../../kit/number.js';
import { clauses, sentences } from '../../kit/sentences.js';
import { chance, quoted } from '../sampling.js';

/** @typedef {import('./rows.js').Answer} Answer */
/** @typedef {import('./rows.js').Column} Column */
/** @typedef {import('./rows.js').Draws} Draws */

/**
 * @param {Answer} answer
 * @param {Column[]} columns
 * @param {number} first
 * @param {import('../../kit/dom.js').Child[]} chain  its settings in words
 * @param {import('../../kit/stage.js').Selection} selection
 */
export function caption({ tokens, draws, position }, columns, first, chain, selection) {
  const top = tokens[0];
  const last = /** @type {Column} */ (columns.at(-1)).left;
  if (!top) return [];
  const after = last.probabilities[0] ?? null;
  const gone = columns.filter(({ left }) => left.removed > 0);
  const isGreedy = columns.some(({ left }) => left.step === 'greedy');
  const own = { percent: true, site: 'probabilities', index: `${position},${top.id}` };
  const about = {
    token: quoted(selection.pieces.at(-1) ?? ''),
    next: quoted(top.piece),
    share: chance(top.probability, own),
  };
  const taken = gone.map(({ sampler, left }) =>
    message('sample.caption.step', {
      sampler: sampler?.title ?? '',
      count: left.removed,
      share: chance(left.removed_share),
    }),
  );
  return sentences(
    after === null
      ? message('sample.caption.gone', about)
      : isGreedy
        ? message('sample.caption.greedy', about)
        : message('sample.caption.after', { ...about, chain, after: chance(after) }),
    taken.length
      ? message('sample.caption.steps', { steps: clauses(taken) })
      : message('sample.caption.no-step'),
    ...(isGreedy ? [message('sample.caption.no-dice')] : dice(tokens, draws, first)),
  );
}

/**
 * What the seeds drew, and whether that was to be expected.
 * @param {Answer['tokens']} tokens
 * @param {Draws} draws
 * @param {number} first
 */
function dice(tokens, draws, first) {
  const top = tokens[0];
  const drawn = tokens.find((token) => token.id === draws.first);
  if (!top || !draws.seeds) return [];
  return [
    drawn
      ? message('sample.caption.seed', { seed: String(first), next: quoted(drawn.piece) })
      : message('sample.caption.seed-other', { seed: String(first) }),
    message('sample.caption.seeds', {
      first,
      last: first + draws.seeds - 1,
      times: draws.counts[0] ?? 0,
      next: quoted(top.piece),
      expected: h('span', { class: 'number' }, count(draws.expected[0] ?? 0)),
      spread: number(draws.spread[0] ?? 0, { digits: 0 }),
    }),
    message('sample.caption.command', {
      command: h('code', null, `lookback generate --seed ${first}`),
    }),
  ];
}

/** @param {Answer} answer @param {Column[]} columns */
export function said({ tokens, draws }, columns) {
  const last = /** @type {Column} */ (columns.at(-1)).left;
  const names = tokens.slice(0, 5).map((token, row) =>
    message('sample.said.token', {
      token: token.piece.trim(),
      share: format(last.probabilities[row] ?? 0, { percent: true }),
      times: draws.counts[row] ?? 0,
    }),
  );
  return messageText('sample.said', { kept: last.kept, tokens: clauses(names).join('') });
}

/** @param {{answer: Answer, columns: Column[], first: number}} shown */
export function twin({ answer: { tokens, draws, position }, columns, first }) {
  return {
    caption: messageText('sample.table', { first, last: first + draws.seeds - 1 }),
    head: [
      messageText('common.token'),
      ...columns.map(({ sampler }) => sampler?.title ?? messageText('sample.own')),
      messageText('sample.table.drawn'),
      messageText('sample.table.expected'),
    ],
    rows: tokens.map((token, row) => [
      visible(token.piece),
      chance(token.probability, {
        site: 'probabilities',
        index: `${position},${token.id}`,
      }),
      ...columns.slice(1).map(({ left }) => {
        const share = left.probabilities[row] ?? null;
        return share === null ? messageText('sample.taken-away') : chance(share);
      }),
      count(draws.counts[row] ?? 0),
      h(
        'span',
        { class: 'number' },
        `${(draws.expected[row] ?? 0).toFixed(1)} ± ${(draws.spread[row] ?? 0).toFixed(1)}`,
      ),
    ]),
  };
}
