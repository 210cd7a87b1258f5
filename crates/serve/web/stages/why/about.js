/**
 * What the figures of a logit's sum are about: the text, the next word, and the word that it is compared
 * with. They open on an example of their own, or on what the figure of next words shows.
 *
 * In the address: `why.of`, `next` where they follow that figure; `why.word`, the next word of the example,
 * where on the reader's own text it is `next`; `why.against`, the word that is compared with; `why.mlps`,
 * 1 where MLPs are opened too.
 */

import { ask } from '../../kit/client.js';
import { fill, h } from '../../kit/dom.js';
import { button } from '../../kit/figure.js';
import { messageText } from '../../kit/messages.js';
import { opensOn } from '../example.js';
import { UNCERTAIN } from '../logits/word.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./answer.js').Candidates} Candidates */

/** A text whose next word can only come from a head that looks it up. */
const EXAMPLE = { prompt: 'anna smith saw a red bird. who is anna? anna' };
/** Next words that are offered. */
const OFFERED = 16;

/**
 * @typedef {object} Subject
 * @property {Selection} of
 * @property {string} key              where the address keeps the next word
 * @property {number | null} word      its id; null leaves it to the likeliest
 * @property {number | null} against
 * @property {boolean} exact            whether MLPs stay closed
 * @property {Candidates} candidates   the likeliest next words
 */

/** @param {import('../../kit/stage.js').Page} page */
export function subject(page) {
  const own = opensOn(page, 'why', EXAMPLE);
  const next = opensOn(page, 'next-words', UNCERTAIN);
  const node = h('span', { class: 'why-text' });
  /** @type {Map<string, Promise<Candidates>>} */
  const known = new Map();

  /** @param {Selection} of @param {AbortSignal} signal */
  async function likeliest(of, signal) {
    const body = { model: of.model, prompt: of.prompt, chat: of.chat, token: of.token };
    const key = JSON.stringify([body, of.about.step, of.changes]);
    let answer = known.get(key);
    if (!answer) {
      known.clear();
      answer = ask('next', { ...body, most: OFFERED, find: '' });
      answer.catch(() => known.delete(key));
      known.set(key, answer);
    }
    const found = await answer;
    signal.throwIfAborted();
    return found;
  }

  return {
    node,
    /**
     * @param {Selection} selection
     * @param {AbortSignal} signal
     * @param {(asked: import('./answer.js').Asked) => Promise<unknown>} begin  asks what is to be shown, while
     *   the next words that are offered are still on their way
     * @returns {Promise<Subject>}
     */
    async find(selection, signal, begin) {
      const follows = selection.more['why.of'] === 'next';
      const example = follows ? next : own;
      const of = await example.selection(selection, signal);
      const isOwn = of === selection;
      fill(
        node,
        example.node,
        follows && !isOwn
          ? button(messageText('why.another-example'), () =>
              page.set({ 'why.of': null, 'why.open': null }),
            )
          : null,
      );
      const key = isOwn || follows ? 'next' : 'why.word';
      const id = (/** @type {string | undefined} */ text) =>
        text !== undefined && /^\d{1,9}$/.test(text) && Number(text) < of.about.vocabulary
          ? Number(text)
          : null;
      const asked = { of, word: id(of.more[key]), exact: of.more['why.mlps'] !== '1' };
      const against = id(of.more['why.against']);
      // What fails is told when the figure waits for it.
      if (against === null) begin({ ...asked, against }).catch(() => {});
      const candidates = await likeliest(of, signal);
      const first = asked.word ?? candidates.top[0]?.id;
      return { ...asked, key, against: against === first ? null : against, candidates };
    },
  };
}
