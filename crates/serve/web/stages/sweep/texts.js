/**
 * The two texts that stand side by side: what the bar has, and a second one of as many tokens. Where the
 * reader wrote none, a word of the first is replaced by another.
 *
 * In the address: `other`, the second text, for all figures that compare two.
 */

import { ask, ProgramError } from '../../kit/client.js';
import { messageText } from '../../kit/messages.js';
import { opensOn } from '../example.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {{text: string, ids: number[], pieces: string[]}} Text */

/** Two texts that differ in one word, which is asked for at the end. */
const EXAMPLE = { prompt: 'anna smith saw a red bird. who is anna? anna' };
const EXAMPLE_OTHER = { prompt: 'anna jones saw a red bird. who is anna? anna' };
/** Second texts that are remembered. */
const MOST = 32;
/** Tokens that the program compares. */
const LONGEST = 64;
/** Places at which a word is replaced, and words that are tried at each, until a text has as many tokens. */
const [PLACES, WORDS] = [6, 12];

/**
 * @param {import('../../kit/stage.js').Page} page
 */
export function texts(page) {
  const example = opensOn(page, 'compare', EXAMPLE);
  /** @type {Map<string, Promise<Text>>} */
  const known = new Map();

  /** @param {Selection} of @param {string} text @returns {Promise<Text>} */
  async function cut(of, text) {
    const { ids, pieces } = await ask('tokens', { model: of.model, prompt: text, chat: of.chat });
    return { text, ids, pieces };
  }

  /** The first text with one word replaced, of as many tokens. @param {Selection} of @returns {Promise<Text>} */
  async function replaced(of) {
    for (const at of replaceable(of).slice(0, PLACES)) {
      const own = (of.pieces[at] ?? '').trim();
      const place = placeOf(of, at);
      if (own === '' || place < 0) continue;
      const about = { model: of.model, prompt: of.prompt, chat: of.chat };
      const { neighbours } = await ask('embed', { ...about, token: at });
      const near = neighbours.map((/** @type {{piece: string}} */ { piece }) => piece.trim());
      const others = [...near, ...of.pieces.map((piece) => piece.trim()), 'e', 'a', 't', 's'];
      const words = [...new Set(others)].filter(
        (word) => word !== own && /^[\p{L}\p{N}]+$/u.test(word),
      );
      for (const word of words.slice(0, WORDS)) {
        const text = of.prompt.slice(0, place) + word + of.prompt.slice(place + own.length);
        const found = await cut(of, text);
        if (found.ids.length === of.ids.length && found.ids.some((id, at) => id !== of.ids[at]))
          return found;
      }
    }
    throw new ProgramError(messageText('compare.none', { count: of.ids.length }));
  }

  return {
    node: example.node,
    /**
     * @param {Selection} selection @param {AbortSignal} signal
     * @returns {Promise<{of: Selection, other: Text, isWritten: boolean}>}
     */
    async find(selection, signal) {
      const of = await example.selection(selection, signal);
      if (of.ids.length > LONGEST)
        throw new ProgramError(
          messageText('compare.too-long', { count: of.ids.length, most: LONGEST }),
        );
      const written = selection.more.other;
      const text = written ?? (of === selection ? null : EXAMPLE_OTHER.prompt);
      const key = JSON.stringify([of.model, of.about.step, of.chat, of.prompt, of.token, text]);
      let other = known.get(key);
      if (!other) {
        other = text === null ? replaced(of) : cut(of, text);
        // In another model's tokens the example's two texts may be of different lengths.
        if (written === undefined && text !== null)
          other = other.then((found) =>
            found.ids.length === of.ids.length ? found : replaced(of),
          );
        other.catch(() => known.delete(key));
        for (const old of [...known.keys()].slice(0, Math.max(0, known.size - MOST)))
          known.delete(old);
        known.set(key, other);
      }
      const found = await other;
      signal.throwIfAborted();
      return { of, other: found, isWritten: written !== undefined };
    },
  };
}

/**
 * Tokens that may be replaced, the best first: the chosen one, unless it is the last; then words from the
 * middle on, then anything else.
 * @param {Selection} of
 */
function replaceable({ pieces, token }) {
  const last = pieces.length - 1;
  const rank = (/** @type {number} */ at) => {
    const isWord = /\p{L}{2}/u.test(pieces[at] ?? '');
    if (at === token && token < last && isWord) return -1;
    return (isWord ? 0 : pieces.length) + Math.abs(at - last / 2);
  };
  return pieces.map((_, at) => at).sort((a, b) => rank(a) - rank(b));
}

/** Where a token's word begins in the text; below 0 where it is not found there. @param {Selection} of @param {number} at */
function placeOf({ prompt, pieces }, at) {
  let place = 0;
  for (let token = 0; token < at; token += 1) {
    const own = (pieces[token] ?? '').trim();
    const found = prompt.indexOf(own, place);
    if (found >= 0) place = found + own.length;
  }
  return prompt.indexOf((pieces[at] ?? '').trim(), place);
}
