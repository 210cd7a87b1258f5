/**
 * The text as it stands, and what may follow it, to be picked.
 */

import { escaped, visible } from '../../kit/chips.js';
import { hue } from '../../kit/colour.js';
import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { chance } from '../sampling.js';
import { ids } from './tree.js';

/** @typedef {import('./tree.js').Node} TextNode */
/** @typedef {import('./tree.js').Token} Token */
/** @typedef {import('./cost.js').Begin} Begin */

/**
 * The text: the prompt, what was written, and, faint, what was written behind the place one went back to.
 * @param {Begin} begin
 * @param {TextNode} cursor
 * @param {TextNode[]} along
 * @param {(node: TextNode) => void} go
 */
export function written(begin, cursor, along, go) {
  const prompt = begin.prompt.map(({ piece, is_special }, at) =>
    h(
      'span',
      { class: is_special ? 'repeat-special' : 'repeat-prompt', style: { '--hue': hue(at) } },
      is_special ? piece : lines(piece),
    ),
  );
  const behind = along.map((node) => {
    const token = /** @type {Token} */ (node.token);
    const state = node === cursor ? 'is-here' : node.depth > cursor.depth ? 'is-ahead' : '';
    // Not a button, which no line can break within; keys have the slider and the tree.
    // A part of a character has no text of its own; the token that ends it has all of it.
    const shown =
      token.text === ''
        ? h('span', { class: 'repeat-piece' }, token.is_end ? token.piece : visible(token.piece))
        : escaped(token.text);
    return h(
      'span',
      {
        class: `repeat-token ${state}`,
        title: messageText('repeat.go', { depth: node.depth }),
        onclick: () => go(node),
      },
      shown,
    );
  });
  return [h('span', { class: 'repeat-given' }, prompt), ...behind];
}

/** Line ends of a piece in print, as line ends. @param {string} piece */
function lines(piece) {
  return piece.replaceAll('\\n', '\n');
}

/**
 * What may follow, to be picked.
 * @param {TextNode} cursor
 * @param {(id: number) => void} take
 */
export function alternatives(cursor, take) {
  const turn = cursor.turn;
  if (!turn)
    return [
      h('h4', { class: 'repeat-head' }, message('repeat.ended')),
      h('p', null, message('repeat.ended.then')),
    ];
  const max = Math.max(
    1e-12,
    ...turn.alternatives.flatMap((one) => [one.probability, one.after ?? 0]),
  );
  const position = turn.tokens - 1;
  const rows = turn.alternatives.map((one) => {
    // A number of a longer text than the page's prompt is an element of that text's pass.
    const place =
      turn.forgotten === 0 ? { site: 'probabilities', index: `${position},${one.id}` } : {};
    const isDrawn = one.id === turn.drawn;
    return h(
      'button',
      {
        type: 'button',
        class: `repeat-choice ${isDrawn ? 'is-drawn' : ''}`,
        title: messageText('repeat.take', { token: visible(one.piece) }),
        onclick: () => take(one.id),
      },
      h(
        'span',
        { class: 'sample-name' },
        visible(one.piece),
        one.is_end ? h('span', { class: 'repeat-end' }, ' ', message('repeat.ends')) : null,
      ),
      h(
        'span',
        { class: 'sample-cell' },
        h('span', { class: 'sample-bar', style: { width: `${(100 * one.probability) / max}%` } }),
        chance(one.probability, place),
      ),
      one.after === null
        ? h('span', { class: 'sample-cell is-gone' })
        : h(
            'span',
            { class: 'sample-cell' },
            h('span', { class: 'sample-bar', style: { width: `${(100 * one.after) / max}%` } }),
            chance(one.after),
          ),
    );
  });
  return [
    h('h4', { class: 'repeat-head' }, message('repeat.choices.title')),
    h(
      'div',
      { class: 'repeat-list', 'data-behind': ids(cursor).join(',') || null },
      h(
        'div',
        { class: 'repeat-choice is-head' },
        h('span'),
        h('span', null, message('sample.own')),
        h('span', null, message('repeat.after')),
      ),
      rows,
    ),
  ];
}
