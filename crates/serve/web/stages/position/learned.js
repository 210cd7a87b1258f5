/**
 * A row for the position is added to the token's own row, number by number.
 */

import { strip } from '../../kit/bars.js';
import { mention, word } from '../../kit/chips.js';
import { keyOf, look } from '../../kit/client.js';
import { fill, h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {{kind: 'learned', embed: number[], pos_embed: number[], sum: number[]}} Learned */

const SITES = /** @type {const} */ (['embed', 'pos_embed', 'blocks.0.resid_pre']);

/** @param {import('../../kit/figure.js').Anatomy} parts */
export function learned(parts) {
  const rows = h('div', { class: 'added' });
  return {
    node: rows,
    /** @param {Learned} told @param {Selection} selection @param {AbortSignal} signal */
    async draw(told, selection, signal) {
      const { token, pieces } = selection;
      const piece = pieces[token] ?? '';
      const found = await look(
        selection,
        SITES.map((site) => ({ site, at: [token] })),
        { signal },
      );
      const values = SITES.map(
        (site) =>
          /** @type {import('../../kit/client.js').Tensor} */ (
            found.get(keyOf({ site, at: [token] }))
          ).values,
      );
      const max = Math.max(
        1e-12,
        ...values.map((of) => of.reduce((max, value) => Math.max(max, Math.abs(value)), 0)),
      );
      const at = (/** @type {number} */ which, /** @type {number} */ dimension) =>
        number(values[which]?.[dimension] ?? 0, {
          site: SITES[which],
          index: `${token},${dimension}`,
        });
      const read = (/** @type {number} */ dimension) =>
        h(
          'span',
          null,
          message('position.learned.read', {
            dimension,
            token: at(0, dimension),
            position: at(1, dimension),
            sum: at(2, dimension),
          }),
        );
      const names = [
        messageText('position.learned.row', { token: word(piece) }),
        messageText('position.learned.place', { position: token }),
        messageText('position.learned.sum'),
      ];
      const lengths = [told.embed, told.pos_embed, told.sum];
      fill(
        rows,
        names.map((name, which) =>
          h(
            'div',
            { class: 'added-row' },
            h(
              'p',
              { class: 'embed-sub' },
              message('position.learned.length', {
                name,
                length: number(lengths[which]?.[token] ?? 0, { digits: 2 }),
              }),
            ),
            strip({ name, values: values[which] ?? [], max, height: 52, read }),
          ),
        ),
      );
      fill(
        /** @type {Element} */ (rows.querySelector('.strip-readout')),
        message('position.learned.hint'),
      );
      const isPlaceLonger = (told.pos_embed[token] ?? 0) > (told.embed[token] ?? 0);
      parts.caption(
        sentences(
          message('position.learned.caption', {
            token: mention(token, piece),
            length: number(told.embed[token] ?? 0, { digits: 2 }),
            position: token,
            other: number(told.pos_embed[token] ?? 0, { digits: 2 }),
          }),
          message(isPlaceLonger ? 'position.learned.place-longer' : 'position.learned.word-longer'),
        ),
      );
      parts.say(messageText('position.learned.said', { token: word(piece), position: token }));
      return [
        {
          caption: messageText('position.learned.table', {
            token: word(piece),
            position: token,
          }),
          head: [
            messageText('position.learned.table.dimension'),
            messageText('position.learned.table.token'),
            messageText('position.learned.table.position'),
            messageText('position.learned.table.sum'),
          ],
          rows: Array.from(values[0] ?? [], (_, dimension) => [
            String(dimension),
            at(0, dimension),
            at(1, dimension),
            at(2, dimension),
          ]),
        },
      ];
    },
  };
}
