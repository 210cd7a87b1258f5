/**
 * The ids that the article gives for its example, beside those that its vocabulary gives.
 */

import { visible } from '../../kit/chips.js';
import { ask } from '../../kit/client.js';
import { fill, h } from '../../kit/dom.js';
import { message } from '../../kit/messages.js';
import { sentences } from '../../kit/sentences.js';

/** The article's example. */
const EXAMPLE = { prompt: 'the bird is red', ids: [1820, 10214, 374, 2579] };
/** The only vocabulary of the three in which the article's other ids are right. */
const VOCABULARY = 'cl100k';

export function claim() {
  const node = h('div', { class: 'claim' });
  let isDrawn = false;
  return {
    node,
    /** @param {AbortSignal} signal */
    async draw(signal) {
      if (isDrawn) return;
      const [answer, ...named] = await Promise.all([
        ask('vocabularies', { prompt: EXAMPLE.prompt }, { signal }),
        ...EXAMPLE.ids.map((id) => ask('merges', { vocabulary: VOCABULARY, id }, { signal })),
      ]);
      /** @type {import('../tokens.js').Vocabulary | undefined} */
      const measured = answer.vocabularies.find(
        (/** @type {{name: string}} */ { name }) => name === VOCABULARY,
      );
      if (!measured) return;
      const isWrong = (/** @type {number} */ at) => measured.ids[at] !== EXAMPLE.ids[at];
      const cells = (/** @type {number[]} */ ids, /** @type {string[]} */ pieces) =>
        ids.map((id, at) =>
          h(
            'td',
            { class: isWrong(at) ? 'is-wrong' : '' },
            h('span', { class: 'number' }, String(id)),
            ' ',
            h('code', null, visible(pieces[at] ?? '')),
          ),
        );
      const wrong = EXAMPLE.ids.flatMap((id, at) => (isWrong(at) ? [{ id, at }] : []));
      fill(
        node,
        h(
          'table',
          null,
          h(
            'caption',
            null,
            message('tokens.claim.table', { text: EXAMPLE.prompt, vocabulary: VOCABULARY }),
          ),
          h(
            'tbody',
            null,
            h(
              'tr',
              null,
              h('th', { scope: 'row' }, message('tokens.claim.article')),
              cells(
                EXAMPLE.ids,
                named.map(({ piece }) => piece),
              ),
            ),
            h(
              'tr',
              null,
              h('th', { scope: 'row' }, VOCABULARY),
              cells(measured.ids, measured.pieces),
            ),
          ),
        ),
        h(
          'p',
          null,
          sentences(
            ...(wrong.length === 0
              ? [message('tokens.claim.agree')]
              : wrong.map(({ id, at }) =>
                  message('tokens.claim.wrong', {
                    piece: h('code', null, visible(measured.pieces[at] ?? '').replace('·', '')),
                    said: String(id),
                    other: h('code', null, visible(named[at].piece)),
                    right: String(measured.ids[at]),
                  }),
                )),
            message('tokens.claim.label'),
          ),
        ),
      );
      isDrawn = true;
    },
  };
}
