/**
 * The end of the model: how one token's vector goes through the last MLP, is added and normed, and becomes a
 * logit for every piece of the vocabulary. The columns stand in `unembed/columns.js`, the sentences in
 * `unembed/words.js`.
 */

import { outlook } from '../kit/changes/effect.js';
import { mention, visible } from '../kit/chips.js';
import { look } from '../kit/client.js';
import { fill } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { count, number } from '../kit/number.js';
import { opensOn } from './example.js';
import { UNCERTAIN } from './logits/word.js';
import { columns } from './unembed/columns.js';
import { caption, NAMES } from './unembed/words.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */

/**
 * A vector on the way.
 * @typedef {object} Column
 * @property {'enters' | 'hidden' | 'added' | 'normed' | 'logits'} kind
 * @property {string} site
 * @property {Float32Array} values
 * @property {(place: number) => string} index  of a number in its site
 */

/**
 * @typedef {object} End
 * @property {Column[]} columns  five
 * @property {{id: number, probability: number}[]} top  the likeliest tokens
 * @property {Record<string, string>} pieces
 */

const HEAD_OF_COLUMNS = /** @type {const} */ ([
  'unembed.table.column',
  'unembed.table.size',
  'unembed.table.smallest',
  'unembed.table.largest',
]);
const HEAD_OF_WORDS = /** @type {const} */ ([
  'unembed.table.word',
  'unembed.table.id',
  'unembed.table.logit',
  'unembed.table.probability',
]);

/** Places of the columns that the table has. */
const PLACES = 256;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'unembed',
  mount(root, page) {
    /** @type {{of: Selection, end: End} | null} */
    let drawn = null;
    const parts = figure(root, { title: messageText('unembed.title'), table });
    const example = opensOn(page, 'next-words', UNCERTAIN);
    const drawing = columns();
    fill(parts.body, drawing.node);
    parts.controls.append(example.node);

    function table() {
      if (!drawn) return null;
      const { columns, top, pieces } = drawn.end;
      const cell = (/** @type {Column} */ { site, values, index }, /** @type {number} */ place) =>
        place < values.length
          ? number(values[place] ?? 0, { site, index: index(place), digits: 3 })
          : '';
      const vectors = columns.slice(0, 4);
      const rows = Math.min(PLACES, Math.max(...vectors.map(({ values }) => values.length)));
      const isCut = vectors.some(({ values }) => values.length > rows);
      return [
        {
          caption: messageText('unembed.table.columns'),
          head: HEAD_OF_COLUMNS.map((id) => messageText(id)),
          rows: columns.map(({ kind, values }) => [
            messageText(NAMES[kind]),
            count(values.length),
            number(values.reduce((a, b) => Math.min(a, b))),
            number(values.reduce((a, b) => Math.max(a, b))),
          ]),
        },
        {
          caption: messageText('unembed.table.words'),
          head: HEAD_OF_WORDS.map((id) => messageText(id)),
          rows: top.map(({ id, probability }) => [
            visible(pieces[id] ?? ''),
            String(id),
            columns[4] ? cell(columns[4], id) : '',
            number(probability, { percent: true }),
          ]),
        },
        {
          caption: isCut
            ? messageText('unembed.table.numbers.first', { count: rows })
            : messageText('unembed.table.numbers'),
          head: [
            messageText('unembed.table.place'),
            ...vectors.map(({ kind }) => messageText(NAMES[kind])),
          ],
          rows: Array.from({ length: rows }, (_, place) => [
            String(place),
            ...vectors.map((column) => cell(column, place)),
          ]),
        },
      ];
    }

    return {
      async draw(own, signal) {
        const of = await example.selection(own, signal);
        const { model, prompt, chat, token, about } = of;
        const last = `blocks.${about.layers - 1}`;
        // Where attention and MLP stand side by side, the MLP reads what enters the layer.
        const stream = about.block.order === 'sequential' ? 'resid_mid' : 'resid_pre';
        /** @type {[Column['kind'], string][]} */
        const sites = [
          ['enters', `${last}.${stream}`],
          ['hidden', `${last}.mlp.post`],
          ['added', `${last}.mlp_out`],
          ['normed', 'ln_final'],
          ['logits', 'logits'],
        ];
        const [{ top, pieces }, seen] = await Promise.all([
          outlook(of, { signal }),
          look(
            { model, prompt, chat },
            sites.map(([, site]) => ({ site, at: [token] })),
            { signal },
          ),
        ]);
        signal.throwIfAborted();
        const end = {
          columns: sites.map(([kind, site]) => columnOf(kind, seen.get(`${site}@${token}`))),
          top,
          pieces,
        };
        drawn = { of, end };
        drawing.draw(of, end);
        parts.title(
          message('unembed.title.token', { token: mention(token, of.pieces[token] ?? '') }),
        );
        parts.caption(...caption(of, end));
        parts.say(
          end.columns
            .map(({ kind, values }) =>
              messageText('unembed.said', {
                column: messageText(NAMES[kind]),
                count: values.length,
              }),
            )
            .join(', '),
        );
      },
    };
  },
};

/** @param {Column['kind']} kind @param {import('../kit/client.js').Tensor | undefined} seen @returns {Column} */
function columnOf(kind, seen) {
  const nothing = messageText('unembed.nothing', { column: messageText(NAMES[kind]) });
  if (!seen) throw new Error(nothing);
  // A mixture's hidden units are those of each chosen expert, one behind the other.
  const [, each = 1] = seen.shape;
  const index = (/** @type {number} */ place) =>
    seen.shape.length === 1
      ? seen.index(place)
      : seen.index(Math.floor(place / each), place % each);
  return { kind, site: seen.site, values: seen.values, index };
}
