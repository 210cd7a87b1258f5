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
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { sentences } from '../kit/sentences.js';
import { views } from '../kit/views.js';
import { switched } from './attend/switched.js';
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

/** Units listed, those where a low phone has no room for more beside the controls, and words of each. */
const [UNITS, FEWER, WORDS] = [8, 6, 6];
const isLow = matchMedia('(max-width: 40rem) and (max-height: 50rem)');

/** Names of the curves. @type {Record<string, string>} */
const CURVES = {
  silu: messageText('mlp.curve.silu'),
  gelu: messageText('mlp.curve.gelu'),
  gelu_new: messageText('mlp.curve.gelu'),
  quick_gelu: messageText('mlp.curve.quick-gelu'),
  relu2: messageText('mlp.curve.relu2'),
  relu: messageText('mlp.curve.relu'),
  swiglu_oai: messageText('mlp.curve.swiglu-oai'),
};

/** @type {[string, string][]} */
const ORDERS = [
  ['activation', messageText('mlp.by.activation')],
  ['written', messageText('mlp.by.written')],
  ['pushed', messageText('mlp.by.pushed')],
];

/** What is said of the first unit of a list. */
const STANDS_OUT = /** @type {const} */ ({
  activation: 'mlp.caption.activation',
  written: 'mlp.caption.written',
  pushed: 'mlp.caption.pushed',
});

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'mlp',
  mount(root, page) {
    /** @type {Layer | null} */
    let layer = null;
    const parts = figure(root, { title: messageText('mlp.title'), table });
    const plot = curve((unit) => page.set({ 'mlp.unit': unit }));
    const list = h('div', { class: 'mlp-list', 'data-roving': '' });
    const opened = h('div', { class: 'mlp-unit', 'aria-live': 'polite', 'data-roving': '' });
    const shown = views({
      name: messageText('mlp.views'),
      views: [
        { name: 'list', label: messageText('mlp.view.list'), node: list },
        { name: 'curve', label: messageText('mlp.view.curve'), node: plot.node },
        { name: 'unit', label: messageText('mlp.view.unit'), node: opened },
      ],
    });
    fill(parts.body, shown.node, h('div', { class: 'mlp-both' }, plot.node, list), opened);
    const order = choice({
      label: messageText('mlp.by'),
      options: ORDERS,
      value: 'activation',
      onChange: (by) => page.set({ 'mlp.by': by === 'activation' ? null : by, 'mlp.unit': null }),
    });
    const next = chooser(page, messageText('mlp.next'));
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
          .flatMap(({ id }, at) => [at > 0 ? '  ' : null, seen(answer.pieces, id ?? 0)]);
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
            h('span', { class: 'is-up' }, spoken(messageText('mlp.list.up')), ' ', words(unit.up)),
            h(
              'span',
              { class: 'is-down' },
              spoken(messageText('mlp.list.down')),
              ' ',
              words(unit.down),
            ),
          ),
        ),
      );
      refill(
        list,
        h(
          'div',
          { class: 'mlp-row mlp-head', 'aria-hidden': 'true' },
          h('span', null, message('mlp.list.unit')),
          h('span', null, message('mlp.list.leaves')),
          h('span', null, ''),
          h(
            'span',
            { class: 'mlp-words' },
            h('span', null, message('mlp.list.head-up')),
            h('span', null, message('mlp.list.head-down')),
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
        caption: messageText('mlp.table', {
          count: now.pre.length,
          layer: of.layer,
          token: word(of.pieces[of.token] ?? ''),
          order: ORDERS.find(([by]) => by === orderOf(of))?.[1] ?? '',
        }),
        head: [
          messageText('mlp.list.unit'),
          messageText('mlp.table.enters'),
          messageText('mlp.table.bent'),
          ...(gated ? [messageText('mlp.table.other-branch')] : []),
          messageText('mlp.list.leaves'),
          messageText('mlp.table.written'),
          messageText('mlp.table.on', { word: seen(answer.pieces, answer.of) }),
          messageText('mlp.list.up'),
          messageText('mlp.list.down'),
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
          units: isLow.matches ? FEWER : UNITS,
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
          message('mlp.title.token', {
            layer: of.layer,
            token: mention(of.token, of.pieces[of.token] ?? ''),
          }),
        );
        parts.caption(...sentence(page, layer, orderOf(of)));
        if (unit) {
          const raised = unit.up
            .filter(({ contribution }) => contribution > 0)
            .slice(0, 3)
            .map(({ id }) => word(answer.pieces[id ?? 0] ?? ''));
          const opened = {
            unit: unitName(layer, unit.place),
            value: format(unit.post, { digits: 2 }),
          };
          parts.say(
            raised.length === 0
              ? messageText('mlp.said.none', opened)
              : messageText('mlp.said', { ...opened, words: raised.join(', ') }),
          );
        }
      },
    };
  },
};

/**
 * The caption: what the first unit of the list does, and what a push is.
 * @param {import('../kit/stage.js').Page} page
 * @param {Layer} layer
 * @param {string} by  what the units are chosen by
 */
function sentence(page, layer, by) {
  const { of, answer, site } = layer;
  const first = answer.units[0];
  if (!first) return [];
  const [up, down] = [first.up[0], first.down[0]];
  const place = { site: `${site}.post`, index: unitIndex(layer, first.place) };
  const change = switched(of, 'mlp');
  return sentences(
    message(STANDS_OUT[/** @type {keyof typeof STANDS_OUT} */ (by)], {
      count: layer.pre.length,
      unit: unitName(layer, first.place),
      token: mention(of.token, of.pieces[of.token] ?? ''),
      value: number(first.post, { ...place, digits: 2 }),
      effect:
        up && down && up.contribution > 0 && down.contribution < 0
          ? message('mlp.caption.effect', {
              up: pick(page, answer.pieces, up.id ?? 0, up.id === answer.of),
              raised: number(up.contribution, { digits: 2, sign: true }),
              down: pick(page, answer.pieces, down.id ?? 0, down.id === answer.of),
              lowered: number(down.contribution, { digits: 2, sign: true }),
            })
          : message(
              first.post === 0
                ? 'mlp.caption.effect.none'
                : up?.contribution || down?.contribution
                  ? 'mlp.caption.effect.same'
                  : 'mlp.caption.effect.zero',
            ),
    }),
    message(of.about.block.logit_cap === null ? 'mlp.caption.push' : 'mlp.caption.push.capped'),
    of.about.block.order === 'sequential' ? null : message('mlp.caption.parallel'),
    chosenExperts(layer),
    change && message(change === 'off' ? 'mlp.caption.off' : 'mlp.caption.mean'),
  );
}
