/**
 * What is chosen, kept in the address: a link restores exactly what one saw.
 *
 * `#prompt=the%20bird%20is%20red&model=default&layer=2&head=0&token=3`, and whatever else a figure
 * adds under a key of its own. What is not in the address has its default: see `page.js`. What is changed of
 * the passes stands under `changes`: see `changes.js`.
 */

import { asRequest, namesTokens, read } from './changes.js';

/** What the page is about until the reader writes something: a text in which a word has to be looked up. */
export const FIRST_PROMPT = 'anna smith saw a red bird. who is anna? anna';

/**
 * @typedef {object} Chosen  As it stands in the address; null where nothing was chosen.
 * @property {string | null} prompt
 * @property {string | null} model
 * @property {boolean} chat      whether the prompt goes through the model's chat template
 * @property {number | null} layer
 * @property {number | null} head
 * @property {number | null} token
 * @property {import('./changes.js').Change[]} changes
 * @property {Record<string, string>} more  what figures added, by their own keys
 */

/** @typedef {Record<string, string | number | boolean | null>} Patch */

const KNOWN = new Set(['prompt', 'model', 'chat', 'layer', 'head', 'token', 'changes']);

/** @type {Set<() => void>} */
const watchers = new Set();
/** @type {Set<(token: number | null) => void>} */
const hoverers = new Set();
/** @type {number | null} */
let hovered = null;

/**
 * What is chosen now.
 * @returns {Chosen}
 */
export function get() {
  const all = new URLSearchParams(location.hash.slice(1));
  const whole = (/** @type {string} */ key) => {
    const text = all.get(key);
    return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
  };
  /** @type {Record<string, string>} */
  const more = {};
  for (const [key, value] of all) if (!KNOWN.has(key)) more[key] = value;
  return {
    prompt: all.get('prompt'),
    model: all.get('model'),
    chat: all.get('chat') === '1',
    layer: whole('layer'),
    head: whole('head'),
    token: whole('token'),
    changes: read(all.get('changes')),
    more,
  };
}

/**
 * What a question about a text says of the changes. Those that name tokens by their place are for the reader's
 * own text alone, and are left out where a figure asks about an example.
 * @param {string} prompt
 */
export function requested(prompt) {
  const { prompt: own, changes } = get();
  const isOwn = prompt === (own ?? FIRST_PROMPT);
  return asRequest(isOwn ? changes : changes.filter((change) => !namesTokens(change)));
}

/** Whether passes are of a variant. @param {string} name  such as `no-mask` */
export function isVariant(name) {
  return get().changes.some(({ text, isPaused }) => text === name && !isPaused);
}

/**
 * Chooses. `null` and `false` take a key out of the address.
 * @param {Patch} patch
 */
export function set(patch) {
  const all = new URLSearchParams(location.hash.slice(1));
  const text = () => JSON.stringify([all.get('prompt'), all.get('model'), all.get('chat')]);
  const before = text();
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === false) all.delete(key);
    else all.set(key, value === true ? '1' : String(value));
  }
  // What was written behind a prompt stays with it: Back finds it there, and another begins without.
  if (text() !== before && !('behind' in patch)) all.delete('behind');
  // A space as %20, since people read and paste addresses.
  const fragment = `#${readable(all.toString())}`;
  if (fragment === location.hash) return;
  // The back button undoes a prompt, a model or a template, not every letter and every cell.
  if (isStep(patch)) history.pushState(null, '', fragment);
  else history.replaceState(null, '', fragment);
  tell();
}

/** What a fragment may hold as it is, in changes, which people read and write. */
const PLAIN = { '%3A': ':', '%3B': ';', '%2C': ',', '%5B': '[', '%5D': ']', '%3D': '=' };

/** @param {string} fragment */
function readable(fragment) {
  return fragment
    .replaceAll('+', '%20')
    .replace(/(?<=^|&)changes=[^&]*/, (changes) =>
      changes.replace(
        /%(?:3A|3B|2C|5B|5D|3D)/g,
        (code) => PLAIN[/** @type {keyof PLAIN} */ (code)],
      ),
    );
}

/** Milliseconds without a letter after which the next one begins another prompt; so with a number that is dragged. */
const PAUSE = 2000;
let typed = -Infinity;

/** Whether a choice is one that the reader may want back. @param {Patch} patch */
function isStep(patch) {
  if (!('prompt' in patch)) return 'model' in patch || 'chat' in patch || isOtherChange(patch);
  const before = typed;
  typed = performance.now();
  return typed - before > PAUSE;
}

/** Whether changes come or go, rather than their numbers. @param {Patch} patch */
function isOtherChange(patch) {
  if (!('changes' in patch)) return false;
  const [before, dragged] = [kinds, performance.now() - dragging < PAUSE];
  kinds = String(patch.changes).replace(/-?\d+(\.\d+)?/g, '0');
  dragging = performance.now();
  return kinds !== before || !dragged;
}
let kinds = '';
let dragging = -Infinity;

/**
 * Is told whenever something else is chosen.
 * @param {() => void} watcher
 * @returns {() => void} stops it
 */
export function watch(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** The token under the pointer, in whichever figure. */
export function hoveredToken() {
  return hovered;
}

/**
 * Marks a token in every figure, or none.
 * @param {number | null} token
 */
export function hoverToken(token) {
  if (token === hovered) return;
  hovered = token;
  for (const hoverer of hoverers) hoverer(token);
}

/**
 * Is told which token is under the pointer.
 * @param {(token: number | null) => void} hoverer
 * @returns {() => void} stops it
 */
export function watchHover(hoverer) {
  hoverers.add(hoverer);
  return () => hoverers.delete(hoverer);
}

function tell() {
  for (const watcher of watchers) watcher();
}

window.addEventListener('hashchange', tell);
