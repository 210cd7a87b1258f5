/**
 * The text, and over it what heads carried from word to word: the thicker an arc, the more of the logit
 * came that way. An arc is a part of the sum, and a click opens it.
 */

import { pressed } from '../../kit/bars.js';
import { mention, visible } from '../../kit/chips.js';
import { fill, h, sideways, svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { format } from '../../kit/number.js';
import { DIGITS, heard } from './captions.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./answer.js').Answer} Answer */
/** @typedef {import('./answer.js').Part} Part */
/** @typedef {{at: number, from: number, to: number, part: Part}} Arc */

/** Arcs that are drawn, and the share of the strongest below which none is. */
const [MOST, LEAST] = [9, 0.04];
/** Pixels of the drawing above the words. */
const HEIGHT = 100;
/** The top of the highest arc, and how far arcs between the same words are apart. */
const [HIGHEST, LANE] = [HEIGHT - 12, 17];

/** Pixels of a name: a letter's width, a line, and what is left free around it. */
const [LETTER, LINE, FREE] = [7, 15, 4];

/** Pixels that a text is drawn apart to, and that are put between two words at most. */
const [WIDEST, MOST_MORE] = [720, 26];

/**
 * The parts that a head carried from one token to another, the strongest first.
 * @param {Part[]} parts
 * @returns {Arc[]}
 */
export function arcsOf(parts) {
  const found = parts.flatMap((part, at) => {
    const head = part.parent === null ? undefined : parts[part.parent];
    if (part.component.kind !== 'source' || !head || head.token === part.token) return [];
    return [{ at, from: part.token, to: head.token, part }];
  });
  found.sort((a, b) => Math.abs(b.part.contribution) - Math.abs(a.part.contribution));
  const least = LEAST * Math.abs(found[0]?.part.contribution ?? 0);
  /** What a head carried may be read by several parts further on: the strongest stands for them. */
  const seen = new Set();
  const single = found.filter((arc) => !seen.has(nameOf(arc)) && seen.add(nameOf(arc)));
  return single.slice(0, MOST).filter(({ part }) => Math.abs(part.contribution) >= least);
}

/** Which head carried it, and between which tokens. @param {Arc} arc */
function nameOf({ from, to, part: { component } }) {
  return `${component.layer}.${component.head} ${from} ${to}`;
}

/**
 * @param {object} handlers
 * @param {(part: number) => void} handlers.onPick
 */
export function arcs({ onPick }) {
  const words = h('div', { class: 'why-words' });
  const drawing = h('div', { class: 'why-arcs' });
  const node = h('div', { class: 'why-over' }, h('div', { class: 'why-line' }, drawing, words));
  sideways(node);
  /** @type {{of: Selection, answer: Answer, open: number[], before: Answer | null} | null} */
  let now = null;
  let cut = '';

  function draw() {
    if (!now || node.clientWidth === 0) return;
    const { of, answer, open, before } = now;
    const { parts } = answer.why.unfolding;
    const shown = arcsOf(parts);
    const earlier = before ? arcsOf(before.why.unfolding.parts) : [];
    const strongest = [shown[0], earlier[0]].map((arc) => Math.abs(arc?.part.contribution ?? 0));
    const most = Math.max(...strongest) || 1;
    const thick = (/** @type {Part} */ part) =>
      (1 + (6 * Math.abs(part.contribution)) / most).toFixed(1);
    const chips = /** @type {HTMLElement[]} */ ([...words.children]);
    const middle = (/** @type {number} */ token) => {
      const node = chips[token];
      return node ? node.offsetLeft + node.offsetWidth / 2 : 0;
    };
    const width = words.scrollWidth;
    /** Arcs between the same words lie above each other. @type {Map<string, number>} */
    const lanes = new Map();
    /** Where what a head carried between two words is drawn, now and before. @type {Map<string, ReturnType<typeof curve>>} */
    const drawn = new Map();
    const lineOf = (/** @type {Arc} */ arc) => {
      const known = drawn.get(nameOf(arc));
      if (known) return known;
      const between = `${arc.from},${arc.to}`;
      const lane = lanes.get(between) ?? 0;
      lanes.set(between, lane + 1);
      const line = curve(middle(arc.from), middle(arc.to), lane);
      drawn.set(nameOf(arc), line);
      return line;
    };
    // All that an opened head carried is lit, until one of it is opened.
    const isLit = (/** @type {Arc} */ { at, part }) =>
      open.includes(at) || open.at(-1) === part.parent;
    const called = (/** @type {Arc} */ arc) => {
      const { layer, head } = arc.part.component;
      const short = `${layer}.${head}`;
      return isLit(arc) ? messageText('common.head', { head: short }) : short;
    };
    const names = apart(
      [...shown.filter(isLit), ...shown.filter((arc) => !isLit(arc))].map((arc) => ({
        arc,
        wide: called(arc).length * LETTER,
        places: lineOf(arc).places,
      })),
    );
    const lines = shown.map((arc) => {
      const { at, from, to, part } = arc;
      const { path, places } = lineOf(arc);
      const { layer, head } = part.component;
      const free = names.get(arc);
      const [x, y] = free ?? places[0] ?? [0, 0];
      return svg(
        'g',
        {
          class: `why-arc ${part.contribution < 0 ? 'is-negative' : 'is-positive'} ${isLit(arc) ? 'is-open' : ''}`,
          'data-part': at,
          tabindex: '0',
          role: 'button',
          'aria-pressed': String(open.includes(at)),
          'aria-label': messageText('why.arc.heard', {
            head: `${layer}.${head}`,
            from: heard(of, from),
            to: heard(of, to),
            added: format(part.contribution, { digits: DIGITS, sign: true }),
          }),
          onclick: () => onPick(at),
          onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(event) && onPick(at),
        },
        svg('path', { class: 'why-reach', d: path }),
        svg('path', { class: 'why-curve', d: path, 'stroke-width': thick(part) }),
        // A name without room is seen when its arc is pointed at.
        svg('text', { class: `why-head ${free ? '' : 'is-crowded'}`, x, y }, called(arc)),
        svg(
          'title',
          null,
          messageText('why.arc', {
            head: `${layer}.${head}`,
            added: format(part.contribution, { digits: DIGITS, sign: true }),
          }),
        ),
      );
    });
    const ghosts = earlier.map((arc) =>
      svg(
        'g',
        { class: 'why-ghost' },
        svg('path', { d: lineOf(arc).path, 'stroke-width': thick(arc.part) }),
        svg(
          'title',
          null,
          messageText('why.arc.before', {
            head: `${arc.part.component.layer}.${arc.part.component.head}`,
            added: format(arc.part.contribution, { digits: DIGITS, sign: true }),
          }),
        ),
      ),
    );
    fill(
      drawing,
      svg(
        'svg',
        {
          width,
          height: HEIGHT,
          viewBox: `0 0 ${width} ${HEIGHT}`,
          role: 'group',
          'data-roving': '',
          'aria-label': messageText('why.arcs'),
        },
        ghosts,
        lines,
      ),
    );
  }

  /** A short text is drawn apart, so that arcs between neighbours have room. */
  function spread() {
    words.style.setProperty('--more', '0px');
    const room = Math.min(WIDEST, node.clientWidth) - words.scrollWidth;
    const more = Math.max(0, Math.min(MOST_MORE, room / Math.max(1, words.children.length - 1)));
    words.style.setProperty('--more', `${more.toFixed(1)}px`);
  }

  new ResizeObserver(() => {
    if (cut) spread();
    draw();
  }).observe(node);

  return {
    node,
    /** @param {Selection} of @param {Answer} answer @param {number[]} open @param {Answer | null} before */
    draw(of, answer, open, before) {
      now = { of, answer, open, before };
      const key = JSON.stringify([of.pieces, of.token, answer.why.target]);
      if (key !== cut) {
        fill(
          words,
          of.pieces
            .slice(0, of.token + 1)
            .map((piece, token) => spot(token, piece, token === of.token)),
          h('span', { class: 'why-next' }, bare(answer.pieces[answer.why.target] ?? '')),
        );
        cut = key;
        spread();
        draw();
        // What was asked is at the end.
        node.scrollLeft = node.scrollWidth;
      } else draw();
    },
    /** Lights an arc, or none. @param {number | null} part */
    mark(part) {
      for (const arc of drawing.querySelectorAll('.why-arc'))
        arc.classList.toggle('is-marked', arc.getAttribute('data-part') === String(part));
    },
  };
}

/** A word of the text, in its hue. @param {number} token @param {string} piece @param {boolean} isLast */
function spot(token, piece, isLast) {
  const node = mention(token, piece);
  node.classList.add('why-word');
  node.classList.toggle('is-last', isLast);
  // A token that goes on with a word stands close to what it goes on with.
  node.classList.toggle('is-joined', token > 0 && !/^\s/.test(piece));
  fill(node, bare(piece));
  return node;
}

/** A piece as it stands in a text: its space is the room before it. @param {string} piece */
function bare(piece) {
  return piece.trim() === '' ? visible(piece) : visible(piece.trim());
}

/**
 * A place for each name that has one on which no other stands; those that come first have the choice.
 * @param {{arc: Arc, wide: number, places: [number, number][]}[]} names
 * @returns {Map<Arc, [number, number]>}
 */
function apart(names) {
  /** @type {Map<Arc, [number, number]>} */
  const found = new Map();
  /** @type {[number, number, number][]} */
  const taken = [];
  for (const { arc, wide, places } of names) {
    const free = places.find(([x, y]) =>
      taken.every(
        ([otherX, otherY, otherWide]) =>
          Math.abs(x - otherX) > (wide + otherWide) / 2 + FREE || Math.abs(y - otherY) > LINE,
      ),
    );
    if (!free) continue;
    found.set(arc, free);
    taken.push([...free, wide]);
  }
  return found;
}

/**
 * An arc from one place to another, and where its name may stand, the best first.
 * @param {number} from @param {number} to @param {number} lane
 */
function curve(from, to, lane) {
  const ground = HEIGHT - 2;
  // Long ones lie below the strongest of them, short ones above it.
  const first = Math.min(HIGHEST, 20 + 0.24 * Math.abs(to - from));
  const up = Math.floor((HIGHEST - first) / LANE);
  const tall = Math.max(14, lane <= up ? first + LANE * lane : first - LANE * (lane - up));
  // The middle of such a curve is at three quarters of the height of its handles.
  const high = tall / 0.75;
  const path = `M${from} ${ground} C${from} ${ground - high} ${to} ${ground - high} ${to} ${ground}`;
  const places = [0.5, 0.36, 0.64, 0.26, 0.74].map((at) => {
    const [near, far] = [(1 - at) ** 2 * (1 + 2 * at), at ** 2 * (3 - 2 * at)];
    const up = 3 * at * (1 - at) * high;
    return /** @type {[number, number]} */ ([near * from + far * to, ground - up]);
  });
  return { path, places };
}
