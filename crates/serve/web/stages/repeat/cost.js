/**
 * What writing costs: the cache as it fills, and the time of each token with and without it.
 */

import { h, svg } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { format } from '../../kit/number.js';

/** @typedef {import('./tree.js').Turn} Turn */
/** @typedef {{type: 'begin', prompt: {id: number, piece: string, is_special: boolean}[], rendered: string | null, behind: import('./tree.js').Token[], context: number, page: number, page_bytes: number}} Begin */

const [CELL, SIDE] = [3, 8];

/**
 * Bytes as people say them.
 * @param {number} bytes
 */
function size(bytes) {
  if (bytes < 1e6)
    return messageText('repeat.kilobytes', { size: (bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0) });
  return bytes < 1e9
    ? messageText('repeat.megabytes', { size: (bytes / 1e6).toFixed(1) })
    : messageText('repeat.gigabytes', { size: (bytes / 1e9).toFixed(2) });
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
    const said = { from: at * page, to: (at + 1) * page - 1, filled };
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
        isShared ? messageText('repeat.page.shared', said) : messageText('repeat.page', said),
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
        'aria-label': messageText('repeat.pages', {
          pages: turn.pages,
          all,
          held,
          shared: turn.shared,
        }),
      },
      squares,
    ),
    shown < all
      ? h('span', { class: 'cache-more' }, message('repeat.pages.more', { count: all - shown }))
      : null,
  );
}

/**
 * Milliseconds as a number one can compare.
 * @param {number} milliseconds
 */
export function milliseconds(milliseconds) {
  return messageText('repeat.milliseconds', {
    time: format(milliseconds, { digits: milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0 }),
  });
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
  const tokens = (/** @type {number} */ count) => messageText('repeat.cost.read', { count });
  const bar = (
    /** @type {string} */ name,
    /** @type {string} */ kind,
    /** @type {number} */ time,
    /** @type {number} */ read,
  ) => row(name, kind, time / max, milliseconds(time), tokens(read));
  return h(
    'div',
    { class: 'cost' },
    bar(messageText('repeat.cost.with'), 'is-with', turn.milliseconds, turn.read),
    turn.afresh
      ? bar(
          messageText('repeat.cost.without'),
          'is-without',
          turn.afresh.milliseconds,
          turn.known + turn.read,
        )
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
  ) => row(name, kind, many / max, millions(many), messageText('repeat.cost.multiplications'));
  return h(
    'div',
    { class: 'cost' },
    bar(messageText('repeat.cost.with'), 'is-with', multiplications),
    afresh ? bar(messageText('repeat.cost.without'), 'is-without', afresh.multiplications) : null,
  );
}

/** A large count in millions. @param {number} many */
export function millions(many) {
  const scaled = many / 1e6;
  return messageText('repeat.millions', {
    count: scaled < 100 ? format(scaled, { digits: scaled < 10 ? 2 : 1 }) : scaled,
  });
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
    const told = { tokens: turn.tokens, time: milliseconds(turn.milliseconds) };
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
        turn.afresh
          ? messageText('repeat.course.both', {
              ...told,
              without: milliseconds(turn.afresh.milliseconds),
            })
          : messageText('repeat.course.with', told),
      ),
    );
  });
  return svg(
    'svg',
    {
      class: 'course',
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-label': messageText('repeat.course', { tokens: turns.length, time: milliseconds(max) }),
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
  const about = {
    held: turn.known + turn.read,
    context: begin.context,
    count: turn.pages,
    page: begin.page,
    size: size(turn.pages * begin.page_bytes),
  };
  return [
    h('h4', { class: 'repeat-head' }, message('repeat.cost.cache')),
    pages(turn, begin),
    h(
      'p',
      { class: 'repeat-note' },
      turn.shared === 0
        ? message('repeat.cost.held', about)
        : turn.shared === turn.pages
          ? message('repeat.cost.held.all-shared', about)
          : message('repeat.cost.held.shared', { ...about, shared: turn.shared }),
    ),
    h('h4', { class: 'repeat-head' }, message('repeat.cost.time')),
    pair(turn),
    h('h4', { class: 'repeat-head' }, message('repeat.cost.work')),
    work(turn),
    ...(turns.length > 1
      ? [
          course(turns, max),
          h(
            'p',
            { class: 'repeat-note' },
            turns.some((of) => longer(of) > max)
              ? message('repeat.course.note.longer', { time: milliseconds(max) })
              : message('repeat.course.note', { time: milliseconds(max) }),
          ),
        ]
      : []),
  ];
}
