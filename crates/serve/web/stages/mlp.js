/**
 * The MLP of one layer at one token: the curve with the token's own values on it, the most active
 * hidden units, and what one of them does to the logits of the next words.
 *
 * In the address: `mlp.unit`, the opened unit; `mlp.by`, what units are chosen by.
 */

import { changeToggles, whatIf } from '../kit/changes/controls.js';
import { chipText } from '../kit/changes/words.js';
import { without } from '../kit/changes.js';
import { mention, word } from '../kit/chips.js';
import { ask, look } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { choice, figure } from '../kit/figure.js';
import { count, number } from '../kit/number.js';
import { views } from '../kit/views.js';
import { opensOn } from './example.js';
import {
  barCell,
  chooser,
  pick,
  question,
  refill,
  remembering,
  look as seen,
  spoken,
  UNCERTAIN,
} from './logits/word.js';
import { curve } from './mlp/curve.js';
import { unfolded } from './mlp/unit.js';
import { chosenExperts, unitIndex, unitLabel, unitName } from './mlp/units.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */

/**
 * @typedef {object} Push
 * @property {number | null} id
 * @property {number} effect        on the logit, when the unit is 1
 * @property {number} contribution  as the unit is
 */

/**
 * @typedef {object} Unit
 * @property {number} index
 * @property {number} place   where it stands in the token's row of hidden units
 * @property {number} pre
 * @property {number | null} linear
 * @property {number} post
 * @property {number} written
 * @property {Push} of
 * @property {Push} average
 * @property {Push[]} up
 * @property {Push[]} down
 */

/**
 * @typedef {object} Answer
 * @property {number} of
 * @property {number[]} candidates
 * @property {Record<string, string>} pieces
 * @property {{x: number[], y: number[]}} curve
 * @property {number[]} bent
 * @property {number[]} factors  what each is multiplied with, in a gated MLP
 * @property {{index: number, weight: number}[] | null} experts  those that worked on the token, in a mixture
 * @property {Unit[]} units
 */

/**
 * What the figure is drawn from.
 * @typedef {object} Layer
 * @property {Selection} of
 * @property {Answer} answer
 * @property {Float32Array} pre
 * @property {Float32Array | null} linear
 * @property {Float32Array} post
 * @property {string} site  `blocks.1.mlp`
 */

/** Units listed, and words of each. */
const [UNITS, WORDS] = [8, 6];

/** Names of the curves. @type {Record<string, string>} */
const CURVES = {
  silu: 'SiLU',
  gelu: 'GELU',
  gelu_new: 'GELU',
  quick_gelu: 'quick GELU',
  relu2: 'ReLU²',
  relu: 'ReLU',
  swiglu_oai: 'bounded SiLU',
};

/** @type {[string, string][]} */
const ORDERS = [
  ['activation', 'how far they are from 0'],
  ['written', 'how much they write'],
  ['pushed', 'how hard they push the word'],
];

/** What the first unit of a list has more of than all others. @type {Record<string, string>} */
const STANDS_OUT = {
  activation: 'is furthest from 0',
  written: 'writes most',
  pushed: 'pushes the next word hardest',
};

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'mlp',
  mount(root, page) {
    /** @type {Layer | null} */
    let layer = null;
    const parts = figure(root, { title: 'What the hidden units of one layer do', table });
    const plot = curve((unit) => page.set({ 'mlp.unit': unit }));
    const list = h('div', { class: 'mlp-list', 'data-roving': '' });
    const opened = h('div', { class: 'mlp-unit', 'aria-live': 'polite', 'data-roving': '' });
    const shown = views({
      name: 'what is shown of the units',
      views: [
        { name: 'list', label: 'the most active', node: list },
        { name: 'curve', label: 'the curve', node: plot.node },
        { name: 'unit', label: 'one unit, unfolded', node: opened },
      ],
    });
    fill(parts.body, shown.node, h('div', { class: 'mlp-both' }, plot.node, list), opened);
    const order = choice({
      label: 'the most active by',
      options: ORDERS,
      value: 'activation',
      onChange: (by) => page.set({ 'mlp.by': by === 'activation' ? null : by, 'mlp.unit': null }),
    });
    const next = chooser(page, 'next word');
    const example = opensOn(page, 'next-words', UNCERTAIN);
    const toggles = changeToggles();
    parts.controls.append(order.node, next.node, whatIf(toggles.node), example.node);
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();

    /** @param {Selection} of */
    const orderOf = (of) => ORDERS.find(([by]) => by === of.more['mlp.by'])?.[0] ?? 'activation';

    /** The opened unit: the picked one while it is listed, or else the first. @param {Layer} now */
    function unitOf({ of, answer }) {
      const own = answer.units.find((unit) => String(unit.index) === of.more['mlp.unit']);
      return own ?? answer.units[0];
    }

    /** @param {Layer} now */
    function drawList(now) {
      const { answer, site } = now;
      const most = Math.max(...answer.units.map((unit) => Math.abs(unit.post)), 1e-12);
      const shown = unitOf(now);
      const words = (/** @type {Push[]} */ pushes) =>
        pushes
          .slice(0, 3)
          .map(({ id }) => seen(answer.pieces, id ?? 0))
          .join('  ');
      const rows = answer.units.map((unit) =>
        h(
          'button',
          {
            type: 'button',
            class: 'mlp-row',
            'aria-pressed': String(unit === shown),
            'data-key': `unit-${unit.index}`,
            onclick: () => page.set({ 'mlp.unit': unit.index }),
            onpointerenter: () => plot.mark(unit.place),
            onpointerleave: () => plot.mark(shown?.place ?? null),
          },
          h('span', { class: 'mlp-name' }, unitLabel(now, unit.place)),
          number(unit.post, {
            site: `${site}.post`,
            index: unitIndex(now, unit.place),
            digits: 2,
          }),
          barCell(unit.post, most, { signed: true }),
          h(
            'span',
            { class: 'mlp-words' },
            h('span', { class: 'is-up' }, spoken('pushes up '), words(unit.up)),
            h('span', { class: 'is-down' }, spoken('pushes down '), words(unit.down)),
          ),
        ),
      );
      refill(
        list,
        h(
          'div',
          { class: 'mlp-row mlp-head', 'aria-hidden': 'true' },
          h('span', null, 'unit'),
          h('span', null, 'leaves'),
          h('span', null, ''),
          h(
            'span',
            { class: 'mlp-words' },
            h('span', null, 'pushes up ↑'),
            h('span', null, 'pushes down ↓'),
          ),
        ),
        rows,
      );
    }

    function table() {
      if (!layer) return null;
      const now = layer;
      const { of, answer, site } = now;
      const cell = (
        /** @type {number} */ value,
        /** @type {string} */ part,
        /** @type {number} */ unit,
      ) => number(value, { site: `${site}.${part}`, index: unitIndex(now, unit) });
      const words = (/** @type {Push[]} */ pushes) =>
        h(
          'span',
          null,
          pushes.flatMap(({ id, contribution }, at) => [
            at ? ', ' : '',
            seen(answer.pieces, id ?? 0),
            ' ',
            number(contribution, { digits: 2, sign: true }),
          ]),
        );
      const gated = layer.linear !== null;
      return {
        caption: `the first of ${now.pre.length} hidden units of layer ${of.layer}, for ${word(of.pieces[of.token] ?? '')}, by ${ORDERS.find(([by]) => by === orderOf(of))?.[1]}`,
        head: [
          'unit',
          'enters',
          'bent',
          ...(gated ? ['other branch'] : []),
          'leaves',
          'length written',
          `on ${seen(answer.pieces, answer.of)}`,
          'pushes up',
          'pushes down',
        ],
        rows: answer.units.map((unit) => [
          `#${unitName(now, unit.place)}`,
          cell(unit.pre, 'pre', unit.place),
          number(answer.bent[unit.place] ?? 0),
          ...(gated ? [cell(unit.linear ?? 0, 'pre_linear', unit.place)] : []),
          cell(unit.post, 'post', unit.place),
          number(unit.written),
          number(unit.of.contribution, { sign: true }),
          words(unit.up),
          words(unit.down),
        ]),
      };
    }

    return {
      async draw(own, signal) {
        const of = await example.selection(own, signal);
        const site = `blocks.${of.layer}.mlp`;
        const at = [of.token];
        const body = {
          ...question(of),
          layer: of.layer,
          by: orderOf(of),
          units: UNITS,
          tokens: WORDS,
        };
        const about = { model: of.model, prompt: of.prompt, chat: of.chat };
        const sites = [
          `${site}.pre`,
          `${site}.post`,
          ...(of.about.gated ? [`${site}.pre_linear`] : []),
        ];
        const [answer, numbers] = await Promise.all([
          once([body, of.about.step], (signal) => ask('mlp', body, { signal })),
          look(
            about,
            sites.map((site) => ({ site, at })),
            { signal },
          ),
        ]);
        const values = (/** @type {string} */ part) =>
          numbers.get(`${site}.${part}@${of.token}`)?.values ?? null;
        layer = {
          of,
          answer,
          site,
          pre: values('pre') ?? new Float32Array(),
          linear: values('pre_linear'),
          post: values('post') ?? new Float32Array(),
        };
        order.set(ORDERS, orderOf(of));
        next.show(of, answer);
        const unit = unitOf(layer);
        plot.draw(layer, CURVES[of.about.activation] ?? of.about.activation);
        plot.mark(unit?.place ?? null);
        drawList(layer);
        // In a mixture the same place is another neuron's with each token.
        const isMixture = of.about.block.experts[of.layer] != null;
        const changed = [
          ...(unit && !isMixture ? [without('neuron', of.layer, unit.place)] : []),
          without('mlp', of.layer),
        ];
        toggles.draw(
          of.changes,
          changed.map((change) => [chipText(change, of.pieces), change]),
        );
        if (unit) refill(opened, unfolded(page, layer, unit));
        parts.title(
          'What the hidden units of layer ',
          String(of.layer),
          ' do with ',
          mention(of.token, of.pieces[of.token] ?? ''),
        );
        parts.caption(...sentence(page, layer, orderOf(of)));
        if (unit) {
          parts.say(
            `Unit ${unitName(layer, unit.place)} is opened: ${unit.post.toFixed(2)} leaves it. ${pushed(unit, answer)}`,
          );
        }
      },
    };
  },
};

/** What the unit raises, in words. @param {Unit} unit @param {Answer} answer */
function pushed({ up }, { pieces }) {
  const raised = up.filter(({ contribution }) => contribution > 0).slice(0, 3);
  if (raised.length === 0) return 'It pushes no word up.';
  return `It pushes ${raised.map(({ id }) => word(pieces[id ?? 0] ?? '')).join(', ')} up.`;
}

/**
 * The caption: what the first unit of the list does, and what a push is.
 * @param {import('../kit/stage.js').Page} page
 * @param {Layer} layer
 * @param {string} by  what the units are chosen by
 * @returns {import('../kit/dom.js').Child[]}
 */
function sentence(page, layer, by) {
  const { of, answer, site } = layer;
  const first = answer.units[0];
  if (!first) return [];
  const [up, down] = [first.up[0], first.down[0]];
  const place = { site: `${site}.post`, index: unitIndex(layer, first.place) };
  return [
    `Of ${count(layer.pre.length)} hidden units, number ${unitName(layer, first.place)} ${STANDS_OUT[by]} for `,
    mention(of.token, of.pieces[of.token] ?? ''),
    ': ',
    h('strong', null, number(first.post, { ...place, digits: 2 })),
    ' leaves it',
    up && down && up.contribution > 0 && down.contribution < 0
      ? [
          ', which moves the logit of ',
          pick(page, answer.pieces, up.id ?? 0, up.id === answer.of),
          ' by ',
          number(up.contribution, { digits: 2, sign: true }),
          ' and that of ',
          pick(page, answer.pieces, down.id ?? 0, down.id === answer.of),
          ' by ',
          number(down.contribution, { digits: 2, sign: true }),
        ].flat()
      : [first.post === 0 ? ', so it moves no logit' : ', which moves all logits the same way'],
    of.about.block.logit_cap === null
      ? '. A push is the direct effect on a logit, '
      : '. A push is the direct effect on a logit before its cap, ',
    'with the last norm held at the scale that it has for this token; what later layers make of it is left out.',
    of.about.block.order === 'sequential'
      ? ''
      : ' In this model the MLP reads what enters the layer, side by side with attention, and not what attention has added.',
    ...chosenExperts(layer),
  ].flat();
}
