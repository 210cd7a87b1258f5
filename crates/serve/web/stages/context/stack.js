/**
 * A vector as the sum of others: in each dimension the terms stand on each other, those above zero
 * upwards and those below downwards, and a line marks what they add up to.
 */

import { arrowStep } from '../../kit/arrows.js';
import { hue } from '../../kit/colour.js';
import { svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { format } from '../../kit/number.js';

/** @typedef {import('../context.js').Context} Context */

const LEFT = 44;

/**
 * @param {object} options
 * @param {Context} options.context
 * @param {number} options.step    the last term that is added
 * @param {number} options.width   in pixels
 * @param {(dimension: number | null) => void} options.onHover
 */
export function stack({ context, step, width, onHover }) {
  // On a phone the controls and the sentence are to be seen with it.
  const tall =
    width < 480
      ? Math.max(150, Math.min(216, window.innerHeight * 0.22))
      : Math.max(220, Math.min(280, window.innerHeight * 0.36));
  const { terms, rest, z } = context;
  const layers = [
    ...terms.map(({ token, products, sum }) => ({ products, sum, colour: hue(token), token })),
    ...(rest
      ? [{ products: rest.products, sum: rest.sum, colour: 'var(--quiet)', token: null }]
      : []),
  ];
  const isWhole = step >= layers.length - 1;
  const total = isWhole ? z : (layers[step]?.sum ?? z);
  // One scale for all steps, so that nothing jumps while the terms come.
  const height = (/** @type {number} */ sign) =>
    Math.max(
      ...z.map((_, at) =>
        layers.reduce((sum, { products }) => sum + Math.max(0, sign * (products[at] ?? 0)), 0),
      ),
    );
  const [up, down] = [height(1), height(-1)];
  const scale = (tall - 24) / (up + down || 1);
  const ground = 12 + up * scale;
  const pitch = Math.min(72, (width - LEFT - 4) / z.length);
  const thick = pitch > 5 ? pitch - Math.max(1, pitch * 0.25) : pitch;
  const mark = svg('rect', { class: 'stack-mark', x: -99, y: 0, width: pitch, height: tall });

  const columns = z.flatMap((_, dimension) => {
    const x = LEFT + dimension * pitch;
    let [above, below] = [ground, ground];
    const pieces = layers.slice(0, step + 1).map(({ products, colour, token }, at) => {
      const size = (products[dimension] ?? 0) * scale;
      const y = size >= 0 ? (above -= size) : below;
      if (size < 0) below -= size;
      return svg('rect', {
        class: `stack-piece ${at === step && !isWhole ? 'is-now' : ''}`,
        'data-token': token,
        x,
        y,
        width: thick,
        height: Math.abs(size),
        style: { fill: colour },
      });
    });
    const sum = ground - (total[dimension] ?? 0) * scale;
    return [
      ...pieces,
      svg('rect', { class: 'stack-halo', x: x - 2, y: sum - 2.5, width: thick + 4, height: 5 }),
      svg('rect', { class: 'stack-sum', x: x - 1, y: sum - 1, width: thick + 2, height: 2 }),
    ];
  });

  let cursor = -1;
  /** @param {number | null} to */
  const move = (to) => {
    cursor = to === null ? -1 : Math.max(0, Math.min(z.length - 1, to));
    mark.setAttribute('x', String(to === null ? -99 : LEFT + cursor * pitch - (pitch - thick) / 2));
    onHover(to === null ? null : cursor);
  };
  const end = LEFT + z.length * pitch;
  const node = svg(
    'svg',
    {
      class: 'stack',
      viewBox: `0 0 ${width} ${tall}`,
      width,
      height: tall,
      tabindex: '0',
      role: 'application',
      'aria-label': messageText('context.stack', {
        dimensions: z.length,
        count: layers.length,
      }),
      onpointermove: (/** @type {PointerEvent} */ event) => {
        const x = event.clientX - node.getBoundingClientRect().left - LEFT;
        move(x < 0 || x > z.length * pitch ? null : Math.floor(x / pitch));
      },
      onpointerleave: () => move(null),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        const step = arrowStep(event);
        if (step?.[0]) move(cursor + step[0]);
      },
    },
    mark,
    axis(up, ground - up * scale),
    axis(0, ground),
    down > 0 ? axis(-down, ground + down * scale) : null,
    svg('line', { class: 'bar-zero', x1: LEFT - 4, x2: end, y1: ground, y2: ground }),
    columns,
  );
  return node;

  /** @param {number} value @param {number} y */
  function axis(value, y) {
    const digits = up + down < 0.2 ? 3 : up + down < 20 ? 2 : 0;
    return svg(
      'text',
      { class: 'number stack-axis', x: LEFT - 8, y },
      format(value, { digits: value === 0 ? 0 : digits }),
    );
  }
}
