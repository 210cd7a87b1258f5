/**
 * What may come next at the chosen token, without the changes and with them. What was asked last is
 * remembered, so that the bar and the figures ask once.
 */

import { ask, look } from '../client.js';
import { requested } from '../state.js';

/** @typedef {import('../stage.js').Selection} Selection */
/** @typedef {import('./words.js').Ranked} Ranked */
/** @typedef {import('./words.js').Effect} Effect */

/**
 * @typedef {object} Outlook  what one pass says of the next token
 * @property {Ranked[]} top                the likeliest, the likeliest first
 * @property {Float32Array} row            every token's probability
 * @property {Record<string, string>} pieces  how the likeliest look
 */

/** How many of the likeliest are told. */
const MOST = 8;
/** Passes that are remembered. */
const KEPT = 12;

/** @type {Map<string, Outlook>} */
const kept = new Map();

/**
 * @param {Selection} of
 * @param {{signal: AbortSignal, unchanged?: boolean}} options
 * @returns {Promise<Outlook>}
 */
export async function outlook(of, options) {
  const { model, prompt, chat, token } = of;
  const changes = options.unchanged ? {} : requested(prompt);
  const key = JSON.stringify([model, of.about.step, prompt, chat, token, changes]);
  const known = kept.get(key);
  if (known) return known;
  const about = { model, prompt, chat };
  const wanted = { site: 'probabilities', at: [token] };
  const [next, sites] = await Promise.all([
    ask('next', { ...about, token, most: MOST }, options),
    look(about, [wanted], options),
  ]);
  options.signal.throwIfAborted();
  const row = sites.get(`probabilities@${token}`)?.values ?? new Float32Array();
  const found = { top: likeliest(row), row, pieces: next.pieces };
  for (const old of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT))) kept.delete(old);
  kept.set(key, found);
  return found;
}

/** The likeliest tokens; of equal ones those with the lower id first. @param {Float32Array} row @returns {Ranked[]} */
function likeliest(row) {
  /** @type {Ranked[]} */
  const top = [];
  row.forEach((probability, id) => {
    const last = top[MOST - 1];
    if (last && probability <= last.probability) return;
    const at = top.findIndex((other) => probability > other.probability);
    top.splice(at < 0 ? top.length : at, 0, { id, probability });
    if (top.length > MOST) top.pop();
  });
  return top;
}

/**
 * What the changes do to the likeliest next token; null where nothing is changed.
 * @param {Selection} of
 * @param {AbortSignal} signal
 * @returns {Promise<Effect | null>}
 */
export async function effectOn(of, signal) {
  if (JSON.stringify(requested(of.prompt)) === '{}') return null;
  const before = await outlook(of, { signal, unchanged: true });
  const after = await outlook(of, { signal });
  return between(of.token, before, after);
}

/**
 * What became of the likeliest token of one pass in another.
 * @param {number} token
 * @param {Outlook} before
 * @param {Outlook} after
 * @returns {Effect | null}
 */
export function between(token, before, after) {
  const [was, first] = [before.top[0], after.top[0]];
  if (!was || !first) return null;
  return {
    token,
    before: was,
    after: { id: was.id, probability: after.row[was.id] ?? Number.NaN },
    first,
    pieces: { ...before.pieces, ...after.pieces },
  };
}
