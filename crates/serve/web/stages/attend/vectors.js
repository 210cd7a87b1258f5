/**
 * The rows that are compared: the chosen token's query, the other's key and value.
 */

import { strip } from '../../kit/bars.js';
import { mention } from '../../kit/chips.js';
import { look } from '../../kit/client.js';
import { hue } from '../../kit/colour.js';
import { fill, h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */

const VECTORS = /** @type {const} */ ({
  query: 'attend.vectors.query',
  key: 'attend.vectors.key',
  value: 'attend.vectors.value',
});

/**
 * @param {HTMLElement} root
 * @param {Selection} of
 * @param {number} key     the token that is looked at
 * @param {AbortSignal} signal
 */
export async function vectors(root, of, key, signal) {
  const block = `blocks.${of.layer}.attn`;
  const shared = Math.floor(of.head / (of.about.heads / of.about.key_heads));
  const rows = /** @type {const} */ ([
    { what: 'query', site: `${block}.rot_q`, at: [of.token, of.head], token: of.token },
    { what: 'key', site: `${block}.rot_k`, at: [key, shared], token: key },
    { what: 'value', site: `${block}.v`, at: [key, shared], token: key },
  ]);
  const wanted = rows.map(({ site, at }) => ({ site, at: [...at] }));
  const about = { model: of.model, prompt: of.prompt, chat: of.chat };
  const sites = await look(about, wanted, { signal });
  fill(
    root,
    rows.map(({ what, site, at, token }) => {
      const tensor = sites.get(`${site}@${at.join(',')}`);
      if (!tensor) return null;
      const piece = of.pieces[token] ?? '';
      return h(
        'div',
        { class: 'attend-vector' },
        h('p', { class: 'attend-label' }, message(VECTORS[what], { token: mention(token, piece) })),
        strip({
          name: messageText(VECTORS[what], { token: piece.trim() }),
          values: tensor.values,
          height: 26,
          colour: hue(token),
          read: (dimension) =>
            h(
              'span',
              null,
              message('attend.vectors.number', {
                dimension,
                value: number(tensor.get(dimension), { site, index: tensor.index(dimension) }),
              }),
            ),
        }),
      );
    }),
    shared !== of.head || of.about.key_heads !== of.about.heads
      ? h(
          'p',
          { class: 'attend-label' },
          message('attend.vectors.shared', {
            heads: of.about.heads / of.about.key_heads,
            head: of.head,
            keyHead: shared,
          }),
        )
      : null,
  );
}
