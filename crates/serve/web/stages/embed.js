/**
 * Tokens become vectors: each token's own row of the embedding table, its length, and the rows that
 * point most nearly its way.
 */

import { bars, strip } from '../kit/bars.js';
import { inForce } from '../kit/changes.js';
import { chip, mention, visible, word } from '../kit/chips.js';
import { ask, keyOf, look } from '../kit/client.js';
import { fill, h, svg } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { short } from '../kit/particulars.js';
import { sentences } from '../kit/sentences.js';
import { views } from '../kit/views.js';
import { remembering } from './logits/word.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('../kit/client.js').Tensor} Tensor */
/** @typedef {{lengths: number[], id: number, neighbours: {id: number, piece: string, cosine: number}[]}} Near */

/** Rows that are drawn, around the chosen one. */
const ROWS = 8;
/** Dimensions of the chosen row that stand as bars with their numbers. */
const STRONGEST = 8;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'embed',
  mount(root) {
    const parts = figure(root, {
      title: messageText('embed.title'),
      table: () => twin,
    });
    const rows = h('div', { class: 'embed-rows', 'data-roving': '' });
    const chosen = h('div', { class: 'embed-chosen' });
    const strongest = h('div', null);
    const nearest = h('div', null);
    const shown = views({
      name: messageText('embed.views'),
      views: [
        { name: 'rows', label: messageText('embed.views.rows'), node: [rows, chosen] },
        { name: 'strongest', label: messageText('embed.views.largest'), node: strongest },
        { name: 'nearest', label: messageText('embed.views.nearest'), node: nearest },
      ],
    });
    parts.body.append(
      shown.node,
      rows,
      chosen,
      h('div', { class: 'embed-columns' }, strongest, nearest),
    );
    /** @type {import('../kit/figure.js').Table[]} */
    let twin = [];
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Near>) => Promise<Near>} */
    const once = remembering();

    return {
      async draw(selection, signal) {
        const { token, pieces, ids, about, model, prompt, chat } = selection;
        const piece = pieces[token] ?? '';
        const from = Math.max(0, Math.min(token - ROWS / 2, ids.length - ROWS));
        const shown = ids.slice(from, from + ROWS).map((_, at) => from + at);
        const wanted = shown.map((of) => ({ site: 'embed', at: [of] }));
        /** @type {[Map<string, Tensor>, Near]} */
        const [found, near] = await Promise.all([
          look(selection, wanted, { signal }),
          once([model, about.step, prompt, chat, token], (signal) =>
            ask('embed', { model, prompt, chat, token }, { signal }),
          ),
        ]);
        if (signal.aborted) return;
        const row = (/** @type {number} */ of) =>
          /** @type {Tensor} */ (found.get(keyOf({ site: 'embed', at: [of] }))).values;
        const own = row(token);
        const max = Math.max(1e-12, ...shown.map((of) => largest(row(of))));
        const at = (/** @type {number} */ dimension) => ({
          site: 'embed',
          index: `${token},${dimension}`,
        });

        fill(
          rows,
          h(
            'p',
            { class: 'embed-head' },
            h('span', null, message('embed.token')),
            h(
              'span',
              null,
              message('embed.numbers', {
                count: about.width,
                low: `−${format(max, { digits: 2 })}`,
                high: format(max, { digits: 2 }),
              }),
            ),
            h('span', null, message('embed.length')),
          ),
          shown.map((of) =>
            h(
              'div',
              { class: of === token ? 'embed-row is-picked' : 'embed-row' },
              chip(of, pieces[of] ?? '', { picked: of === token }),
              small(row(of), max),
              number(near.lengths[of] ?? 0, { digits: 2 }),
            ),
          ),
          ids.length > shown.length
            ? h(
                'p',
                { class: 'cut-more' },
                message('embed.around', { some: shown.length, all: ids.length }),
              )
            : null,
        );
        const whole = strip({
          name: messageText('embed.row', { token: word(piece) }),
          values: own,
          max,
          height: 56,
          read: (dimension) =>
            h(
              'span',
              null,
              message('embed.at', {
                dimension,
                token: mention(token, piece),
                value: number(own[dimension] ?? 0, { ...at(dimension), digits: 4 }),
              }),
            ),
        });
        fill(/** @type {Element} */ (whole.querySelector('.strip-readout')), message('embed.hint'));
        fill(chosen, whole);
        const order = Array.from(own.keys())
          .sort((a, b) => Math.abs(own[b] ?? 0) - Math.abs(own[a] ?? 0))
          .slice(0, STRONGEST);
        fill(
          strongest,
          h('p', { class: 'embed-sub' }, message('embed.largest', { count: order.length })),
          bars(
            order.map((dimension) => ({
              value: own[dimension] ?? 0,
              name: messageText('embed.dimension', { dimension }),
              ...at(dimension),
            })),
            { signed: true, max, nameWidth: 120 },
          ),
        );
        fill(
          nearest,
          h('p', { class: 'embed-sub' }, message('embed.nearest')),
          bars(
            near.neighbours.map(({ cosine, piece }) => ({ value: cosine, name: visible(piece) })),
            { max: 1, nameWidth: 120 },
          ),
        );

        const [first, second] = near.neighbours;
        const { embedding_factor: times } = about.block;
        const said = {
          token: mention(token, piece),
          row: ids[token] ?? 0,
          rows: about.vocabulary,
          length: number(near.lengths[token] ?? 0, { digits: 2 }),
        };
        // Edits of the embedding change what is shown here, and not the table that is compared with.
        const isEdited = inForce(selection.changes).some(({ edit }) => edit?.startsWith('embed'));
        parts.caption(
          sentences(
            isEdited
              ? message('embed.caption.changed', said)
              : times === 1
                ? message('embed.caption', said)
                : message('embed.caption.times', { ...said, times: short(times) }),
            first && second
              ? message(isEdited ? 'embed.near.changed' : 'embed.near', {
                  first: h('em', null, word(first.piece)),
                  cosine: number(first.cosine, { digits: 2 }),
                  second: h('em', null, word(second.piece)),
                  other: number(second.cosine, { digits: 2 }),
                })
              : [],
            first ? closeness(first.cosine, about) : [],
            repeats(ids, token) && !isEdited ? message('embed.again') : [],
          ),
        );
        parts.say(
          messageText('embed.said', {
            token: word(piece),
            count: about.width,
            length: format(near.lengths[token] ?? 0, { digits: 2 }),
            near: near.neighbours
              .slice(0, 4)
              .map(({ piece }) => word(piece))
              .join(', '),
          }),
        );
        twin = [
          {
            caption: messageText('embed.table.row', { token: word(piece) }),
            head: [messageText('embed.table.dimension'), messageText('embed.table.value')],
            rows: Array.from(own, (value, dimension) => [
              String(dimension),
              number(value, { ...at(dimension), digits: 4 }),
            ]),
          },
          {
            caption: messageText('embed.table.near', { token: word(piece) }),
            head: [
              messageText('embed.table.piece'),
              messageText('embed.table.number'),
              messageText('embed.table.cosine'),
            ],
            rows: near.neighbours.map(({ id, piece, cosine }) => [
              visible(piece),
              String(id),
              number(cosine),
            ]),
          },
          {
            caption: messageText('embed.table.lengths'),
            head: [
              messageText('embed.table.token'),
              messageText('embed.table.piece'),
              messageText('embed.table.length'),
            ],
            rows: near.lengths.map((length, of) => [
              String(of),
              visible(pieces[of] ?? ''),
              number(length),
            ]),
          },
        ];
      },
    };
  },
};

/**
 * What a nearest neighbour's cosine means. Of directions drawn at random, cosines lie around 0 with a
 * standard deviation of 1 / √width, and the largest of n of them near √(2 ln n) times that.
 * @param {number} cosine
 * @param {import('../kit/stage.js').Model} model
 */
function closeness(cosine, { width, vocabulary }) {
  const chance = Math.sqrt((2 * Math.log(vocabulary)) / width);
  return message(cosine > chance ? 'embed.chance' : 'embed.chance.none', {
    chance: h('span', { class: 'number' }, format(chance, { digits: 2 })),
  });
}

/** @param {number[]} ids @param {number} token */
function repeats(ids, token) {
  return ids.some((id, at) => id === ids[token] && at !== token);
}

/** @param {Float32Array} values */
function largest(values) {
  return values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

/** A row as thin bars, without numbers. @param {Float32Array} values @param {number} max */
function small(values, max) {
  const half = 10;
  const path = (/** @type {1 | -1} */ sign) => {
    let d = '';
    for (const [at, value] of values.entries()) {
      if (Math.sign(value) === sign) d += `M${at} ${half}h1v${(-value / max) * half}h-1z`;
    }
    return svg('path', { d, class: sign > 0 ? 'bar-positive' : 'bar-negative' });
  };
  return svg(
    'svg',
    {
      class: 'embed-small',
      viewBox: `0 0 ${values.length} ${2 * half}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    path(1),
    path(-1),
  );
}
