/**
 * Arrows in the plane that holds a token's vector before attention and what attention adds: before,
 * added and after lie in it whole, the parts of what is added cast their shadows on it. The numbers
 * come from the program; here they are only scaled.
 */

import { h, svg } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';

/** @typedef {[number, number]} Point */
/** @typedef {{seen: boolean, length: number, share: number, at: Point}} Part */
/**
 * @typedef {object} Taken
 * @property {number} layer
 * @property {number} token
 * @property {Part[]} sources
 * @property {Part | null} bias
 * @property {number} before
 * @property {number} added
 * @property {number} after
 * @property {{before: Point, added: Point, after: Point}} plane
 */
/** @typedef {{name: string, colour: string, token: number | null}} Named */
/** @typedef {{from: Point, to: Point, named: Named}} Arrow */

/** Parts that have an arrow of their own; the others share one. */
const MOST = 5;
/** Pixels around the drawing. */
const MARGIN = { left: 14, right: 26, top: 26, bottom: 30 };
/** The same in every layer, so that nothing below it moves. */
const HEIGHT = 220;

/**
 * What is added, head to tail, in the order of the sequence.
 * @param {Taken} taken
 * @param {(source: number) => Named} naming
 * @returns {Arrow[]}
 */
export function chain({ sources, bias, plane }, naming) {
  const size = (/** @type {Part} */ part) => Math.hypot(...part.at);
  const seen = sources.map((part, source) => ({ part, source })).filter(({ part }) => part.seen);
  const shown = [...seen]
    .sort((a, b) => size(b.part) - size(a.part))
    .slice(0, MOST)
    .sort((a, b) => a.source - b.source);
  /** @type {Point} */
  let from = plane.before;
  const arrows = shown.map(({ part, source }) => {
    /** @type {Arrow} */
    const arrow = { from, to: [from[0] + part.at[0], from[1] + part.at[1]], named: naming(source) };
    from = arrow.to;
    return arrow;
  });
  const isRest = seen.length > shown.length;
  if (isRest || bias) {
    const others = { count: seen.length - shown.length };
    const named = {
      name: !isRest
        ? messageText('ov.bias')
        : bias
          ? messageText('ov.arrow.others-and-bias', others)
          : messageText('ov.arrow.others', others),
      colour: 'var(--quiet)',
      token: null,
    };
    arrows.push({ from, to: plane.after, named });
  }
  return arrows;
}

/**
 * What has to be seen.
 * @param {Taken['plane']} plane
 * @param {Arrow[]} arrows
 */
function extent(plane, arrows) {
  const points = [plane.before, plane.after, ...arrows.flatMap(({ from, to }) => [from, to])];
  const [x, y] = [points.map((point) => point[0]), points.map((point) => point[1])];
  let left = Math.min(...x);
  const right = Math.max(...x, left + 1e-9);
  const [low, high] = [Math.min(0, ...y), Math.max(0, ...y)];
  const size = Math.max(right - left, high - low, 1e-9);
  // The beginning is left out where it would make what is added too small to see.
  const isCut = left > 2.2 * size;
  left = isCut ? left - 0.9 * size : Math.min(0, left);
  return { left, right, low, high, isCut };
}

/**
 * Pixels for one of the model's units, at most.
 * @param {Taken['plane']} plane
 * @param {Arrow[]} arrows
 * @param {number} width
 */
export function fitting(plane, arrows, width) {
  const { left, right, low, high } = extent(plane, arrows);
  const across = (width - MARGIN.left - MARGIN.right) / (right - left);
  const up = (HEIGHT - MARGIN.top - MARGIN.bottom) / Math.max(high - low, 1e-9);
  return Math.min(across, up);
}

/**
 * What is drawn.
 * @typedef {object} Drawing
 * @property {Taken['plane']} plane
 * @property {Arrow[]} arrows
 * @property {number} unit    pixels for one of the numbers
 * @property {number} ruled   pixels for one of the model's units
 */

/**
 * Between two drawings, in pixels, so that a change of scale does not throw the arrows about.
 * @param {Drawing} from
 * @param {Drawing} to
 * @param {number} share
 * @returns {Drawing}
 */
export function between(from, to, share) {
  if (share >= 1) return to;
  /** @type {(a: Point, b: Point) => Point} */
  const mix = (a, b) => {
    const along = (/** @type {0 | 1} */ at) =>
      a[at] * from.unit * (1 - share) + b[at] * to.unit * share;
    return [along(0), along(1)];
  };
  const arrows = to.arrows.map((arrow) => {
    const { name, token } = arrow.named;
    const was = from.arrows.find(({ named }) => named.name === name && named.token === token);
    // An arrow that was not there grows from the tip that there was.
    const [start, end] = was ? [was.from, was.to] : [from.plane.after, from.plane.after];
    return { ...arrow, from: mix(start, arrow.from), to: mix(end, arrow.to) };
  });
  const plane = {
    before: mix(from.plane.before, to.plane.before),
    added: mix(from.plane.added, to.plane.added),
    after: mix(from.plane.after, to.plane.after),
  };
  return { plane, arrows, unit: 1, ruled: to.ruled };
}

/**
 * @param {Drawing} drawing
 * @param {{name: string, colour: string, width: number}} options  the token's word and hue, and pixels
 */
export function plane({ plane, arrows, unit, ruled }, { name, colour, width }) {
  const { left, low, high, isCut } = extent(plane, arrows);
  const height = Math.max(HEIGHT, Math.ceil((high - low) * unit + MARGIN.top + MARGIN.bottom));
  const ground = height - MARGIN.bottom + low * unit;
  /** @type {(point: Point) => Point} */
  const at = ([x, y]) => [MARGIN.left + (x - left) * unit, ground - y * unit];
  /** An arrow from the origin, entering at the left edge where the origin is cut off. @type {(to: Point) => Point} */
  const start = (to) => (isCut ? at([left, (to[1] * left) / to[0]]) : at([0, 0]));

  const { before, after } = plane;
  const label = labels(width, height);
  const tip = at(after);
  const after_ = arrow(start(after), tip, 'ov-after', 'var(--accent)');
  const before_ = arrow(start(before), at(before), 'ov-before', colour);
  const parts = arrows.map(({ from, to, named }) =>
    svg(
      'g',
      { class: 'ov-part', 'data-token': named.token },
      arrow(at(from), at(to), '', named.colour),
    ),
  );
  const texts = [
    label(
      messageText('ov.arrow.after', { token: name }),
      tip,
      [
        [0, -12],
        [0, 16],
        [-40, -14],
      ],
      'ov-after',
      'var(--accent)',
    ),
    label(
      name,
      middle(start(before), at(before)),
      [
        [0, 14],
        [0, -10],
      ],
      '',
      colour,
    ),
    ...arrows.map(({ from, to, named }) => {
      const [a, b] = [at(from), at(to)];
      if (Math.hypot(a[0] - b[0], a[1] - b[1]) < 12) return null;
      return label(
        messageText('ov.arrow.part', { part: named.name }),
        middle(a, b),
        beside(a, b),
        '',
        named.colour,
      );
    }),
  ];
  return svg(
    'svg',
    {
      class: 'ov-drawing',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': messageText('ov.drawing', { token: name }),
    },
    svg('line', { class: 'ov-ground', x1: 0, x2: width, y1: ground, y2: ground }),
    isCut ? null : svg('circle', { class: 'ov-origin', cx: at([0, 0])[0], cy: ground, r: 2.5 }),
    before_,
    after_,
    parts,
    isCut ? [before, after].map((to) => broken(start(to), to)) : null,
    texts,
    ruler(ruled, width, height),
  );
}

/** A sign that the arrow is longer than it is drawn. @param {Point} from @param {Point} to */
function broken([x, y], to) {
  const lean = Math.atan2(-to[1], to[0]) * (180 / Math.PI);
  const mark = svg('path', { class: 'ov-broken', d: 'M 12 7 l 5 -14 M 17 7 l 5 -14' });
  const gap = svg('path', { class: 'ov-gap', d: 'M 14.5 4 l 3 -8' });
  return svg('g', { transform: `translate(${x} ${y}) rotate(${lean})` }, gap, mark);
}

/**
 * @param {Point} from
 * @param {Point} to
 * @param {string} kind
 * @param {string} colour
 */
function arrow(from, to, kind, colour) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  if (length < 0.5)
    return svg('circle', {
      class: 'ov-dot',
      cx: to[0],
      cy: to[1],
      r: 2,
      style: { fill: colour },
    });
  const [x, y] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
  const head = Math.min(9, length * 0.6);
  /** @type {Point} */
  const neck = [to[0] - x * head, to[1] - y * head];
  const side = head * 0.42;
  const corners = [
    to,
    [neck[0] - y * side, neck[1] + x * side],
    [neck[0] + y * side, neck[1] - x * side],
  ];
  return svg(
    'g',
    { class: `ov-arrow ${kind}`, style: { color: colour } },
    svg('line', { x1: from[0], y1: from[1], x2: neck[0], y2: neck[1] }),
    svg('polygon', {
      points: corners.map((corner) => corner.map((of) => of?.toFixed(1)).join(',')).join(' '),
    }),
  );
}

/** @type {(a: Point, b: Point) => Point} */
const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

/** Places beside an arrow, the better one first. @param {Point} a @param {Point} b @returns {Point[]} */
function beside(a, b) {
  const isFlat = Math.abs(a[0] - b[0]) > 1.5 * Math.abs(a[1] - b[1]);
  if (isFlat)
    return [
      [0, -10],
      [0, 13],
      [0, -24],
      [0, 27],
      [0, -38],
    ];
  return [
    [30, 0],
    [-30, 0],
    [34, 14],
    [-34, -14],
    [34, -14],
    [30, 28],
    [-34, 28],
  ];
}

/** Writes labels where none stands yet; one that finds no place is left out, the rows below name it. @param {number} width @param {number} height */
function labels(width, height) {
  /** @type {[number, number, number, number][]} */
  const taken = [];
  /**
   * @param {string} text
   * @param {Point} near
   * @param {number[][]} offsets
   * @param {string} kind
   * @param {string} colour
   */
  return (text, near, offsets, kind, colour) => {
    const half = (text.length * 6.6) / 2 + 2;
    for (const [dx = 0, dy = 0] of offsets) {
      const x = Math.max(
        half,
        Math.min(width - half, near[0] + dx + Math.sign(dx) * Math.max(0, half - 20)),
      );
      const y = Math.max(8, Math.min(height - 8, near[1] + dy));
      const isFree = taken.every(
        ([left, right, top, bottom]) =>
          x + half < left || x - half > right || y + 7 < top || y - 7 > bottom,
      );
      if (!isFree) continue;
      taken.push([x - half, x + half, y - 7, y + 7]);
      return svg('text', { class: `ov-tag ${kind}`, x, y, style: { fill: colour } }, text);
    }
    return null;
  };
}

/** How long one, or ten, or a tenth is. @param {number} unit @param {number} width @param {number} height */
function ruler(unit, width, height) {
  const aim = 60 / unit;
  const power = 10 ** Math.floor(Math.log10(aim));
  const length = [5, 2, 1].map((by) => by * power).find((of) => of <= aim) ?? power;
  const [x, y] = [width - 4 - length * unit, height - 6];
  return svg(
    'g',
    { class: 'ov-ruler' },
    svg('path', { d: `M ${x} ${y - 4} v 4 h ${length * unit} v -4` }),
    svg('text', { class: 'number', x: x - 6, y: y - 2 }, String(Number(length.toPrecision(1)))),
  );
}

/** A line that says how to read the plane. */
export function reading() {
  return h('p', { class: 'ov-note' }, message('ov.reading.told'));
}
