/**
 * A token as a chip in its hue: a click chooses it, a hover marks it in every figure.
 */

import { hue } from './colour.js';
import { h } from './dom.js';
import { messageText } from './messages.js';
import { hoverToken, set, watchHover } from './state.js';

/**
 * A piece as one reads it: spaces and line ends that can be seen.
 * @param {string} piece
 */
export function visible(piece) {
  if (piece === '') return '∅';
  return piece
    .replaceAll(' ', '·')
    .replaceAll('\n', '↵')
    .replaceAll('\t', '⇥')
    .replaceAll('\\n', '↵')
    .replaceAll('\\t', '⇥');
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
    return text.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '⇥');
  } catch {
    return visible(pieces[at] ?? '');
  }
}

/**
 * A piece inside a sentence: without its leading space.
 * @param {string} piece
 */
export function word(piece) {
  const bare = piece.trim();
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
