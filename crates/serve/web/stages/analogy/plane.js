/**
 * The plane of a sum, as an engineer draws a thing: from above, and from the side. From above the four
 * corners make a parallelogram; from the side the plane is a line, and whatever is not one of the
 * corners stands off it. Both views have one scale.
 */

import { word } from '../../kit/chips.js';
import { fill, svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { format } from '../../kit/number.js';
import { placed } from './labels.js';

/** @typedef {import('../analogy.js').Sum} Sum */
/** @typedef {import('../analogy.js').Point} Point */
/** @typedef {import('./labels.js').Label} Label */

/** Answers that are drawn, where there is room. */
const DRAWN = 5;

/**
 * @param {HTMLElement} root
 * @param {Sum} sum
 * @param {number | null} marked  an answer's id
 * @param {(id: number | null) => void} mark
 */
export function drawPlane(root, sum, marked, mark) {
  const width = root.clientWidth;
  if (width === 0) return;
  const isNarrow = width < 560;
  const answers = sum.answers.filter(({ is_input }) => !is_input).slice(0, isNarrow ? 3 : DRAWN);
  const [a, b, c] = sum.inputs.map(({ placed }) => placed);
  if (!a || !b || !c) return;
  const all = [a, b, c, sum.result, ...answers.map(({ placed }) => placed)];
  const [left, right] = [Math.min(...all.map(({ x }) => x)), Math.max(...all.map(({ x }) => x))];
  const [low, high] = [Math.min(...all.map(({ y }) => y)), Math.max(...all.map(({ y }) => y))];
  const far = Math.max(...all.map(({ off }) => off));

  // Room for the words: left of a and b, right of c and the sum, right of the answers.
  const [nameA, nameB, nameC] = sum.inputs.map(({ piece }) => word(piece));
  const long = (/** @type {(string | undefined)[]} */ ...texts) =>
    Math.min(110, Math.max(...texts.map((text) => (text?.length ?? 0) * 7.4)) + 14);
  const nameOfSum = messageText(isNarrow ? 'analogy.sum.short' : 'analogy.sum');
  const [margin, gap, side] = [
    long(nameA, nameB),
    long(nameC, nameOfSum) + (isNarrow ? 8 : 24),
    long(...answers.map(({ piece }) => `${word(piece)} 0.00`)),
  ];
  const wide = width - margin - gap - side;
  const scale = Math.min(
    wide / Math.max(right - left + far, 1e-9),
    tallest() / Math.max(high - low, 1e-9),
  );
  const height = Math.max(190, (high - low) * scale + 90);
  const middle = (height - 18) / 2 + ((high + low) / 2) * scale;
  // What is left over goes to both sides.
  const spare = Math.max(0, wide - (right - left + far) * scale) / 2;
  const px = (/** @type {Point} */ { x }) => margin + spare + (x - left) * scale;
  const py = (/** @type {Point} */ { y }) => middle - y * scale;
  const edge = margin + spare + (right - left) * scale + gap;
  const ex = (/** @type {Point} */ { off }) => edge + off * scale;

  const corner = (/** @type {Point} */ at, /** @type {string} */ kind) =>
    svg('circle', { class: `plane-corner ${kind}`, cx: px(at), cy: py(at), r: kind ? 5 : 4 });
  const line = (/** @type {Point} */ from, /** @type {Point} */ to) =>
    svg('line', { class: 'plane-side', x1: px(from), y1: py(from), x2: px(to), y2: py(to) });
  /** @type {Label[]} */
  const above = [
    { x: px(a), y: py(a), text: nameA ?? '', kind: 'plane-word', id: null, isLeft: true },
    { x: px(b), y: py(b), text: nameB ?? '', kind: 'plane-word', id: null, isLeft: true },
    { x: px(c), y: py(c), text: nameC ?? '', kind: 'plane-word', id: null },
    {
      x: px(sum.result),
      y: py(sum.result),
      text: nameOfSum,
      kind: 'plane-sum',
      id: null,
    },
    ...answers
      .filter(({ id }, at) => at === 0 || id === marked)
      .map((answer) => ({
        x: px(answer.placed),
        y: py(answer.placed),
        text: word(answer.piece),
        kind: 'plane-answer',
        id: answer.id,
      })),
  ];
  const beside = answers.map((answer) => ({
    x: ex(answer.placed),
    y: py(answer.placed),
    text: `${word(answer.piece)} ${format(answer.placed.off, { digits: 2 })}`,
    kind: 'plane-answer',
    id: answer.id,
  }));
  const dots = answers.map((answer, at) => {
    // The first answer shows how the two views belong together.
    const isMarked = answer.id === marked || (marked === null && at === 0);
    return svg(
      'g',
      {
        class: `plane-dot ${isMarked ? 'is-marked' : ''}`,
        onpointerenter: () => mark(answer.id),
        onpointerleave: () => mark(null),
      },
      svg('line', {
        class: 'plane-plumb',
        x1: px(answer.placed),
        y1: py(answer.placed),
        x2: ex(answer.placed),
        y2: py(answer.placed),
      }),
      svg('circle', { cx: px(answer.placed), cy: py(answer.placed), r: 4 }),
      svg('circle', { cx: ex(answer.placed), cy: py(answer.placed), r: 4 }),
    );
  });
  const corners = [a, b, c, sum.result];
  const dotted = answers.map((answer) => answer.placed);
  const first = answers.find(({ id }) => id === marked) ?? answers[0];
  // What no word may lie on: dots, and lines.
  /** @type {[number, number][]} */
  const points = [
    ...[...corners, ...dotted].map((at) => /** @type {[number, number]} */ ([px(at), py(at)])),
    ...dotted.map((at) => /** @type {[number, number]} */ ([ex(at), py(at)])),
    ...corners.map((at) => /** @type {[number, number]} */ ([edge, py(at)])),
  ];
  /** @type {[number, number, number, number][]} */
  const lines = [
    [px(b), py(b), px(a), py(a)],
    [px(c), py(c), px(sum.result), py(sum.result)],
    [px(b), py(b), px(c), py(c)],
    [px(a), py(a), px(sum.result), py(sum.result)],
    [edge, 22, edge, height - 34],
  ];
  if (first) lines.push([px(first.placed), py(first.placed), ex(first.placed), py(first.placed)]);
  fill(
    root,
    svg(
      'svg',
      {
        class: 'plane',
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-label': messageText('analogy.plane', {
          a: nameA ?? '',
          b: nameB ?? '',
          c: nameC ?? '',
          answers: answers
            .map((answer) =>
              messageText('analogy.plane.answer', {
                word: word(answer.piece),
                off: answer.placed.off.toFixed(2),
              }),
            )
            .join(', '),
        }),
      },
      svg('line', { class: 'plane-edge', x1: edge, x2: edge, y1: 22, y2: height - 34 }),
      svg(
        'text',
        { class: 'plane-note', x: margin + spare + ((right - left) * scale) / 2, y: height - 6 },
        messageText('analogy.above'),
      ),
      svg(
        'text',
        { class: 'plane-note', x: edge + (far * scale) / 2, y: height - 6 },
        messageText(isNarrow ? 'analogy.side.short' : 'analogy.side'),
      ),
      line(b, a),
      line(c, sum.result),
      arrow([px(b), py(b)], [px(c), py(c)], ''),
      arrow([px(a), py(a)], [px(sum.result), py(sum.result)], 'is-moved'),
      corner(a, ''),
      corner(b, ''),
      corner(c, ''),
      corner(sum.result, 'is-sum'),
      [a, b, c].map((at) => svg('circle', { class: 'plane-corner', cx: edge, cy: py(at), r: 3 })),
      svg('circle', { class: 'plane-corner is-sum', cx: edge, cy: py(sum.result), r: 4 }),
      dots,
      placed([...above, ...beside], { points, lines, width, height: height - 18 }).flatMap(
        ({ label, x, y, leader }) => [
          leader ? svg('line', { class: 'plane-leader', ...leader }) : null,
          svg(
            'text',
            {
              class: `${label.kind} ${label.id !== null && label.id === marked ? 'is-marked' : ''}`,
              x,
              y,
            },
            label.text,
          ),
        ],
      ),
    ),
  );
}

/** @param {[number, number]} from @param {[number, number]} to @param {string} kind */
function arrow([x1, y1], [x2, y2], kind) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (length < 1) return null;
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  // The head ends at the rim of the dot.
  const [tipX, tipY] = [x2 - 6 * ux, y2 - 6 * uy];
  const wing = (/** @type {number} */ turn) =>
    `${tipX - 9 * ux + turn * 4 * uy},${tipY - 9 * uy - turn * 4 * ux}`;
  return svg(
    'g',
    { class: `plane-arrow ${kind}` },
    svg('line', { x1, y1, x2: tipX - 6 * ux, y2: tipY - 6 * uy }),
    svg('polygon', { points: `${tipX},${tipY} ${wing(1)} ${wing(-1)}` }),
  );
}

/** Pixels between the highest point and the lowest, at most. */
function tallest() {
  return Math.max(170, Math.min(330, window.innerHeight * 0.3));
}
