/**
 * The sheet's drawing: tokens, their vectors, the layers with their heads and MLPs on the residual stream,
 * logits, the next token, and the way back. It scales with the model; what its parts do is up to `sheet.js`.
 */

import { pressed } from '../kit/bars.js';
import { visible } from '../kit/chips.js';
import { hue } from '../kit/colour.js';
import { svg } from '../kit/dom.js';
import { longPress } from '../kit/long_press.js';
import { messageText } from '../kit/messages.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */

/**
 * A part of the model that can be gone to.
 * @typedef {object} Part
 * @property {'tokens' | 'vectors' | 'head' | 'mlp' | 'stream' | 'logits' | 'next' | 'back'} kind
 * @property {number} [layer]
 * @property {number} [head]
 */

/** @typedef {{piece: string, probability: number}} Next  one of the likeliest next tokens */

/**
 * @typedef {object} Options
 * @property {Selection} of
 * @property {Next[]} next         the likeliest first; empty until they are known
 * @property {number} width
 * @property {number} height
 * @property {(part: Part) => boolean} isOff  whether a part is switched off
 * @property {(part: Part) => void} onGo
 * @property {(part: Part) => void} onHold    a long press
 * @property {(part: Part | null) => void} onReach  what the pointer or the keyboard is at
 */

/** Where the stream runs, the parts begin and end, and the way back goes, from the left or from the right. */
const [STREAM, LEFT, RIGHT, BACK] = [18, 32, 22, 8];
/** Heights of what stands above and below the layers. */
const [TOKENS, VECTORS, LOGITS, NEXT] = [42, 52, 78, 40];
/** A layer's height, at most; from which on its MLP stands below its heads; and from which on there is room for names. */
const [TALLEST, APART, NAMED] = [86, 26, 62];
/** Tokens that are drawn, the last ones, and letters of one. */
const [LAST, LETTERS] = [5, 7];

const NAMES = /** @type {const} */ ({
  tokens: 'sheet.tokens',
  vectors: 'sheet.vectors',
  head: 'common.head',
  mlp: 'sheet.mlp-of-layer',
  stream: 'sheet.stream',
  logits: 'sheet.logits',
  next: 'sheet.next',
  back: 'sheet.back',
});

/** @param {Part} part */
export function key({ kind, layer, head }) {
  return [kind, layer, head].filter((of) => of !== undefined).join('.');
}

/** @param {Part} part */
export function named({ kind, layer = 0, head = 0 }) {
  return messageText(NAMES[kind], { layer, head: `${layer}.${head}` });
}

/** @param {Options} options */
export function drawing(options) {
  const { of, width, height } = options;
  const { layers, heads } = of.about;
  const end = width - RIGHT;
  const pitch = Math.min(TALLEST, (height - TOKENS - VECTORS - LOGITS - NEXT) / layers);
  const first = TOKENS + VECTORS;
  const last = first + layers * pitch;
  const whole = last + LOGITS + NEXT;

  const stream = group({ kind: 'stream' }, options, [
    ground(STREAM - 8, TOKENS + VECTORS - 6, 16, last - first + 12),
    svg('path', { class: 'sheet-stream', d: `M${STREAM} ${TOKENS + 16}V${last + 16}` }),
  ]);
  const back = svg('path', {
    class: 'sheet-way',
    d: `M${end + 2} ${whole - 16}H${width - BACK - 6}q6 0 6 -6V${22}q0 -6 -6 -6H${end + 6}m5 -4l-5 4l5 4`,
  });
  const runs = `M${LEFT} 16H${STREAM}V${last + 30}H${LEFT + 20}V${whole - 16}H${width - BACK}V16H${end}`;
  const runner = svg('circle', { class: 'sheet-runner', r: 5, cx: -20, cy: -20 });

  const node = svg(
    'svg',
    {
      class: 'sheet-drawing',
      viewBox: `0 0 ${width} ${whole}`,
      width,
      height: whole,
      role: 'group',
      'aria-label': messageText('sheet.drawing', { layers, heads }),
      'data-roving': '',
    },
    tokens(options, end),
    vectors(options, end),
    stream,
    Array.from({ length: layers }, (_, layer) =>
      block(options, layer, first + layer * pitch, pitch, end),
    ),
    logits(options, last, end),
    chosen(options, last + LOGITS, end),
    group({ kind: 'back' }, options, [
      ground(width - BACK - 8, 10, 16, whole - 24),
      back,
      svg(
        'text',
        {
          class: 'sheet-along',
          transform: `translate(${width - BACK - 5} ${(first + last) / 2}) rotate(-90)`,
        },
        messageText('sheet.back'),
      ),
    ]),
    runner,
  );
  return { node, runner, runs: /** @type {SVGPathElement} */ (svg('path', { d: runs })) };
}

/**
 * A part: a button.
 * @param {Part} part
 * @param {Options} options
 * @param {(SVGElement | null)[]} what
 */
function group(part, { isOff, onGo, onHold, onReach }, what) {
  const off = isOff(part);
  const node = svg(
    'g',
    {
      class: `sheet-part is-${part.kind}${off ? ' is-off' : ''}`,
      'data-part': key(part),
      role: 'button',
      tabindex: '-1',
      // What has words in it is called by them.
      'aria-label':
        part.layer === undefined && part.kind !== 'stream'
          ? null
          : off
            ? messageText('sheet.part-off', { part: named(part) })
            : named(part),
      onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(event) && onGo(part),
      onpointerenter: () => onReach(part),
      onpointerleave: () => onReach(null),
      onfocus: () => onReach(part),
    },
    ...what,
  );
  if (part.layer !== undefined) longPress(node, () => onHold(part));
  node.addEventListener('click', () => onGo(part));
  return node;
}

/** What is pressed where nothing is drawn. @param {number} x @param {number} y @param {number} width @param {number} height */
function ground(x, y, width, height) {
  return svg('rect', { class: 'sheet-ground', x, y, width, height });
}

/** @param {string} text @param {number} x @param {number} y @param {string} [more] */
function label(text, x, y, more = '') {
  return svg('text', { class: `sheet-label ${more}`, x, y }, text);
}

/** The last tokens of a text, in their hues. @param {Options} options @param {number} end */
function tokens(options, end) {
  const { ids, pieces, token } = options.of;
  const from = Math.max(0, ids.length - LAST);
  const words = svg('text', { class: 'sheet-tokens', x: LEFT, y: 20 });
  if (from > 0) words.append(svg('tspan', { class: 'sheet-quiet' }, '… '));
  let letters = from > 0 ? 2 : 0;
  const most = Math.floor((end - LEFT) / 7.4);
  for (let at = ids.length - 1; at >= from; at -= 1) {
    const piece = pieces[at] ?? '';
    const bare = visible(piece).replace(/^·/, '');
    const text = bare.length > LETTERS ? `${bare.slice(0, LETTERS - 1)}…` : bare;
    if (letters + text.length > most && at < ids.length - 1) break;
    letters += text.length + 1;
    const span = svg(
      'tspan',
      { class: at === token ? 'is-chosen' : '', style: { fill: hue(at) } },
      text,
    );
    const place = words.querySelector('[data-first]') ?? null;
    place?.removeAttribute('data-first');
    span.setAttribute('data-first', '');
    words.insertBefore(span, place);
    if (place) words.insertBefore(document.createTextNode(' '), place);
  }
  return group({ kind: 'tokens' }, options, [
    ground(0, 0, end, TOKENS - 6),
    words,
    label(messageText('sheet.tokens'), LEFT, 33),
  ]);
}

/** A column for each of these tokens. @param {Options} options @param {number} end */
function vectors(options, end) {
  const { ids } = options.of;
  const count = Math.min(LAST, ids.length);
  const cells = 4;
  const columns = Array.from({ length: count }, (_, at) => {
    const token = ids.length - count + at;
    return Array.from({ length: cells }, (_, row) =>
      svg('rect', {
        class: 'sheet-cell',
        x: LEFT + at * 15,
        y: TOKENS + row * 6,
        width: 11,
        height: 5,
        style: { stroke: hue(token), fill: hue(token) },
      }),
    );
  });
  return group({ kind: 'vectors' }, options, [
    ground(LEFT - 4, TOKENS - 5, end - LEFT + 4, VECTORS - 6),
    ...columns.flat(),
    label(messageText('sheet.vectors'), LEFT, TOKENS + cells * 6 + 10),
  ]);
}

/**
 * A layer: its heads, and its MLP below them, or beside them where there is little room.
 * @param {Options} options
 * @param {number} layer
 * @param {number} top
 * @param {number} pitch
 * @param {number} end
 */
function block(options, layer, top, pitch, end) {
  const { heads } = options.of.about;
  const isApart = pitch >= APART;
  const room = isApart ? end - LEFT : (end - LEFT) * 0.66;
  // Many heads stand in several rows, where there is room for them.
  const tall = isApart ? pitch * 0.6 : pitch;
  let rows = 1;
  const columnsOf = () => Math.ceil(heads / rows);
  while (room / columnsOf() < 9 && tall / (rows + 1) >= 8) rows += 1;
  const columns = columnsOf();
  const [wide, high] = [Math.min(24, room / columns), tall / rows];
  const radius = Math.max(1.2, Math.min(7.5, wide / 2 - 2, high / 2 - 1));
  const dots = Array.from({ length: heads }, (_, head) => {
    const [row, column] = [Math.floor(head / columns), head % columns];
    const [x, y] = [LEFT + column * wide, top + row * high];
    return group({ kind: 'head', layer, head }, options, [
      ground(x, y, wide, high),
      svg('circle', { class: 'sheet-head', cx: x + wide / 2, cy: y + high / 2, r: radius }),
    ]);
  });
  const [x, y, width, height] = isApart
    ? [
        LEFT + 1,
        top + tall,
        Math.min(end - LEFT - 2, Math.max(44, columns * wide - 2)),
        pitch - tall - 4,
      ]
    : [LEFT + room + 6, top, end - LEFT - room - 8, pitch];
  const thick = Math.max(2, Math.min(10, height * 0.6));
  const bar = group({ kind: 'mlp', layer }, options, [
    ground(x, y, width, height),
    svg('rect', {
      class: 'sheet-mlp',
      x,
      y: y + (height - thick) / 2,
      width,
      height: thick,
      rx: 1,
    }),
  ]);
  // What the dots and the bars are, said once: above those of the first layer, or above all.
  const names = (/** @type {boolean} */ isWithin) => [
    label(
      messageText('sheet.heads', { count: heads }),
      LEFT,
      isWithin ? top + tall / 2 - radius - 5 : top - 3,
    ),
    label(
      messageText('sheet.mlp'),
      isApart && !isWithin ? end - 22 : x,
      isWithin ? y + (height - thick) / 2 - 4 : top - 3,
    ),
  ];
  const every = pitch >= 12 ? 1 : 5;
  const middle = top + tall / 2;
  return svg(
    'g',
    { class: 'sheet-layer', 'data-layer': layer },
    svg('path', {
      class: 'sheet-branch',
      d: isApart
        ? `M${STREAM} ${middle}H${LEFT - 2}M${STREAM} ${y + height / 2}H${LEFT - 1}`
        : `M${STREAM} ${middle}H${LEFT - 2}`,
    }),
    layer % every === 0 ? label(String(layer), STREAM - 5, middle + 3.5, 'is-number') : null,
    layer === 0 ? names(isApart && pitch >= NAMED) : null,
    dots,
    bar,
  );
}

/** The likeliest next tokens, by their probabilities. @param {Options} options @param {number} top @param {number} end */
function logits(options, top, end) {
  const { next } = options;
  const most = next[0]?.probability ?? 1;
  const bars = next.slice(0, 5).map(({ probability }, at) =>
    svg('rect', {
      class: 'sheet-bar',
      x: LEFT,
      y: top + 14 + at * 8,
      width: Math.max(2, (probability / most) * (end - LEFT)),
      height: 6,
    }),
  );
  return group({ kind: 'logits' }, options, [
    ground(LEFT - 4, top + 8, end - LEFT + 4, LOGITS - 12),
    svg('path', { class: 'sheet-branch', d: `M${STREAM} ${top + 12}V${top + 34}H${LEFT - 2}` }),
    ...bars,
    label(messageText('sheet.logits'), LEFT, top + 64),
  ]);
}

/** @param {Options} options @param {number} top @param {number} end */
function chosen(options, top, end) {
  const text = visible(options.next[0]?.piece ?? '…').replace(/^·/, '');
  return group({ kind: 'next' }, options, [
    ground(LEFT - 4, top + 2, end - LEFT + 4, NEXT - 4),
    svg('text', { class: 'sheet-next', x: LEFT, y: top + 18 }, text.slice(0, 14)),
    label(messageText('sheet.likeliest'), LEFT, top + 32),
  ]);
}
