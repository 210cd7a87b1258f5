/**
 * Why a next word, in short, beside its probability: the strongest parts of its logit, and a way to the
 * figure that opens them.
 */

import { fill, h } from '../../kit/dom.js';
import { button } from '../../kit/figure.js';
import { message, messageText } from '../../kit/messages.js';
import { barCell, remembering, said } from '../logits/word.js';
import { question, roots, strongest, summed } from './answer.js';
import { added, briefly, name } from './captions.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./answer.js').Answer} Answer */

/** Parts that are listed. */
const SHOWN = 8;

/** @param {import('../../kit/stage.js').Page} page */
export function brief(page) {
  const node = h('div', { class: 'why-brief', hidden: true });
  /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
  const once = remembering();

  function further() {
    page.set({ 'why.of': 'next', 'why.open': null, 'why.against': null });
    document.querySelector('#why-section figure')?.scrollIntoView({ behavior: 'smooth' });
  }

  /** @param {Selection} of @param {Answer} answer */
  function drawing(of, answer) {
    const { parts } = answer.why.unfolding;
    const all = strongest(parts, roots(parts));
    const most = Math.abs(parts[all[0] ?? -1]?.contribution ?? 0);
    const rows = all.slice(0, SHOWN).flatMap((at) => {
      const part = parts[at];
      if (!part) return [];
      return h(
        'div',
        { class: 'why-row' },
        h('span', { class: 'why-name' }, name(part.component)),
        barCell(part.contribution, most, { signed: true }),
        added(part.contribution),
      );
    });
    return [
      h(
        'p',
        { class: 'why-heading' },
        message('why.brief.title', { next: said(answer.pieces, answer.why.target) }),
      ),
      ...rows,
      h('p', { class: 'why-brief-told' }, briefly(of, answer)),
      h(
        'p',
        null,
        button(messageText('why.brief.open'), further),
        ' ',
        button(messageText('why.brief.close'), () => page.set({ 'next.why': null })),
      ),
    ];
  }

  return {
    node,
    /** @param {Selection} of @param {number | null} id  the word; null shows nothing @param {AbortSignal} signal */
    async draw(of, id, signal) {
      node.hidden = id === null;
      if (id === null) return fill(node);
      const subject = { of, word: id, against: null, exact: true };
      const key = [question(subject), of.about.step, of.changes];
      const answer = await once(key, (signal) => summed(subject, undefined, { signal }));
      if (!signal.aborted) fill(node, drawing(of, answer));
    },
  };
}
