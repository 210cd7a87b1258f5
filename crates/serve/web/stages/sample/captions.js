/**
 * What is said about the chain and the dice: the caption's sentences, the summary, and the table twin.
 */

import { visible } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { count, format, number } from '../../kit/number.js';
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
  const sentences = [
    [
      'After ',
      quoted(selection.pieces.at(-1) ?? ''),
      ' the likeliest token is ',
      quoted(top.piece),
      ': the model gives it ',
      chance(top.probability, {
        percent: true,
        site: 'probabilities',
        index: `${position},${top.id}`,
      }),
      after === null
        ? ', and the chain takes it away. '
        : [
            ', and ',
            isGreedy
              ? 'a chain that always takes the likeliest leaves nothing else. '
              : ['after the chain (', chain, ') it has ', chance(after), '. '],
          ],
    ],
    gone.length
      ? [
          'Of its steps, ',
          gone.map(({ sampler, left }, at) => [
            at ? '; ' : '',
            sampler?.title ?? '',
            ' took ',
            count(left.removed),
            ' tokens, which together had ',
            chance(left.removed_share),
          ]),
          '. ',
        ]
      : ['No step takes a token away. '],
    ...(isGreedy ? [['No dice are thrown: every seed chooses it.']] : dice(tokens, draws, first)),
  ];
  return sentences.flat(4);
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
    ['Seed ', String(first), ' draws ', drawn ? quoted(drawn.piece) : 'one of the others', '. '],
    [
      'Of the seeds ',
      count(first),
      ' to ',
      count(first + draws.seeds - 1),
      ', each throwing once, ',
      count(draws.counts[0] ?? 0),
      ' draw ',
      quoted(top.piece),
      ', where ',
      h('span', { class: 'number' }, count(draws.expected[0] ?? 0)),
      ' ± ',
      number(draws.spread[0] ?? 0, { digits: 0 }),
      ' were to be expected (the marks in the last column). ',
      h('code', null, `lookback generate --seed ${first}`),
      ' begins with the same throw.',
    ],
  ];
}

/** @param {Answer} answer @param {Column[]} columns */
export function said({ tokens, draws }, columns) {
  const last = /** @type {Column} */ (columns.at(-1)).left;
  const names = tokens
    .slice(0, 5)
    .map(
      (token, row) =>
        `${token.piece.trim()} ${format(last.probabilities[row] ?? 0, { percent: true })}, drawn ${draws.counts[row]} times`,
    );
  return `After the chain ${last.kept} tokens are left. ${names.join('; ')}.`;
}

/** @param {{answer: Answer, columns: Column[], first: number}} shown */
export function twin({ answer: { tokens, draws, position }, columns, first }) {
  return {
    caption: `Probabilities after each step of the chain, and how often the seeds ${first} to ${first + draws.seeds - 1} draw each token`,
    head: [
      'token',
      ...columns.map(({ sampler }) => sampler?.title ?? 'the model’s own'),
      'drawn',
      'expected',
    ],
    rows: tokens.map((token, row) => [
      visible(token.piece),
      chance(token.probability, {
        site: 'probabilities',
        index: `${position},${token.id}`,
      }),
      ...columns.slice(1).map(({ left }) => {
        const share = left.probabilities[row] ?? null;
        return share === null ? 'taken away' : chance(share);
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
