/**
 * Ids are labels: the ids of the vocabulary exchanged among each other, one to one, on the page alone; and what
 * is said about it. The program goes on with the ids that the model has.
 *
 * In the address: `tokens.ids`, which exchange is shown.
 */

import { outlook } from '../../kit/changes/effect.js';
import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { button } from '../../kit/figure.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
import { get, set } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */

/** The exchange that the address names; 0 for none. @param {Selection} of */
export function exchangeOf(of) {
  const text = of.more['tokens.ids'] ?? '';
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0;
}

/** @param {number} a @param {number} b @returns {number} */
function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b);
}

/**
 * Another label for each id, no two alike: `factor · id + shift`, modulo the number of ids. It is one to one
 * since the factor and that number have no divisor in common.
 * @param {number} exchange  0 leaves them as they are
 * @param {number} vocabulary
 * @returns {(id: number) => number}
 */
export function relabelled(exchange, vocabulary) {
  if (exchange === 0) return (id) => id;
  let factor = 1 + Math.floor(vocabulary * (0.381966 + 0.0137 * (exchange % 17)));
  while (divisor(factor, vocabulary) !== 1) factor += 1;
  const shift = (exchange * 7919) % vocabulary;
  return (id) => (factor * id + shift) % vocabulary;
}

/** The buttons that exchange the ids and put them back. */
export function relabelling() {
  const exchange = button(messageText('tokens.exchange'), () => {
    const now = Number(get().more['tokens.ids'] ?? 0) || 0;
    set({ 'tokens.ids': (now % 999) + 1 });
  });
  const back = button(messageText('tokens.exchange.back'), () => {
    // Who works with keys stays where something is to be pressed.
    exchange.focus({ preventScroll: true });
    set({ 'tokens.ids': null });
  });
  return {
    node: h('span', { class: 'choice' }, exchange, back),
    /** @param {number} now */
    draw(now) {
      exchange.textContent = messageText(now === 0 ? 'tokens.exchange' : 'tokens.exchange.again');
      back.hidden = now === 0;
    },
  };
}

/**
 * What an exchange changes, and what not.
 * @param {Selection} of
 * @param {number} exchange
 * @param {AbortSignal} signal
 * @returns {Promise<(Node | string)[]>}
 */
export async function saidOf(of, exchange, signal) {
  const { ids, pieces, token, about } = of;
  const label = relabelled(exchange, about.vocabulary);
  const { top, pieces: next } = await outlook(of, { signal });
  const first = top[0];
  const own = ids[token] ?? 0;
  return sentences(
    message('tokens.exchanged', {
      token: mention(token, pieces[token] ?? ''),
      now: label(own),
      before: own,
    }),
    first
      ? message('tokens.exchanged.next', {
          next: h('b', { class: 'next-word' }, word(next[first.id] ?? '')),
          now: label(first.id),
          before: first.id,
          probability: number(first.probability, {
            percent: true,
            site: 'probabilities',
            index: `${token},${first.id}`,
          }),
        })
      : [],
    message('tokens.exchanged.page'),
  );
}
