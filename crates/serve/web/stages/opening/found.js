/**
 * The heads that the likeliest next token comes from: those that add most to its logit; and, where the model is
 * small enough to try them all, the one that it needs most: each is switched off by itself.
 */

import { without } from '../../kit/changes.js';
import { ask, look, ProgramError } from '../../kit/client.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {{layer: number, head: number}} Head */

/**
 * @typedef {object} Found
 * @property {Head[]} adding        those that add most to the logit, the strongest first
 * @property {Head | null} needed   the one without which the token is least likely, where all were tried
 * @property {number} heads         of the model
 * @property {number} next          the token's id
 */

/** Heads that are shown, and how many a model may have for all to be tried. */
const [MOST, ALL] = [4, 48];
/** Multiplications that the passes of either may take, counted as parameters × tokens × passes. */
const WORK = 2e10;
/** Models and texts whose heads are remembered. */
const KEPT = 32;

/** @type {Map<string, Found>} */
const kept = new Map();

/**
 * @param {Selection} of
 * @param {number} next     the likeliest next token's id
 * @param {AbortSignal} signal
 * @returns {Promise<Found>}
 */
export async function findHeads(of, next, signal) {
  const key = JSON.stringify([of.model, of.about.step, of.prompt, of.chat, of.token, next]);
  const known = kept.get(key);
  if (known) return known;
  const [adding, needed] = await Promise.all([
    strongest(of, next, signal),
    leastLikely(of, next, signal),
  ]);
  signal.throwIfAborted();
  const found = { adding, needed, heads: of.about.layers * of.about.heads, next };
  for (const old of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT))) kept.delete(old);
  kept.set(key, found);
  return found;
}

/** @param {Selection} of @param {number} next @param {AbortSignal} signal @returns {Promise<Head | null>} */
async function leastLikely(of, next, signal) {
  const { layers, heads, parameters } = of.about;
  const count = layers * heads;
  if (count > ALL || parameters * of.ids.length * count > WORK) return null;
  const all = Array.from({ length: count }, (_, at) => ({
    layer: Math.floor(at / heads),
    head: at % heads,
  }));
  const about = { model: of.model, prompt: of.prompt, chat: of.chat };
  const wanted = [{ site: 'probabilities', at: [of.token] }];
  const left = await Promise.all(
    all.map(async ({ layer, head }) => {
      const { edit = '' } = without('head', layer, head);
      const sites = await look({ ...about, edits: [edit] }, wanted, { signal, unchanged: true });
      return sites.get(`probabilities@${of.token}`)?.values[next] ?? 1;
    }),
  );
  return all[left.indexOf(Math.min(...left))] ?? null;
}

/** @param {Selection} of @param {number} next @param {AbortSignal} signal @returns {Promise<Head[]>} */
async function strongest(of, next, signal) {
  // Of a long text in a large model the sum takes seconds, for which other figures would wait.
  if (of.about.parameters * of.ids.length > WORK) return [];
  try {
    const { why } = await ask(
      'why',
      { model: of.model, prompt: of.prompt, chat: of.chat, position: of.token, of: next },
      { signal, unchanged: true },
    );
    return why.parts
      .filter((/** @type {any} */ { kind, contribution }) => kind === 'head' && contribution > 0)
      .sort((/** @type {any} */ a, /** @type {any} */ b) => b.contribution - a.contribution)
      .slice(0, MOST)
      .map((/** @type {Head} */ { layer, head }) => ({ layer, head }));
  } catch (error) {
    // A model in which norms stand on the stream itself has no such sum, and a long text is not taken apart.
    if (error instanceof ProgramError) return [];
    throw error;
  }
}
