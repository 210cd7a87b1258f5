/**
 * The next word that the figures of MLP, stream, logit lens and next tokens are about: the likeliest,
 * unless another was picked. In the address: `next`, its id.
 */

import { visible, word } from '../../kit/chips.js';
import { fill, h } from '../../kit/dom.js';
import { choice } from '../../kit/figure.js';
import { messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { get } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../../kit/stage.js').Page} Page */
/** @typedef {Record<string, string>} Pieces  what ids look like */

/** What the figures of the next word open on: a word after which many may come. */
export const UNCERTAIN = { prompt: 'the bird is red', word: 'is' };

/**
 * The picked next word's id; null leaves it to the likeliest.
 * @param {Selection} of
 * @returns {number | null}
 */
export function picked(of) {
  const text = of.more.next;
  if (text === undefined || !/^\d{1,9}$/.test(text)) return null;
  // Another model may have fewer.
  return Number(text) < of.about.vocabulary ? Number(text) : null;
}

/**
 * What a question about one text and one next word begins with.
 * @param {Selection} of
 */
export function question(of) {
  return { model: of.model, prompt: of.prompt, chat: of.chat, token: of.token, of: picked(of) };
}

/**
 * A next word as it looks, spaces seen.
 * @param {Pieces} pieces
 * @param {number} id
 */
export function look(pieces, id) {
  return visible(pieces[id] ?? `#${id}`);
}

/**
 * A next word in a sentence.
 * @param {Pieces} pieces
 * @param {number} id
 */
export function said(pieces, id) {
  return h(
    'b',
    { class: 'next-word', title: messageText('next-word.title', { id: String(id) }) },
    word(pieces[id] ?? `#${id}`),
  );
}

/**
 * A probability.
 * @param {number} probability
 * @param {{site?: string, index?: string, isBefore?: boolean}} [place]
 */
export function share(probability, place = {}) {
  return number(probability, { ...place, percent: true });
}

/**
 * A next word that a click makes the one all figures are about.
 * @param {Page} page
 * @param {Pieces} pieces
 * @param {number} id
 * @param {boolean} [isPicked]
 */
export function pick(page, pieces, id, isPicked = false) {
  const press = () => page.set({ next: id });
  const name = look(pieces, id);
  return h(
    'button',
    {
      type: 'button',
      class: 'next-pick',
      'data-key': `word-${id}`,
      title: messageText('next-word.title', { id: String(id) }),
      'aria-pressed': String(isPicked),
      onclick: press,
    },
    name,
  );
}

/**
 * The control that chooses among the likeliest next words.
 * @param {Page} page
 * @param {string} label
 */
export function chooser(page, label) {
  const control = choice({
    label,
    options: [],
    value: '',
    onChange: (id) => page.set({ next: id === 'likeliest' ? null : id }),
  });
  return {
    node: control.node,
    /**
     * @param {Selection} of
     * @param {{of: number, candidates: number[], pieces: Pieces}} answer
     */
    show(of, { of: shown, candidates, pieces }) {
      const own = picked(of);
      const others = candidates.includes(shown) ? [] : [shown];
      const first = /** @type {number} */ (candidates[0]);
      control.set(
        [
          ['likeliest', messageText('next-word.likeliest', { word: look(pieces, first) })],
          ...[...candidates.slice(1), ...others].map(
            (id) => /** @type {[string, string]} */ ([String(id), look(pieces, id)]),
          ),
        ],
        own === null || own === first ? 'likeliest' : String(own),
      );
    },
  };
}

/**
 * Remembers the last answer of a question, for a figure that is drawn again about the same. A question
 * is given up when another takes its place, not when the figure is merely drawn again. Under other changes it
 * is another question.
 * @template T
 * @returns {(key: object, ask: (signal: AbortSignal) => Promise<T>) => Promise<T>}
 */
export function remembering() {
  let last = '';
  /** @type {Promise<T> | null} */
  let answer = null;
  let abort = new AbortController();
  return (key, ask) => {
    const now = JSON.stringify([key, get().changes]);
    if (answer === null || now !== last) {
      abort.abort();
      abort = new AbortController();
      last = now;
      const mine = ask(abort.signal);
      answer = mine;
      // What failed is asked again.
      mine.catch(() => {
        if (answer === mine) answer = null;
      });
    }
    return answer;
  };
}

/**
 * Words for those who do not see what stands around them.
 * @param {string} words
 */
export function spoken(words) {
  return h('span', { class: 'spoken' }, words);
}

/**
 * Takes everything out of a node and puts other things in; who had the focus by its `data-key` has it
 * again.
 * @param {HTMLElement} node
 * @param {...(import('../../kit/dom.js').Child | import('../../kit/dom.js').Child[])} children
 */
export function refill(node, ...children) {
  const focused = document.activeElement;
  const key = node.contains(focused) ? focused?.getAttribute('data-key') : null;
  fill(node, ...children);
  if (key === null || key === undefined) return;
  const again = node.querySelector(`[data-key="${CSS.escape(key)}"]`);
  /** @type {HTMLElement | null} */ (again)?.focus({ preventScroll: true });
}

/**
 * A bar in a cell, from its left end or, of signed numbers, from its middle.
 * @param {number} value
 * @param {number} max
 * @param {{signed?: boolean, kind?: string, before?: number}} [options]  `before`: without changes, a ghost
 */
export function barCell(value, max, { signed = false, kind = '', before } = {}) {
  const reach = (/** @type {number} */ value) => {
    const share = max > 0 ? Math.min(1, Math.abs(value) / max) : 0;
    const width = (signed ? 50 : 100) * share;
    const left = signed ? (value < 0 ? 50 - width : 50) : 0;
    return { left: `${left}%`, width: `max(1px, ${width}%)` };
  };
  const sign = signed ? (value < 0 ? 'is-negative' : 'is-positive') : '';
  return h(
    'span',
    { class: `bar-cell ${signed ? 'is-signed' : ''}`, 'aria-hidden': 'true' },
    before === undefined ? null : h('span', { class: 'bar-ghost-cell', style: reach(before) }),
    h('span', { class: `bar-fill ${sign} ${kind}`, style: reach(value) }),
  );
}
