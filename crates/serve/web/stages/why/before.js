/**
 * The sum as it is without what the page changes: what each part added, to stand behind what it adds now.
 */

import { requested } from '../../kit/state.js';
import { isOpened, question, summed, way } from './answer.js';

/** @typedef {import('./about.js').Subject} Subject */
/** @typedef {import('./answer.js').Answer} Answer */
/** @typedef {import('./answer.js').Part} Part */

/** Sums that are remembered. */
const MOST = 8;

/** Whether anything is changed of the passes over a text. @param {Subject['of']} of */
export function isChanged({ prompt }) {
  return JSON.stringify(requested(prompt)) !== '{}';
}

/** Remembers sums without changes, also those that were drawn before anything was changed. */
export function unchanged() {
  /** @type {Map<string, Answer>} */
  const kept = new Map();
  /** @param {Subject} asked @param {number} word @param {string | undefined} wanted */
  const keyOf = (asked, word, wanted) =>
    JSON.stringify([question({ ...asked, word }), asked.of.about.step, wanted ?? '']);
  /** @param {string} key @param {Answer} answer */
  function keep(key, answer) {
    for (const old of [...kept.keys()].slice(0, Math.max(0, kept.size - MOST))) kept.delete(old);
    kept.set(key, answer);
  }
  return {
    /** @param {Subject} asked @param {string | undefined} wanted @param {Answer} answer */
    keep(asked, wanted, answer) {
      keep(keyOf(asked, answer.why.target, wanted), answer);
    },
    /** What is known of a word's sum without changes. @param {Subject} asked @param {number} word @param {string | undefined} wanted */
    known(asked, word, wanted) {
      const exact = kept.get(keyOf(asked, word, wanted));
      if (exact) return exact;
      const other = kept.get(keyOf(asked, word, undefined));
      return other && isOpened(other.why.unfolding.parts, wanted) ? other : null;
    },
    /** @param {Subject} asked @param {number} word @param {string | undefined} wanted @param {AbortSignal} signal */
    async find(asked, word, wanted, signal) {
      const options = { signal, unchanged: true };
      const answer = await summed({ ...asked, word }, wanted, options);
      signal.throwIfAborted();
      keep(keyOf(asked, word, wanted), answer);
      return answer;
    },
  };
}

/** A part by the names of those that lead to it. @param {Part[]} parts @param {number} at */
function pathOf(parts, at) {
  return way(parts, at)
    .map((part) => {
      const { component, token } = /** @type {Part} */ (parts[part]);
      const { kind, layer, head, site } = component;
      return [kind, layer, head, site, token].join(' ');
    })
    .join('/');
}

/**
 * What each part added without the changes; undefined where that is not known, since what it belongs to was
 * not opened there.
 * @param {Part[]} parts
 * @param {Answer | null} before
 * @returns {(at: number) => number | undefined}
 */
export function earlier(parts, before) {
  if (before === null) return () => undefined;
  const all = before.why.unfolding.parts;
  const known = new Map(all.map((_, at) => [pathOf(all, at), at]));
  return (at) => {
    const found = known.get(pathOf(parts, at));
    if (found !== undefined) return all[found]?.contribution;
    const parent = parts[at]?.parent ?? null;
    // A part that edits made was not there before.
    if (parent === null) return 0;
    const opened = known.get(pathOf(parts, parent));
    return opened !== undefined && all[opened]?.parts.length ? 0 : undefined;
  };
}
