/** The sentences of the figure of four texts, together. */

import { h } from '../../kit/dom.js';
import { count } from '../../kit/number.js';
import { RUN } from './runs.js';

/** @typedef {import('../repetition.js').Text} Text */

export const SAID = {
  title: 'Four texts from one prompt, and what they repeat',
  temperature: 'temperature',
  seeds: 'three other seeds',
  greedy: 'always the likeliest',
  drawn: (/** @type {number} */ temperature, /** @type {number} */ seed) =>
    `temperature ${temperature.toFixed(1)}, seed ${seed}`,
  tally: (/** @type {number} */ of, /** @type {number} */ all) =>
    `${count(of)} of ${count(all)} tokens repeated`,
  ended: ' The text ended by itself.',
  table: 'the four texts',
  head: ['how', 'tokens', 'repeated', 'the text'],
};

/** Tokens of a text that are marked. @param {Text} text */
export function repeatedOf({ tokens }) {
  return tokens.filter(({ isRepeated }) => isRepeated).length;
}

/** @param {Text} text */
function share(text) {
  return text.tokens.length ? repeatedOf(text) / text.tokens.length : 0;
}

/**
 * @param {Text[]} texts
 * @param {number} temperature
 * @returns {import('../../kit/dom.js').Child[]}
 */
export function caption([greedy, ...drawn], temperature) {
  if (!greedy) return [];
  const of = (/** @type {Text} */ text) =>
    h('span', { class: 'number' }, `${count(repeatedOf(text))} of ${count(text.tokens.length)}`);
  const most = Math.max(...drawn.map(share));
  const verdict =
    share(greedy) > most
      ? 'The text that always takes the likeliest repeats the largest share of itself.'
      : share(greedy) < most
        ? 'Here a text that was drawn repeats a larger share of itself than the likeliest one does.'
        : share(greedy) === 0
          ? 'None of the four repeats anything.'
          : 'Here a text that was drawn repeats as large a share of itself as the likeliest one.';
  return [
    'Always the likeliest: ',
    h('strong', null, of(greedy)),
    ' tokens are repeated. ',
    `Drawn at temperature ${temperature.toFixed(1)}: `,
    drawn.flatMap((text, at) => [
      at === 0 ? '' : at === drawn.length - 1 ? ' and ' : ', ',
      of(text),
    ]),
    '. ',
    verdict,
    ` What is marked belongs to ${RUN} tokens in a row that the text, prompt included, had before. No other sampler is at work here.`,
  ].flat();
}
