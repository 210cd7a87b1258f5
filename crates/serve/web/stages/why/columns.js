/**
 * A sum opened from left to right: each column holds the parts of what was opened in the one before it,
 * the strongest first. As many columns are seen as there is room for; the line above leads back.
 */

import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { format, number } from '../../kit/number.js';
import { hoverToken } from '../../kit/state.js';
import { barCell, refill } from '../logits/word.js';
import { roots, strongest } from './answer.js';
import { earlier } from './before.js';
import { added, DIGITS, heard, name, place, tiny, total, what } from './captions.js';

/** @typedef {import('../../kit/dom.js').Child} Child */
/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./answer.js').Answer} Answer */
/** @typedef {import('./answer.js').Part} Part */

/** Rows of a column before the others are one row, and how many where there is room for one column only. */
const [SHOWN, SHOWN_ALONE] = [6, 5];
/** The share of a column's strongest part below which a part stands among the others. */
const SMALL = 0.01;
/** Pixels of a column, at least. */
const COLUMN = 262;

/**
 * @typedef {object} View
 * @property {Selection} of
 * @property {Answer} answer
 * @property {number[]} open  the opened parts, from the logit on
 * @property {Answer | null} before  the sum without the changes, where there are some
 */

/**
 * @param {object} handlers
 * @param {(open: number[]) => void} handlers.onOpen
 * @param {(part: number | null) => void} handlers.onHover
 */
export function columns({ onOpen, onHover }) {
  const crumbs = h('div', {
    class: 'why-crumbs',
    'data-roving': '',
    role: 'group',
    'aria-label': messageText('why.crumbs'),
  });
  const columnsNode = h('div', { class: 'why-columns' });
  const node = h('div', { class: 'why-tree' }, crumbs, columnsNode);
  /** @type {View | null} */
  let view = null;
  /** Columns whose weak parts are listed too, by what is opened. @type {Set<number>} */
  const long = new Set();
  let room = 0;
  /** What a part added without the changes. */
  let was = earlier([], null);
  new ResizeObserver(() => {
    if (view && fitting() !== room) draw();
  }).observe(node);

  /** How many columns there is room for. */
  function fitting() {
    return Math.max(1, Math.floor((node.clientWidth + 24) / (COLUMN + 24)));
  }

  function draw() {
    if (!view) return;
    room = fitting();
    const { of, answer, open, before } = view;
    const { parts } = answer.why.unfolding;
    was = earlier(parts, before);
    // The logit, and what is opened.
    const all = [-1, ...open];
    const lists = all.map((at) =>
      strongest(parts, at < 0 ? roots(parts) : (parts[at]?.parts ?? [])),
    );
    const max = Math.max(
      1e-12,
      ...lists.flat().map((at) => Math.abs(parts[at]?.contribution ?? 0)),
      ...lists.flat().map((at) => Math.abs(was(at) ?? 0)),
    );
    const from = Math.max(0, all.length - room);
    refill(
      crumbs,
      all.flatMap((at, level) => crumb({ of, answer, open, before }, at, level, level >= from)),
    );
    refill(
      columnsNode,
      all
        .slice(from)
        .map((at, index) => column(view, lists[from + index] ?? [], from + index, at, max)),
    );
    columnsNode.style.setProperty('--columns', String(room));
    // What is opened stands in the columns themselves, where all of them are seen.
    crumbs.hidden = from === 0;
  }

  /** @param {View} view @param {number} at @param {number} level @param {boolean} isSeen */
  function crumb({ of, answer, open, before }, at, level, isSeen) {
    const part = answer.why.unfolding.parts[at];
    return [
      level === 0 ? null : h('span', { class: 'why-then', 'aria-hidden': 'true' }, '›'),
      h(
        'button',
        {
          type: 'button',
          class: `why-crumb ${isSeen ? 'is-seen' : ''}`,
          'data-key': `crumb-${level}`,
          onclick: () => onOpen(open.slice(0, level)),
        },
        part ? label(of, part) : what(answer),
        ' ',
        part
          ? added(part.contribution)
          : [
              before && h('span', { class: 'was' }, total(of, before, true), ' → '),
              total(of, answer),
            ],
      ),
    ];
  }

  /**
   * @param {View | null} view @param {number[]} list @param {number} level
   * @param {number} at  what is opened; below 0 the logit
   * @param {number} max
   */
  function column(view, list, level, at, max) {
    if (!view) return null;
    const { of, answer, before } = view;
    const { parts } = answer.why.unfolding;
    const shown = long.has(at) ? list : list.slice(0, seen(parts, list));
    const others = list.slice(shown.length);
    const rest = others.reduce((sum, part) => sum + (parts[part]?.contribution ?? 0), 0);
    const opener = parts[at];
    const left = { rest: h('span', { class: 'number' }, tiny(answer.why.rounding)) };
    return h(
      'div',
      {
        class: 'why-column',
        'data-roving': '',
        role: 'group',
        'aria-label': opener
          ? messageText('why.column', { part: spokenLabel(of, opener) })
          : messageText('why.column.logit'),
      },
      h('p', { class: 'why-heading' }, opener ? heading(of, opener) : message('why.heading')),
      h(
        'div',
        { class: 'why-rows' },
        shown.map((part) => row(view, part, level, max)),
        others.length
          ? h(
              'button',
              {
                type: 'button',
                class: 'why-row is-others',
                'data-key': `others-${level}`,
                onclick: () => {
                  long.add(at);
                  draw();
                },
              },
              h('span', { class: 'why-name' }, message('why.others', { count: others.length })),
              barCell(rest, max, { signed: true }),
              number(rest, { digits: DIGITS, sign: true, class: 'why-rest' }),
              h('span', { class: 'why-more', 'aria-hidden': 'true' }, '⋯'),
            )
          : null,
      ),
      at < 0
        ? h(
            'p',
            { class: 'why-sum' },
            '= ',
            before && h('span', { class: 'was' }, total(of, before, true), ' → '),
            h('strong', null, total(of, answer)),
            h(
              'span',
              { class: 'why-rounding' },
              answer.why.cap ? message('why.sum.cap', left) : message('why.sum', left),
            ),
          )
        : null,
    );
  }

  /** How many parts of a list have a row of their own. @param {Part[]} parts @param {number[]} list */
  function seen(parts, list) {
    const size = (/** @type {number | undefined} */ at) =>
      Math.abs(parts[at ?? -1]?.contribution ?? 0);
    const large = list.filter((at) => size(at) >= SMALL * size(list[0])).length;
    const count = Math.min(large, room > 1 ? SHOWN : SHOWN_ALONE);
    // A single other part takes no more room under its own name.
    return count === list.length - 1 ? list.length : count;
  }

  /** @param {View} view @param {number} at @param {number} level @param {number} max */
  function row({ of, answer, open }, at, level, max) {
    const part = /** @type {Part} */ (answer.why.unfolding.parts[at]);
    const isOpen = open[level] === at;
    const before = was(at);
    const canOpen = !part.is_end;
    const cells = [
      h('span', { class: 'why-name' }, part.is_linearised ? '~ ' : null, label(of, part)),
      barCell(part.contribution, max, { signed: true, before }),
      added(part.contribution),
      h('span', { class: 'why-more', 'aria-hidden': 'true' }, canOpen ? '›' : ''),
    ];
    const hover = {
      title:
        before === undefined
          ? null
          : messageText('why.row.before', {
              added: format(before, { digits: DIGITS, sign: true }),
            }),
      onpointerenter: () => (onHover(at), hoverToken(part.token)),
      onpointerleave: () => (onHover(null), hoverToken(null)),
    };
    if (!canOpen) return h('div', { class: 'why-row', ...hover }, cells);
    return h(
      'button',
      {
        type: 'button',
        class: `why-row ${isOpen ? 'is-open' : ''}`,
        'data-key': `part-${level}-${at}`,
        'aria-pressed': String(isOpen),
        onclick: () => onOpen(isOpen ? open.slice(0, level) : [...open.slice(0, level), at]),
        onfocus: () => onHover(at),
        onblur: () => onHover(null),
        ...hover,
      },
      cells,
    );
  }

  return {
    node,
    /** How many columns there is room for. */
    fitting,
    /** @param {View} now */
    draw(now) {
      if (view?.answer !== now.answer) long.clear();
      view = now;
      draw();
    },
  };
}

/** A part's name; what a head took from a token is named by the token. @param {Selection} of @param {Part} part @returns {Child[]} */
function label(of, { component, token }) {
  return component.kind === 'source' ? place(of, token) : [name(component)];
}

/** @param {Selection} of @param {Part} part */
function spokenLabel(of, { component, token }) {
  return component.kind === 'source' ? heard(of, token) : name(component);
}

/** What a column's parts are. @param {Selection} of @param {Part} part @returns {Child[]} */
function heading(of, { component: { kind, layer, head }, token }) {
  if (kind === 'head') return message('why.heading.head', { head: `${layer}.${head}` });
  if (kind === 'source') return message('why.heading.source', { token: place(of, token) });
  return message('why.heading.mlp', { layer: layer ?? 0 });
}
