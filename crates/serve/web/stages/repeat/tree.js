/**
 * A tree of continuations: every text that was written from one prompt, and a drawing of it.
 */

import { pressed } from '../../kit/bars.js';
import { visible } from '../../kit/chips.js';
import { h, svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';

/** @typedef {{id: number, piece: string, text: string, is_end: boolean}} Token */
/** @typedef {{id: number, piece: string, probability: number, after: number | null, is_end: boolean}} Alternative */
/** @typedef {{type: 'turn', tokens: number, last: Token | null, drawn: number, bound: number | null, alternatives: Alternative[], known: number, read: number, forgotten: number, pages: number, shared: number, milliseconds: number, multiplications: number, choosing_milliseconds: number, afresh: {milliseconds: number, multiplications: number, differ: number} | null}} Turn */

/**
 * A text: its last token, and the text before it.
 * @typedef {object} Node
 * @property {Token | null} token  null for the prompt
 * @property {Node | null} parent
 * @property {Node[]} children     in the order in which they were written
 * @property {number} depth        tokens behind the prompt
 * @property {Turn | null} turn    what may follow, once it is known
 */

/** The prompt, with nothing behind it. @returns {Node} */
export function prompt() {
  return { token: null, parent: null, children: [], depth: 0, turn: null };
}

/**
 * The text with a token behind it, which may have been written before.
 * @param {Node} node
 * @param {Token} token
 */
export function append(node, token) {
  const there = node.children.find((child) => child.token?.id === token.id);
  if (there) return there;
  /** @type {Node} */
  const child = { token, parent: node, children: [], depth: node.depth + 1, turn: null };
  node.children.push(child);
  return child;
}

/**
 * The texts from the prompt to this one, the prompt left out.
 * @param {Node} node
 */
export function path(node) {
  /** @type {Node[]} */
  const nodes = [];
  for (let at = /** @type {Node | null} */ (node); at?.parent; at = at.parent) nodes.unshift(at);
  return nodes;
}

/** The ids behind the prompt. @param {Node} node */
export function ids(node) {
  return path(node).map((of) => of.token?.id ?? 0);
}

/**
 * Where a text was last written on to: the end of its newest branch, or of the one through `by`.
 * @param {Node} node
 * @param {Node} by
 */
export function end(node, by) {
  const through = new Set(path(by));
  let at = node;
  while (at.children.length)
    at =
      at.children.find((child) => through.has(child)) ?? /** @type {Node} */ (at.children.at(-1));
  return at;
}

/** How many texts end somewhere. @param {Node} node @returns {number} */
export function leaves(node) {
  return node.children.length
    ? node.children.reduce((total, child) => total + leaves(child), 0)
    : 1;
}

/** Forgets what may follow, in every text. @param {Node} node */
export function forget(node) {
  node.turn = null;
  node.children.forEach(forget);
}

const [STEP, LANE] = [52, 34];

/**
 * The drawing: a lane for each branch, a dot for each token, to be gone to.
 * @param {Node} root
 * @param {Node} cursor
 * @param {(node: Node) => void} onPick
 */
export function draw(root, cursor, onPick) {
  const on = new Set([root, ...path(cursor)]);
  /** @type {SVGElement[]} */
  const lines = [];
  /** @type {SVGElement[]} */
  const dots = [];
  let [lanes, deepest] = [0, 0];
  /** @param {Node} node @param {number} lane */
  const place = (node, lane) => {
    deepest = Math.max(deepest, node.depth);
    const [x, y] = [20 + node.depth * STEP, 22 + lane * LANE];
    const name = node.token
      ? visible(node.token.text || node.token.piece)
      : messageText('repeat.prompt');
    const shown = name.length > 7 ? `${name.slice(0, 6)}…` : name;
    const isHere = node === cursor;
    // What is seen is a part of what is said.
    const said = { name: shown === name ? name : `${shown} ${name}`, depth: node.depth };
    dots.push(
      svg(
        'g',
        {
          class: `branch-node ${on.has(node) ? 'is-on' : ''} ${isHere ? 'is-here' : ''}`,
          role: 'button',
          tabindex: isHere ? '0' : '-1',
          'aria-label': isHere
            ? messageText('repeat.node.here', said)
            : messageText('repeat.node', said),
          'aria-current': isHere ? 'step' : null,
          onclick: () => onPick(node),
          onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(event) && onPick(node),
        },
        svg('rect', {
          class: 'branch-ground',
          x: x - STEP / 2,
          y: y - 20,
          width: STEP,
          height: LANE - 2,
        }),
        svg('circle', { cx: x, cy: y, r: isHere ? 5.5 : 3.5 }),
        svg('text', { x, y: y - 9 }, shown),
        svg('title', null, name),
      ),
    );
    node.children.forEach((child, at) => {
      const to = at === 0 ? lane : ++lanes;
      const [childX, childY] = [x + STEP, 22 + to * LANE];
      lines.push(
        svg('path', {
          class: `branch-line ${on.has(child) ? 'is-on' : ''}`,
          d: `M${x} ${y} C${x + STEP / 2} ${y} ${x + STEP / 2} ${childY} ${childX} ${childY}`,
        }),
      );
      place(child, to);
    });
  };
  place(root, 0);
  const [width, height] = [40 + deepest * STEP, 40 + lanes * LANE];
  const drawing = svg(
    'svg',
    {
      class: 'branch-tree',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'group',
      'aria-label': messageText('repeat.tree'),
    },
    lines,
    dots,
  );
  /** @param {KeyboardEvent} event */
  const walk = (event) => {
    const beside = cursor.parent?.children ?? [];
    const to = {
      ArrowLeft: cursor.parent,
      ArrowRight: cursor.children[0],
      ArrowUp: beside[beside.indexOf(cursor) - 1],
      ArrowDown: beside[beside.indexOf(cursor) + 1],
    }[event.key];
    if (!event.key.startsWith('Arrow')) return;
    // The page's own arrow keys choose a token of the prompt.
    event.preventDefault();
    event.stopPropagation();
    if (to) onPick(to);
  };
  return h('div', { class: 'branch-whole', onkeydown: walk }, drawing);
}

/**
 * Brings a depth into view.
 * @param {HTMLElement} drawing
 * @param {number} depth
 */
export function follow(drawing, depth) {
  const x = 20 + depth * STEP;
  const { scrollLeft: left, clientWidth: width } = drawing;
  if (x < left + STEP || x > left + width - STEP) drawing.scrollLeft = x - width / 2;
}
