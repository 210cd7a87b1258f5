/**
 * The residual stream of one token as the sum that it is: who wrote how much, and what each adds to
 * the logit of one next word.
 *
 * In the address: `stream.order`, `written` or `largest` first.
 */

import { changeToggles, vectorSlider, whatIf } from '../kit/changes/controls.js';
import { chipText } from '../kit/changes/words.js';
import { without } from '../kit/changes.js';
import { mention, word } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { choice, figure } from '../kit/figure.js';
import { number } from '../kit/number.js';
import { short } from '../kit/particulars.js';
import { opensOn } from './example.js';
import {
  barCell,
  chooser,
  look,
  question,
  refill,
  remembering,
  said,
  UNCERTAIN,
} from './logits/word.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */

/**
 * @typedef {object} Writer
 * @property {string} site
 * @property {number | null} layer
 * @property {number} length
 * @property {number} after
 * @property {number} logit
 */

/**
 * @typedef {object} Stream
 * @property {number} of
 * @property {number} logit
 * @property {number} [before_cap]  the logit before its cap, where the model caps its logits
 * @property {Writer[]} writers
 * @property {number} before
 * @property {number} attention
 * @property {number} mlp
 * @property {number} bias
 * @property {number} rounding
 * @property {number} factor
 */

/** @typedef {{stream: Stream, of: number, candidates: number[], pieces: Record<string, string>}} Answer */

/** Layers from which on the largest pushes come first. */
const DEEP = 8;

/** @type {[string, string][]} */
const ORDERS = [
  ['written', 'as they write'],
  ['largest', 'the largest push first'],
];

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'stream',
  mount(root, page) {
    /** @type {{of: Selection, answer: Answer} | null} */
    let drawn = null;
    const parts = figure(root, { title: 'Who wrote how much into the stream', table });
    const rows = h('div', {
      class: 'stream-rows',
      'data-roving': '',
      role: 'group',
      'aria-label': 'the writers of the stream',
    });
    const sum = h('p', { class: 'stream-sum' });
    fill(parts.body, rows, sum);
    const order = choice({
      label: 'order',
      options: ORDERS,
      value: 'written',
      onChange: (value) => page.set({ 'stream.order': value }),
    });
    const next = chooser(page, 'next word');
    const example = opensOn(page, 'next-words', UNCERTAIN);
    const toggles = changeToggles();
    const vector = vectorSlider();
    parts.controls.append(next.node, order.node, whatIf(toggles.node, vector.node), example.node);
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();

    /** In a deep model the many small pushes would hide the few large ones. @param {Selection} of */
    const orderOf = (of) =>
      of.more['stream.order'] ?? (of.about.layers > DEEP ? 'largest' : 'written');

    /** @param {Selection} of @param {Answer} answer */
    function drawRows(of, answer) {
      const { stream, pieces } = answer;
      const longest = Math.max(...stream.writers.map((writer) => writer.length));
      const most = Math.max(...stream.writers.map((writer) => Math.abs(writer.logit)));
      const writers = [...stream.writers];
      if (orderOf(of) === 'largest') writers.sort((a, b) => Math.abs(b.logit) - Math.abs(a.logit));
      const row = (/** @type {Writer} */ writer) =>
        h(
          'div',
          { class: `stream-row ${kind(writer)} ${writer.layer === of.layer ? 'is-layer' : ''}` },
          writer.layer === null
            ? h('span', { class: 'stream-name' }, name(writer))
            : h(
                'button',
                {
                  type: 'button',
                  class: 'stream-name',
                  title: `choose layer ${writer.layer}`,
                  'data-key': writer.site,
                  onclick: () => page.set({ layer: writer.layer }),
                },
                name(writer),
              ),
          number(writer.length, { digits: 2 }),
          barCell(writer.length, longest, { kind: kind(writer) }),
          barCell(writer.logit, most, { signed: true }),
          number(writer.logit, { digits: 2, sign: true }),
        );
      rows.classList.toggle('is-sorted', orderOf(of) === 'largest');
      refill(
        rows,
        h(
          'div',
          { class: 'stream-row stream-head', 'aria-hidden': 'true' },
          h('span', null, 'writer'),
          h('span', { class: 'stream-wide' }, 'length of what it writes'),
          h('span', { class: 'stream-wide' }, 'its push on ', said(pieces, stream.of)),
        ),
        writers.map(row),
      );
      const part = (/** @type {string} */ what, /** @type {number} */ value) => [
        number(value, { digits: 2, sign: true }),
        ` ${what}`,
      ];
      fill(
        sum,
        part(
          of.about.positions === 'learned' ? 'embedding and position, ' : 'embedding, ',
          stream.before,
        ),
        part('attention, ', stream.attention),
        part('MLPs', stream.mlp),
        stream.bias === 0 ? null : [', ', ...part(biasOf(of), stream.bias)],
        ' = ',
        stream.before_cap === undefined
          ? null
          : [number(stream.before_cap, { digits: 2 }), ', which the cap of this model makes '],
        h('strong', null, logitOf(of, stream)),
        ', the logit of ',
        said(pieces, stream.of),
        h(
          'span',
          { class: 'stream-rest' },
          ` (the rounding of 32-bit numbers makes up ${stream.rounding.toExponential(0).replace('-', '−')} of it)`,
        ),
      );
    }

    function table() {
      if (!drawn) return null;
      const { of, answer } = drawn;
      return {
        caption: `what was written into the stream of ${word(of.pieces[of.token] ?? '')}, and its push on ${look(answer.pieces, answer.stream.of)}`,
        head: [
          'writer',
          'length of what it writes',
          'length of the stream after it',
          'push on the logit',
        ],
        rows: answer.stream.writers.map((writer) => [
          name(writer),
          number(writer.length),
          number(writer.after),
          number(writer.logit, { sign: true }),
        ]),
      };
    }

    return {
      async draw(own, signal) {
        const of = await example.selection(own, signal);
        const body = question(of);
        const answer = await once([body, of.about.step], async (signal) => {
          const said = await ask('stream', body, { signal });
          return { ...said, of: said.stream.of };
        });
        drawn = { of, answer };
        order.set(ORDERS, orderOf(of));
        next.show(of, answer);
        toggles.draw(
          of.changes,
          /** @type {const} */ (['attention', 'mlp']).map((part) => {
            const change = without(part, of.layer);
            return [chipText(change, of.pieces), change];
          }),
        );
        vector.draw(of.changes, of.layer);
        drawRows(of, answer);
        parts.title(
          'Who wrote how much into the stream of ',
          mention(of.token, of.pieces[of.token] ?? ''),
        );
        parts.caption(...sentence(of, answer));
        const top = largest(answer.stream);
        parts.say(
          `${name(top)} moves the logit of ${word(answer.pieces[answer.stream.of] ?? '')} most, by ${top.logit.toFixed(2)}; in all it is ${answer.stream.logit.toFixed(2)}.`,
        );
      },
    };
  },
};

/** @param {Selection} of @param {Stream} stream */
function logitOf(of, stream) {
  return number(stream.logit, { site: 'logits', index: `${of.token},${stream.of}`, digits: 2 });
}

/** What is added whatever the stream holds. @param {Selection} of */
function biasOf({ about: { norm, block } }) {
  if (!block.head_bias) return 'the last norm’s bias';
  return norm === 'layer'
    ? 'the biases of the last norm and of the logits'
    : 'the logits’ own bias';
}

/** @param {Writer} writer */
function name({ site, layer }) {
  // What leaves the embedding's norm, where there is one, begins the stream.
  if (layer === null) return site === 'pos_embed' ? 'position' : 'embedding';
  return `layer ${layer} ${site.endsWith('attn_out') ? 'attention' : 'MLP'}`;
}

/** @param {Writer} writer */
function kind({ site, layer }) {
  if (layer === null) return 'is-before';
  return site.endsWith('attn_out') ? 'is-attention' : 'is-mlp';
}

/** @param {Stream} stream */
function largest({ writers }) {
  return writers.reduce((most, writer) =>
    Math.abs(writer.logit) > Math.abs(most.logit) ? writer : most,
  );
}

/**
 * The caption: the loudest voice, and whether the MLPs do push more than attention.
 * @param {Selection} of
 * @param {Answer} answer
 * @returns {import('../kit/dom.js').Child[]}
 */
function sentence(of, { stream, pieces }) {
  const top = largest(stream);
  const next = said(pieces, stream.of);
  const [mlp, attention] = [Math.abs(stream.mlp), Math.abs(stream.attention)];
  const against = top.logit < 0 ? ', against it' : '';
  return [
    `The largest push on `,
    next,
    ` after `,
    mention(of.token, of.pieces[of.token] ?? ''),
    ` comes from ${article(top)}: `,
    h('strong', null, number(top.logit, { digits: 2, sign: true })),
    `${against}. `,
    mlp > attention
      ? 'For this word the MLPs together move the logit further than attention does. '
      : 'For this word attention in all layers together moves the logit at least as far as the MLPs do. ',
    'Length and push are different things: a long vector may push this word little, and a short one much. The last norm is held at the scale that it has for this token, ',
    number(stream.factor),
    stream.before_cap === undefined
      ? '; so the parts add up to the logit.'
      : `; so the parts add up to the logit before its cap. The cap, ${short(of.about.block.logit_cap ?? 0)}, then flattens it: the further a logit has been pushed, the less a further push moves it.`,
    of.about.block.logit_factor === 1
      ? ''
      : ` This model multiplies its logits by ${short(of.about.block.logit_factor)}, and each push with them.`,
  ];
}

/** @param {Writer} writer */
function article(writer) {
  if (writer.layer === null) return `the ${name(writer)}`;
  return `the ${writer.site.endsWith('attn_out') ? 'attention' : 'MLP'} of layer ${writer.layer}`;
}
