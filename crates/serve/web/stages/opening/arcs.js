/**
 * A text as one reads it, and over it an arc from a word to each word that it looks at, as thick as the weight.
 * A word that is pointed at, here or anywhere on the page, shows its own.
 */

import { visible } from '../../kit/chips.js';
import { hue } from '../../kit/colour.js';
import { fill, h, sideways, svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { format, number } from '../../kit/number.js';
import { hoveredToken, hoverToken, set, watchHover } from '../../kit/state.js';
import { isEven } from './words.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../../kit/client.js').Tensor} Tensor */

/**
 * @typedef {object} Text
 * @property {Selection} of
 * @property {Tensor | null} pattern  `[queries, keys]` of the head; null while it is looked for
 * @property {number} layer
 * @property {number} head
 * @property {boolean} isOff
 * @property {(Node | string)[]} next  what stands behind the text
 */

/** An arc's thickness at a weight of 1, in pixels. */
const THICK = 13;
/** Weights below are not drawn; below the second no other word's are. */
const [LEAST, CLEAR] = [0.006, 0.12];
/** Tokens from which on only the arcs of one are drawn. */
const MANY = 48;
/** A weight that is written below its word. */
const WRITTEN = 0.045;

export function arcs() {
  const drawing = svg('svg', { class: 'opening-arcs', 'aria-hidden': 'true' });
  const words = h('div', {
    class: 'opening-words',
    role: 'group',
    'aria-label': messageText('opening.words'),
    'data-roving': '',
  });
  const behind = h('span', { class: 'opening-next', 'aria-hidden': 'true' });
  const line = h('div', { class: 'opening-line' }, words, behind);
  const inner = h('div', { class: 'opening-inner' }, drawing, line);
  const node = h('div', { class: 'opening-text' }, inner);
  const spoken = h('span', { class: 'spoken', 'aria-live': 'polite' });
  sideways(node);
  /** @type {Text | null} */
  let shown = null;
  let written = /** @type {string[] | null} */ (null);

  /** @param {Text} text */
  function drawWords({ of }) {
    if (written === of.pieces) return;
    written = of.pieces;
    fill(
      words,
      of.pieces.map((piece, token) => {
        const bare = piece.trim() === '' ? visible(piece) : visible(piece.trim());
        return h(
          'button',
          {
            type: 'button',
            class: `opening-word ${/^\s/.test(piece) || token === 0 ? '' : 'is-joined'}`,
            'data-token': token,
            style: { '--hue': hue(token) },
            onclick: () => set({ token }),
            onpointerenter: () => hoverToken(token),
            onpointerleave: () => hoverToken(null),
            onfocus: () => hoverToken(token),
            onblur: () => hoverToken(null),
          },
          h('span', { class: 'opening-piece' }, bare),
          h('span', { class: 'opening-weight' }),
        );
      }),
    );
  }

  function draw() {
    if (!shown || node.clientWidth === 0) return;
    const { of, pattern, isOff, layer } = shown;
    const nodes = /** @type {HTMLElement[]} */ ([...words.children]);
    const hovered = hoveredToken();
    const query = hovered !== null && hovered < nodes.length ? hovered : of.token;
    const middles = nodes.map((word) => {
      const piece = /** @type {HTMLElement} */ (word.firstChild);
      return piece.offsetLeft + piece.offsetWidth / 2;
    });
    const [width, height] = [inner.scrollWidth, drawing.clientHeight];
    drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
    drawing.style.setProperty('width', `${width}px`);
    const far = Math.max(1, (middles.at(-1) ?? 1) - (middles[0] ?? 0));
    const row = pattern?.part(query);
    /** @param {number} from @param {number} to @param {number} weight @param {string} kind */
    const arc = (from, to, weight, kind) => {
      const [x, y] = [middles[from] ?? 0, middles[to] ?? 0];
      const thick = THICK * weight;
      const rise = Math.min(
        height - thick / 2 - 2,
        height * (0.3 + (0.95 * Math.abs(x - y)) / far),
      );
      // A cubic curve rises to three quarters of its handles.
      const top = height - rise / 0.75;
      const path =
        from === to
          ? `M ${x - 5} ${height} C ${x - 20} ${height - 34}, ${x + 20} ${height - 34}, ${x + 5} ${height}`
          : `M ${x} ${height} C ${x} ${top}, ${y} ${top}, ${y} ${height}`;
      return svg('path', {
        class: `opening-arc ${kind}`,
        d: path,
        style: { stroke: hue(to), 'stroke-width': Math.max(0.6, thick).toFixed(2) },
      });
    };
    /** @type {Node[]} */
    const paths = [];
    if (pattern && nodes.length <= MANY)
      for (let other = 1; other < nodes.length; other += 1) {
        if (other === query) continue;
        const weights = pattern.part(other);
        for (let key = 0; key < other; key += 1)
          if ((weights[key] ?? 0) >= CLEAR)
            paths.push(arc(other, key, weights[key] ?? 0, 'is-faint'));
      }
    // The thickest lie below.
    const keys = Array.from(row ?? [], (weight, key) => ({ weight, key }))
      .filter(({ weight }) => weight >= LEAST)
      .sort((a, b) => b.weight - a.weight);
    paths.push(...keys.map(({ weight, key }) => arc(query, key, weight, 'is-own')));
    fill(drawing, paths);
    drawing.classList.toggle('is-off', isOff);

    // Numbers below words, the largest first, as long as none covers another.
    /** @type {[number, number][]} */
    const taken = [];
    const told = new Map();
    for (const { weight, key } of keys) {
      const half = 3.4 * format(weight, { percent: true }).length;
      const [left, right] = [(middles[key] ?? 0) - half, (middles[key] ?? 0) + half];
      if (weight < WRITTEN || taken.some(([from, to]) => left < to && right > from)) continue;
      taken.push([left, right]);
      told.set(key, weight);
    }
    nodes.forEach((word, key) => {
      const isFuture = key > query && row?.[key] === 0;
      word.classList.toggle('is-query', key === query);
      word.classList.toggle('is-future', isFuture);
      word.setAttribute('aria-pressed', String(key === of.token));
      const weight = told.get(key);
      const isSeen = row && !(key > query && row[key] === 0);
      fill(
        /** @type {Element} */ (word.lastChild),
        isSeen
          ? h('span', { class: 'spoken' }, weight === undefined ? spokenOf(row, key) : ', ')
          : null,
        weight === undefined || !pattern
          ? null
          : number(weight, {
              percent: true,
              site: `blocks.${layer}.attn.pattern`,
              index: pattern.index(query, key),
            }),
      );
    });
    fill(behind, shown.next);
    behind.hidden = of.token !== nodes.length - 1;
  }

  /** A weight that is not written. @param {Float32Array} row @param {number} key */
  function spokenOf(row, key) {
    return messageText('opening.arcs.share', {
      share: format(row[key] ?? 0, { percent: true }),
    });
  }

  // A word that has the focus says where it looks.
  words.addEventListener('focusin', ({ target }) => {
    const token = Number(
      /** @type {HTMLElement} */ (target).closest('[data-token]')?.getAttribute('data-token'),
    );
    const row = shown?.pattern?.part(token);
    if (!row || !shown) return;
    let most = 0;
    for (let key = 1; key < row.length; key += 1)
      if ((row[key] ?? 0) > (row[most] ?? 0)) most = key;
    const { pieces } = shown.of;
    const said = {
      token: pieces[token]?.trim() ?? '',
      share: format(row[most] ?? 0, { percent: true }),
    };
    spoken.textContent = isEven(row)
      ? messageText('opening.arcs.equal', said)
      : most === token
        ? messageText('opening.arcs.itself', said)
        : messageText('opening.arcs.other', { ...said, other: pieces[most]?.trim() ?? '' });
  });
  watchHover(() => draw());
  new ResizeObserver(() => draw()).observe(node);
  new ResizeObserver(() => draw()).observe(words);

  let text = '';
  return {
    node,
    spoken,
    /** @param {Text} now */
    draw(now) {
      shown = now;
      drawWords(now);
      draw();
      const here = `${now.of.model} ${now.of.ids} ${now.of.token}`;
      if (here !== text) {
        text = here;
        // The chosen word comes into view; the page itself stays where it is.
        const word = /** @type {HTMLElement | undefined} */ (words.children[now.of.token]);
        const isLast = now.of.token === now.of.ids.length - 1;
        node.scrollLeft = isLast
          ? inner.scrollWidth
          : (word?.offsetLeft ?? 0) - node.clientWidth / 2;
      }
    },
  };
}
