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
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { short } from '../kit/particulars.js';
import { sentences } from '../kit/sentences.js';
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
  ['written', messageText('stream.order.written')],
  ['largest', messageText('stream.order.largest')],
];

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'stream',
  mount(root, page) {
    /** @type {{of: Selection, answer: Answer} | null} */
    let drawn = null;
    const parts = figure(root, { title: messageText('stream.title'), table });
    const rows = h('div', {
      class: 'stream-rows',
      'data-roving': '',
      role: 'group',
      'aria-label': messageText('stream.writers'),
    });
    const sum = h('p', { class: 'stream-sum' });
    fill(parts.body, rows, sum);
    const order = choice({
      label: messageText('stream.order'),
      options: ORDERS,
      value: 'written',
      onChange: (value) => page.set({ 'stream.order': value }),
    });
    const next = chooser(page, messageText('stream.next'));
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
                  title: messageText('stream.choose', { layer: writer.layer }),
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
          h('span', null, message('stream.writer')),
          h('span', { class: 'stream-wide' }, message('stream.length')),
          h(
            'span',
            { class: 'stream-wide' },
            message('stream.push', { word: said(pieces, stream.of) }),
          ),
        ),
        writers.map(row),
      );
      const part = (/** @type {number} */ value) => number(value, { digits: 2, sign: true });
      const parts = {
        before: message(
          of.about.positions === 'learned'
            ? 'stream.sum.embedding-and-position'
            : 'stream.sum.embedding',
          { value: part(stream.before) },
        ),
        attention: part(stream.attention),
        mlp: part(stream.mlp),
        bias: stream.bias === 0 ? [] : message(biasOf(of), { value: part(stream.bias) }),
        logit: logitOf(of, stream),
        word: said(pieces, stream.of),
        rounding: stream.rounding.toExponential(0).replace('-', '−'),
        rest: (/** @type {(Node | string)[]} */ children) =>
          h('span', { class: 'stream-rest' }, children),
      };
      fill(
        sum,
        stream.before_cap === undefined
          ? message('stream.sum', parts)
          : message('stream.sum.capped', {
              ...parts,
              uncapped: number(stream.before_cap, { digits: 2 }),
            }),
      );
    }

    function table() {
      if (!drawn) return null;
      const { of, answer } = drawn;
      return {
        caption: messageText('stream.table', {
          token: word(of.pieces[of.token] ?? ''),
          word: look(answer.pieces, answer.stream.of),
        }),
        head: [
          messageText('stream.writer'),
          messageText('stream.length'),
          messageText('stream.table.after'),
          messageText('stream.table.push'),
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
          message('stream.title.token', {
            token: mention(of.token, of.pieces[of.token] ?? ''),
          }),
        );
        parts.caption(...sentence(of, answer));
        const top = largest(answer.stream);
        parts.say(
          messageText('stream.said', {
            writer: name(top),
            word: word(answer.pieces[answer.stream.of] ?? ''),
            push: format(top.logit, { digits: 2 }),
            logit: format(answer.stream.logit, { digits: 2 }),
          }),
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
  if (!block.head_bias) return 'stream.sum.bias.norm';
  return norm === 'layer' ? 'stream.sum.bias.both' : 'stream.sum.bias.logits';
}

/** @param {Writer} writer */
function name({ site, layer }) {
  // What leaves the embedding's norm, where there is one, begins the stream.
  if (layer === null)
    return messageText(site === 'pos_embed' ? 'stream.position' : 'stream.embedding');
  return site.endsWith('attn_out')
    ? messageText('stream.attention', { layer })
    : messageText('stream.mlp', { layer });
}

/** The same inside of a sentence. @param {Writer} writer */
function named({ site, layer }) {
  if (layer === null)
    return messageText(site === 'pos_embed' ? 'stream.the-position' : 'stream.the-embedding');
  return site.endsWith('attn_out')
    ? messageText('stream.the-attention', { layer })
    : messageText('stream.the-mlp', { layer });
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
 */
function sentence(of, { stream, pieces }) {
  const top = largest(stream);
  const [mlp, attention] = [Math.abs(stream.mlp), Math.abs(stream.attention)];
  const factor = number(stream.factor);
  return sentences(
    message(top.logit < 0 ? 'stream.caption.against' : 'stream.caption', {
      word: said(pieces, stream.of),
      token: mention(of.token, of.pieces[of.token] ?? ''),
      writer: named(top),
      push: number(top.logit, { digits: 2, sign: true }),
    }),
    message(mlp > attention ? 'stream.caption.mlps' : 'stream.caption.attention'),
    message('stream.caption.length'),
    stream.before_cap === undefined
      ? message('stream.caption.norm', { factor })
      : message('stream.caption.norm.capped', {
          factor,
          cap: short(of.about.block.logit_cap ?? 0),
        }),
    of.about.block.logit_factor === 1
      ? null
      : message('stream.caption.factor', { factor: short(of.about.block.logit_factor) }),
  );
}
