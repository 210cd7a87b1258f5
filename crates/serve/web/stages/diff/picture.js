/**
 * Two passes in three pictures: for each token how far its predictions are apart, for each depth the same
 * after the last token, for each head how much of what it returns is other.
 */

import { visible, word } from '../../kit/chips.js';
import { legend, weight } from '../../kit/colour.js';
import { h, svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { format } from '../../kit/number.js';
import { hoverToken } from '../../kit/state.js';
import { linear, short } from '../logits/plot.js';
import { depth, digitsOf } from './captions.js';

/** @typedef {import('../diff.js').Compared} Compared */

/** Pixels of the columns of tokens, of one of them, and of the two pictures below. */
const [TOKENS, COLUMN, BELOW] = [74, 46, 188];

/** The width of a letter of a tick, in pixels. */
const TICK = 7;

/** A word without its space. @param {string} piece */
const bare = (piece) => (piece.trim() === '' ? visible(piece) : visible(piece.trim()));

/**
 * The texts, one above the other, and over each token how far the predictions after it are apart.
 * @param {Compared} compared @param {number} width
 */
export function tokens({ found, of, otherPieces, pieces }, width) {
  const { positions } = found;
  const wide = Math.max(COLUMN, Math.min(92, (width - 8) / Math.max(1, positions.length)));
  const most = Math.max(1e-12, ...positions.map(({ kl }) => kl));
  const isOther = positions.some(({ ids }) => ids[0] !== ids[1]);
  const height = TOKENS + (isOther ? 72 : 54);
  const room = Math.floor((wide - 4) / 7.4);
  const cut = (/** @type {string} */ text) =>
    text.length > room ? `${text.slice(0, Math.max(1, room - 1))}…` : text;
  return svg(
    'svg',
    {
      width: wide * positions.length + 8,
      height,
      viewBox: `0 0 ${wide * positions.length + 8} ${height}`,
      role: 'img',
      'aria-label': messageText('diff.tokens.heard', {
        values: positions
          .map(
            ({ kl }, at) => `${word(of.pieces[at] ?? '')} ${format(kl, { digits: digitsOf(kl) })}`,
          )
          .slice(0, 16)
          .join(', '),
      }),
    },
    positions.map(({ ids, kl, next }, at) => {
      const middle = (at + 0.5) * wide;
      const tall = Math.max(1, (TOKENS - 22) * (kl / most));
      const differs = ids[0] !== ids[1];
      const text = (
        /** @type {number} */ y,
        /** @type {string} */ kind,
        /** @type {string} */ said,
      ) => svg('text', { class: kind, x: middle, y }, cut(said));
      return svg(
        'g',
        { onpointerenter: () => hoverToken(at), onpointerleave: () => hoverToken(null) },
        svg('rect', { class: 'diff-ground', x: at * wide, y: 0, width: wide, height }),
        svg(
          'title',
          null,
          messageText('diff.token', {
            nats: format(kl, { digits: digitsOf(kl) }),
            first: bare(pieces[next[0]] ?? ''),
            second: bare(pieces[next[1]] ?? ''),
          }),
        ),
        svg('rect', {
          class: 'diff-kl',
          x: middle - Math.min(14, wide * 0.3),
          y: TOKENS - tall,
          width: Math.min(28, wide * 0.6),
          height: tall,
        }),
        kl >= most / 200
          ? svg(
              'text',
              { class: 'diff-number', x: middle, y: TOKENS - tall - 8 },
              format(kl, { digits: digitsOf(kl) }),
            )
          : null,
        text(TOKENS + 16, `diff-word ${differs ? 'is-other' : ''}`, bare(of.pieces[at] ?? '')),
        differs
          ? text(TOKENS + 34, 'diff-word is-other is-second', bare(otherPieces[at] ?? ''))
          : null,
        next[0] === next[1]
          ? null
          : next.map((id, side) =>
              text(height - 20 + 14 * side, 'diff-next', `→ ${bare(pieces[id] ?? '')}`),
            ),
      );
    }),
  );
}

/** KL by depth, after the last token. @param {Compared} compared @param {number} width */
export function depths({ found }, width) {
  const { depth_kl: values } = found;
  if (values.length === 0) return h('p', { class: 'diff-none' }, messageText('diff.depths.none'));
  const [top, bottom] = [24, BELOW - 36];
  const y = linear([0, Math.max(1e-9, ...values) * 1.05], [bottom, top], 4);
  const letters = Math.max(...y.ticks.map((tick) => short(tick).length));
  const box = { left: Math.max(40, 12 + TICK * letters), right: width - 12, top, bottom };
  const x = (/** @type {number} */ at) =>
    box.left + ((box.right - box.left) * at) / Math.max(1, values.length - 1);
  const every = Math.max(1, Math.ceil((values.length * 26) / (box.right - box.left)));
  return svg(
    'svg',
    {
      width,
      height: BELOW,
      viewBox: `0 0 ${width} ${BELOW}`,
      role: 'img',
      'aria-label': messageText('diff.depths.heard', {
        values: values
          .map((kl, at) => `${depth(at)} ${format(kl, { digits: digitsOf(kl) })}`)
          .slice(0, 40)
          .join(', '),
      }),
    },
    y.ticks.flatMap((tick) => [
      svg('line', {
        x1: box.left,
        x2: box.right,
        y1: y.to(tick),
        y2: y.to(tick),
        class: 'axis-line',
      }),
      svg('text', { x: box.left - 6, y: y.to(tick), class: 'axis-tick is-y' }, short(tick)),
    ]),
    values.map((_, at) =>
      at % every === 0
        ? svg(
            'text',
            { x: x(at), y: box.bottom + 15, class: 'axis-tick is-x' },
            at === 0 ? messageText('diff.depths.start') : String(at - 1),
          )
        : null,
    ),
    svg(
      'text',
      { x: box.right, y: box.bottom + 31, class: 'axis-name is-x' },
      messageText('diff.depths.axis'),
    ),
    svg('text', { x: 0, y: 12, class: 'axis-name is-y' }, messageText('diff.depths.title')),
    svg('polyline', {
      class: 'diff-line',
      points: values.map((kl, at) => `${x(at).toFixed(1)},${y.to(kl).toFixed(1)}`).join(' '),
    }),
    values.map((kl, at) => svg('circle', { class: 'diff-point', cx: x(at), cy: y.to(kl), r: 3 })),
  );
}

/** How much of what each head returns is other. @param {Compared} compared @param {number} width */
export function heads({ found, of }, width) {
  if (found.heads.length === 0)
    return h('p', { class: 'diff-none' }, messageText('diff.heads.none'));
  const { layers, heads } = of.about;
  const [left, top] = [62, 24];
  const wide = Math.min(56, (width - left - 4) / heads);
  const tall = Math.max(4, Math.min(30, (BELOW - top - 44) / layers));
  const most = Math.max(1e-12, ...found.heads.map(({ distance }) => distance));
  const every = Math.max(1, Math.ceil(14 / tall));
  const height = top + layers * tall + 20;
  const drawing = svg(
    'svg',
    {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-label': messageText('diff.heads'),
    },
    svg('text', { x: 0, y: 12, class: 'axis-name is-y' }, messageText('diff.heads.title')),
    Array.from({ length: layers }, (_, layer) =>
      layer % every === 0
        ? svg(
            'text',
            { x: left - 6, y: top + (layer + 0.5) * tall, class: 'axis-tick is-y' },
            messageText('common.layer', { layer }),
          )
        : null,
    ),
    found.heads.map(({ layer, head, distance }) =>
      svg(
        'rect',
        {
          class: 'diff-cell',
          x: left + head * wide,
          y: top + layer * tall,
          width: wide - 1,
          height: tall - (tall > 8 ? 1 : 0),
          style: { fill: weight(distance / most) },
        },
        svg(
          'title',
          null,
          messageText('diff.head', {
            head: `${layer}.${head}`,
            share: format(distance, { percent: true }),
          }),
        ),
      ),
    ),
    Array.from({ length: heads }, (_, head) =>
      svg(
        'text',
        { x: left + (head + 0.5) * wide, y: top + layers * tall + 12, class: 'axis-tick is-x' },
        String(head),
      ),
    ),
  );
  return h('div', null, drawing, legend('weights', '0', format(most, { percent: true })));
}
