/**
 * The head that the page is about until the reader chooses one: of all heads of a model the one that adds most to the
 * likeliest next word of the first text, in which a word has to be looked up.
 */

import { ask } from './client.js';
import { FIRST_PROMPT } from './state.js';

/** @typedef {import('./stage.js').Model} Model */
/** @typedef {{layer: number, head: number}} Head */

/** Multiplications that finding it may take, counted as parameters × tokens, which are about so many. */
const [WORK, TOKENS] = [2e10, 16];
/** Milliseconds that the page waits for it. */
const WAIT = 500;

/** By model, and by step of one that learns. @type {Map<string, Promise<Head>>} */
const asked = new Map();
/** What is known of them already. @type {Map<string, Head>} */
const found = new Map();

/** @param {Model} of */
const keyOf = (of) => JSON.stringify([of.name, of.path, of.step]);
/** @param {Model} of @returns {Head} */
const otherwise = (of) => ({ layer: of.layers - 1, head: 0 });

/** The head that was found, or until then another. @param {Model} of */
export const knownHead = (of) => found.get(keyOf(of)) ?? otherwise(of);

/**
 * A model's head, which is waited for but not for long.
 * @param {Model} of
 * @param {() => void} late  is called when it was found, where that took longer
 * @returns {Promise<Head>}
 */
export async function headSoon(of, late) {
  const head = defaultHead(of);
  const timeout = new Promise((resolve) => setTimeout(() => resolve(null), WAIT));
  if (await Promise.race([head, timeout])) return head;
  // Not where it was not answered: asking again at once would go on for as long as the program is away.
  head.then(() => found.has(keyOf(of)) && late());
  return knownHead(of);
}

/**
 * A model's head, looked for once: the first one of the last layer where the sum is not to be had.
 * @param {Model} of
 * @returns {Promise<Head>}
 */
function defaultHead(of) {
  const key = keyOf(of);
  const known = asked.get(key);
  if (known) return known;
  const head = strongest(of).then(
    (head) => {
      found.set(key, head);
      return head;
    },
    () => {
      // What was not answered is asked again.
      asked.delete(key);
      return otherwise(of);
    },
  );
  asked.set(key, head);
  return head;
}

/** @param {Model} of @returns {Promise<Head>} */
async function strongest(of) {
  if (of.parameters * TOKENS > WORK) return otherwise(of);
  const { head } = await ask(
    'why/head',
    { model: of.name, prompt: FIRST_PROMPT, chat: false },
    { unchanged: true },
  );
  return head ?? otherwise(of);
}
