/**
 * A token as a chip in its hue: a click chooses it, a hover marks it in every figure.
 */

import { hue } from './colour.js';
import { h } from './dom.js';
import { messageText } from './messages.js';
import { hoverToken, set, watchHover } from './state.js';

/**
 * Characters that are not seen, or turn the order of others around: controls, spaces of other widths, those of no
 * width, marks of direction. What joins the parts of an emoji is none of them, unless it stands alone.
 */
const UNSEEN =
  /(?![\n\t])\p{Cc}|[\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200c\u200e\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff]|(?<!.)[\u200d\ufe0e\ufe0f]/gsu;

const CONTROLS = /(?![\n\t])\p{Cc}/gu;

/** A text with some of its characters by their number, as the program writes those of pieces. @param {string} text @param {RegExp} [which] */
export function escaped(text, which = CONTROLS) {
  return text.replace(which, (unseen) => `\\u{${unseen.codePointAt(0)?.toString(16)}}`);
}

/** A piece in which all can be seen: a mark alone stands over a circle, and not over what is before it. @param {string} piece */
function seen(piece) {
  return escaped(piece, UNSEEN).replace(/^( ?)(?=\p{M})/u, '$1◌');
}

/**
 * A piece as one reads it: spaces, line ends and what is not seen otherwise can be seen.
 * @param {string} piece
 */
export function visible(piece) {
  if (piece === '') return '∅';
  return spaced(seen(piece)).replaceAll('\\n', '↵').replaceAll('\\t', '⇥');
}

/** @param {string} text */
function spaced(text) {
  return text.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '⇥');
}

/**
 * A token's own bytes as one reads them, or its piece where they are no whole letters. A piece in print
 * has its line ends as escapes, and then cannot be told from one that spells a backslash and an n.
 * @param {{pieces: string[], bytes: string[]}} cut
 * @param {number} at
 */
export function spelled({ pieces, bytes }, at) {
  const hex = bytes[at]?.match(/[0-9a-f]{2}/gi) ?? [];
  // Only a backslash is ambiguous.
  if (!hex.some((byte) => byte.toLowerCase() === '5c')) return visible(pieces[at] ?? '');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(
      Uint8Array.from(hex, (byte) => Number.parseInt(byte, 16)),
    );
    return spaced(seen(text));
  } catch {
    return visible(pieces[at] ?? '');
  }
}

/**
 * A piece inside a sentence: without its leading space.
 * @param {string} piece
 */
export function word(piece) {
  const bare = seen(piece.trim());
  if (bare === '') return messageText('common.quoted', { text: visible(piece) });
  // A full stop in a sentence would end it.
  return /[\p{L}\p{N}]/u.test(bare) ? bare : messageText('common.quoted', { text: bare });
}

/** @type {Set<WeakRef<HTMLElement>>} */
const chips = new Set();

watchHover((token) => {
  for (const ref of chips) {
    const node = ref.deref();
    if (!node) chips.delete(ref);
    else node.classList.toggle('is-hovered', node.dataset.token === String(token));
  }
});

/**
 * @param {number} token  its place in the prompt
 * @param {string} piece
 * @param {{picked?: boolean, onClick?: () => void, shown?: string}} [options]  `shown`: how it reads
 */
export function chip(token, piece, { picked = false, onClick, shown = visible(piece) } = {}) {
  const node = h(
    'button',
    {
      type: 'button',
      class: 'chip',
      'data-token': token,
      'aria-pressed': String(picked),
      style: { '--hue': hue(token) },
      title: messageText('common.token-spelled', { token, piece: JSON.stringify(piece) }),
      onclick: onClick ?? (() => set({ token })),
      onpointerenter: () => hoverToken(token),
      onpointerleave: () => hoverToken(null),
      onfocus: () => hoverToken(token),
      onblur: () => hoverToken(null),
    },
    shown,
  );
  chips.add(new WeakRef(node));
  return node;
}

/**
 * A token's word in a sentence, in its hue, marked together with its chips.
 * @param {number} token
 * @param {string} piece
 */
export function mention(token, piece) {
  const node = h(
    'em',
    {
      class: 'mention',
      'data-token': token,
      style: { '--hue': hue(token) },
      onpointerenter: () => hoverToken(token),
      onpointerleave: () => hoverToken(null),
    },
    word(piece),
  );
  chips.add(new WeakRef(node));
  return node;
}
