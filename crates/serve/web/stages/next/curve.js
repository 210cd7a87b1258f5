/** The whole distribution, sorted: probability by rank, both in equal factors. */

import { asWide } from '../../kit/as_wide.js';
import { visible } from '../../kit/chips.js';
import { fill, h, svg } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { count, format } from '../../kit/number.js';
import { axes, logarithmic } from '../logits/plot.js';
import { share } from '../logits/word.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../next.js').Answer} Answer */
/** @typedef {import('../next.js').Ranked} Ranked */

/** Less than this is drawn as this. */
const LEAST = 1e-20;

export function curve() {
  const place = h('div', { class: 'next-plot' });
  const readout = h('p', { class: 'next-readout' }, '\u00a0');
  const node = h('div', { class: 'next-curve' }, place, readout);
  /** @type {{of: Selection, answer: Answer} | null} */
  let drawn = null;
  const again = asWide(place, (width) => (drawn ? drawing(drawn, width) : null));

  /** @param {{of: Selection, answer: Answer}} now @param {number} width */
  function drawing({ of, answer }, width) {
    const height = Math.max(230, Math.min(320, window.innerHeight * 0.36));
    const box = { left: 46, right: width - 10, top: 44, bottom: height - 38 };
    const points = answer.curve;
    const lowest = Math.max(LEAST, Number(points.at(-1)?.probability));
    const x = logarithmic([1, Math.max(2, answer.vocabulary)], [box.left, box.right]);
    const y = logarithmic([lowest, 1], [box.bottom, box.top]);
    const at = (/** @type {Ranked} */ { rank, probability }) => [
      x.to(rank),
      y.to(Math.max(LEAST, probability)),
    ];
    const mark = svg('circle', { r: 4, class: 'next-mark', cx: -9, cy: -9 });
    /** @param {Ranked | undefined} next @param {string} kind */
    const pin = (next, kind) => {
      if (!next) return null;
      const [cx = 0, cy = 0] = at(next);
      const isRight = cx > width * 0.7;
      return svg(
        'g',
        { class: `next-pin ${kind}` },
        svg('circle', { cx, cy, r: 4 }),
        svg(
          'text',
          {
            x: cx + (isRight ? -8 : 8),
            y: cy + (kind === 'is-text' ? 18 : -8),
            'text-anchor': isRight ? 'end' : 'start',
          },
          visible(answer.pieces[next.id] ?? ''),
        ),
      );
    };
    /** @param {PointerEvent} event */
    const point = (event) => {
      const px = event.clientX - picture.getBoundingClientRect().left;
      let best = points[0];
      for (const next of points) {
        if (best && Math.abs(x.to(next.rank) - px) < Math.abs(x.to(best.rank) - px)) best = next;
      }
      if (!best) return;
      const [cx = 0, cy = 0] = at(best);
      mark.setAttribute('cx', String(cx));
      mark.setAttribute('cy', String(cy));
      fill(
        readout,
        message('next.curve.readout', {
          rank: best.rank,
          word: visible(answer.pieces[best.id] ?? ''),
          share: share(best.probability, {
            site: 'probabilities',
            index: `${of.token},${best.id}`,
          }),
          held: share(best.held),
        }),
      );
    };
    const own = answer.of ?? answer.top[0];
    const text = answer.follows && answer.follows.id !== own?.id ? answer.follows : undefined;
    const picture = svg(
      'svg',
      {
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-label': messageText('next.curve.name', {
          vocabulary: answer.vocabulary,
          most: points[0]?.probability.toPrecision(2) ?? '',
          least: points.at(-1)?.probability.toPrecision(2) ?? '',
        }),
        onpointermove: point,
      },
      axes({
        x,
        y,
        box,
        xName: messageText('next.curve.rank'),
        yName: messageText('common.probability'),
        xShow: count,
        yShow: (value) =>
          value >= 0.01
            ? format(value, { percent: true })
            : `10${superscript(Math.round(Math.log10(value)))}`,
      }),
      svg('polyline', {
        class: 'next-line',
        points: points
          .map((next) =>
            at(next)
              .map((of) => of.toFixed(1))
              .join(','),
          )
          .join(' '),
      }),
      pin(text, 'is-text'),
      pin(own, 'is-own'),
      mark,
    );
    return picture;
  }

  return {
    node,
    /** @param {Selection} of @param {Answer} answer */
    draw(of, answer) {
      drawn = { of, answer };
      fill(readout, '\u00a0');
      again();
    },
  };
}

/** @param {number} power */
function superscript(power) {
  return String(power)
    .replace('-', '⁻')
    .replace(/\d/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? digit);
}
