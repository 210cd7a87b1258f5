/**
 * The text that fires each most: what the strongest hidden units of the chosen layer answered to in many
 * texts, and where the chosen head gave the most of its attention.
 */

import { visible, word } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { command } from '../kit/command.js';
import { opens } from '../kit/command_line.js';
import { fill, h } from '../kit/dom.js';
import { button, figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { listed } from '../kit/sentences.js';
import { sentence } from './firing/captions.js';
import { look, remembering } from './logits/word.js';

/** @typedef {import('../kit/dom.js').Child} Child */
/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {{neuron: number, activation: number, sequence: number, token: number, up: number[], down: number[]}} Firing */
/** @typedef {{layer: number, head: number, strongest: {sequence: number, query: number, key: number, weight: number}}} Head */

/**
 * @typedef {object} Fired
 * @property {Selection} of
 * @property {number} texts     how many were read
 * @property {number} tokens    of so many tokens each
 * @property {{layer: number, count: number, dead: number[], strongest: Firing[]}} layer
 * @property {Head} head
 * @property {number[][]} sequences
 * @property {Record<string, string>} pieces
 */

/** Units that are listed, and tokens around the one at which a unit fires. */
const [UNITS, BEFORE, AFTER] = [5, 9, 3];
/** Texts that are read, and tokens of each: of a small model, and of one that takes longer. */
const [QUICK, SLOW] = /** @type {const} */ ([
  [48, 48],
  [6, 32],
]);
/** Parameters up to which it is read unasked. */
const SMALL = 5e6;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'firing',
  mount(root, page) {
    /** @type {Fired | null} */
    let drawn = null;
    const parts = figure(root, { title: messageText('firing.title'), table });
    root.classList.replace('has-words-beside', 'has-words-under');
    const list = h('div', { class: 'firing-rows' });
    fill(parts.body, list);
    const line = command(messageText('firing.command'));
    root.querySelector('.figure-caption')?.after(line.node);
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<any>) => Promise<any>} */
    const once = remembering();

    /** The words around a token, it and others marked. @param {Fired} fired @param {number} sequence @param {number} at @param {number[]} marked */
    function text({ sequences, pieces }, sequence, at, marked) {
      const ids = sequences[sequence] ?? [];
      const from = Math.max(0, Math.min(at, ...marked) - (marked.length > 1 ? 2 : BEFORE));
      const shown = ids.slice(from, at + AFTER + 1);
      const words = shown.map((id, place) => {
        const piece = (pieces[id] ?? ` #${id}`).replaceAll('\\n', ' ').replaceAll('\n', ' ');
        const token = from + place;
        if (!marked.includes(token)) return piece;
        return h('mark', { class: token === at ? 'firing-at' : 'firing-from' }, piece);
      });
      return h('span', { class: 'firing-text' }, from > 0 ? '… ' : null, words);
    }

    /** @param {Fired} fired */
    function draw(fired) {
      const { layer, head, pieces } = fired;
      const { sequence, query, key, weight } = head.strongest;
      const words = (/** @type {number[]} */ ids) =>
        ids.map((id) => word(pieces[id] ?? '')).join(', ');
      fill(
        list,
        h(
          'div',
          { class: 'firing-row is-head' },
          h(
            'span',
            { class: 'firing-name' },
            message('firing.head', { head: `${head.layer}.${head.head}` }),
          ),
          number(weight, { percent: true }),
          text(fired, sequence, query, [query, key]),
          h('span', { class: 'firing-words' }, message('firing.looks')),
        ),
        layer.strongest.map(({ neuron, activation, sequence, token, up, down }) =>
          h(
            'div',
            { class: 'firing-row' },
            h('span', { class: 'firing-name' }, message('firing.unit', { unit: String(neuron) })),
            number(activation, { digits: 2 }),
            text(fired, sequence, token, [token]),
            h(
              'span',
              { class: 'firing-words' },
              h('span', { class: 'firing-up' }, message('firing.up', { words: words(up) })),
              ' ',
              h('span', { class: 'firing-down' }, message('firing.down', { words: words(down) })),
            ),
          ),
        ),
      );
    }

    function table() {
      if (!drawn) return null;
      const { layer, pieces, sequences } = drawn;
      return {
        caption: messageText('firing.table', { layer: layer.layer }),
        head: [
          messageText('firing.table.unit'),
          messageText('firing.table.value'),
          messageText('firing.table.at'),
          messageText('firing.table.raises'),
          messageText('firing.table.lowers'),
        ],
        rows: layer.strongest.map(({ neuron, activation, sequence, token, up, down }) => [
          String(neuron),
          number(activation, { digits: 3 }),
          visible(pieces[sequences[sequence]?.[token] ?? -1] ?? ''),
          h(
            'span',
            null,
            listed(
              up.map((id) => [look(pieces, id)]),
              'unit',
            ),
          ),
          h(
            'span',
            null,
            listed(
              down.map((id) => [look(pieces, id)]),
              'unit',
            ),
          ),
        ]),
      };
    }

    return {
      async draw(of, signal) {
        const isSmall = of.about.parameters <= SMALL;
        const [texts, tokens] = isSmall ? QUICK : SLOW;
        const command = ['neurons', opens(of.about), '--sequences', texts, '--tokens', tokens];
        line.show(command);
        fill(parts.controls);
        if (!isSmall && of.more.fire !== '1') {
          drawn = null;
          fill(list);
          parts.controls.append(
            button(messageText('firing.read', { count: texts * tokens }), () =>
              page.set({ fire: '1' }),
            ),
          );
          parts.caption(message('firing.slow'));
          return;
        }
        const body = { model: of.model, sequences: texts, tokens };
        const [neurons, heads] = await once([body, of.about.step], (signal) =>
          Promise.all([
            ask('neurons', { ...body, neurons: UNITS }, { signal }),
            ask('heads', body, { signal }),
          ]),
        );
        signal.throwIfAborted();
        const layer = neurons.layers.find((/** @type {any} */ { layer }) => layer === of.layer);
        const head = heads.heads.find(
          (/** @type {Head} */ { layer, head }) => layer === of.layer && head === of.head,
        );
        if (!layer || !head) return;
        drawn = {
          of,
          texts: neurons.sequences.length,
          tokens,
          layer,
          head,
          sequences: neurons.sequences,
          pieces: { ...heads.pieces, ...neurons.pieces },
        };
        draw(drawn);
        parts.title(message('firing.title.layer', { layer: of.layer, count: drawn.texts }));
        parts.caption(...sentence(drawn));
        const [first] = layer.strongest;
        if (first)
          parts.say(
            messageText('firing.said', {
              unit: String(first.neuron),
              layer: of.layer,
              value: format(first.activation, { digits: 2 }),
            }),
          );
      },
    };
  },
};
