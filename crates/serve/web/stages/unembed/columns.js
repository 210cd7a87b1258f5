/**
 * The columns: every vector on the way to the logits, the matrices between them, and one number with what
 * it was made of and what it goes into.
 */

import { arrowStep, moved } from '../../kit/arrows.js';
import { asWide } from '../../kit/as_wide.js';
import { visible } from '../../kit/chips.js';
import { fill, h, svg } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { count, numberText } from '../../kit/number.js';
import { NAMES, readout, SHORT } from './words.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../unembed.js').End} End */
/** @typedef {import('../unembed.js').Column} Column */

/** A line of a column: the numbers it stands for, and which of them it shows. @typedef {{from: number, to: number, place: number}} Line */

/** The narrowest line, in pixels; words at the end, and how far apart these stand. */
const [THINNEST, WORDS, APART] = [2, 4, 17];

export function columns() {
  const place = h('div', { class: 'unembed-columns' });
  const said = h('p', { class: 'unembed-readout' }, '\u00a0');
  const node = h('div', null, place, said);
  /** @type {{of: Selection, end: End} | null} */
  let shown = null;
  /** The column and the line that is read; the largest logit's until somebody chooses. @type {[number, number] | null} */
  let cursor = null;
  const again = asWide(place, (width) => (shown ? drawing(shown.of, shown.end, width) : null));

  return {
    node,
    /** @param {Selection} of @param {End} end */
    draw(of, end) {
      shown = { of, end };
      const hadFocus = place.contains(document.activeElement);
      again();
      if (hadFocus) /** @type {SVGElement | null} */ (place.firstElementChild)?.focus();
    },
  };

  /** @param {Selection} of @param {End} end @param {number} width */
  function drawing(of, end, width) {
    const isNarrow = width < 480;
    const [high, foot, thick] = isNarrow ? [250, 52, 13] : [340, 56, 22];
    const right = isNarrow ? 104 : 128;
    const left = isNarrow ? 14 : 26;
    const gap = (width - right - left - thick) / 4;
    const longest = Math.log2(Math.max(2, ...end.columns.map(({ values }) => values.length)));
    const laid = end.columns.map((column, at) => {
      const size = column.values.length;
      const tall = Math.max(24, (high * Math.log2(Math.max(2, size))) / longest);
      const lines = linesOf(column, Math.floor(tall / THINNEST));
      const most = Math.max(1e-12, ...Array.from(column.values, Math.abs));
      return { column, lines, most, tall, x: left + at * gap, top: (high - tall) / 2 };
    });
    const first = end.top[0]?.id ?? 0;
    const best = laid[4]?.lines.findIndex(({ from, to }) => from <= first && first < to) ?? 0;
    /** @param {number} at @param {number} line */
    const middle = (at, line) => {
      const { top = 0, tall = 0, lines = [] } = laid[at] ?? {};
      return top + ((line + 0.5) * tall) / Math.max(1, lines.length);
    };
    const over = svg('g', { class: 'unembed-over' });

    /** Marks a number, what it is made of and what it goes into. */
    function mark() {
      const [at, line] = cursor ?? [4, best];
      const here = laid[at];
      const own = here?.lines[Math.min(line, (here?.lines.length ?? 1) - 1)];
      if (!here || !own) return;
      const y = middle(at, Math.min(line, here.lines.length - 1));
      const fan = (/** @type {number} */ to) => {
        const other = laid[to];
        // Between the MLP's output and the normed sum there is no matrix.
        if (!other || at + to === 5) return null;
        const [from, end] = to < at ? [here.x, other.x + thick] : [here.x + thick, other.x];
        return svg('path', {
          class: 'unembed-fan',
          d: `M${from} ${y}L${end} ${other.top}V${other.top + other.tall}Z`,
        });
      };
      fill(
        over,
        fan(at - 1),
        fan(at + 1),
        svg('rect', {
          class: 'unembed-mark',
          x: here.x - 2,
          y: y - 3,
          width: thick + 4,
          height: 6,
        }),
      );
      fill(said, readout(of, here.column, own, end.pieces));
    }
    const drawn = svg(
      'svg',
      {
        class: 'unembed-drawing',
        viewBox: `0 0 ${width} ${high + foot}`,
        width,
        height: high + foot,
        tabindex: '0',
        role: 'application',
        'aria-label': messageText('unembed.columns'),
        onpointermove: point,
        onclick: point,
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          const step = arrowStep(event);
          if (!step) return;
          const [at, line] = cursor ?? [4, best];
          const to = moved(at, step[0], laid.length);
          const [was, now] = [laid[at]?.lines.length ?? 1, laid[to]?.lines.length ?? 1];
          cursor = [to, moved(Math.floor((line * now) / was), step[1], now)];
          mark();
        },
      },
      laid.map((here, at) => (at === 0 ? null : between(laid[at - 1], here, at))),
      over,
      laid.map(oneColumn),
      words(),
    );

    /** @param {PointerEvent | MouseEvent} event */
    function point(event) {
      const box = drawn.getBoundingClientRect();
      const scale = width / Math.max(1, box.width);
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      const at = laid.findIndex((here) => x > here.x - 8 && x < here.x + thick + 8);
      const here = laid[at];
      if (!here || y < here.top - 4 || y > here.top + here.tall + 4) return;
      const line = Math.floor(((y - here.top) / here.tall) * here.lines.length);
      cursor = [at, Math.max(0, Math.min(here.lines.length - 1, line))];
      mark();
    }

    /** A matrix, or what stands in the place of one. @param {typeof laid[number] | undefined} from @param {typeof laid[number]} to @param {number} at */
    function between(from, to, at) {
      if (!from) return null;
      const [x, end] = [from.x + thick, to.x];
      const [rows, across] = [to.column.values.length, from.column.values.length];
      const label =
        at === 3 ? messageText('unembed.norm').split(' ') : [`${count(across)} ×`, count(rows)];
      const double = at === 1 && of.about.gated ? ['2 ·'] : [];
      const texts = [...double, ...label];
      return svg(
        'g',
        { class: at === 3 ? 'unembed-sum' : 'unembed-matrix' },
        svg('path', {
          d: `M${x} ${from.top}L${end} ${to.top}V${to.top + to.tall}L${x} ${from.top + from.tall}Z`,
        }),
        texts.map((text, line) =>
          svg(
            'text',
            { x: (x + end) / 2, y: high / 2 + 14 * (line - (texts.length - 1) / 2) },
            text,
          ),
        ),
      );
    }

    /** @param {typeof laid[number]} here */
    function oneColumn({ column, lines, most, tall, x, top }) {
      const thin = tall / lines.length;
      const middle = x + thick / 2;
      return svg(
        'g',
        { class: 'unembed-column' },
        svg('rect', { class: 'unembed-ground', x, y: top, width: thick, height: tall }),
        lines.map(({ place }, line) => {
          const value = column.values[place] ?? 0;
          return svg('rect', {
            class: value < 0 ? 'bar-negative' : 'bar-positive',
            'fill-opacity': (Math.abs(value) / most).toFixed(3),
            x,
            y: (top + line * thin).toFixed(2),
            width: thick,
            height: (thin + 0.2).toFixed(2),
          });
        }),
        [
          messageText((isNarrow ? SHORT : NAMES)[column.kind]),
          count(column.values.length),
          messageText('unembed.scale', {
            most: most <= 1e-12 ? '0' : most < 100 ? most.toPrecision(2) : count(most),
          }),
        ].map((text, line) =>
          svg(
            'text',
            { class: line === 1 ? 'is-size' : '', x: middle, y: high + 14 + 15 * line },
            text,
          ),
        ),
      );
    }

    /** The words of the largest logits, each beside its place. */
    function words() {
      const last = laid[4];
      if (!last) return null;
      const size = last.column.values.length;
      const placed = end.top
        .slice(0, WORDS)
        .map(({ id }, rank) => ({ id, rank, y: last.top + ((id + 0.5) / size) * last.tall, at: 0 }))
        .sort((a, b) => a.y - b.y);
      // As near to their places as they can stand without covering each other, and within the drawing.
      const middle = placed.reduce((sum, { y }) => sum + y, 0) / placed.length;
      const span = (placed.at(-1)?.y ?? 0) - (placed[0]?.y ?? 0);
      const begin = span < APART * (placed.length - 1) ? middle - (APART * (WORDS - 1)) / 2 : 0;
      let free = Math.max(8, begin);
      for (const word of placed) {
        word.at = Math.max(free, begin > 0 ? 0 : word.y);
        free = word.at + APART;
      }
      let low = high - 4;
      for (const word of [...placed].reverse()) {
        word.at = Math.min(word.at, low);
        low = word.at - APART;
      }
      const x = last.x + thick;
      return placed.map(({ id, rank, y, at }) =>
        svg(
          'g',
          { class: rank === 0 ? 'unembed-word is-first' : 'unembed-word' },
          svg('path', { d: `M${x + 1} ${y}L${x + 12} ${at}` }),
          svg('text', { class: 'unembed-name', x: x + 15, y: at }, cut(end.pieces[id], isNarrow)),
          numberText(last.column.values[id] ?? 0, {
            site: 'logits',
            index: last.column.index(id),
            digits: 2,
            x: width - 2,
            y: at,
          }),
        ),
      );
    }
    mark();
    return drawn;
  }
}

/** A piece that leaves room for its number. @param {string | undefined} piece @param {boolean} isNarrow */
function cut(piece, isNarrow) {
  const text = visible(piece?.trim() ?? '');
  const most = isNarrow ? 7 : 9;
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/**
 * A column in as many lines as there is room for.
 * @param {Column} column
 * @param {number} room
 * @returns {Line[]}
 */
function linesOf({ kind, values }, room) {
  const lines = Math.min(values.length, room);
  const size = (/** @type {number} */ value) => (kind === 'logits' ? value : Math.abs(value));
  return Array.from({ length: lines }, (_, line) => {
    const from = Math.floor((line * values.length) / lines);
    const to = Math.floor(((line + 1) * values.length) / lines);
    let place = from;
    for (let at = from + 1; at < to; at += 1)
      if (size(values[at] ?? 0) > size(values[place] ?? 0)) place = at;
    return { from, to, place };
  });
}
