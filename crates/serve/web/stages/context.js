/**
 * The weighted sum of one head: value vectors, each times its weight, stacked up to the context
 * vector, source by source; and what a weight says beside what it moves.
 *
 * In the address: `context.step`, how many terms are added; left out, all of them.
 */

import { mention, visible, word } from '../kit/chips.js';
import { ask, look } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { hidden, hiddenBecause } from '../kit/mask.js';
import { matrix } from '../kit/matrix.js';
import { message, messageText } from '../kit/messages.js';
import { growing } from '../kit/motion.js';
import { format, number } from '../kit/number.js';
import { player } from '../kit/player.js';
import { sentences } from '../kit/sentences.js';
import { hoverToken } from '../kit/state.js';
import { views } from '../kit/views.js';
import { headSwitched } from './attend/switched.js';
import { moves } from './context/moves.js';
import { stack } from './context/stack.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('../kit/dom.js').Child} Child */
/** @typedef {import('../kit/client.js').Tensor} Tensor */
/** @typedef {{seen: boolean, weight: number, value: number | null, moves: number, share: number}} Source */
/** @typedef {{token: number, products: number[], sum: number[]}} Term */
/**
 * @typedef {object} Context
 * @property {number} layer
 * @property {number} head
 * @property {number} key_head
 * @property {number} token
 * @property {Source[]} sources
 * @property {Term[]} terms
 * @property {{sources: number, weight: number, products: number[], sum: number[]} | null} rest
 * @property {number[]} [edit]  what changes of z added behind all terms
 * @property {number[]} z
 * @property {number} mean   of the values' lengths, each counted by its weight
 * @property {number} apart
 */
/** @typedef {{of: Selection, context: Context, pattern: Tensor}} Shown */

/** Terms that are stacked one by one; what moves less is one term. */
const MOST = 12;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'context',
  mount(root, page) {
    /** @type {Shown | null} */
    let shown = null;
    let isRolling = false;
    const bar = growing('moves-bar');
    let playsOn = false;
    const parts = figure(root, { title: messageText('context.title'), table });
    const equation = h('p', {
      class: 'context-equation',
      tabindex: '0',
      role: 'group',
      'aria-label': messageText('context.formula'),
    });
    const drawing = h('div', { class: 'context-stack' });
    const readout = h('p', { class: 'context-note', 'aria-live': 'polite' }, '\u00a0');
    const weighed = h('div', { class: 'context-moves' });
    const rows = matrix({
      name: messageText('context.matrix'),
      onPick: (query) => page.set({ token: query, 'context.step': null }),
      onHover: (cell) => hoverToken(cell?.[1] ?? null),
      describe: (query, key) => said(query, key),
      tallest: 250,
    });
    const weights = h(
      'div',
      { class: 'context-rows' },
      h('p', { class: 'context-label' }, message('context.label.weights')),
      rows.node,
    );
    const stacked = h(
      'div',
      { class: 'context-sum' },
      h('p', { class: 'context-label' }, message('context.label.sum')),
      drawing,
      readout,
    );
    const parted = views({
      name: messageText('context.views'),
      views: [
        { name: 'sum', label: messageText('context.view.sum'), node: stacked },
        { name: 'weights', label: messageText('context.view.weights'), node: weights },
        { name: 'moves', label: messageText('context.view.moves'), node: weighed },
      ],
      onShow: () => drawStack(),
    });
    fill(
      parts.body,
      equation,
      parted.node,
      h('div', { class: 'context-both' }, weights, stacked),
      weighed,
    );
    const play = player({
      name: messageText('context.steps'),
      steps: () => (shown ? steps(shown.context) : 1),
      onStep: (step) => {
        page.set({ 'context.step': step });
        if (isRolling && shown && step === steps(shown.context) - 1) setTimeout(nextRow, 1200);
      },
      milliseconds: 800,
    });
    const rolls = h('input', { type: 'checkbox', onchange: () => (isRolling = rolls.checked) });
    parts.controls.append(
      h('span', null, message('context.by-term')),
      play.node,
      h('label', { class: 'choice' }, rolls, message('context.then-next')),
    );

    /** The next token's row, from its first term; it plays on when its numbers are there. */
    function nextRow() {
      if (!shown || !isRolling) return;
      const { of } = shown;
      playsOn = true;
      page.set({ token: (of.token + 1) % of.ids.length, 'context.step': 0 });
    }
    /** @param {Shown} now */
    const stepOf = ({ of, context }) => {
      const last = steps(context) - 1;
      const asked = Number(of.more['context.step'] ?? last);
      return Number.isInteger(asked) ? Math.max(0, Math.min(last, asked)) : last;
    };

    /** @param {number} query @param {number} key */
    function said(query, key) {
      if (!shown) return '';
      const { about, layer, pieces } = shown.of;
      const why = hidden(about, layer, query, key);
      return messageText('context.described', {
        query: word(pieces[query] ?? ''),
        key: word(pieces[key] ?? ''),
        weight: why ? hiddenBecause(why) : format(shown.pattern.get(query, key), { percent: true }),
      });
    }

    function drawStack() {
      if (!shown || drawing.clientWidth === 0) return;
      const now = shown;
      const step = stepOf(now);
      const width = Math.max(240, Math.floor(drawing.clientWidth));
      fill(
        drawing,
        stack({
          ...now,
          step,
          width,
          onHover: (dimension) =>
            fill(readout, dimension === null ? '\u00a0' : read(now, step, dimension)),
        }),
      );
    }
    let width = 0;
    new ResizeObserver(() => {
      if (width !== parts.body.clientWidth) drawStack();
      width = parts.body.clientWidth;
    }).observe(parts.body);

    function table() {
      if (!shown) return null;
      const { of, context } = shown;
      const site = `blocks.${of.layer}.attn`;
      return [
        {
          caption: messageText('context.table', {
            token: word(of.pieces[of.token] ?? ''),
            head: `${of.layer}.${of.head}`,
          }),
          head: [
            messageText('context.from'),
            messageText('context.weight'),
            messageText('context.table.length'),
            messageText('context.table.moves'),
            messageText('context.share'),
          ],
          rows: context.sources.map((source, at) => [
            visible(of.pieces[at] ?? ''),
            source.seen
              ? number(source.weight, {
                  site: `${site}.pattern`,
                  index: `${of.head},${of.token},${at}`,
                })
              : '–',
            source.value === null ? '–' : number(source.value),
            source.seen ? number(source.moves) : messageText('context.table.nothing'),
            source.seen ? number(source.share, { percent: true }) : '–',
          ]),
        },
        {
          caption: messageText('context.table.sum'),
          head: [
            messageText('context.table.dimension'),
            ...context.terms.map(({ token }) => visible(of.pieces[token] ?? '')),
            ...(context.rest
              ? [messageText('context.others', { count: context.rest.sources })]
              : []),
            'z',
          ],
          rows: context.z.map((z, dimension) => [
            String(dimension),
            ...context.terms.map(({ products }) => number(products[dimension] ?? 0)),
            ...(context.rest ? [number(context.rest.products[dimension] ?? 0)] : []),
            number(z, { site: `${site}.z`, index: `${of.token},${of.head},${dimension}` }),
          ]),
        },
      ];
    }

    return {
      async draw(of, signal) {
        const about = { model: of.model, prompt: of.prompt, chat: of.chat };
        const site = `blocks.${of.layer}.attn.pattern`;
        const isSame =
          shown?.of.ids === of.ids &&
          shown.of.layer === of.layer &&
          shown.of.head === of.head &&
          shown.of.token === of.token;
        if (shown && isSame) {
          shown = { ...shown, of };
        } else {
          const [context, sites] = await Promise.all([
            ask(
              'context',
              { ...about, layer: of.layer, head: of.head, token: of.token, most: MOST },
              { signal },
            ),
            look(about, [{ site, at: [of.head] }], { signal }),
          ]);
          shown = { of, context, pattern: /** @type {Tensor} */ (sites.get(`${site}@${of.head}`)) };
        }
        const now = shown;
        const step = stepOf(now);
        play.stand(step);
        const labels = of.pieces.map(visible);
        rows.draw({
          rows: of.ids.length,
          columns: of.ids.length,
          value: (query, key) => now.pattern.get(query, key),
          masked: (query, key) => hidden(of.about, of.layer, query, key) !== null,
          scale: 'weights',
          rowLabels: labels,
          columnLabels: labels,
          markedRow: of.token,
          picked: [of.token, spoken(now, step)],
          numbers: of.ids.length <= 12,
        });
        fill(equation, ...sum(now, step));
        drawStack();
        fill(weighed, moves(now, step, bar));
        parts.title(
          message(headSwitched(of) ? 'context.title.changed' : 'context.title.head', {
            head: `${of.layer}.${of.head}`,
            token: mention(of.token, of.pieces[of.token] ?? ''),
          }),
        );
        if (isSame) return;
        const told = caption(now);
        // In this order: a node stands in one place, and its last is the caption.
        parts.say(h('span', null, ...told).textContent ?? '');
        parts.caption(...told);
        if (playsOn) play.start();
        playsOn = false;
      },
    };
  },
};

/** The token that is spoken of: the term that was added last or, of the whole sum, what moves most. @param {Pick<Shown, 'of' | 'context'>} shown @param {number} step */
function spoken({ of, context }, step) {
  if (step < steps(context) - 1) return context.terms[step]?.token ?? of.token;
  return context.sources.reduce(
    (most, { moves }, at) => (moves > (context.sources[most]?.moves ?? 0) ? at : most),
    0,
  );
}

/** @param {Context} context */
function steps({ terms, rest }) {
  return terms.length + (rest ? 1 : 0);
}

/** A weight as a part of a sentence. @param {Selection} of @param {Context} context @param {number} source @param {boolean} [percent] */
function weight(of, { sources }, source, percent = false) {
  return number(sources[source]?.weight ?? 0, {
    digits: 2,
    percent,
    site: `blocks.${of.layer}.attn.pattern`,
    index: `${of.head},${of.token},${source}`,
  });
}

/** bird′ = 0.35 · the + 0.65 · bird. @param {Shown} shown @param {number} step @returns {Child[]} */
function sum({ of, context }, step) {
  const { terms, rest } = context;
  const term = (/** @type {Child[]} */ what, /** @type {number} */ at) =>
    h(
      'span',
      {
        class: [
          'context-term',
          at > step ? 'is-coming' : at === step && at < steps(context) - 1 ? 'is-now' : '',
        ].join(' '),
      },
      at > 0 ? ' + ' : '',
      ...what,
    );
  return [
    mention(of.token, of.pieces[of.token] ?? ''),
    '′ = ',
    ...terms.map(({ token }, at) =>
      term([weight(of, context, token), ' · ', mention(token, of.pieces[token] ?? '')], at),
    ),
    rest
      ? term(
          message('context.term.others', {
            count: rest.sources,
            weight: number(rest.weight, { digits: 2 }),
          }),
          terms.length,
        )
      : null,
  ];
}

/** A dimension in numbers. @param {Shown} shown @param {number} step @param {number} dimension @returns {Child[]} */
function read({ of, context }, step, dimension) {
  const { terms, rest, edit, z } = context;
  /** @type {Child[]} */
  const added = terms.slice(0, step + 1).flatMap(({ token, products }, at) => {
    const product = products[dimension] ?? 0;
    const sign = product < 0 ? ' − ' : at > 0 ? ' + ' : '';
    return [sign, number(Math.abs(product)), ' ', mention(token, of.pieces[token] ?? '')];
  });
  if (rest && step >= terms.length)
    added.push(
      ' + ',
      ...message('context.readout.others', {
        count: rest.sources,
        product: number(rest.products[dimension] ?? 0),
      }),
    );
  if (edit && step === steps(context) - 1)
    added.push(' + ', ...message('context.readout.edit', { change: number(edit[dimension] ?? 0) }));
  if (step < steps(context) - 1)
    return message('context.readout.so-far', {
      dimension,
      terms: added,
      sum: number(terms[step]?.sum[dimension] ?? 0),
    });
  return message('context.readout', {
    dimension,
    terms: added,
    sum: number(z[dimension] ?? 0, {
      site: `blocks.${of.layer}.attn.z`,
      index: `${of.token},${of.head},${dimension}`,
    }),
  });
}

/** What weights say here, and what they do not. @param {Shown} shown @returns {Child[]} */
function caption({ of, context }) {
  const { sources, token } = context;
  const name = (/** @type {number} */ at) => mention(at, of.pieces[at] ?? '');
  if (sources.every(({ seen }, at) => seen === (at === token)))
    return sentences(
      message('context.caption.first', {
        token: name(token),
        weight: weight(of, context, token),
      }),
      headSwitched(of),
    );
  const grouped =
    of.about.key_heads < of.about.heads
      ? message('context.caption.grouped', {
          keyHead: context.key_head,
          heads: of.about.heads / of.about.key_heads,
        })
      : null;
  // What a sink takes is no token's: shares of what moves are compared with shares of the rest.
  const { sinks } = of.about.block;
  const total = sinks ? sources.reduce((sum, { weight }) => sum + weight, 0) || 1 : 1;
  const seen = sources
    .map((source, at) => ({ ...source, weight: source.weight / total, at }))
    .filter(({ seen }) => seen);
  const [widest] = [...seen].sort(
    (a, b) => Math.abs(b.weight - b.share) - Math.abs(a.weight - a.share),
  );
  if (!widest || Math.abs(widest.weight - widest.share) < 0.04)
    return sentences(
      message('context.caption.together', {
        token: name(spoken({ of, context }, steps(context) - 1)),
      }),
      grouped,
      headSwitched(of),
    );
  const { at, weight: of_, share, value } = widest;
  const told = {
    token: name(at),
    weight: sinks ? number(of_, { percent: true }) : weight(of, context, at, true),
    value: number(value ?? 0, { digits: 2 }),
    mean: number(context.mean, { digits: 2 }),
    share: number(share, { percent: true }),
  };
  // A share is above its weight exactly where the value is longer than the mean that the weights make.
  const isShorter = of_ > share;
  return sentences(
    isShorter
      ? message(sinks ? 'context.caption.shorter.sink' : 'context.caption.shorter', told)
      : message(sinks ? 'context.caption.longer.sink' : 'context.caption.longer', told),
    message(
      of_ < 0.3
        ? 'context.caption.alone'
        : isShorter
          ? 'context.caption.large'
          : 'context.caption.less',
    ),
    grouped,
    headSwitched(of),
  );
}
