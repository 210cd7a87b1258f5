/**
 * A logit taken apart, as the program answers it, and which of its parts are opened.
 *
 * In the address: `why.open`, the opened parts from the logit on: `h1.0`, a head; `t3`, what it took from
 * a token; `m0`, an MLP. `none` opens nothing.
 */

import { ask } from '../../kit/client.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {{kind: string, layer?: number, head?: number, site?: string}} Component  `site`: of an edit */
/** @typedef {Component & {token: number}} Step  a component at a token */

/**
 * @typedef {object} Part
 * @property {Component} component
 * @property {number} token          in whose stream it was written; of a source, the token that is read
 * @property {number} contribution
 * @property {number | null} parent
 * @property {number[]} parts
 * @property {boolean} is_end        whether there is nothing to open
 * @property {boolean} is_linearised
 */

/**
 * @typedef {object} Why
 * @property {number} position
 * @property {number} target
 * @property {number | null} against
 * @property {number} logit
 * @property {number} before_cap
 * @property {{cap: number, factor: number} | null} cap
 * @property {(Component & {contribution: number})[]} parts
 * @property {number} sum
 * @property {number} absolute
 * @property {number} rounding
 * @property {number} factor
 * @property {{parts: Part[], openings: number, share: number, is_complete: boolean}} unfolding
 */

/** @typedef {{contribution: number, begins: Step, through: Step[], is_linearised: boolean}} Path */
/** @typedef {{off: number, last: Step, predicted: number, real: number}} CheckPoint */
/** @typedef {{id: number, rank: number, logit: number, probability: number}} Ranked */
/** @typedef {{top: Ranked[], pieces: Record<string, string>}} Candidates */

/**
 * @typedef {object} Answer
 * @property {number[]} ids
 * @property {Record<string, string>} pieces
 * @property {Path[]} paths
 * @property {CheckPoint[]} check
 * @property {Why} why
 */

/** How much of Σ |part| is opened to its ends. */
const SHARE = 0.8;
/** How many parts are opened at first, and where what was asked for is not among them: a deep model has many. */
const OPENINGS = [60, 250, 1000];

/** @typedef {Pick<import('./about.js').Subject, 'of' | 'word' | 'against' | 'exact'>} Asked */

/**
 * What every question about the sum begins with.
 * @param {Asked} subject
 */
export function question({ of, word, against, exact }) {
  return {
    model: of.model,
    prompt: of.prompt,
    chat: of.chat,
    position: of.token,
    of: word,
    against,
    share: SHARE,
    exact,
  };
}

/**
 * The sum, opened at least as far as was asked for.
 * @param {Asked} subject
 * @param {string | undefined} asked  as the address has it
 * @param {import('../../kit/client.js').Options} options
 * @returns {Promise<Answer>}
 */
export async function summed(subject, asked, options) {
  /** @type {Answer | null} */
  let answer = null;
  for (const openings of OPENINGS) {
    answer = /** @type {Answer} */ (await ask('why', { ...question(subject), openings }, options));
    const { parts, is_complete } = answer.why.unfolding;
    if (is_complete || isOpened(parts, asked)) break;
  }
  return /** @type {Answer} */ (answer);
}

/** Whether all that was asked for is opened. @param {Part[]} parts @param {string | undefined} asked */
export function isOpened(parts, asked) {
  const names = asked === undefined || asked === 'none' ? [] : asked.split(',');
  return opened(parts, asked, 0).length === names.length;
}

/**
 * The command that says the same.
 * @param {import('./about.js').Subject} subject
 * @param {Why} why
 * @param {(id: number) => string} token
 * @returns {(string | number)[]}
 */
export function flags({ of, exact }, why, token) {
  const isLast = why.position === of.ids.length - 1;
  return [
    '--token',
    token(why.target),
    ...(why.against === null ? [] : ['--against', token(why.against)]),
    ...(isLast ? [] : ['--position', why.position]),
    ...(exact ? ['--exact'] : []),
  ];
}

/** The parts that add up to the logit itself. @param {Part[]} parts */
export function roots(parts) {
  return parts.flatMap((part, at) => (part.parent === null ? [at] : []));
}

/** The strongest first. @param {Part[]} parts @param {number[]} among */
export function strongest(parts, among) {
  const size = (/** @type {number} */ at) => Math.abs(parts[at]?.contribution ?? 0);
  return [...among].sort((a, b) => size(b) - size(a) || a - b);
}

/** How the address names a part. @param {Part} part */
function nameOf({ component: { kind, layer, head }, token }) {
  if (kind === 'source') return `t${token}`;
  return kind === 'head' ? `h${layer}.${head}` : `m${layer}`;
}

/**
 * The opened parts, from the logit on: as they were asked for, or the strongest.
 * @param {Part[]} parts
 * @param {string | undefined} asked
 * @param {number} depth  how many are opened where nothing was asked for
 * @returns {number[]}
 */
export function opened(parts, asked, depth) {
  /** @type {number[]} */
  const found = [];
  if (asked === 'none') return found;
  let among = roots(parts);
  const names = asked?.split(',');
  for (let level = 0; level < (names?.length ?? depth); level += 1) {
    const open = strongest(parts, among).filter((at) => parts[at]?.parts.length);
    const next = names
      ? open.find((at) => nameOf(/** @type {Part} */ (parts[at])) === names[level])
      : open[0];
    if (next === undefined) break;
    found.push(next);
    among = parts[next]?.parts ?? [];
  }
  return found;
}

/** What the address keeps of opened parts. @param {Part[]} parts @param {number[]} open */
export function address(parts, open) {
  return open.length === 0
    ? 'none'
    : open.map((at) => nameOf(/** @type {Part} */ (parts[at]))).join(',');
}

/** The parts between the logit and a part, that part last. @param {Part[]} parts @param {number} at */
export function way(parts, at) {
  /** @type {number[]} */
  const found = [];
  for (
    let part = /** @type {number | null} */ (at);
    part !== null;
    part = parts[part]?.parent ?? null
  )
    found.unshift(part);
  return found;
}
