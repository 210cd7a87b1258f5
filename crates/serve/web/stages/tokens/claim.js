/**
 * The ids that the article gives for its example, beside those that its vocabulary gives.
 */

import { visible } from '../../kit/chips.js';
import { ask } from '../../kit/client.js';
import { fill, h } from '../../kit/dom.js';

const TEXT = 'the bird is red';
const ARTICLE = [1820, 10214, 374, 2579];
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
        ask('vocabularies', { prompt: TEXT }, { signal }),
        ...ARTICLE.map((id) => ask('merges', { vocabulary: VOCABULARY, id }, { signal })),
      ]);
      /** @type {import('../tokens.js').Vocabulary | undefined} */
      const measured = answer.vocabularies.find(
        (/** @type {{name: string}} */ { name }) => name === VOCABULARY,
      );
      if (!measured) return;
      const isWrong = (/** @type {number} */ at) => measured.ids[at] !== ARTICLE[at];
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
      const wrong = ARTICLE.flatMap((id, at) => (isWrong(at) ? [{ id, at }] : []));
      fill(
        node,
        h(
          'table',
          null,
          h('caption', null, `The article's ids for “${TEXT}”, and ${VOCABULARY}'s`),
          h(
            'tbody',
            null,
            h(
              'tr',
              null,
              h('th', { scope: 'row' }, 'the article'),
              cells(
                ARTICLE,
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
          wrong.length === 0
            ? 'They agree.'
            : wrong.flatMap(({ id, at }) => [
                'The article calls ',
                h('code', null, visible(measured.pieces[at] ?? '').replace('·', '')),
                ` number ${id}; that is the number of `,
                h('code', null, visible(named[at].piece)),
                `, and the right one is ${measured.ids[at]}. `,
              ]),
          ' A number is only a label, so nothing in the argument changes.',
        ),
      );
      isDrawn = true;
    },
  };
}
