/**
 * The second sentence: the reader's prompt turned around, so that what came later comes before.
 */

import { word } from '../../kit/chips.js';

/** Words that join a thing to what is said of it. */
const COPULAS = new Set(['is', 'are', 'was', 'were']);

/**
 * "the bird is red" becomes "the red bird". In any other sentence the last word moves before the one
 * that is looked at; where that is the last one itself, before its neighbour.
 * @param {string} prompt
 * @param {number} chosen  the word that is looked at
 */
export function turned(prompt, chosen) {
  const words = prompt
    .trim()
    .replace(/[.!?]+$/, '')
    .split(/\s+/);
  const last = words.pop() ?? '';
  if (words.length === 0) return last;
  if (words.length > 1 && COPULAS.has(words[words.length - 1] ?? '')) {
    words.pop();
    words.splice(words.length - 1, 0, last);
  } else {
    words.splice(Math.max(0, Math.min(chosen, words.length - 1)), 0, last);
  }
  return words.join(' ');
}

/**
 * Which word of a prompt a token belongs to.
 * @param {string} prompt
 * @param {string[]} pieces
 * @param {number} token
 */
export function wordOf(prompt, pieces, token) {
  let from = 0;
  for (const [at, piece] of pieces.entries()) {
    const found = prompt.indexOf(piece.trim(), from);
    // A piece that is not in the prompt begins the text, or belongs to a chat's template.
    const start = found < 0 ? from : found;
    if (at === token) return (prompt.slice(0, start).match(/\S+(?=\s)/g) ?? []).length;
    if (found >= 0) from = found + piece.trim().length;
  }
  return 0;
}

/**
 * Which token of another text each token is, by its piece: each is given away once.
 * @param {string[]} pieces
 * @param {string[]} others
 * @returns {(number | null)[]}
 */
export function alike(pieces, others) {
  const left = others.map((piece) => word(piece));
  return pieces.map((piece) => {
    const at = left.indexOf(word(piece));
    if (at < 0) return null;
    left[at] = '\0';
    return at;
  });
}
