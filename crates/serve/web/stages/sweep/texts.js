/**
 * The two texts that stand side by side: what the bar has, and a second one of as many tokens. Where the
 * reader wrote none, a word of the first is replaced by another.
 *
 * In the address: `other`, the second text, for all figures that compare two.
 */

import { word } from '../../kit/chips.js';
import { ask } from '../../kit/client.js';
import { opensOn } from '../example.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {{text: string, ids: number[], pieces: string[]}} Text */

/** Two texts that differ in one word, which is asked for at the end. */
const EXAMPLE = { prompt: 'anna smith saw a red bird. who is anna? anna' };
const EXAMPLE_OTHER = 'anna jones saw a red bird. who is anna? anna';
/** Second texts that are remembered. */
const MOST = 32;

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
    const at = replaceable(of);
    const { neighbours } = await ask('embed', {
      model: of.model,
      prompt: of.prompt,
      chat: of.chat,
      token: at,
    });
    const near = neighbours.map((/** @type {{piece: string}} */ { piece }) => piece);
    const own = (of.pieces[at] ?? '').trim();
    const place = placeOf(of, at);
    for (const piece of [...near, ...of.pieces, 'a', 'b']) {
      const put = piece.trim();
      if (put === '' || put === own || !/^[\p{L}\p{N}]+$/u.test(put)) continue;
      const text = of.prompt.slice(0, place) + put + of.prompt.slice(place + own.length);
      const found = await cut(of, text);
      if (found.ids.length === of.ids.length && found.ids.some((id, at) => id !== of.ids[at]))
        return found;
    }
    // Nothing fits: the program then says what it needs.
    return cut(of, `${of.prompt} `);
  }

  return {
    node: example.node,
    /**
     * @param {Selection} selection @param {AbortSignal} signal
     * @returns {Promise<{of: Selection, other: Text, isWritten: boolean}>}
     */
    async find(selection, signal) {
      const of = await example.selection(selection, signal);
      const written = selection.more.other;
      const text = written ?? (of === selection ? null : EXAMPLE_OTHER);
      const key = JSON.stringify([of.model, of.about.step, of.chat, of.prompt, of.token, text]);
      let other = known.get(key);
      if (!other) {
        other = text === null ? replaced(of) : cut(of, text);
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

/** The token that is replaced: the chosen one, or where that is the last, one in the middle. @param {Selection} of */
function replaceable({ pieces, token }) {
  const isWord = (/** @type {number} */ at) => /\p{L}{2}/u.test(pieces[at] ?? '');
  if (token < pieces.length - 1 && isWord(token)) return token;
  const order = Array.from({ length: pieces.length }, (_, at) => at).sort(
    (a, b) => Math.abs(a - (pieces.length - 1) / 2) - Math.abs(b - (pieces.length - 1) / 2),
  );
  return order.find(isWord) ?? order[0] ?? 0;
}

/** Where a token's word begins in the text. @param {Selection} of @param {number} at */
function placeOf({ prompt, pieces }, at) {
  let place = 0;
  for (let token = 0; token <= at; token += 1) {
    const found = prompt.indexOf((pieces[token] ?? '').trim(), place);
    if (found < 0) continue;
    place = token === at ? found : found + (pieces[token] ?? '').trim().length;
  }
  return place;
}

/** A token of both texts as it is named: one word, or two where they differ. @param {string} first @param {string} second */
export function both(first, second) {
  return first === second ? word(first) : `${word(first)} / ${word(second)}`;
}
