/**
 * How a piece came about: its smallest pieces below, the merges above them, each with its rank, in the
 * order in which they were made.
 */

import { visible } from '../../kit/chips.js';
import { fill, h, svg } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { count } from '../../kit/number.js';
import { player } from '../../kit/player.js';

/** @typedef {{id: number, piece: string}} Leaf */
/** @typedef {Leaf & {rank: number, left: number, right: number}} Merge */
/** @typedef {{id: number, piece: string, merges_in_all: number, tree: {leaves: Leaf[], merges: Merge[]} | null}} Made */

const COLUMN = 46;
const ROW = 44;
const FOOT = 24;

export function tree() {
  const title = h('p', { class: 'tree-title' });
  const drawing = h('div', {
    class: 'tree-drawing',
    tabindex: '0',
    role: 'group',
    'aria-label': messageText('tokens.tree.drawing'),
  });
  const words = h('p', { class: 'tree-words' });
  /** @type {{made: Made, name: string, colour: string} | null} */
  let shown = null;
  /** @type {SVGGElement[]} */
  let steps = [];
  const play = player({
    name: messageText('tokens.tree.player'),
    steps: () => steps.length + 1,
    onStep: step,
  });

  /** Shows the first merges only. @param {number} made */
  function step(made) {
    for (const [at, node] of steps.entries()) node.classList.toggle('is-to-come', at >= made);
    const merge = shown?.made.tree?.merges[made - 1];
    if (!shown?.made.tree) return;
    const { leaves, merges } = shown.made.tree;
    const piece = (/** @type {number} */ node) =>
      visible((leaves[node] ?? merges[node - leaves.length])?.piece ?? '');
    if (merge) {
      fill(
        words,
        message('tokens.tree.merge', {
          merge: made,
          merges: merges.length,
          left: code(piece(merge.left)),
          right: code(piece(merge.right)),
          piece: code(visible(merge.piece)),
          rank: merge.rank,
          rules: shown.made.merges_in_all,
        }),
      );
    } else if (merges.length) {
      fill(words, message('tokens.tree.begin', { pieces: leaves.length }));
    } else {
      fill(words, message('tokens.tree.smallest'));
    }
  }

  return {
    node: h('div', { class: 'tree' }, title, drawing, play.node, words),
    /** @param {Made} made @param {string} name  whose piece it is @param {string} colour */
    draw(made, name, colour) {
      if (shown?.name === name && shown.made.id === made.id && shown.colour === colour) return;
      shown = { made, name, colour };
      play.pause();
      fill(
        title,
        message('tokens.tree.title', { piece: code(visible(made.piece)), vocabulary: name }),
      );
      steps = [];
      play.node.classList.toggle('is-idle', !made.tree?.merges.length);
      if (!made.tree) {
        fill(drawing);
        fill(words, message('tokens.tree.whole'));
        return;
      }
      const grown = grow(made.tree, colour);
      steps = grown.steps;
      fill(drawing, grown.node);
      play.stand(steps.length);
      step(steps.length);
    },
  };
}

/** @param {string} text */
function code(text) {
  return h('code', null, text);
}

/** @param {{leaves: Leaf[], merges: Merge[]}} tree @param {string} colour */
function grow({ leaves, merges }, colour) {
  /** Where each node stands. @type {{x: number, level: number}[]} */
  const at = leaves.map((_, leaf) => ({ x: (leaf + 0.5) * COLUMN, level: 0 }));
  for (const { left, right } of merges) {
    const [a, b] = [at[left], at[right]];
    if (a && b) at.push({ x: (a.x + b.x) / 2, level: Math.max(a.level, b.level) + 1 });
  }
  const levels = Math.max(0, ...at.map(({ level }) => level));
  const [width, height] = [Math.max(1, leaves.length) * COLUMN, levels * ROW + 2 * FOOT];
  const y = (/** @type {number} */ level) => height - FOOT - level * ROW;
  const bottom = leaves.map(({ piece }, leaf) =>
    svg('text', { class: 'tree-leaf', x: at[leaf]?.x, y: y(0) + 5 }, visible(piece)),
  );
  const steps = merges.map(({ piece, rank, left, right }, merge) => {
    const own = at[leaves.length + merge] ?? { x: 0, level: 0 };
    const arms = [left, right].map((node) => {
      const from = at[node] ?? own;
      return svg('path', {
        class: 'tree-arm',
        d: `M${from.x} ${y(from.level) - 14}V${y(own.level) + 12}H${own.x}`,
      });
    });
    return svg(
      'g',
      null,
      arms,
      svg(
        'text',
        { class: 'tree-piece', x: own.x, y: y(own.level) + 2, style: { fill: colour } },
        visible(piece),
      ),
      svg('text', { class: 'tree-rank', x: own.x, y: y(own.level) + 24 }, count(rank)),
    );
  });
  const names = merges
    .map(({ piece, rank }) =>
      messageText('tokens.tree.step', { piece: visible(piece), rank: String(rank) }),
    )
    .join(', ');
  const pieces = leaves.map(({ piece }) => visible(piece)).join(' ');
  const node = svg(
    'svg',
    {
      class: 'tree-svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': names
        ? messageText('tokens.tree.said', { pieces, merges: names })
        : messageText('tokens.tree.said.none', { pieces }),
    },
    bottom,
    steps,
  );
  return { node, steps };
}
