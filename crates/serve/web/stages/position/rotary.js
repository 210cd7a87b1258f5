/**
 * A dial for each pair of a query: by how much it turns at the chosen token's place, and what becomes
 * of the pair.
 */

import { pressed } from '../../kit/bars.js';
import { mention, word } from '../../kit/chips.js';
import { keyOf, look } from '../../kit/client.js';
import { hue } from '../../kit/colour.js';
import { fill, h, svg } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { count, format, number } from '../../kit/number.js';
import { layers } from '../../kit/particulars.js';
import { sentences } from '../../kit/sentences.js';
import { isVariant, set } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {[angle: number, cos: number, sin: number]} Turn */
/** @typedef {{dimensions: [number, number], frequency: number, period: number, turns: Turn[]}} Pair */
/**
 * @typedef {object} Rotary
 * @property {'rotary'} kind
 * @property {number} layer
 * @property {number} theta
 * @property {number} rotary_dim          numbers of a head that are turned; the others are not
 * @property {number} factor              of every cosine and sine
 * @property {(number | null)[]} thetas   of each layer
 * @property {number[] | null} normed     the query behind its norm, where it has one
 * @property {number} first
 * @property {Pair[]} pairs
 */

const RADIUS = 34;
const SIDE = 2 * RADIUS + 10;

/** @param {import('../../kit/figure.js').Anatomy} parts */
export function rotary(parts) {
  const dials = h('div', {
    class: 'dials',
    'data-roving': '',
    role: 'group',
    'aria-label': messageText('position.dials'),
  });
  const legend = h('p', { class: 'dials-legend' });
  const sum = h('div', { class: 'dial-sum' });
  return {
    node: h('div', null, dials, legend, sum),
    /** @param {Rotary} told @param {Selection} selection @param {AbortSignal} signal */
    async draw(told, selection, signal) {
      const { layer, head, token, pieces } = selection;
      const piece = pieces[token] ?? '';
      const names = ['q', 'rot_q'].map((name) => `blocks.${layer}.attn.${name}`);
      const found = await look(
        selection,
        names.map((site) => ({ site, at: [token, head] })),
        { signal },
      );
      const [query, after] = names.map(
        (site) =>
          /** @type {import('../../kit/client.js').Tensor} */ (
            found.get(keyOf({ site, at: [token, head] }))
          ).values,
      );
      // What is turned is the query, or what its norm makes of it.
      const before = told.normed ? Float32Array.from(told.normed) : query;
      if (!before || !after) return [];
      const pair = Math.min(Number(selection.more.pair ?? 0) || 0, told.pairs.length - 1);
      // One scale for all arrows of the head, so that long pairs look long.
      const max = Math.max(
        1e-12,
        ...told.pairs.map(({ dimensions: [a, b] }) => Math.hypot(before[a] ?? 0, before[b] ?? 0)),
      );
      const at = (/** @type {number} */ which, /** @type {number} */ dimension) =>
        which === 0 && told.normed
          ? {}
          : { site: names[which], index: `${token},${head},${dimension}` };

      fill(
        dials,
        told.pairs.map((of, number) =>
          dial(of, number, told.first, token, [before, after], max, number === pair),
        ),
      );
      fill(
        legend,
        h(
          'span',
          { class: 'key-before' },
          message(told.normed ? 'position.legend.normed' : 'position.legend.before'),
        ),
        h(
          'span',
          { class: 'key-after', style: { '--hue': hue(token) } },
          message('position.legend.after'),
        ),
        h('span', { class: 'key-hand' }, message('position.legend.angle')),
      );

      const of = told.pairs[pair];
      if (!of) return [];
      const [a, b] = of.dimensions;
      const [angle = 0, cos = 1, sin = 0] = of.turns.at(-1) ?? [];
      const turn = { angle: number(angle), cosine: number(cos), sine: number(sin) };
      const value = (/** @type {number} */ which, /** @type {number} */ dimension) =>
        number((which ? after : before)[dimension] ?? 0, at(which, dimension));
      fill(
        sum,
        h(
          'p',
          null,
          told.factor === 1
            ? message('position.pair', { ...turn, pair, a, b, position: token })
            : message('position.pair.times', {
                ...turn,
                pair,
                a,
                b,
                position: token,
                factor: format(told.factor, { digits: 4 }),
              }),
        ),
        line([
          value(0, a),
          ' × ',
          factor(cos),
          ' − ',
          factor(before[b] ?? 0, at(0, b)),
          ' × ',
          factor(sin),
          ' = ',
          value(1, a),
        ]),
        line([
          value(0, b),
          ' × ',
          factor(cos),
          ' + ',
          factor(before[a] ?? 0, at(0, a)),
          ' × ',
          factor(sin),
          ' = ',
          value(1, b),
        ]),
      );

      const [fast, slow] = [told.pairs[0], told.pairs.at(-1)];
      const speed = {
        frequency: number(fast?.frequency ?? 0),
        period: number(fast?.period ?? 0, { digits: 1 }),
      };
      parts.caption(
        sentences(
          message('position.turned', {
            token: mention(token, piece),
            head: `${layer}.${head}`,
          }),
          token === 0
            ? message('position.first')
            : told.pairs.length === 1
              ? message('position.one-pair', speed)
              : message('position.pairs', {
                  ...speed,
                  last: number(slow?.frequency ?? 0, { digits: 5 }),
                  long: count(slow?.period ?? 0),
                }),
          message('position.keys'),
          ...besides(told, selection),
          isVariant('uniform-attention') ? message('position.unused') : [],
        ),
      );
      parts.say(
        messageText('position.said', {
          position: token,
          token: word(piece),
          angles: told.pairs
            .slice(0, 6)
            .map(({ turns }) => format(turns.at(-1)?.[0] ?? 0, { digits: 2 }))
            .join(', '),
        }),
      );
      return [
        {
          caption: messageText('position.table', {
            token: word(piece),
            layer,
            head,
            position: token,
          }),
          head: [
            messageText('position.table.pair'),
            messageText('position.table.numbers'),
            messageText('position.table.frequency'),
            messageText('position.table.angle'),
            messageText('position.table.cosine'),
            messageText('position.table.sine'),
            messageText('position.table.first-before'),
            messageText('position.table.second-before'),
            messageText('position.table.first-after'),
            messageText('position.table.second-after'),
          ],
          rows: told.pairs.map(({ dimensions: [a, b], frequency, turns }, of) => {
            const [angle = 0, cos = 1, sin = 0] = turns.at(-1) ?? [];
            return [
              String(of),
              `${a}, ${b}`,
              number(frequency, { digits: 5 }),
              number(angle),
              number(cos),
              number(sin),
              value(0, a),
              value(0, b),
              value(1, a),
              value(1, b),
            ];
          }),
        },
      ];
    },
  };
}

/**
 * What else there is to know of this layer's rotation.
 * @param {Rotary} told @param {Selection} selection
 */
function besides({ factor, rotary_dim, theta, thetas }, { layer, about: { head_dim } }) {
  const others = [...new Set(thetas)].filter((other) => other !== null && other !== theta);
  const without = thetas.map((theta) => theta === null);
  return [
    rotary_dim < head_dim ? message('position.part', { some: rotary_dim, all: head_dim }) : [],
    factor === 1 ? [] : message('position.factor', { factor: format(factor, { digits: 4 }) }),
    others.length
      ? message('position.bases', {
          layer,
          base: count(theta),
          others: others.map((other) => count(other ?? 0)).join(messageText('position.or')),
        })
      : [],
    without.includes(true) ? message('position.still', { layers: layers(without) }) : [],
  ];
}

/** A number behind a sign of its own. @param {number} value @param {import('../../kit/number.js').Form} [form] */
function factor(value, form) {
  return value < 0 ? h('span', null, '(', number(value, form), ')') : number(value, form);
}

/** @param {(Node | string)[]} terms */
function line(terms) {
  return h('p', { class: 'dial-line' }, terms);
}

/**
 * @param {Pair} pair @param {number} number @param {number} first @param {number} token
 * @param {Float32Array[]} vectors  before and after  @param {number} max @param {boolean} picked
 */
function dial({ dimensions: [a, b], turns }, number, first, token, vectors, max, picked) {
  const centre = SIDE / 2;
  // The angle grows counter-clockwise, as in mathematics; a screen's y grows downwards.
  const point = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ by) => [
    centre + x * by,
    centre - y * by,
  ];
  const last = turns.length - 1;
  const [angle = 0, cos = 1, sin = 0] = turns[last] ?? [];
  const dots = turns.slice(0, last).map(([, cos, sin], of) => {
    const [x, y] = point(cos, sin, RADIUS);
    return svg('circle', {
      class: 'dial-dot',
      cx: x,
      cy: y,
      r: 1.8,
      style: { fill: hue(first + of) },
    });
  });
  const [handX, handY] = point(cos, sin, RADIUS);
  const [nearX, nearY] = point(cos, sin, RADIUS - 7);
  const arrows = vectors.map((of, which) => {
    const [x, y] = point(of[a] ?? 0, of[b] ?? 0, (RADIUS - 8) / max);
    return svg('line', {
      class: which ? 'dial-after' : 'dial-before',
      x1: centre,
      y1: centre,
      x2: x,
      y2: y,
      style: { '--hue': hue(token) },
    });
  });
  const choose = () => set({ pair: number });
  return svg(
    'svg',
    {
      class: picked ? 'dial is-picked' : 'dial',
      viewBox: `0 0 ${SIDE} ${SIDE + 16}`,
      tabindex: '0',
      role: 'button',
      'aria-pressed': String(picked),
      'aria-label': messageText('position.dial', {
        pair: number,
        angle: format(angle, { digits: 2 }),
      }),
      onclick: choose,
      onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(event) && choose(),
    },
    svg('circle', { class: 'dial-rim', cx: centre, cy: centre, r: RADIUS }),
    svg('line', {
      class: 'dial-zero',
      x1: centre + RADIUS - 5,
      y1: centre,
      x2: centre + RADIUS,
      y2: centre,
    }),
    dots,
    svg('line', { class: 'dial-hand', x1: nearX, y1: nearY, x2: handX, y2: handY }),
    arrows,
    svg(
      'text',
      { class: 'dial-name', x: centre, y: SIDE + 10 },
      messageText('position.dial.name', { pair: number, angle: format(angle, { digits: 2 }) }),
    ),
  );
}
