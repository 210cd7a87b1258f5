/** Controls that choose the next word whose logit is taken apart, and the one that it is compared with. */

import { choice } from '../../kit/figure.js';
import { look } from '../logits/word.js';

/** @typedef {import('./about.js').Subject} Subject */
/** @typedef {import('./answer.js').Answer} Answer */

/**
 * @param {import('../../kit/stage.js').Page} page
 * @param {string} label
 */
export function chooser(page, label) {
  let key = '';
  const control = choice({
    label,
    options: [],
    value: '',
    onChange: (id) => page.set({ [key]: id === '' ? null : id, 'why.open': null }),
  });
  return {
    node: control.node,
    /**
     * @param {Subject} subject
     * @param {Answer} answer
     * @param {number | null} shown   the word that it is
     * @param {string} kept           where the address keeps it
     */
    show({ candidates }, answer, shown, kept) {
      key = kept;
      const isCompared = kept === 'why.against';
      const [first] = candidates.top;
      const pieces = { ...candidates.pieces, ...answer.pieces };
      const others = candidates.top
        .map(({ id }) => id)
        .filter((id) => (isCompared ? id !== answer.why.target : id !== first?.id));
      if (shown !== null && shown !== first?.id && !others.includes(shown)) others.push(shown);
      /** @type {[string, string]} */
      const none = isCompared
        ? ['', 'nothing']
        : ['', `${look(pieces, first?.id ?? -1)} (the likeliest)`];
      control.set(
        [
          none,
          ...others.map((id) => /** @type {[string, string]} */ ([String(id), look(pieces, id)])),
        ],
        shown === null || (!isCompared && shown === first?.id) ? '' : String(shown),
      );
    },
  };
}
