/** The sentences of the figure of four texts, together. */

import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { listed, sentences } from '../../kit/sentences.js';
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

/** The first token in which two texts differ; null where they are the same. @param {Text} text @param {Text} other */
export function parted(text, other) {
  const length = Math.max(text.tokens.length, other.tokens.length);
  for (let at = 0; at < length; at += 1)
    if (text.tokens[at]?.id !== other.tokens[at]?.id) return at;
  return null;
}

/** How much of a text is repeated, in a sentence. @param {Text} text */
function of(text) {
  return h(
    'span',
    { class: 'number' },
    message('repetition.caption.of', { repeated: repeatedOf(text), all: text.tokens.length }),
  );
}

/**
 * @param {Text[]} texts
 * @param {number} temperature
 * @param {Text[] | null} before  the same without the changes, where there are some
 * @returns {(Node | string)[]}
 */
export function caption(texts, temperature, before) {
  const [greedy, ...drawn] = texts;
  if (!greedy) return [];
  const most = Math.max(...drawn.map(share));
  return sentences(
    message('repetition.caption.greedy', { of: of(greedy) }),
    message('repetition.caption.drawn', {
      temperature: temperature.toFixed(1),
      each: listed(drawn.map((text) => [of(text)])),
    }),
    before && effect(texts, before),
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

/** What the changes did to the texts. @param {Text[]} texts @param {Text[]} before */
function effect(texts, before) {
  const isSame = texts.every((text, at) => {
    const other = before[at];
    return other !== undefined && parted(text, other) === null;
  });
  return isSame
    ? message('repetition.caption.unmoved')
    : message('repetition.caption.before', { each: listed(before.map((text) => [of(text)])) });
}
