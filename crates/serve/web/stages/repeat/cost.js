/**
 * What writing costs: the cache as it fills, and the time of each token with and without it.
 */

import { h, svg } from '../../kit/dom.js';
import { count, format } from '../../kit/number.js';

/** @typedef {import('./tree.js').Turn} Turn */
/** @typedef {{type: 'begin', prompt: {id: number, piece: string, is_special: boolean}[], rendered: string | null, behind: import('./tree.js').Token[], context: number, page: number, page_bytes: number}} Begin */

const [CELL, SIDE] = [3, 8];

/**
 * Bytes as people say them.
 * @param {number} bytes
 */
function size(bytes) {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/**
 * Pages of 64 positions, filled row by row; those that other branches list too are outlined.
 * @param {Turn} turn
 * @param {Begin} sizes
 */
function pages(turn, { page, context }) {
  const held = turn.known + turn.read;
  const all = Math.ceil(context / page);
  // Empty ones show how much room is left, as far as a reader cares.
  const shown = Math.min(all, Math.max(turn.pages + 2, 6));
  const pitch = CELL * SIDE + 8;
  const squares = Array.from({ length: shown }, (_, at) => {
    const filled = Math.max(0, Math.min(page, held - at * page));
    const [rows, rest] = [Math.floor(filled / SIDE), filled % SIDE];
    const isShared = at < turn.shared;
    return svg(
      'g',
      {
        transform: `translate(${4 + at * pitch} 4)`,
        class: `cache-page ${isShared ? 'is-shared' : ''} ${at < turn.pages ? '' : 'is-empty'}`,
      },
      svg('rect', {
        class: 'cache-frame',
        x: -2,
        y: -2,
        width: CELL * SIDE + 4,
        height: CELL * SIDE + 4,
      }),
      rows
        ? svg('rect', {
            class: 'cache-filled',
            x: 0,
            y: 0,
            width: CELL * SIDE,
            height: rows * CELL,
          })
        : null,
      rest
        ? svg('rect', {
            class: 'cache-filled',
            x: 0,
            y: rows * CELL,
            width: rest * CELL,
            height: CELL,
          })
        : null,
      svg(
        'title',
        null,
        `positions ${at * page} to ${(at + 1) * page - 1}: ${filled} filled${isShared ? ', shared with another branch' : ''}`,
      ),
    );
  });
  const width = 4 + shown * pitch;
  return h(
    'div',
    { class: 'cache-pages' },
    svg(
      'svg',
      {
        width,
        height: CELL * SIDE + 8,
        viewBox: `0 0 ${width} ${CELL * SIDE + 8}`,
        role: 'img',
        'aria-label': `${turn.pages} of ${all} pages in use, ${held} positions filled, ${turn.shared} pages shared`,
      },
      squares,
    ),
    shown < all ? h('span', { class: 'cache-more' }, `and ${count(all - shown)} more`) : null,
  );
}

/**
 * Milliseconds as a number one can compare.
 * @param {number} milliseconds
 */
export function milliseconds(milliseconds) {
  return `${format(milliseconds, { digits: milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0 })} ms`;
}

/**
 * A bar of a share of the longest, with what it stands for.
 * @param {string} name
 * @param {string} kind
 * @param {number} share
 * @param {string} value
 * @param {string} what
 */
function row(name, kind, share, value, what) {
  const bar = { class: `cost-bar ${kind}`, style: { width: `${Math.max(0.4, 100 * share)}%` } };
  return h(
    'div',
    { class: 'cost-row' },
    h('span', { class: 'cost-name' }, name),
    h('span', { class: 'cost-track' }, h('span', bar)),
    h('span', { class: 'number cost-time' }, value),
    h('span', { class: 'cost-what' }, what),
  );
}

/**
 * One token's two times, as bars on one scale.
 * @param {Turn} turn
 */
function pair(turn) {
  const max = longer(turn);
  const tokens = (/** @type {number} */ of) => `${count(of)} ${of === 1 ? 'token' : 'tokens'} read`;
  const bar = (
    /** @type {string} */ name,
    /** @type {string} */ kind,
    /** @type {number} */ time,
    /** @type {number} */ read,
  ) => row(name, kind, time / max, milliseconds(time), tokens(read));
  return h(
    'div',
    { class: 'cost' },
    bar('with the cache', 'is-with', turn.milliseconds, turn.read),
    turn.afresh
      ? bar('without it', 'is-without', turn.afresh.milliseconds, turn.known + turn.read)
      : null,
  );
}

/**
 * One token's work with and without the cache, as bars on one scale.
 * @param {Turn} turn
 */
function work({ multiplications, afresh }) {
  const max = Math.max(1, multiplications, afresh?.multiplications ?? 0);
  const bar = (
    /** @type {string} */ name,
    /** @type {string} */ kind,
    /** @type {number} */ many,
  ) => row(name, kind, many / max, millions(many), 'multiplications');
  return h(
    'div',
    { class: 'cost' },
    bar('with the cache', 'is-with', multiplications),
    afresh ? bar('without it', 'is-without', afresh.multiplications) : null,
  );
}

/** A large count in millions. @param {number} many */
export function millions(many) {
  const scaled = many / 1e6;
  return `${scaled < 100 ? format(scaled, { digits: scaled < 10 ? 2 : 1 }) : count(scaled)} M`;
}

/** The longer of a token's two times. @param {Turn} turn */
function longer(turn) {
  return Math.max(1e-6, turn.milliseconds, turn.afresh?.milliseconds ?? 0);
}

/**
 * Where a scale of times ends: one token for which the machine had no time would press all others
 * flat, so what is far beyond the middle is cut off.
 * @param {Turn[]} turns
 */
function ends(turns) {
  const times = turns.map(longer).sort((a, b) => a - b);
  const middle = times[Math.floor(times.length / 2)] ?? 1e-6;
  return Math.min(times.at(-1) ?? 1e-6, 3 * middle);
}

/**
 * The times of a text's tokens, one after the other.
 * @param {Turn[]} turns
 * @param {number} max
 */
function course(turns, max) {
  const [width, height, left] = [600, 70, 2];
  const step = Math.min(16, (width - left) / Math.max(1, turns.length));
  const y = (/** @type {number} */ time) => height - 4 - Math.min(1.12, time / max) * (height - 14);
  const each = turns.map((turn, at) => {
    const x = left + at * step;
    const thick = Math.max(1, (step - 2) / 2);
    return svg(
      'g',
      null,
      turn.afresh
        ? svg('rect', {
            class: 'is-without',
            x: x + thick,
            y: y(turn.afresh.milliseconds),
            width: thick,
            height: height - 4 - y(turn.afresh.milliseconds),
          })
        : null,
      svg('rect', {
        class: 'is-with',
        x,
        y: y(turn.milliseconds),
        width: thick,
        height: Math.max(0.7, height - 4 - y(turn.milliseconds)),
      }),
      svg(
        'title',
        null,
        `${turn.tokens} tokens: ${milliseconds(turn.milliseconds)} with the cache${turn.afresh ? `, ${milliseconds(turn.afresh.milliseconds)} without` : ''}`,
      ),
    );
  });
  return svg(
    'svg',
    {
      class: 'course',
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-label': `time of each of ${turns.length} tokens, up to ${milliseconds(max)}`,
    },
    svg('line', {
      class: 'course-line',
      x1: 0,
      x2: width,
      y1: height - 3.5,
      y2: height - 3.5,
    }),
    svg('line', { class: 'course-grid', x1: 0, x2: width, y1: y(max), y2: y(max) }),
    each,
  );
}

/**
 * What the last token cost, and those before it.
 * @param {Turn} turn
 * @param {Turn[]} turns
 * @param {Begin} begin
 */
export function costs(turn, turns, begin) {
  const max = ends(turns);
  const held = turn.known + turn.read;
  return [
    h('h4', { class: 'repeat-head' }, 'The cache'),
    pages(turn, begin),
    h(
      'p',
      { class: 'repeat-note' },
      `${count(held)} of ${count(begin.context)} positions, in ${turn.pages} ${turn.pages === 1 ? 'page' : 'pages'} of ${begin.page}: ${size(turn.pages * begin.page_bytes)}`,
      turn.shared
        ? `; ${turn.shared === turn.pages ? 'all' : turn.shared} shared with another branch`
        : null,
      '.',
    ),
    h('h4', { class: 'repeat-head' }, 'Time of the last token'),
    pair(turn),
    h('h4', { class: 'repeat-head' }, 'Work of the last token'),
    work(turn),
    ...(turns.length > 1
      ? [
          course(turns, max),
          h(
            'p',
            { class: 'repeat-note' },
            `Each token’s time so far; the line stands at ${milliseconds(max)}${turns.some((of) => longer(of) > max) ? ', and what rises above it took longer' : ''}.`,
          ),
        ]
      : []),
  ];
}
