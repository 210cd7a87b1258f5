/**
 * What a figure opens on: a text and a token at which its idea is plain. As soon as the reader writes a
 * prompt, or chooses a token where the figure is about one, it is about that; a click leads back.
 *
 * In the address: `NAME.own`, 1 for the reader's own prompt and 0 for the example, once it was chosen.
 */

import { word } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { button } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { get } from '../kit/state.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {{prompt: string, word?: string}} Example  a text, and the word that it is about; else its end */

/** Tokens of the examples, by model and step. @type {Map<string, Promise<{ids: number[], pieces: string[]}>>} */
const cuts = new Map();
/** Models and examples whose tokens are remembered. */
const MOST = 32;

/**
 * @param {import('../kit/stage.js').Page} page
 * @param {string} name      figures of one name open on the same, and leave it together
 * @param {Example} example
 */
export function opensOn(page, name, example) {
  const key = `${name}.own`;
  const node = h('span', { class: 'choice example' });

  /** @param {Selection} of */
  function isOwn(of) {
    const asked = of.more[key];
    if (asked === '1' || asked === '0') return asked === '1';
    const chosen = get();
    // The guide asks about the text in the bar, so figures show that one.
    return (
      chosen.prompt !== null ||
      of.chat ||
      of.more.guide !== undefined ||
      (example.word !== undefined && chosen.token !== null)
    );
  }

  return {
    node,
    /**
     * What the figure is about: the reader's selection, or the example in its place.
     * @param {Selection} of
     * @param {AbortSignal} signal
     * @returns {Promise<Selection>}
     */
    async selection(of, signal) {
      const own = isOwn(of);
      const text = h('q', null, example.prompt);
      fill(
        node,
        own
          ? button(messageText('example.back'), () => page.set({ [key]: '0' }))
          : [
              h(
                'span',
                null,
                example.word
                  ? message('example.at', { text, word: h('em', null, example.word) })
                  : message('example', { text }),
              ),
              button(messageText('example.own'), () => page.set({ [key]: '1' })),
            ],
      );
      if (own) return of;
      const { ids, pieces } = await cut(of, signal);
      const found = pieces.findLastIndex((piece) => word(piece) === example.word);
      return {
        ...of,
        prompt: example.prompt,
        chat: false,
        ids,
        pieces,
        token: found < 0 ? ids.length - 1 : found,
      };
    },
  };

  /** The example's tokens. @param {Selection} of @param {AbortSignal} signal */
  async function cut(of, signal) {
    if (of.prompt === example.prompt && !of.chat) return of;
    const place = JSON.stringify([of.model, of.about.step, example.prompt]);
    let answer = cuts.get(place);
    if (!answer) {
      answer = ask('tokens', { model: of.model, prompt: example.prompt, chat: false });
      // What failed is asked again.
      answer.catch(() => cuts.delete(place));
      for (const old of [...cuts.keys()].slice(0, Math.max(0, cuts.size - MOST))) cuts.delete(old);
      cuts.set(place, answer);
    }
    const found = await answer;
    signal.throwIfAborted();
    return found;
  }
}
