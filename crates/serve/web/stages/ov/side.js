/**
 * One of the two sentences: its tokens, the arrows of the chosen layer, what each source gives as a
 * row, and all layers at a glance.
 */

import { chip, visible, word } from '../../kit/chips.js';
import { hue } from '../../kit/colour.js';
import { fill, h, sideways } from '../../kit/dom.js';
import { matrix } from '../../kit/matrix.js';
import { message, messageText } from '../../kit/messages.js';
import { changing, growing } from '../../kit/motion.js';
import { format, number } from '../../kit/number.js';
import { hoverToken } from '../../kit/state.js';
import { between, chain, fitting, plane } from './plane.js';

/** @typedef {import('./plane.js').Taken} Taken */
/** @typedef {import('./plane.js').Arrow} Arrow */
/** @typedef {ReturnType<typeof growing>} Bar */

/**
 * One sentence with what its chosen token takes up.
 * @typedef {object} Side
 * @property {string} prompt
 * @property {string[]} pieces
 * @property {number} token
 * @property {(number | null)[]} same   which token of the page's prompt each is, by its piece
 * @property {Taken} taken              of the chosen layer
 * @property {Float32Array} weights     the chosen head's row of the pattern, `[tokens]`
 * @property {Map<number, Taken>} layers  those that were read
 * @property {number} head
 * @property {number} depth             layers of the model
 * @property {boolean} isHere          whether it is the page's own prompt, of whose sites its numbers are
 */

/** Rows of sources that are shown; the table twin has all. */
const ROWS = 8;

/**
 * @param {object} options
 * @param {string} options.name
 * @param {Node} options.sentence                  the prompt, or where it is typed
 * @param {(token: number) => void} options.onToken
 * @param {(layer: number) => void} options.onLayer
 */
export function side({ name, sentence, onToken, onLayer }) {
  /** @type {Side | null} */
  let now = null;
  /** @type {import('./plane.js').Drawing | null} */
  let last = null;
  const bar = growing('ov-bar');
  const change = changing();
  const chips = h('div', {
    class: 'ov-chips',
    'data-roving': '',
    role: 'group',
    'aria-label': messageText('ov.side.tokens', { name }),
  });
  sideways(chips);
  const drawing = h('div', { class: 'ov-plane' });
  const rows = h('ol', {
    class: 'ov-rows',
    tabindex: '0',
    'aria-label': messageText('ov.side.parts', { name }),
  });
  const readout = h('p', { class: 'ov-note', 'aria-live': 'polite' }, '\u00a0');
  const label = h('p', { class: 'ov-label' });
  let isFlat = false;
  /** Layer and source of a cell. @type {(row: number, column: number) => [number, number]} */
  const placed = (row, column) => (isFlat ? [column, row] : [row, column]);
  const ladder = matrix({
    name: messageText('ov.side.shares', { name }),
    onPick: (row, column) => onLayer(placed(row, column)[0]),
    onHover: (cell) => {
      const [layer, source] = cell ? placed(...cell) : [null, null];
      hoverToken(source === null ? null : (now?.same[source] ?? null));
      fill(readout, layer === null ? '\u00a0' : describe(layer, source));
    },
    describe: (row, column) => describe(...placed(row, column)),
    tallest: window.innerWidth < 640 ? 205 : 360,
  });
  const all = h('div', { class: 'ov-layers' }, label, ladder.node, readout);
  const node = h('div', { class: 'ov-side' }, sentence, chips, drawing, rows, all);

  /** @param {number} layer @param {number} source */
  function describe(layer, source) {
    if (!now) return '';
    const part = now.layers.get(layer)?.sources[source];
    const who = {
      layer,
      token: word(now.pieces[now.token] ?? ''),
      from: word(now.pieces[source] ?? ''),
    };
    if (!part) return messageText('ov.cell.unread', who);
    if (!part.seen) return messageText('ov.cell.nothing', who);
    return messageText('ov.cell', {
      ...who,
      length: format(part.length, { digits: digits(part.length) }),
      share: format(part.share, { percent: true }),
    });
  }

  return {
    node,
    arrowsNode: drawing,
    rowsNode: rows,
    layersNode: all,
    /** @param {number} width */
    arrows(width) {
      if (!now) return { arrows: [], unit: 0 };
      const { taken } = now;
      const arrows = chain(taken, (source) => naming(/** @type {Side} */ (now), source));
      return { arrows, unit: fitting(taken.plane, arrows, width) };
    },
    /** Pixels that a drawing has; 0 where it is not shown. */
    room: () => Math.floor(drawing.clientWidth),
    /** @param {Side} of */
    hold(of) {
      now = of;
    },
    /** @param {{arrows: Arrow[], unit: number, max: number}} options */
    draw({ arrows, unit, max }) {
      if (!now) return;
      const of = now;
      const hadFocus = chips.contains(document.activeElement);
      fill(
        chips,
        of.pieces.map((piece, token) =>
          chip(of.same[token] ?? of.pieces.length + token, piece, {
            picked: token === of.token,
            onClick: () => onToken(token),
          }),
        ),
      );
      const picked = chips.children[of.token];
      if (picked instanceof HTMLElement)
        chips.scrollLeft = picked.offsetLeft - chips.offsetLeft - chips.clientWidth / 2;
      if (hadFocus && picked instanceof HTMLElement) picked.focus({ preventScroll: true });
      const options = { ...naming(of, of.token), width: Math.max(240, this.room()) };
      const next = { plane: of.taken.plane, arrows, unit, ruled: unit };
      const before = last ?? next;
      last = next;
      change((share) => fill(drawing, plane(between(before, next, share), options)));
      fill(rows, sourceRows(of, max, bar));
    },
    drawLayers() {
      if (!now) return;
      const { layers, pieces, taken } = now;
      const count = now.depth;
      fill(
        label,
        layers.size < count
          ? message('ov.layers.some', { read: layers.size, layers: count })
          : message('ov.layers'),
      );
      // The longer side lies flat.
      isFlat = count > pieces.length;
      // Of many layers every fifth is labelled.
      const named = (/** @type {number} */ layer) => count <= 12 || layer % 5 === 0;
      const names = Array.from({ length: count }, (_, layer) =>
        isFlat ? (named(layer) ? String(layer) : '') : messageText('ov.layer', { layer }),
      );
      const tokens = pieces.map(visible);
      const part = (/** @type {number} */ row, /** @type {number} */ column) => {
        const [layer, source] = placed(row, column);
        return layers.get(layer)?.sources[source];
      };
      const most = strongest(taken);
      // Of a long text every share is small, so the colours end at the largest that was read.
      const shares = [...layers.values()].flatMap(({ sources }) =>
        sources.map(({ share }) => Math.abs(share)),
      );
      const largest = shares.reduce((most, share) => Math.max(most, share), 0);
      ladder.draw({
        rows: isFlat ? tokens.length : count,
        columns: isFlat ? count : tokens.length,
        value: (row, column) => part(row, column)?.share ?? 0,
        // What was not read yet is empty, not absent.
        masked: (row, column) => part(row, column)?.seen === false,
        scale: 'signed',
        max: Math.min(1, Math.max(0.01, largest)),
        rowLabels: isFlat ? tokens : names,
        columnLabels: isFlat ? names : tokens,
        markedRow: isFlat ? most : taken.layer,
        picked: isFlat ? [most, taken.layer] : [taken.layer, most],
      });
    },
  };
}

/** How a source is called and coloured. @param {Side} of @param {number} source */
export function naming({ pieces, same }, source) {
  const token = same[source] ?? null;
  return {
    name: visible(word(pieces[source] ?? '')),
    colour: hue(token ?? pieces.length + source),
    token,
  };
}

/** The source that gives most. @param {Taken} taken */
export function strongest({ sources }) {
  return sources.reduce(
    (most, part, at) => (part.length > (sources[most]?.length ?? 0) ? at : most),
    0,
  );
}

/** Digits that show three figures of a length. @param {number} length */
export function digits(length) {
  return length > 0 ? Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(length)))) : 0;
}

/** @param {Side} of @param {number} max @param {Bar} bar */
function sourceRows(of, max, bar) {
  const { taken, pieces } = of;
  const every = taken.sources.map((part, source) => ({ part, source }));
  const seen = every.filter(({ part }) => part.seen).sort((a, b) => b.part.length - a.part.length);
  const shown = seen.slice(0, ROWS).sort((a, b) => a.source - b.source);
  const later = every.filter(({ part, source }) => !part.seen && source > of.token);
  const more = (/** @type {'ov.rows.less' | 'ov.rows.later'} */ id, /** @type {number} */ count) =>
    count > 0 ? h('li', { class: 'ov-more' }, message(id, { count })) : null;
  return [
    h(
      'li',
      { class: 'ov-row ov-head', 'aria-hidden': 'true' },
      h('span'),
      h('span'),
      h('span', null, message('ov.length')),
      h('span', null, message('ov.share')),
    ),
    ...shown.map(({ source }) => row(of, source, max, bar)),
    more('ov.rows.less', seen.length - shown.length),
    ...later.slice(0, ROWS).map(({ source }) => nothing(of, source, pieces[source] ?? '')),
    more('ov.rows.later', later.length - Math.min(later.length, ROWS)),
    taken.bias
      ? plainRow(messageText('ov.bias'), taken.bias.length, taken.bias.share, max, bar)
      : null,
    plainRow(messageText('ov.rows.sum'), taken.added, 1, max, bar, 'is-sum'),
  ];
}

/** @param {Side} of @param {number} source @param {number} max @param {Bar} bar */
function row(of, source, max, bar) {
  const { length = 0, share = 0 } = of.taken.sources[source] ?? {};
  const { name, colour, token } = naming(of, source);
  const label = source === of.token ? messageText('ov.rows.itself', { token: name }) : name;
  return h(
    'li',
    {
      class: 'ov-row',
      style: { '--hue': colour },
      'data-token': token,
      onpointerenter: () => hoverToken(token),
      onpointerleave: () => hoverToken(null),
    },
    h('span', { class: 'ov-name' }, label),
    track(bar, String(source), length, max),
    number(length, { digits: digits(length) }),
    number(share, { percent: true }),
  );
}

/** @param {string} name @param {number} length @param {number} share @param {number} max @param {Bar} bar @param {string} [kind] */
function plainRow(name, length, share, max, bar, kind = '') {
  return h(
    'li',
    { class: `ov-row ${kind}` },
    h('span', { class: 'ov-name' }, name),
    track(bar, name, length, max),
    number(length, { digits: digits(length) }),
    number(share, { percent: true }),
  );
}

/** A token that is not there yet. @param {Side} of @param {number} source @param {string} piece */
function nothing(of, source, piece) {
  const { colour, token } = naming(of, source);
  const weight = of.weights[source] ?? 0;
  // The numbers of the other sentence name no place in the page's prompt.
  const place = of.isHere
    ? { site: `blocks.${of.taken.layer}.attn.pattern`, index: `${of.head},${of.token},${source}` }
    : {};
  return h(
    'li',
    { class: 'ov-row is-hidden', style: { '--hue': colour }, 'data-token': token },
    h('span', { class: 'ov-name' }, visible(word(piece))),
    h(
      'span',
      { class: 'ov-track is-hatched' },
      h('span', { class: 'ov-said' }, message('ov.not-there')),
    ),
    number(weight, { digits: 0, ...place }),
    number(weight, { percent: true }),
  );
}

/** @param {Bar} bar @param {string} key @param {number} length @param {number} max */
function track(bar, key, length, max) {
  return h('span', { class: 'ov-track', 'aria-hidden': 'true' }, bar(key, length / (max || 1)));
}
