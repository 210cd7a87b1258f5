/**
 * Asks what tokens take up, and remembers the answers for as long as the weights and the prompt stay.
 * A long prompt is read layer by layer, and a very long one in the chosen layer alone.
 */

import { ask } from '../../kit/client.js';
import { requested } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./plane.js').Taken} Taken */
/** @typedef {import('./side.js').Side} Side */
/** @typedef {{model: string, prompt: string, chat: boolean}} About */
/** @typedef {{ids: number[], pieces: string[]}} Cut */

/** Multiplications that a layer-by-layer answer may take at once, and at all. */
const WORK = { once: 3e7, ever: 6e9 };
/** Numbers of patterns that the program is asked to hold for this figure. */
const PATTERNS = 2e7;

/** Remembers what was asked about one set of weights and one cut of the prompt. */
export function answerCache() {
  /** @type {WeakMap<number[], Map<string, any>>} */
  const answers = new WeakMap();
  /** @param {Selection} of */
  const answersOf = (of) => {
    let found = answers.get(of.ids);
    if (!found) answers.set(of.ids, (found = new Map()));
    return found;
  };
  /** @param {About} about @param {number} token */
  const key = (about, token) =>
    `${token} ${about.prompt} ${JSON.stringify(requested(about.prompt))}`;

  /** How many layers one question may be about, at once and at all. @param {Selection} of @param {Cut} cut @param {number} token */
  function limits({ about }, cut, token) {
    const work = (token + 1) * about.width * about.heads * about.head_dim;
    const pattern = about.heads * cut.ids.length ** 2;
    const ever = Math.floor(Math.min(WORK.ever / work, PATTERNS / pattern));
    return {
      once: Math.max(1, Math.floor(WORK.once / work)),
      ever: Math.max(1, Math.min(about.layers, ever)),
    };
  }
  return {
    /** A sentence's tokens. @param {Selection} of @param {About} about @param {AbortSignal} signal @returns {Promise<Cut>} */
    async cut(of, about, signal) {
      const found = answersOf(of).get(`cut ${about.prompt}`);
      if (found) return found;
      const cut = await ask('tokens', about, { signal });
      answersOf(of).set(`cut ${about.prompt}`, cut);
      return cut;
    },
    /** The chosen layer, and as many others as cost little. @param {Selection} of @param {About} about @param {Cut} cut @param {number} token @param {AbortSignal} signal @returns {Promise<Map<number, Taken>>} */
    async layers(of, about, cut, token, signal) {
      /** @type {Map<number, Taken>} */
      const layers = answersOf(of).get(key(about, token)) ?? new Map();
      answersOf(of).set(key(about, token), layers);
      if (layers.has(of.layer)) return layers;
      const { once, ever } = limits(of, cut, token);
      const all = Array.from({ length: of.about.layers }, (_, layer) => layer);
      const wanted = once >= of.about.layers && ever >= of.about.layers ? all : [of.layer];
      const answer = await ask('exchange', { ...about, token, layers: wanted }, { signal });
      for (const taken of answer.layers) layers.set(taken.layer, taken);
      return layers;
    },
    /** The layer in which a token takes up most of the one before it, beside what it is already. @param {Selection} of @param {About} about @param {Cut} cut @param {number} token @param {AbortSignal} signal @returns {Promise<number>} */
    async telling(of, about, cut, token, signal) {
      const found = answersOf(of).get(`telling ${key(about, token)}`);
      if (found !== undefined) return found;
      const layers = await this.layers(of, about, cut, token, signal);
      // The example is short, so all layers are soon read.
      const side = /** @type {Side} */ ({ token, layers });
      while (await this.more(of, about, cut, side, signal));
      let [best, most] = [of.layer, 0];
      for (const [layer, taken] of layers) {
        const share = (taken.sources[token - 1]?.length ?? 0) / taken.before;
        if (share > most) [best, most] = [layer, share];
      }
      answersOf(of).set(`telling ${key(about, token)}`, best);
      return best;
    },
    /** Some layers more, or false where all are there or would cost too much. @param {Selection} of @param {About} about @param {Cut} cut @param {Side} side @param {AbortSignal} signal */
    async more(of, about, cut, { token, layers }, signal) {
      const { once, ever } = limits(of, cut, token);
      const missing = Array.from({ length: of.about.layers }, (_, layer) => layer).filter(
        (layer) => !layers.has(layer),
      );
      if (ever < of.about.layers || missing.length === 0) return false;
      const answer = await ask(
        'exchange',
        { ...about, token, layers: missing.slice(0, once) },
        { signal },
      );
      for (const taken of answer.layers) layers.set(taken.layer, taken);
      return true;
    },
  };
}
