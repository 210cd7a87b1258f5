/** The sentences of the figure of four texts, together. */

import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { list, sentences } from '../logits/sentences.js';
import { RUN } from './runs.js';

/** @typedef {import('../repetition.js').Text} Text */

/** How much of a text is repeated. @param {Text} text */
export function tally(text) {
  return messageText('repetition.tally', { count: repeatedOf(text), all: text.tokens.length });
}

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
 * @returns {(Node | string)[]}
 */
export function caption([greedy, ...drawn], temperature) {
  if (!greedy) return [];
  const of = (/** @type {Text} */ text) =>
    h(
      'span',
      { class: 'number' },
      message('repetition.caption.of', { repeated: repeatedOf(text), all: text.tokens.length }),
    );
  const most = Math.max(...drawn.map(share));
  return sentences(
    message('repetition.caption.greedy', { of: of(greedy) }),
    message('repetition.caption.drawn', {
      temperature: temperature.toFixed(1),
      each: list(drawn.map(of)),
    }),
    share(greedy) > most
      ? message('repetition.caption.greedy-most')
      : share(greedy) < most
        ? message('repetition.caption.drawn-most')
        : share(greedy) === 0
          ? message('repetition.caption.none')
          : message('repetition.caption.same'),
    message('repetition.caption.marked', { run: RUN }),
  );
}
